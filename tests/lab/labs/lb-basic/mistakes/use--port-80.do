# gets: You asked at port 80
c$ packetlab tcp {lb.c.ip} 80 'GET / HTTP/1.0\r\n\r\n'
