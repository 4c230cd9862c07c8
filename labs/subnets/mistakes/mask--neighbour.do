# gets: still believes that d
d$ ip route replace default via {far.2}
