# gets: by hand
h1$ packetlab send -I eth0 -W 0 'Ethernet(dst="{h2.mac}", src="06:11:22:33:44:55") / "{token}"'
