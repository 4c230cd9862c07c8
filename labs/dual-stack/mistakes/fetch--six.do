# gets: Nobody asked for the A record
c$ packetlab http -6 http://www.{site}.test/
