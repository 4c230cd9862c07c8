"""Frames with a length and frames with a type. Fill in `read` and `snap`."""


def read(frame):
    """["length", number, data] or ["type", number, data] of a frame (bytes); behind a length, without padding."""
    raise NotImplementedError("this is yours to write")


def snap(destination, source, ether_type, data):
    """A frame (bytes, 60 or more) with length, LLC and SNAP. The addresses are text, as "02:00:5e:10:00:07"."""
    raise NotImplementedError("this is yours to write")
