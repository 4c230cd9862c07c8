# gets: That frame is for everybody
h1$ packetlab send -I eth0 -W 0 'Ethernet(dst="ff:ff:ff:ff:ff:ff", src="{h1.mac}", type=0x88b5) / "{word}"'
