"""`packetlab.open_capture`: one object that answers every question about a capture.

    capture = packetlab.open_capture("web.pcapng")
    for packet in capture.where("tcp.flags.syn == 1").packets():
        print(packet.frame.number, packet[TCP].dst_port)
    capture.columns("ip.src", "ip.ttl").to_pandas()
    capture.sql("SELECT dst, count(*) FROM packets GROUP BY dst ORDER BY 2 DESC")

A `Capture` holds no packets: each answer reads the file anew, chunk by chunk, so it can be asked again and again
and of files larger than memory. What can be read only once (standard input, a pipe, an open file) answers one
question, and says so at the second.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from packetlab.capture.damage import DamageList
from packetlab.capture.source import CapturePath
from packetlab.model.errors import UsageError

if TYPE_CHECKING:
    from packetlab.analysis.filter import Filter
    from packetlab.analysis.findings import Finding
    from packetlab.analysis.flows import FlowTable, Layer
    from packetlab.analysis.messages import Message
    from packetlab.analysis.sql import Answer
    from packetlab.analysis.streams import Stream
    from packetlab.analysis.summary import Summary
    from packetlab.analysis.tables.fields import Occurrence
    from packetlab.analysis.tables.reading import Reading
    from packetlab.analysis.tables.table import Table
    from packetlab.analysis.tcp_health import PacketHealth
    from packetlab.model.frame import Frame
    from packetlab.model.packet import Packet


def open_capture(source: CapturePath | BinaryIO) -> "Capture":
    """A capture to be asked: pcap or pcapng, also compressed; a path, "-" or a binary file object.

    CaptureError where it is no capture; damage inside it is data, see `Capture.damage`.
    """
    capture = Capture(source)
    if not capture.is_one_shot:
        from packetlab.capture.reader import CaptureReader

        with CaptureReader(source):
            pass  # says at once if this is no capture
    return capture


class Capture:
    """The packets of a capture, or those of them for which a display filter holds. Made by `open_capture`."""

    def __init__(self, source: CapturePath | BinaryIO, where: "Filter | None" = None) -> None:
        self.source = source
        self.filter = where
        self.advance: Callable[[float], None] = lambda part: None
        """Told how far a pass over the file has come, from 0 to 1."""
        self._used: list[str] = []
        self._damage: list[DamageList] = []

    def __repr__(self) -> str:
        restricted = f" where {self.filter.text!r}" if self.filter else ""
        return f"<Capture {_name(self.source)}{restricted}>"

    @property
    def is_one_shot(self) -> bool:
        """Whether it can be read only once."""
        if not isinstance(self.source, str | os.PathLike) or str(self.source) == "-":
            return True
        path = Path(self.source)
        return path.exists() and not path.is_file()

    def _ask(self, question: str) -> CapturePath | BinaryIO:
        """The source, for one more pass."""
        if self._used and self.is_one_shot:
            raise UsageError(
                f"{_name(self.source)} can be read only once, and {self._used[0]} has done so",
                remedy="record it to a file first, then open that: tcpdump -w FILE, or cat > FILE",
            )
        self._used.append(question)
        return self.source

    def where(self, condition: "str | Filter") -> "Capture":
        """Those packets alone for which a display filter holds (in Wireshark's language). Reads nothing yet."""
        from packetlab.analysis.filter import parse

        text = condition if isinstance(condition, str) else condition.text
        if self.filter is not None:
            parse(text)  # an error should point into what the caller wrote
            text = f"({self.filter.text}) && ({text})"
        found = Capture(self.source, parse(text))
        found._used, found._damage, found.advance = self._used, self._damage, self.advance
        return found

    # ------------------------------------------------------------ packets

    def frames(self) -> Iterator["Frame"]:
        """The frames, in the order of the file."""
        source = self._ask("frames()")
        if self.filter is None:
            from packetlab.capture.reader import CaptureReader

            with CaptureReader(source) as reader:
                yield from reader
                self._note(reader.damage)
            return
        reading = self._reading(source)
        for chunk, keep, _ in reading.chunks():
            assert keep is not None
            for row in keep.nonzero()[0].tolist():
                yield chunk.frame(row)
        self._note(reading.damage)

    def packets(self) -> Iterator["Packet"]:
        """The packets, decapsulated; each has its `frame` (number, time, wire length, interface, comment)."""
        import packetlab.protocols  # noqa: F401
        from packetlab.capture.reader import CaptureReader
        from packetlab.model.packet import decapsulate

        if self.filter is not None:
            for frame in self.frames():
                packet = decapsulate(frame.data, frame.link_type, wire_length=frame.wire_length)
                packet.frame = frame
                yield packet
            return
        with CaptureReader(self._ask("packets()")) as reader:
            for frame in reader:  # not through frames(): one generator less for each packet
                packet = decapsulate(frame.data, frame.link_type, wire_length=frame.wire_length)
                packet.frame = frame
                yield packet
            self._note(reader.damage)

    def __iter__(self) -> Iterator["Packet"]:
        return self.packets()

    # ------------------------------------------------------------ tables

    def _reading(self, source: CapturePath | BinaryIO) -> "Reading":
        from packetlab.analysis.tables.reading import Reading

        return Reading(source, self.filter, self.advance)

    def table(self, name: str) -> "Table":
        """A table by name; `packetlab pcap query --tables` lists them, `--schema` says what their columns mean."""
        from packetlab.analysis.tables import arrow_schema, batches, spec
        from packetlab.analysis.tables.table import Table

        table = spec(name)

        def produce(names: list[str]) -> Iterator[Any]:
            reading = self._reading(self._ask(f"table {name}"))
            yield from batches(reading, table, names)
            if reading.is_whole:
                self._note(reading.damage)

        return Table(arrow_schema(table.columns), produce)

    def columns(self, *names: str, occurrence: "Occurrence" = "first") -> "Table":
        """Fields of every packet as columns, by packetlab's or Wireshark's names: "tcp.seq", "ip.ttl", "number".

        Of a field that occurs several times in a packet `occurrence` counts: "first", "last", or "all" as a list.
        The answer is a `Table`: `["ip.ttl"]` and `.arrays()` give NumPy arrays, `.arrow()`, `.to_pandas()`,
        `.to_polars()` data frames. UsageError, with the nearest names, for a name that means nothing.
        """
        from packetlab.analysis.tables.fields import FieldColumns
        from packetlab.analysis.tables.table import Table

        def produce(wanted: list[str]) -> Iterator[Any]:
            reading = self._reading(self._ask("columns()"))
            yield from FieldColumns(wanted, occurrence).batches(reading)
            self._note(reading.damage)

        return Table(FieldColumns(names, occurrence).schema, produce)

    def selection(self, name: str, columns: Sequence[str] | None = None, occurrence: "Occurrence" = "first") -> "Table":
        """A table by name, with the chosen columns; of `packets` any field can be a column."""
        if columns is None:
            return self.table(name)
        return self.columns(*columns, occurrence=occurrence) if name == "packets" else self.table(name).select(*columns)

    def sql(self, statement: str) -> "Answer":
        """The answer to an SQL statement (DuckDB's SELECT) over the tables. See analysis/sql.py."""
        from packetlab.analysis.sql import ask

        return ask(self, statement)

    # ------------------------------------------------------------ analyses

    def summary(self) -> "Summary":
        """What is in it: protocols, talkers, times, sizes."""
        from packetlab.analysis.summary import summary

        return summary(self._ask("summary()"), self.filter, advance=self.advance)

    def flows(self, layer: "Layer" = "tcp") -> "FlowTable":
        """Who talked to whom at one layer."""
        from packetlab.analysis.flows import flows

        return flows(self._ask("flows()"), layer, self.filter, advance=self.advance)

    def streams(self, only: Iterable[int] | None = None) -> "list[Stream]":
        """The TCP connections (all, or those of these numbers), each with what was said (`chunks` reads it).

        With a filter: those of which a packet fits.
        """
        from packetlab.analysis.streams import streams

        return streams(self._ask("streams()"), self.filter, only)

    def messages(self, *kinds: str, kept: int | None = None) -> "Iterator[Message]":
        """HTTP exchanges, DNS messages and TLS handshakes, on any port; or of these kinds: "http", "dns", "tls".

        `kept`: bytes of each HTTP body that are kept. With a filter: datagrams that fit, and TCP connections of which
        a packet fits.
        """
        from packetlab.analysis.messages import KINDS, messages
        from packetlab.analysis.messages.reader import KEPT_BODY
        from packetlab.analysis.tables.schema import nearest

        for kind in kinds:
            if kind not in KINDS:
                raise UsageError(f"there is no kind of messages {kind!r}", remedy=nearest(kind, KINDS))
        return messages(self._ask("messages()"), self.filter, kinds or KINDS,
                        kept=KEPT_BODY if kept is None else kept, advance=self.advance)  # fmt: skip

    def health(self) -> "Iterator[PacketHealth]":
        """What is to be said of every TCP segment (retransmission, round trip ...), chunk by chunk, as arrays."""
        from packetlab.analysis.tcp_health import health

        return health(self._ask("health()"), self.filter)

    def findings(self) -> "list[Finding]":
        """What deserves attention, the worst first."""
        from packetlab.analysis.findings import findings

        return findings(self._ask("findings()"), self.filter, advance=self.advance)

    # ------------------------------------------------------------ damage

    def _note(self, damage: DamageList) -> None:
        self._damage[:] = [damage]

    @property
    def damage(self) -> DamageList:
        """What of the file could not be read. Known after a pass; where there was none, this makes one."""
        if not self._damage:
            from packetlab.capture.index import chunks

            if self.is_one_shot and self._used:
                return DamageList()
            with chunks(self._ask("damage")) as index:
                for _ in index:
                    pass
                self._note(index.damage)
        return self._damage[0]


def _name(source: CapturePath | BinaryIO) -> str:
    if isinstance(source, str | os.PathLike):
        return "standard input" if str(source) == "-" else str(source)
    return str(getattr(source, "name", "this stream"))
