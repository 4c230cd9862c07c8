# gets: a second connection
c$ printf 'GET /%s HTTP/1.1\r\nHost: s\r\n\r\n' {one} | packetlab tcp {s.ip} 80 -
c$ printf 'GET /%s HTTP/1.1\r\nHost: s\r\n\r\n' {two} | packetlab tcp {s.ip} 80 -
