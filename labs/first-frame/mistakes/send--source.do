# gets: Your frame says that it comes from
h1$ packetlab send -I eth0 -W 0 'Ethernet(dst="{h2.mac}", src="{h3.mac}", type=0x88b5) / "{word}"'
