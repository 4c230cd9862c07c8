# gets: That is a type
h1$ packetlab send -I eth0 -W 0 'Ethernet(dst="{h2.mac}", src="{h1.mac}", type=0x88b5) / "{word}"'
