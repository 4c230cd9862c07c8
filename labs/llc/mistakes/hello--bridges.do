# gets: ends at the next switch
h1$ packetlab send -I eth0 -W 0 'IEEE8023(dst="01:80:c2:00:00:00", src="{h1.mac}") / LLC(dsap=0xaa, ssap=0xaa) / SNAP(type=0x88b5) / "{word}"'
