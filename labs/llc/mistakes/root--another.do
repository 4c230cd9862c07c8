# gets: It should name h1
h1$ packetlab send -I eth0 -W 0 'IEEE8023(dst="01:80:c2:00:00:00", src="{h1.mac}") / LLC(dsap=0x42, ssap=0x42) / ConfigurationBPDU(root_priority=9, root_address="{h2.mac}", bridge_address="{h1.mac}")'
