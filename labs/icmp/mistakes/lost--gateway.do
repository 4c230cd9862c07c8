# gets: is that the gateway
r1$ ip route add {shop} via {mid.three}
