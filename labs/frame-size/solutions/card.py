"""The work of a network card. Fill in `to_cable` and `from_cable`."""

import zlib


def to_cable(frame):
    """`frame` is bytes from the kernel: header and payload. Returns what goes onto the cable."""
    frame = frame.ljust(60, b"\0")
    return frame + zlib.crc32(frame).to_bytes(4, "little")


def from_cable(bits):
    """`bits` is bytes from the cable. Returns the frame for the kernel, or None if it was damaged on the way."""
    frame, fcs = bits[:-4], bits[-4:]
    return frame if zlib.crc32(frame).to_bytes(4, "little") == fcs else None
