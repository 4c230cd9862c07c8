# gets: does not trust the certificate
c$ packetlab http https://shop/{page}
