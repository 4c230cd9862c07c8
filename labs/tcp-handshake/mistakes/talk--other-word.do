# gets: not the word
c$ python3 -c 'import socket; s = socket.create_connection(("{s.ip}", {port})); s.send(b"x"); s.recv(100); s.close()'
