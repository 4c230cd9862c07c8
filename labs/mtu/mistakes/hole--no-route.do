# gets: Has it lost its address or its route
d$ ip route del default
