# gets: h3's card now
h1$ ip neigh replace {h2.ip} lladdr {h3.mac} dev eth0
