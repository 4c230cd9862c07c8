# gets: UDP has a header, too
"""Reads what a router says of a packet that was too large. Fill in `room`."""


def room(message):
    """`message` is an ICMP message as bytes, from the type on.

    Returns how many bytes of UDP data fit into a packet on that path, or None: the message says nothing about it.
    """
    return int.from_bytes(message[6:8], "big") - 20 if message[:2] == b"\x03\x04" else None
