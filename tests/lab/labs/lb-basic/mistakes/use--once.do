# gets: You asked once
c$ packetlab tcp {lb.c.ip} {port} 'GET / HTTP/1.0\r\n\r\n'
