# gets: from h2 itself
h2$ packetlab send -W 0 -I eth0 'Ethernet(dst="{h2.mac}", src="{h1.mac}") / IPv4(src="{loop.x}", dst="{h2.ip}") / EchoRequest(identifier=1) / "{word}"'
h2$ packetlab send -W 0 -I eth0 'Ethernet(dst="{h2.mac}", src="{h1.mac}") / IPv4(src="{lan.ghost}", dst="{h2.ip}") / EchoRequest(identifier=1) / "{word}"'
