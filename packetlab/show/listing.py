"""The list of packets: number, time since the first, from whom to whom, and what it is about.

Lines are printed as frames come, so the columns grow with what has been seen. On a terminal a long line goes
on indented below; in a pipe it stays one line.
"""

import sys
from typing import IO

from packetlab.model.frame import Frame
from packetlab.model.packet import Packet, decapsulate
from packetlab.show.block import Block, print_to_terminal, width_of
from packetlab.show.fold import parted
from packetlab.show.relative import RelativeNumbers
from packetlab.show.safe import cells
from packetlab.show.summary import endpoints, summary

WIDEST_PAIR = 33
"""Two IPv4 addresses and an arrow."""
PIPE_WIDTH = 1 << 16


class Listing:
    """Prints one line for each frame; remembers where connections and columns began."""

    def __init__(self, file: IO[str] | None = None, *, start: int | None = None) -> None:
        self._file = file if file is not None else sys.stdout
        self._width = width_of(self._file) if self._file.isatty() else PIPE_WIDTH
        self._relative = RelativeNumbers()
        self._pair = 0
        self.start = start
        """The time (ns) that counts as zero: the first frame's, unless given."""

    def print(self, frame: Frame, packet: Packet | None = None) -> None:
        """The frame's line."""
        print_to_terminal(self.line(frame, packet), file=self._file)

    def line(self, frame: Frame, packet: Packet | None = None) -> Block:
        """The same, not printed."""
        if packet is None:
            packet = decapsulate(frame.data, frame.link_type, wire_length=frame.wire_length)
        if self.start is None:
            self.start = frame.time
        source, target = endpoints(packet)
        pair = f"{source} → {target}" if source or target else ""
        self._pair = max(self._pair, min(cells(pair), WIDEST_PAIR))
        words = summary(packet, relative=self._relative.of(packet))
        words = words.replace(f" {source} -> {target}", "", 1)  # said at the left already
        if not packet.layers:
            words = f"link type {frame.link_type}, {words}"
        block = Block(self._width)
        number = f"{frame.number:>4} " if frame.number else ""
        arrow = {"in": "◀ ", "out": "▶ ", "": ""}[frame.direction]
        style = "bad" if "(damaged)" in words or "[RST" in words else ""
        front = [
            (number, "note"), (f"{(frame.time - self.start) / 1e9:.6f} ", "note"), (arrow, "note"),
            (pair + " " * max(0, self._pair - cells(pair)) + "  ", "name"),
        ]  # fmt: skip
        hang = len(number) + 11
        used = sum(cells(text) for text, _ in front)
        about, facts = parted(words)
        if facts and used + cells(words) > self._width >= used + cells(about):
            block.wrapped(*front, (about, style))
            block.wrapped((" " * hang, ""), (facts, style), hang=hang)
        else:
            block.wrapped(*front, (words, style), hang=hang)
        return block
