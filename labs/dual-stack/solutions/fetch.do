c$ python3 -c 'import socket; s = socket.create_connection(("www.{site}.test", 80)); s.sendall(b"GET / HTTP/1.0\r\n\r\n"); print(s.recv(999))'
