"""Fields of single packets by name, as lists of values: the columns of a list of packets.

A column is anything that can stand on the left of a display filter's comparison: `ip.src`, `tcp.flags.syn`,
`frame.time_relative`, `dns.qry.name`, `len(tcp)`, `udp[0:2]`. A packet may hold no value of it, one, or several.
"""

from collections.abc import Sequence
from typing import Any

from packetlab.analysis.filter.binding import plain_value, subject_of
from packetlab.model.frame import Frame
from packetlab.model.packet import Packet, decapsulate

_NO_PACKET = Packet(())


class Fields:
    """The columns that were asked for by name; FilterError where there is no such field."""

    def __init__(self, names: Sequence[str]) -> None:
        import packetlab.protocols  # noqa: F401

        self.names = [name.strip() for name in names if name.strip()]
        self._subjects = [subject_of(name) for name in self.names]
        self._first: int | None = None

    def values(self, frame: Frame, packet: Packet | None = None, first_time: int | None = None) -> list[list[Any]]:
        """Per column the values in a frame, outer headers first: numbers, or text (addresses as they are written,
        other bytes as hex). `first_time` is that of the capture's first frame; otherwise of the first one given."""
        if self._first is None:
            self._first = frame.time if first_time is None else first_time
        if packet is None and any(subject.fact is None for subject in self._subjects):
            packet = decapsulate(frame.data, frame.link_type, wire_length=frame.wire_length)
        times = {"frame.time_epoch": frame.time, "frame.time_relative": frame.time - self._first}
        packet = packet or _NO_PACKET
        return [
            [_seconds(times[subject.fact.name])]
            if subject.fact is not None and subject.fact.name in times
            else [plain_value(subject, value) for value in subject.values(packet, frame, self._first)]
            for subject in self._subjects
        ]


def _seconds(time: int) -> str:
    """Nanoseconds as seconds, exact."""
    seconds, rest = divmod(abs(time), 1_000_000_000)
    return f"{'-' if time < 0 else ''}{seconds}.{rest:09d}"
