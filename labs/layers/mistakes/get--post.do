# gets: A GET is wanted
c$ packetlab http --insecure -d x https://shop/{page}
