# gets: c has not said FIN
import socket


def do(lab):
    sock = lab.serve(lab["c"].socket(socket.AF_INET, socket.SOCK_STREAM))  # open until the step is over
    sock.connect((lab.value("s.ip"), int(lab.value("port"))))
    sock.sendall(lab.value("token").encode())
    sock.recv(99)
