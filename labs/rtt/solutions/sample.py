"""Measures round trip times as TCP does. Fill in `samples`."""


def samples(sent, acks):
    """`sent`: [time, end] of each segment; `acks`: [time, number] of each acknowledgment. Times in milliseconds.

    Returns a list: for each segment, the time until the first acknowledgment that covers it, or None.
    """
    return [next((at - time for at, number in acks if number >= end and at >= time), None) for time, end in sent]
