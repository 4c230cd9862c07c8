# gets: probes of traceroute or ping
c$ packetlab traceroute {s.ip}
