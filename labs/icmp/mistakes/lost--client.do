# gets: r1 says: I know no way
c$ ip route add {shop} via {home.r}
