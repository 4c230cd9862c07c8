"""Any declared field as a column, by packetlab's name or Wireshark's: `tcp.window`, `ip.ttl`, `dns.qry.name`.

A name may stand for several fields (`ip.addr`: source and destination) and a field may occur several times
(tunnels, options); `occurrence` says which one counts: the first, the last, or all of them as a list. As in
Wireshark, packets that ICMP errors quote count as well. What columns cannot see - options, records, expressions
such as `len(tcp)` - is asked of those packets alone that hold its header. Names of columns of table `packets` can
stand beside names of fields, and so can Wireshark's names of some of them (`frame.number`, `tcp.stream`, `tcp.len`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from packetlab.analysis.columns import FieldOf, Found, Scan
from packetlab.analysis.filter.binding import plain_value, subject_of
from packetlab.analysis.filter.compiled import Subject
from packetlab.analysis.filter.elements import holders
from packetlab.analysis.filter.grammar import FilterError
from packetlab.analysis.filter.operands import Source
from packetlab.analysis.plan import Column
from packetlab.analysis.tables import packets
from packetlab.analysis.tables.reading import Reading
from packetlab.analysis.tables.schema import arrow_type, nearest, to_arrow
from packetlab.analysis.tables.words import distinct_rows
from packetlab.capture.index import Chunk
from packetlab.model.errors import UsageError
from packetlab.model.fields import FixedBytes, UInt
from packetlab.model.packet import decapsulate

Occurrence = Literal["first", "last", "all"]

_ALSO = {
    "frame.number": "number", "frame.time": "time", "frame.time_relative": "seconds", "frame.len": "length",
    "frame.cap_len": "captured", "frame.interface_name": "interface", "tcp.stream": "tcp_stream",
    "tcp.seq": "tcp_seq", "tcp.ack": "tcp_ack", "tcp.len": "payload",
}  # fmt: skip
"""Names of Wireshark's that are facts of the frame or of the connection, and the columns of `packets` that say so."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One column that was asked for: of table `packets`, or one or several declared fields."""

    name: str
    column: str = ""
    sources: tuple[Source, ...] = ()

    subject: Subject | None = None
    """What columns cannot see and single packets are asked for: fields in options and records, derived values."""

    @property
    def kind(self) -> str:
        return self.subject.kind if self.subject is not None else self.sources[0].kind if self.sources else "int"

    @property
    def is_text(self) -> bool:
        return self.kind in ("text", "bytes")


def wanted(name: str) -> Wanted:
    """What a name (or `len(tcp)`, `udp[0:2]`) means; UsageError, with the nearest names, where it means nothing."""
    import packetlab.protocols  # noqa: F401

    asked = name.strip()
    if asked in packets.SPEC.names:
        return Wanted(asked, asked)
    if asked.lower() in _ALSO:
        return Wanted(asked, _ALSO[asked.lower()])
    if asked.isidentifier():
        raise UsageError(f"there is no column or field {asked!r}", remedy=nearest(asked, packets.SPEC.names))
    try:
        subject = subject_of(asked)
    except FilterError as error:
        raise UsageError(f"{asked!r} names no field", remedy=error.remedy or "packetlab explain lists them") from None
    if subject.is_state:
        raise UsageError(f"{asked!r} depends on the packets before and is no column",
                         remedy="packetlab pcap list shows it; a display filter can ask for it")  # fmt: skip
    if subject.shape and subject.shape[0] == "layer":
        raise UsageError(f"{asked!r} is a protocol, not a field", remedy=f"packetlab explain {asked} lists its fields")
    if subject.is_plain and subject.sources and not any(holders(one.header) for one in subject.sources):
        return Wanted(asked, "", subject.sources)
    return Wanted(asked, "", (), subject)


class FieldColumns:
    """The columns of these names, over a capture."""

    def __init__(self, names: Sequence[str], occurrence: Occurrence = "first") -> None:
        import pyarrow as pa

        if occurrence not in ("first", "last", "all"):
            raise UsageError(f"occurrence {occurrence!r} is not known", remedy="choose first, last or all")
        self.wanted = [wanted(name) for name in dict.fromkeys(names)]
        self.occurrence = occurrence
        self._plain = [one.column for one in self.wanted if one.column]
        if any(one.name.lower() == "tcp.len" for one in self.wanted):
            self._plain.append("tcp_flags")  # says which packets are TCP
        self._fields = [FieldOf(source.header, source.spec) for one in self.wanted for source in one.sources]
        self._subjects = {one.name: one.subject for one in self.wanted if one.subject is not None}
        self._classes = {cls for subject in self._subjects.values() for cls in subject.classes}
        self._everywhere = any(not subject.classes for subject in self._subjects.values())
        self.schema = pa.schema([pa.field(one.name, self._type(one)) for one in self.wanted])

    def _type(self, one: Wanted) -> Any:
        import pyarrow as pa

        if one.column:
            return arrow_type(packets.SPEC.column(one.column).kind)
        kind = _number_type(one.sources)
        if one.subject is not None:
            kind = pa.float64() if one.kind == "float" else pa.int64()
        if self.occurrence == "all":
            return pa.list_(pa.string() if one.is_text else kind)
        return arrow_type("word") if one.is_text else kind

    def batches(self, reading: Reading) -> Iterator[Any]:
        """pyarrow record batches of the schema."""
        import pyarrow as pa

        passes = packets.Pass(set(self._plain))
        for chunk, keep, first_time in reading.chunks():
            made = passes.columns(chunk, first_time)
            scan = Scan(chunk, dict.fromkeys(self._fields), self._classes)
            inside = self._inside(chunk, scan, first_time)
            arrays = []
            for one, field in zip(self.wanted, self.schema, strict=True):
                if one.name.lower() == "tcp.len":
                    array = pa.compute.if_else(made["tcp_flags"].is_valid(), made["payload"], None)
                elif one.column:
                    array = made[one.column]
                else:
                    array = self._field(one, scan, inside.get(one.name), len(chunk), field.type)
                arrays.append(to_arrow(array, field.type))
            batch = pa.record_batch(arrays, schema=self.schema)
            yield batch if keep is None else batch.filter(pa.array(keep))

    def _inside(self, chunk: Chunk, scan: Scan, first_time: int) -> dict[str, list[tuple[int, Any]]]:
        """(row, value) of everything that single packets are asked for."""
        found: dict[str, list[tuple[int, Any]]] = {name: [] for name in self._subjects}
        if not found:
            return found
        held = np.full(len(chunk), self._everywhere)
        for cls in self._classes:
            held |= scan.present(cls)
        for row in held.nonzero()[0].tolist():
            frame = chunk.frame(row)
            packet = decapsulate(frame.data, frame.link_type, wire_length=frame.wire_length)
            for name, subject in self._subjects.items():
                for value in subject.values(packet, frame, first_time):
                    found[name].append((row, plain_value(subject, value)))
        return found

    def _field(self, one: Wanted, scan: Scan, inside: list[tuple[int, Any]] | None, count: int, kind: Any) -> Any:
        import pyarrow as pa

        parts = [] if inside is not None else [(source, found) for source in one.sources
                 for found in scan.occurrences(FieldOf(source.header, source.spec))]  # fmt: skip
        texts: list[str] = []
        rows, values = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
        for source, found in parts:
            some, made = _words(source, found, texts) if one.is_text else (found.rows, source.scaled(_wide(found)))
            rows.append(some)
            values.append(made)
        if inside:
            rows.append(np.asarray([place for place, _ in inside], np.int64))
            if one.is_text:
                texts.extend(str(found) for _, found in inside)
                values.append(np.arange(len(texts)))
            else:
                values.append(np.asarray([found for _, found in inside], np.float64 if one.kind == "float" else None))
        row, value = np.concatenate(rows), np.concatenate(values)
        if one.is_text:
            words = pa.array(texts, pa.string())
        if self.occurrence == "all":
            order = np.argsort(row, kind="stable")
            ends = np.zeros(count + 1, np.int32)
            np.cumsum(np.bincount(row, minlength=count), out=ends[1:])
            flat = pa.array(value[order])
            flat = words.take(flat) if one.is_text else flat.cast(kind.value_type)
            return pa.ListArray.from_arrays(pa.array(ends), flat, mask=pa.array(ends[1:] == ends[:-1]))
        if self.occurrence == "first":
            row, value = row[::-1], value[::-1]  # the last to be written stays
        column, missing = np.zeros(count, value.dtype), np.ones(count, bool)
        column[row], missing[row] = value, False
        if one.is_text:
            return pa.DictionaryArray.from_arrays(pa.array(column.astype(np.int32), mask=missing), words)
        return pa.array(column, mask=missing).cast(kind)


def _wide(found: Found) -> Column:
    return found.values.astype(np.uint64 if found.values.dtype.itemsize > 4 else np.int64)


def _number_type(sources: Sequence[Source]) -> Any:
    """The smallest unsigned type that holds every value; bool for a flag of one bit."""
    import pyarrow as pa

    most = 0
    for source in sources:
        if source.flag is not None:
            mask = int(source.flag)
            most = max(most, mask // (mask & -mask))
        elif isinstance(source.spec.kind, UInt):
            most = max(most, ((1 << source.spec.kind.bits) - 1) * source.spec.scale)
    if most <= 1 and all(source.flag is not None for source in sources):
        return pa.bool_()
    return next(kind for size, kind in ((8, pa.uint8()), (16, pa.uint16()), (32, pa.uint32()), (128, pa.uint64()))
                if most < 1 << size)  # fmt: skip


def _words(source: Source, found: Found, texts: list[str]) -> tuple[Column, Column]:
    """(rows, places in `texts`) of one field's occurrences; new texts are added."""
    kind = source.spec.kind
    assert isinstance(kind, FixedBytes)
    start = len(texts)
    if not len(found.rows):
        return found.rows, found.rows
    first, codes = distinct_rows(found.values)
    texts.extend(kind.text(found.values[row].tobytes()) for row in first.tolist())
    return found.rows, codes.astype(np.int64) + start
