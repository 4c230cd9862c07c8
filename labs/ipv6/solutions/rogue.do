h1$ ip -6 route replace default via {r.sw.ip6} dev eth0
