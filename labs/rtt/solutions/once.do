c$ printf 'GET /%s HTTP/1.1\r\nHost: s\r\n\r\n' {one} {two} | packetlab tcp {s.ip} 80 -
