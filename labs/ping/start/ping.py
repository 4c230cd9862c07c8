"""Makes pings and knows their answers. Fill in `request` and `is_mine`."""

import struct


def checksum(data):
    """The Internet checksum (RFC 1071)."""
    data += bytes(len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return 0xFFFF - total


def request(identifier, sequence, data):
    """An ICMP echo request, from the type on, as bytes."""
    raise NotImplementedError("this is yours to write")


def is_mine(message, identifier, sequence):
    """Whether `message` (an ICMP message as bytes, from the type on) answers that request."""
    raise NotImplementedError("this is yours to write")
