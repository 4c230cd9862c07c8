# gets: is in none of the private blocks
n$ ip -4 address flush dev eth1
n$ ip address add 100.10.20.1/24 dev eth1
c2$ ip -4 address flush dev eth0
c2$ ip address add 100.10.20.2/24 dev eth0
c2$ ip route add default via 100.10.20.1
