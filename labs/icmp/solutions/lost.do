r1$ ip route replace {shop} via {mid.two}
