# gets: You have put the address into dst
h1$ packetlab send -W 0 -I eth0 'Ethernet(dst="{h2.mac}", src="{h1.mac}") / IPv4(src="{h1.ip}", dst="{loop.x}") / EchoRequest(identifier=1) / "{word}"'
