# gets: behind 42 42 03
h1$ packetlab send -I eth0 -W 0 'IEEE8023(dst="01:80:c2:00:00:00", src="{h1.mac}") / LLC(dsap=0xaa, ssap=0xaa) / ConfigurationBPDU(root_priority=0, root_address="{h1.mac}", bridge_address="{h1.mac}")'
