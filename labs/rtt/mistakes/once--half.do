# gets: Nobody has asked
c$ printf 'GET /%s HTTP/1.1\r\nHost: s\r\n\r\n' {one} | packetlab tcp {s.ip} 80 -
