# gets: they change places
"""Answers ARP requests for an address that nobody has. Runs on h3. Fill in `answer`."""

import socket
import sys

from packetlab.model.addresses import ipv4_bytes, mac_bytes


def answer(request: bytes, mac: bytes, ip: bytes) -> bytes | None:
    """The frame that answers `request` (42 bytes or more), with `mac` as the owner of `ip`; None for no answer."""
    return request[6:12] + mac + request[12:20] + b"\x00\x02" + request[22:42]


def main() -> None:
    mac, ip = mac_bytes(sys.argv[1]), ipv4_bytes(sys.argv[2])
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0806)) as card:
        card.bind(("eth0", 0x0806))
        print("ready")
        while True:
            frame = card.recv(2000)
            if frame[20:22] == b"\x00\x01" and frame[38:42] == ip:
                reply = answer(frame, mac, ip)
                if reply is not None:
                    card.send(reply)


main()
