d$ ip link set dev eth0 mtu {small}
