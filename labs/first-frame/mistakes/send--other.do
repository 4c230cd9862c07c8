# gets: That is the address of h3
h1$ packetlab send -I eth0 -W 0 'Ethernet(dst="{h3.mac}", src="{h1.mac}", type=0x88b5) / "{word}"'
