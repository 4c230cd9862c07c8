# gets: came from another machine
r$ packetlab http -4 --insecure https://shop/{page}
