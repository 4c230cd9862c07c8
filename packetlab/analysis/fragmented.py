"""IP fragments among the packets of a capture, put together chunk after chunk.

Columns say which packets are fragments; those alone are decapsulated and handed to the Reassembler, with the
capture's own clock.
"""

from packetlab.analysis.columns import FieldOf, Scan
from packetlab.analysis.plan import Column
from packetlab.capture.index import Chunk
from packetlab.internet.fragments import Incomplete, Reassembler
from packetlab.internet.ipv4 import IPv4
from packetlab.internet.ipv6 import Fragment
from packetlab.model.header import Header
from packetlab.model.packet import Packet, decapsulate


class FragmentRows:
    """Finds fragments, and gives back what they make together. Memory: that of the Reassembler."""

    fields = (FieldOf(IPv4, IPv4.spec("more_fragments")), FieldOf(IPv4, IPv4.spec("fragment_offset")))
    """To be asked of the Scan."""
    classes: tuple[type[Header], ...] = (Fragment,)

    def __init__(self) -> None:
        self._reassembler = Reassembler(overlap="first")
        self._now = 0.0
        self.last_rows: Column | None = None
        """Which packets of the last chunk are fragments; None where there was none."""

    def incomplete(self) -> list[Incomplete]:
        """Packets that were given up (the newest of them) or are still awaited."""
        return [*self._reassembler.given_up, *self._reassembler.waiting()]

    def complete(self, chunk: Chunk, scan: Scan) -> list[tuple[int, Packet]]:
        """(row of the fragment that made it whole, the packet) of each packet that this chunk completes."""
        mask = scan.present(Fragment)
        for wanted in self.fields:
            for found in scan.occurrences(wanted):
                mask[found.rows[found.values != 0]] = True
        self.last_rows = mask if mask.any() else None
        if self.last_rows is None:
            return []
        made = []
        packets = chunk.packets
        for row in mask.nonzero()[0].tolist():
            self._now = max(self._now, int(packets.time[row]) / 1e9)  # clocks of captures may go back
            whole = self._reassembler.add(decapsulate(chunk.bytes_of(row), int(packets.link_type[row])), self._now)
            if whole is not None:
                made.append((row, whole))
        return made
