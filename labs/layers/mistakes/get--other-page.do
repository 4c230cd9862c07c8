# gets: You asked for /index.html
c$ packetlab http --insecure https://shop/index.html
