"""Reads what a router says of a packet that was too large. Fill in `room`."""


def room(message):
    """`message` is an ICMP message as bytes, from the type on.

    Returns how many bytes of UDP data fit into a packet on that path, or None: the message says nothing about it.
    """
    raise NotImplementedError("this is yours to write")
