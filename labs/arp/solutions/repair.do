h1$ ip neigh del {h2.ip} dev eth0
