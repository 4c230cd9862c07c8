# gets: not the letters
"""Builds Ethernet frames and takes them apart. Fill in `build` and `read`."""


def build(destination, source, ether_type, data):
    """A frame as bytes.

    The addresses are text, as "02:00:5e:10:00:07"; `ether_type` is a number, as 0x88b5; `data` are bytes.
    """
    return (destination + source).encode() + ether_type.to_bytes(2, "big") + data


def read(frame):
    """The list [destination, source, ether_type, data] of a frame (bytes), each in the form that `build` takes."""
    return [frame[:6].hex(":"), frame[6:12].hex(":"), int.from_bytes(frame[12:14], "big"), frame[14:]]
