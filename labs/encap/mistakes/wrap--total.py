# gets: The total length in the IP header says
"""Makes a frame by hand. Fill in `wrap`."""

import struct


def checksum(data):
    """The Internet checksum (RFC 1071) of an even number of bytes."""
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return 0xFFFF - total


def wrap(from_mac, to_mac, from_ip, to_ip, from_port, to_port, data):
    """All are bytes but the ports, which are numbers. Returns a whole Ethernet frame as bytes."""
    udp = struct.pack("!HHHH", from_port, to_port, 8 + len(data), 0) + data
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, len(udp), 1, 0x4000, 64, 17, 0, from_ip, to_ip)
    head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    return to_mac + from_mac + b"\x08\x00" + head + udp
