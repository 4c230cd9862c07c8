# gets: You repaired c
c$ ip link set dev eth0 mtu {small}
