"""Sends messages by UDP, over a bad cable. Change `deliver` so that each of them arrives. Runs on c."""

import socket
import sys


def deliver(sock, number, data):
    """Sends a message, and returns when s has it. s acknowledges by the two bytes of the number, twice."""
    message = number.to_bytes(2, "big") + data
    sock.send(message)  # and if it is lost?


def main():
    address, port, many, token = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect((address, port))
        for number in range(many):
            deliver(sock, number, f"{token} {number}".encode())


main()
