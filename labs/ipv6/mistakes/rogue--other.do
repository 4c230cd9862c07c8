# gets: to h2 now, which is no router
h1$ ip -6 route replace default via {h2.ip6} dev eth0
