# gets: Your frame has the type 0x0800
h1$ packetlab send -I eth0 -W 0 'Ethernet(dst="{h2.mac}", src="{h1.mac}", type=0x0800) / "{word}"'
