# gets: c cannot even send to s
c$ ip route flush table main
