# gets: Nobody asked for the AAAA record
c$ packetlab http -4 http://www.{site}.test/
