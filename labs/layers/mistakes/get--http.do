# gets: That was HTTP without TLS
c$ packetlab http http://shop/{page}
