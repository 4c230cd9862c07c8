# gets: so h2 does not take it
h1$ packetlab send -W 0 -I eth0 'Ethernet(dst="{r.sw.mac}", src="{h1.mac}") / IPv4(src="{loop.x}", dst="{h2.ip}") / EchoRequest(identifier=1) / "{word}"'
h1$ packetlab send -W 0 -I eth0 'Ethernet(dst="{r.sw.mac}", src="{h1.mac}") / IPv4(src="{lan.ghost}", dst="{h2.ip}") / EchoRequest(identifier=1) / "{word}"'
