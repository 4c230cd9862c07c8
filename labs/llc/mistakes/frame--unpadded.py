# gets: as a card would
"""Frames with a length and frames with a type. Fill in `read` and `snap`."""


def read(frame):
    """["length", number, data] or ["type", number, data] of a frame (bytes); behind a length, without padding."""
    number = int.from_bytes(frame[12:14], "big")
    if number < 0x0600:
        return ["length", number, frame[14 : 14 + number]]
    return ["type", number, frame[14:]]


def snap(destination, source, ether_type, data):
    """A frame (bytes, 60 or more) with length, LLC and SNAP. The addresses are text, as "02:00:5e:10:00:07"."""
    body = b"\xaa\xaa\x03\0\0\0" + ether_type.to_bytes(2, "big") + data
    head = bytes.fromhex((destination + source).replace(":", "")) + len(body).to_bytes(2, "big")
    return head + body
