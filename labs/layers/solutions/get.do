c$ packetlab http -4 --insecure https://shop/{page}
