"""A NAT box for UDP. Runs on box, between the home (eth0) and the Internet (eth1). Fill in the class Table."""

import select
import socket
import struct
import sys


class Table:
    """Who has which public port."""

    def __init__(self):
        pass

    def out(self, client, port):
        """A packet of `client` (an address as text) from its `port` goes out. Returns the public port for it."""
        raise NotImplementedError("this is yours to write")

    def back(self, port):
        """A packet has come to the public `port`. Returns [client, port], whom it is for; None if for nobody."""
        raise NotImplementedError("this is yours to write")


# Nothing below needs to be changed.


def checksum(header):
    total = sum(struct.unpack("!10H", header))
    total = (total & 0xFFFF) + (total >> 16)
    return 0xFFFF - (total & 0xFFFF) - (total >> 16)


def changed(frame, macs, source, target, ports):
    """The frame with other MAC addresses, IP addresses and ports, and one hop further."""
    header = frame[14:22] + bytes([frame[22] - 1]) + frame[23:24] + b"\0\0" + source + target
    header = header[:10] + struct.pack("!H", checksum(header)) + header[12:]
    # A UDP checksum of 0 means that there is none (RFC 768).
    return macs + frame[12:14] + header + struct.pack("!HH", *ports) + frame[38:40] + b"\0\0" + frame[42:]


def is_ours(frame, kind, mac):
    """An IPv4 packet with UDP and a header of 20 bytes, for our card; not one that we have sent."""
    return kind == 0 and frame[:6] == mac and frame[12:15] == b"\x08\x00\x45" and frame[23] == 17


def main():
    public, gateway = socket.inet_aton(sys.argv[1]), bytes.fromhex(sys.argv[2].replace(":", ""))
    cards = [socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800)) for _ in range(2)]
    for card, name in zip(cards, ("eth0", "eth1"), strict=True):
        card.bind((name, 0x0800))
    home, net = cards
    macs = {card: card.getsockname()[4] for card in cards}
    table, neighbours = Table(), {}
    print("ready")
    while True:
        for card in select.select(cards, [], [])[0]:
            frame, where = card.recvfrom(2000)
            if not is_ours(frame, where[2], macs[card]):
                continue
            source, target = frame[26:30], frame[30:34]
            from_port, to_port = struct.unpack("!HH", frame[34:38])
            if card is home:
                neighbours[source] = frame[6:12]
                port = table.out(socket.inet_ntoa(source), from_port)
                if not isinstance(port, int) or not 0 < port < 65536:
                    sys.exit(f"out returned {port!r}, and that is no port")
                net.send(changed(frame, gateway + macs[net], public, target, (port, to_port)))
            elif target == public and (owner := table.back(to_port)) is not None:
                if not isinstance(owner, (list, tuple)) or len(owner) != 2:
                    sys.exit(f"back returned {owner!r}; [client, port] is wanted, or None")
                client = socket.inet_aton(owner[0])
                home.send(changed(frame, neighbours[client] + macs[home], source, client, (from_port, owner[1])))


if __name__ == "__main__":
    main()
