# gets: one by one
"""Measures round trip times as TCP does. Fill in `samples`."""


def samples(sent, acks):
    """`sent`: [time, end] of each segment; `acks`: [time, number] of each acknowledgment. Times in milliseconds.

    Returns a list: for each segment, the time until the first acknowledgment that covers it, or None.
    """
    return [acks[at][0] - time if at < len(acks) else None for at, (time, _) in enumerate(sent)]
