# gets: the filling at the end of the frame
"""Cuts a frame into layers. Fill in `layers`."""


def layers(frame):
    """`frame` is an Ethernet frame as bytes, with IPv4 or IPv6 in it, and TCP or UDP in that.

    Returns [("link", start, end), ("internet", start, end), ("transport", start, end), ("application", start, end)];
    the last one only where there is something. `end` is the first byte that does not belong to it.
    """
    if frame[12:14] == b"\x08\x00":
        at = 14 + (frame[14] & 15) * 4
        end = len(frame)
        inside = frame[23]
    else:
        at = 54
        end = 54 + int.from_bytes(frame[18:20], "big")
        inside = frame[20]
    data = at + ((frame[at + 12] >> 4) * 4 if inside == 6 else 8)
    found = [("link", 0, 14), ("internet", 14, at), ("transport", at, data)]
    if data < end:
        found.append(("application", data, end))
    return found
