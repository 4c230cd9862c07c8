# gets: three were wanted
c$ packetlab ping -c 1 -s {size} {s.ip}
