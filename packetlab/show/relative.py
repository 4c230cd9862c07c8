"""TCP's sequence numbers counted from where a connection began, so that people can follow them.

Each direction's first segment fixes the zero: a SYN is 0 and its first data byte 1, as in RFC 9293's figures;
a connection that is met half way starts at 1.
"""

from packetlab.model.packet import Packet
from packetlab.show.summary import endpoints
from packetlab.transport.tcp import TCP

MOST_FLOWS = 65_536
"""Directions that are remembered; the one that began first is forgotten for a new one."""

Flow = tuple[str, int, str, int]


class RelativeNumbers:
    """Gives each TCP segment its relative numbers; segments must come in the order of the capture."""

    def __init__(self) -> None:
        self._zero: dict[Flow, int] = {}

    def of(self, packet: Packet) -> tuple[int, int] | None:
        """(sequence, acknowledgment) of the packet's TCP header; None where it has none that is whole."""
        header = packet.get(TCP)
        if header is None or header.is_cut:
            return None
        source, target = endpoints(packet)
        flow: Flow = (source, header.src_port, target, header.dst_port)
        back: Flow = (target, header.dst_port, source, header.src_port)
        syn, ack = header.flags & TCP.SYN, header.flags & TCP.ACK
        if (syn and not ack) or flow not in self._zero:
            self._remember(flow, header.sequence if syn else header.sequence - 1)
        if ack and back not in self._zero:
            self._remember(back, header.acknowledgment - 1)
        acknowledged = (header.acknowledgment - self._zero[back]) % 2**32 if ack else 0
        return (header.sequence - self._zero[flow]) % 2**32, acknowledged

    def _remember(self, flow: Flow, zero: int) -> None:
        if len(self._zero) >= MOST_FLOWS and flow not in self._zero:
            del self._zero[next(iter(self._zero))]
        self._zero[flow] = zero
