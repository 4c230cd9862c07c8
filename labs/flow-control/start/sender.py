"""How much may a TCP sender send now? Fill in `allowed`."""


def allowed(acknowledged, sent, window, left):
    """The number of bytes that may be sent now; 0 means: wait for the next acknowledgment.

    acknowledged: bytes that the receiver has acknowledged, counted from the start of the data
    sent: bytes that were sent until now, counted from the start, acknowledged or not
    window: the window that came with the last acknowledgment
    left: bytes that are still to be sent
    """
    raise NotImplementedError("this is yours to write")
