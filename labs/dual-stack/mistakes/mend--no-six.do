# gets: That hides the hole
c$ ip -6 address flush dev eth0 scope global
