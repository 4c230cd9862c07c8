# gets: comes from a target
"""Says what an ICMP message is about. Fill in `about`."""


def about(message):
    """`message` is an ICMP message as bytes, from the type on.

    Returns ("router", port) for "time exceeded" and ("target", port) for "port unreachable", where port is the
    destination port of the UDP datagram that is quoted; None for any other message.
    """
    who = {3: "router", 11: "router"}.get(message[0])
    return (who, int.from_bytes(message[30:32], "big")) if who else None
