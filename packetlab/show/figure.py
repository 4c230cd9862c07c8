"""The figure of the RFC, drawn for this packet: 32 bits in a row, each field in its place with its value.

A field too narrow for its name shows the first letters of its words; the key under the figure spells them.
Long fields run over several rows as in the RFCs, very long ones are cut with a row of tildes.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from packetlab.model.frame import Frame
from packetlab.model.header import Header
from packetlab.model.packet import Packet
from packetlab.show.block import Block, View, layer_style
from packetlab.show.safe import cells, fit, safe_text
from packetlab.show.view import FieldView, LayerView, PacketView, look

ROW_BITS = 32
MOST_ROWS_OF_FIELD = 4
MOST_FIELDS = 200
"""Fields of one layer that are drawn; a DNS answer may hold thousands."""
INDENT = 2


@dataclass(slots=True)
class Cell:
    """One field (or the part of it that lies in one row)."""

    start: int
    """Bits from the start of the figure."""
    length: int
    name: str
    value: str
    whole: int
    """Bits of the whole field."""


def figure(packet: Packet, frame: Frame | None = None) -> View:
    """The RFC figure of every layer of a packet, with its values."""
    return figure_of(look(packet, frame))


def figure_of(view: PacketView) -> View:
    """The same of a packet that was looked at already."""

    def make(width: int) -> Block:
        block = Block(width)
        _packet(block, view, 0)
        return block

    return View(make)


def _packet(block: Block, view: PacketView, first: int) -> None:
    for number, layer in enumerate(view.layers):
        if first + number:
            block.line()
        _layer(block, layer, layer_style(first + number))
    if view.quoted is not None:
        block.line()
        block.line(("the packet that is quoted:", "note"))
        _packet(block, view.quoted, first + len(view.layers))


def _layer(block: Block, layer: LayerView, style: str) -> None:
    block.line((layer.title, style), (f"  {layer.header.ref}", "note"))
    key: dict[str, str] = {}
    found = sorted(_cells(layer.fields, layer.offset * 8, key), key=lambda cell: cell.start)[:MOST_FIELDS]
    if not found:
        block.line(("  (no fields)", "note"))
        return
    _draw(block, found, key)


def _draw(block: Block, found: list[Cell], key: dict[str, str]) -> None:
    rows = _rows(found)
    _ruler(block)
    previous: list[Cell] = []
    for row in rows:
        _border(block, previous, row)
        _row(block, row)
        previous = row
    _border(block, previous, [])
    if key:
        words = ", ".join(f"{short} = {name}" for short, name in key.items())
        block.wrapped((" " * INDENT, ""), (words, "note"), hang=INDENT)


def _cells(fields: tuple[FieldView, ...], base: int, key: dict[str, str]) -> Iterator[Cell]:
    for field in fields:
        if field.elements:
            for element in field.elements:
                yield from _cells(element.fields, base, key)
            continue
        if not field.bit_length:
            continue
        named = field.spec.bits or (field.spec.values is not None and len(field.meaning) <= 24)
        value = f"{field.text} {field.meaning}" if named and field.meaning else field.text
        room = 2 * min(field.bit_length, ROW_BITS) - 1
        if cells(value) > room:
            value = str(field.value) if field.bit_length <= 8 and cells(field.text) > room else field.text
        name = _short_name(field.name, field.bit_length, key)
        yield Cell(field.bit_offset - base, field.bit_length, name, value, field.bit_length)


def _short_name(full: str, bits: int, key: dict[str, str]) -> str:
    """The name as it fits into so many bits; a shortened one is noted in the key."""
    room = 2 * min(bits, ROW_BITS) - 1
    if len(full) <= room:
        return full
    name = _initials(full)[:room]
    taken = key.get(name)
    if taken is None or full in taken.split(", "):
        key[name] = taken or full
    else:
        key[name] = f"{taken}, {full}"
    return name


def _initials(name: str) -> str:
    words = [word for word in name.split("_") if word]
    return "".join(word[0].upper() for word in words) if len(words) > 1 else name


def _rows(found: list[Cell]) -> list[list[Cell]]:
    """Cells cut into rows of 32 bits; the text of a field stands in its widest part."""
    rows: list[list[Cell]] = []
    start_row = 0
    for cell in found:
        parts = _split(cell)
        widest = max(range(len(parts)), key=lambda number: (parts[number].length, -number))
        for number, part in enumerate(parts):
            if number != widest and not part.name.startswith("~"):
                part.name = part.value = ""
            row = part.start // ROW_BITS
            if not rows:
                start_row = row
            while len(rows) <= row - start_row:
                rows.append([])
            rows[row - start_row].append(part)
    return [row for row in rows if row]


def _split(cell: Cell) -> list[Cell]:
    parts = []
    at, end = cell.start, cell.start + cell.length
    while at < end:
        stop = min(end, (at // ROW_BITS + 1) * ROW_BITS)
        parts.append(Cell(at, stop - at, cell.name, cell.value, cell.whole))
        at = stop
    if len(parts) > MOST_ROWS_OF_FIELD:
        left_out = len(parts) - MOST_ROWS_OF_FIELD
        parts = [*parts[: MOST_ROWS_OF_FIELD - 1], parts[-1]]
        parts[-2] = Cell(parts[-2].start, parts[-2].length, f"~ {left_out} rows more ~", "", cell.whole)
        parts[-2].whole = -1
    return parts


def _ruler(block: Block) -> None:
    pad = " " * (INDENT + 1)
    block.line((pad + " ".join(str(bit // 10) if bit % 10 == 0 else " " for bit in range(ROW_BITS)), "note"))
    block.line((pad + " ".join(str(bit % 10) for bit in range(ROW_BITS)), "note"))


def _edges(row: list[Cell]) -> set[int]:
    found = set()
    for cell in row:
        at = cell.start % ROW_BITS
        found |= {at, at + cell.length}
    return found


def _border(block: Block, above: list[Cell], below: list[Cell]) -> None:
    """+-+-+ between rows; blank where one field goes on, as in the RFCs."""
    reach = max((cell.start % ROW_BITS + cell.length for row in (above, below) for cell in row), default=0)
    low = min((cell.start % ROW_BITS for row in (above, below) for cell in row), default=0)
    line = [" "] * (2 * ROW_BITS + 1)
    for bit in range(low, reach):
        line[2 * bit] = "+"
        line[2 * bit + 1] = "-"
    line[2 * reach] = "+"
    goes_on = _going_on(above, below)
    for start, end in goes_on:
        for at in range(2 * start + 1, 2 * end):
            line[at] = " "
    block.line((" " * INDENT + "".join(line).rstrip(), ""))


def _going_on(above: list[Cell], below: list[Cell]) -> list[tuple[int, int]]:
    """Bits of the border that lie inside one field."""
    if not above or not below:
        return []
    last, first = above[-1], below[0]
    same = not first.name.startswith("~") and last.whole == first.whole and last.whole > last.length
    continues = same and first.start // ROW_BITS > last.start // ROW_BITS and not (first.name and last.name)
    if not continues:
        return []
    low = max(last.start % ROW_BITS, first.start % ROW_BITS)
    high = min(last.start % ROW_BITS + last.length, first.start % ROW_BITS + first.length)
    return [(low, high)] if low < high else []


def _row(block: Block, row: list[Cell]) -> None:
    names, values = [" " * (2 * (row[0].start % ROW_BITS))], [" " * (2 * (row[0].start % ROW_BITS))]
    for cell in row:
        room = 2 * cell.length - 1
        names.append("|" + _centred(cell.name, room))
        values.append("|" + _centred(cell.value, room))
    pad = " " * INDENT
    if any(cell.name for cell in row):
        block.line((pad + "".join(names) + "|", "name"))
    if any(cell.value for cell in row) or not any(cell.name for cell in row):
        block.line((pad + "".join(values) + "|", "value"))


def _centred(text: str, room: int) -> str:
    text = safe_text(text)
    size = cells(text)
    if size > room:
        return fit(text, room) if room > 2 else text[:room]
    left = (room - size) // 2
    return " " * left + text + " " * (room - size - left)


# ---------------------------------------------------------------- without a packet


def byte_offsets(header: type[Header]) -> dict[str, int]:
    """The byte at which each field starts, as far as that is the same in every packet."""
    found: dict[str, int] = {}
    bit = 0
    for spec in header.fields:
        if spec.width is None or spec.when is not None:
            if spec.when is None:
                found[spec.name] = bit // 8
            break
        found[spec.name] = bit // 8
        bit += spec.width
    return found


def class_figure(header: type[Header], width: int) -> Block:
    """The figure of a header as its RFC draws it: names only. Fields of variable length take a row each."""
    block = Block(width)
    key: dict[str, str] = {}
    found: list[Cell] = []
    bit = 0
    for spec in header.fields[:MOST_FIELDS]:
        if spec.width is None:
            bit = -(-bit // ROW_BITS) * ROW_BITS
            words = "(variable)" if spec.when is None else "(variable, not always there)"
            found.append(Cell(bit, ROW_BITS, spec.name, words, ROW_BITS))
            bit += ROW_BITS
            continue
        value = "" if spec.when is None else "(if there)" if spec.width >= 8 else "?"
        found.append(Cell(bit, spec.width, _short_name(spec.name, spec.width, key), value, spec.width))
        bit += spec.width
    _draw(block, found, key)
    return block
