# gets: Switches listen at
h1$ packetlab send -I eth0 -W 0 'IEEE8023(dst="{h2.mac}", src="{h1.mac}") / LLC(dsap=0x42, ssap=0x42) / ConfigurationBPDU(root_priority=0, root_address="{h1.mac}", bridge_address="{h1.mac}")'
