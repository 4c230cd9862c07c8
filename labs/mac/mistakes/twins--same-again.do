# gets: Now h1 and h3 have the same address
h3$ ip link set dev eth0 address 02:aa:bb:cc:dd:ee
h1$ ip link set dev eth0 address 02:aa:bb:cc:dd:ee
