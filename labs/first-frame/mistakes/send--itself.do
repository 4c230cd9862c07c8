# gets: to h1 itself
h1$ packetlab send -I eth0 -W 0 'Ethernet(dst="{h1.mac}", src="{h2.mac}", type=0x88b5) / "{word}"'
