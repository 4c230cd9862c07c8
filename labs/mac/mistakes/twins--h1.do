# gets: both cards have the address
h1$ ip link set dev eth0 address 06:aa:bb:cc:dd:ee
