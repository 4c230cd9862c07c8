# gets: c cannot even send to s
c$ ip route del {shop}
c$ ip route del default
