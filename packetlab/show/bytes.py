"""The bytes of a packet, coloured and labelled by layer and field.

First the whole packet as a hexdump, in which the colour says the layer, with a legend; then each field with
the bytes it lies in. Fields that share a byte stand in one row, because bits cannot be cut out of a hexdump.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from packetlab.model.frame import Frame
from packetlab.model.packet import Packet
from packetlab.show.block import Block, Piece, View, layer_style
from packetlab.show.layers import size_text
from packetlab.show.safe import safe_text
from packetlab.show.view import FieldView, LayerView, PacketView, look

PER_ROW = 16
MOST_ROWS = 4096
"""Rows of the dump; 64 KiB, the most an IP packet holds."""
FIELD_BYTES = 8
"""Bytes of a field in its row."""


@dataclass(frozen=True, slots=True)
class Region:
    """Bytes [start, end) of one layer, or of what no layer claims."""

    start: int
    end: int
    title: str
    style: str


def bytes_view(packet: Packet, frame: Frame | None = None, *, fields: bool = True) -> View:
    """The hexdump of a packet, and (with `fields`) the bytes of every field."""
    return bytes_of(look(packet, frame), fields=fields)


def bytes_of(view: PacketView, *, fields: bool = True) -> View:
    """The same of a packet that was looked at already."""

    def make(width: int) -> Block:
        block = Block(width)
        parts = regions(view)
        _legend(block, parts)
        _dump(block, view.data, parts)
        if fields:
            for layer, style in _all_layers(view):
                block.line()
                _fields(block, view.data, layer, style)
        return block

    return View(make)


def _all_layers(view: PacketView, first: int = 0) -> Iterator[tuple[LayerView, str]]:
    for number, layer in enumerate(view.layers):
        yield layer, layer_style(first + number)
    if view.quoted is not None:
        yield from _all_layers(view.quoted, first + len(view.layers))


def regions(view: PacketView) -> list[Region]:
    """Which layer each byte belongs to, in order and without gaps."""
    marks: list[Region] = [
        Region(layer.offset, layer.offset + layer.size, layer.title, style) for layer, style in _all_layers(view)
    ]
    inside = view
    while inside.quoted is not None:
        inside = inside.quoted
    found: list[Region] = []
    at = 0
    for mark in marks:
        if mark.start > at:
            found.append(Region(at, mark.start, "other", "payload"))
        if mark.end > mark.start:
            found.append(mark)
        at = max(at, mark.end)
    payload = inside.payload_offset + len(inside.payload)
    if inside.payload:
        found.append(Region(at, payload, "payload", "payload"))
        at = payload
    if at < len(view.data):
        found.append(Region(at, len(view.data), "trailer", "note"))
    return found


def _legend(block: Block, parts: list[Region]) -> None:
    pieces: list[Piece] = []
    for part in parts:
        pieces.append((f"{part.title} {part.start}-{part.end - 1}  ", part.style))
    block.wrapped(*pieces)


def _dump(block: Block, data: bytes, parts: list[Region]) -> None:
    styles = [part.style for part in parts for _ in range(part.end - part.start)]
    for row, start in enumerate(range(0, len(data), PER_ROW)):
        if row == MOST_ROWS:
            block.line((f"… {size_text(len(data) - start)} more", "note"))
            return
        pieces: list[Piece] = [(f"{start:04x}  ", "note")]
        chunk = data[start : start + PER_ROW]
        for index, byte in enumerate(chunk):
            space = "  " if index == 7 else " "
            pieces.append((f"{byte:02x}{space}", styles[start + index]))
        missing = PER_ROW - len(chunk)
        pieces.append((" " * (missing * 3 + (1 if len(chunk) < 8 else 0) + 1), ""))
        for index, byte in enumerate(chunk):
            pieces.append((chr(byte) if 32 <= byte < 127 else ".", styles[start + index]))
        block.line(*_merged(pieces))


def _merged(pieces: list[Piece]) -> list[Piece]:
    made: list[Piece] = []
    for text, style in pieces:
        if made and made[-1][1] == style:
            made[-1] = (made[-1][0] + text, style)
        else:
            made.append((text, style))
    return made


def _fields(block: Block, data: bytes, layer: LayerView, style: str) -> None:
    block.line((layer.title, style), (f"  bytes {layer.offset}-{layer.offset + layer.size - 1}", "note"))
    for group in _rows(layer.fields):
        start, end = group[0].offset, max(field.end for field in group)
        if end <= start:
            continue
        shown = data[start : min(end, start + FIELD_BYTES)].hex(" ") + (" …" if end - start > FIELD_BYTES else "")
        words = "  ".join(f"{field.name}={_short(field)}" for field in group)
        block.wrapped(
            (f"{start:04x}  ", "note"),
            (f"{shown:<{FIELD_BYTES * 3 + 2}}", style),
            (words, ""),
            hang=FIELD_BYTES * 3 + 8,
        )
        for field in group:
            for element in field.elements:
                raw = data[element.offset : min(element.end, element.offset + FIELD_BYTES)].hex(" ")
                more = " …" if element.end - element.offset > FIELD_BYTES else ""
                words = f"  {element.title} " + "  ".join(
                    f"{one.name}={_short(one)}" for one in element.fields if one.spec.fill is None
                )
                block.wrapped(
                    (f"{element.offset:04x}  ", "note"), (f"{raw + more:<{FIELD_BYTES * 3 + 2}}", style), (words, ""),
                    hang=FIELD_BYTES * 3 + 10,
                )  # fmt: skip


def _short(field: FieldView) -> str:
    text = safe_text(field.text, limit=60)
    if field.flags and field.spec.bits:
        return f"{text} ({field.meaning})"
    return text


def _rows(fields: tuple[FieldView, ...]) -> Iterator[list[FieldView]]:
    """Fields in groups: those that share a byte together."""
    group: list[FieldView] = []
    for field in fields:
        if group and field.offset < group[-1].end and field.bit_length:
            group.append(field)
            continue
        if group:
            yield group
        group = [field]
    if group:
        yield group
