"""Conversations written by hand: two hosts, sequence numbers from 0 on (as Wireshark shows them), times in ms."""

import io
from typing import Any

import packetlab.protocols  # noqa: F401
from packetlab.capture.writer import CaptureWriter
from packetlab.internet.ipv4 import IPv4
from packetlab.link.ethernet import Ethernet
from packetlab.model.frame import Frame
from packetlab.transport.tcp import TCP, MaximumSegmentSize, SACKPermitted, WindowScale

SYN, ACK, FIN, RST, PSH = (int(flag) for flag in (TCP.SYN, TCP.ACK, TCP.FIN, TCP.RST, TCP.PSH))
CLIENT, SERVER = b"\x0a\0\0\1", b"\x0a\0\0\2"
START = 10**18
BASE = {CLIENT: 0xFFFFFF00, SERVER: 5000}
"""First sequence numbers; the client's wraps soon."""


class Talk:
    """Segments between a client and a server's port 80, written down one after the other."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []

    def say(
        self, src: bytes, at: float, flags: int, sequence: int, ack: int, data: bytes, window: int, **more: Any
    ) -> int:
        """One segment; its packet number."""
        dst = SERVER if src == CLIENT else CLIENT
        ports = (40000, 80) if src == CLIENT else (80, 40000)
        tcp = TCP(src_port=ports[0], dst_port=ports[1], sequence=(BASE[src] + sequence) % 2**32,
                  acknowledgment=(BASE[dst] + ack) % 2**32 if flags & ACK else 0, flags=flags, window=window,
                  **more)  # fmt: skip
        octets = (Ethernet(src=b"\2" * 6, dst=b"\4" * 6) / IPv4(src=src, dst=dst) / tcp / data).encapsulate()
        self.frames.append(Frame(octets, START + round(at * 1e6), len(octets), 1))
        return len(self.frames)

    def client(self, at: float, seq: int, ack: int, data: bytes = b"", *, flags: int = ACK, window: int = 1000,
               **more: Any) -> int:  # fmt: skip
        return self.say(CLIENT, at, flags, seq, ack, data, window, **more)

    def server(self, at: float, seq: int, ack: int, data: bytes = b"", *, flags: int = ACK, window: int = 1000,
               **more: Any) -> int:  # fmt: skip
        return self.say(SERVER, at, flags, seq, ack, data, window, **more)

    def handshake(self, trip: float = 10, scale: int | None = 0, mss: int = 1460, sack: bool = True) -> "Talk":
        """SYN at 0, answered after half of `trip`."""
        options: tuple[Any, ...] = (MaximumSegmentSize(size=mss),)
        options += (WindowScale(shift=scale),) if scale is not None else ()
        options += (SACKPermitted(),) if sack else ()
        self.client(0, 0, 0, flags=SYN, options=options)
        self.server(trip / 2, 0, 1, flags=SYN | ACK, options=options)
        self.client(trip, 1, 1)
        return self

    def capture(self) -> io.BytesIO:
        out = io.BytesIO()
        writer = CaptureWriter(out)
        writer.write_all(self.frames)
        writer.flush()
        return io.BytesIO(out.getvalue())
