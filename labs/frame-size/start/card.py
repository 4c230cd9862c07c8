"""The work of a network card. Fill in `to_cable` and `from_cable`."""

import zlib  # noqa: F401 - zlib.crc32(data) is the CRC-32 as a number


def to_cable(frame):
    """`frame` is bytes from the kernel: header and payload. Returns what goes onto the cable."""
    raise NotImplementedError("this is yours to write")


def from_cable(bits):
    """`bits` is bytes from the cable. Returns the frame for the kernel, or None if it was damaged on the way."""
    raise NotImplementedError("this is yours to write")
