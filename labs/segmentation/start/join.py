"""Makes a stream of segments. Fill in `join`."""


def join(segments):
    """`segments` is a list of [number, data]: the place of the first byte, counted from 0, and bytes.

    They come in any order, and some come twice. Returns the whole stream as bytes; no byte is missing.
    """
    raise NotImplementedError("this is yours to write")
