# gets: Nobody here has the address
h1$ packetlab send -I eth0 -W 0 'Ethernet(dst="02:00:5e:10:00:07", src="{h1.mac}", type=0x88b5) / "{word}"'
