# gets: did not speak TLS there
c$ packetlab http http://shop:443/{page}
