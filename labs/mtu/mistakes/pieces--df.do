# gets: forbids fragments
c$ packetlab ping -c 1 -W 0.1 -s 1350 --df {s.ip}
