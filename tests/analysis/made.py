"""Captures made of packets, for tests of what is found in them."""

import io

from packetlab.capture.writer import CaptureWriter
from packetlab.model.frame import Frame
from packetlab.model.packet import Packet

A, B = "10.0.0.1", "10.0.0.2"
FIRST, SECOND = "02:00:00:00:00:01", "02:00:00:00:00:02"


def capture(*packets: Packet | bytes | tuple[bytes, int], seconds: float = 0.001) -> io.BytesIO:
    """A pcapng of the packets, so many seconds apart; (bytes, length on the wire) for one that was cut."""
    made = io.BytesIO()
    with CaptureWriter(made) as writer:
        for number, packet in enumerate(packets):
            data = packet.encapsulate() if isinstance(packet, Packet) else packet
            data, wire = data if isinstance(data, tuple) else (data, len(data))
            writer.write(Frame(data, round((1_700_000_000 + number * seconds) * 1e9), wire))
    return io.BytesIO(made.getvalue())
