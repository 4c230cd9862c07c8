"""What each layer of a packet adds: its bytes, its share of the frame, every field with value and meaning.

From the outside in, the way the bytes are on the wire. Options and records stand indented under the field
that holds them, faults and wrong checksums where they are, and the packet that an ICMP error quotes inside
that error.
"""

from packetlab.interop.foreign import ForeignLayer
from packetlab.model.fault import Fault
from packetlab.model.frame import Frame
from packetlab.model.packet import Packet
from packetlab.show.block import Block, Piece, View, layer_style
from packetlab.show.safe import cells, fit, safe_text
from packetlab.show.view import FieldView, LayerView, PacketView, goes_on, look

PREVIEW_BYTES = 64
WIDEST_NAME = 20
MOST_LINES = 60
_MARKS = {"right": ("✓", "good"), "wrong": ("✗", "bad"), "absent": ("·", "note"), "offload": ("·", "note"),
          "unknown": ("?", "note")}  # fmt: skip


def layers(packet: Packet, frame: Frame | None = None) -> View:
    """The layers of a packet that was composed, received or recorded; `frame` adds when and where."""
    return layers_of(look(packet, frame))


def layers_of(view: PacketView) -> View:
    """The same of a packet that was looked at already."""

    def make(width: int) -> Block:
        block = Block(width)
        _head(block, view)
        _packet(block, view, 0, 0)
        return block

    return View(make)


def size_text(count: int) -> str:
    """ "1 byte", "20 bytes"."""
    return f"{count} byte" if count == 1 else f"{count} bytes"


def share_text(part: int, whole: int) -> str:
    """Percent of the frame."""
    return f"{100 * part / whole:.1f} %" if whole else "0 %"


def _head(block: Block, view: PacketView) -> None:
    frame, size = view.frame, len(view.data) - view.start
    words: list[str] = []
    if view.composed:
        words.append(f"Composed packet: {size_text(size)}")
    else:
        number = f" {frame.number}" if frame is not None and frame.number else ""
        words.append(f"Frame{number}: {size_text(view.wire_length)}")
        if frame is not None and frame.is_cut:
            words.append(f"only {len(frame.data)} of them captured")
    words.append(f"{len(view.layers)} layer" + ("s" if len(view.layers) != 1 else ""))
    if view.payload:
        words.append(f"{size_text(len(view.payload))} of payload")
    if frame is not None and frame.interface:
        words.append(f"{frame.direction or 'on'} {safe_text(frame.interface)}")
    block.wrapped((", ".join(words), "head"), hang=2)
    if frame is not None and frame.comment:
        block.wrapped(("  comment: ", "note"), (frame.comment, ""), hang=4)


def _packet(block: Block, view: PacketView, first: int, indent: int) -> None:
    """The layers from number `first` on; a quoted packet is indented."""
    pad = " " * indent
    for number, layer in enumerate(view.layers):
        _layer(block, view, layer, first + number, pad)
    quoted = view.quoted
    if quoted is not None:
        block.wrapped((f"{pad}  quoted: the packet that caused this error", "note"), hang=indent + 4)
        _packet(block, quoted, first + len(view.layers), indent + 4)
    elif view.foreign:
        for one in view.foreign:
            _foreign(block, one, pad)
    elif view.payload:
        _payload(
            block,
            "rest of the cut header" if view.layers and view.layers[-1].header.is_cut else "payload",
            view.payload_offset,
            view.payload,
            len(view.data),
            pad,
        )
    for layer in reversed(view.layers):
        offset, data = layer.trailer
        if data:
            kind = "padding" if not any(data) else "trailer"
            _payload(block, f"{kind} behind {layer.title}", offset, data, len(view.data), pad)


def _layer(block: Block, view: PacketView, layer: LayerView, number: int, pad: str) -> None:
    whole = len(view.data)
    facts = f"{size_text(layer.size)}, {share_text(layer.size, whole)} of the frame"
    title = f"{pad}{layer.title} "
    reference = f" {layer.header.ref}" if layer.header.ref else ""
    rule = "─" * max(2, block.width - cells(title) - len(facts) - 2 - cells(reference))
    if cells(title) + len(facts) + 3 + cells(reference) > block.width:
        reference, rule = "", "──"
    block.line((title, layer_style(number)), (f"{rule} ", "note"), (facts, "head"), (reference, "note"))
    names = max((len(field.name) for field in layer.fields), default=0)
    _fields(block, layer.fields, min(names, WIDEST_NAME), f"{pad}  ", number)
    excess = getattr(layer.header, "excess", b"")
    if excess:
        pieces: list[Piece] = [("bytes of the header that no field claims: ", "note"), (excess[:32].hex(" "), "")]
        block.wrapped((f"{pad}  ", ""), *pieces, hang=len(pad) + 4)
    for fault in layer.faults:
        why = why_missing(view, fault)
        style = "note" if why else "bad"
        block.wrapped((f"{pad}  ", ""), (f"{'·' if why else '✗'} {fault}{why}", style), hang=len(pad) + 4)


_WHY = {
    "capture": "; the capture kept no more of it", "fragment": "; the rest is in other fragments",
    "quote": "; the router that sent the error quoted no more of it",
}  # fmt: skip


def why_missing(view: PacketView, fault: Fault) -> str:
    """What a fault is owed to, where it is nobody's mistake; else empty."""
    if goes_on(view.packet, fault):
        return "; the rest may be in the next segments"
    return _WHY.get(fault.cause, "")


def _fields(block: Block, fields: tuple[FieldView, ...], names: int, pad: str, number: int) -> None:
    hang = len(pad) + names + 2
    for field in fields:
        name = fit(field.name, names) if len(field.name) <= names else field.name
        text, *lines = _lines(field)
        pieces: list[Piece] = [(f"{pad}{name}  ", "name"), (text, "value")]
        if field.meaning:
            pieces.append((f"  {field.meaning}", "meaning"))
        for check in field.checks:
            mark, style = _MARKS[check.verdict]
            if check.verdict == "right":
                pieces.append((f"  {mark}", style))
            else:
                pieces.append((f"  {mark} {check.text}", style))
        if field.automatic:
            pieces.append((f"  ← {field.automatic}", "auto"))
        block.wrapped(*pieces, hang=min(hang, block.width // 2))
        for line in lines:
            block.wrapped((" " * hang, ""), (line, "value"), hang=hang + 2)
        _flags(block, field, hang)
        for element in field.elements:
            _element(block, element, f"{pad}  ", number)
        if field.left_out:
            block.line((f"{pad}  … and {field.left_out} more", "note"))


def _lines(field: FieldView) -> list[str]:
    """The text of a field; a field of several lines (HTTP's) has one for each, up to a bound."""
    if not isinstance(field.value, str) or "\n" not in field.value:
        return [field.text]
    lines = [line for line in field.value[: MOST_LINES * 200].splitlines() if line]
    more = [f"… and {len(lines) - MOST_LINES} more lines"] if len(lines) > MOST_LINES else []
    return [*lines[:MOST_LINES], *more] or [field.text]


def _flags(block: Block, field: FieldView, hang: int) -> None:
    if not field.flags:
        return
    width = max(len(name) for name, _, _ in field.flags)
    for name, size, text in field.flags:
        shown = name if size == 1 else f"{name}={size}"
        block.wrapped((" " * hang, ""), (f"{shown:<{width}}  ", "value"), (text, "note"), hang=hang + width + 2)


def _element(block: Block, element: LayerView, pad: str, number: int) -> None:
    """An option or record: in one line where it fits, else a line for each field."""
    values: list[Piece] = []
    for field in element.fields:
        if field.elements or field.flags:
            break
        values.append((f"  {field.name} ", "name"))
        values.append((field.text, "value"))
        if field.meaning:
            values.append((f" ({field.meaning})", "meaning"))
        if field.automatic and field.checks:
            values.append((f" ← {field.automatic}", "auto"))
    else:
        if sum(cells(text) for text, _ in values) + cells(element.title) + len(pad) <= block.width:
            block.line((f"{pad}{element.title}", layer_style(number)), *values)
            return
    block.line((f"{pad}{element.title}", layer_style(number)), (f"  {size_text(element.size)}", "note"))
    names = max((len(field.name) for field in element.fields), default=0)
    if len(pad) > block.width // 2:  # elements inside elements inside elements
        pad = pad[: block.width // 2]
    _fields(block, element.fields, min(names, WIDEST_NAME), f"{pad}  ", number)


def _heading(block: Block, pad: str, title: str, facts: str, style: str) -> None:
    """The name of a part at the left, its size at the right, a line between."""
    title = safe_text(title)
    room = block.width - len(pad) - len(facts) - 5
    title = fit(title, min(cells(title), room))
    rule = "─" * max(2, room + 2 - cells(title))
    block.line((f"{pad}{title} ", "head"), (f"{rule} ", "note"), (facts, style))


def _payload(block: Block, what: str, offset: int, data: bytes, whole: int, pad: str) -> None:
    facts = f"{size_text(len(data))}, {share_text(len(data), whole)} of the frame"
    _heading(block, pad, what, facts, "head")
    if what.startswith("padding"):
        return
    preview = data[:PREVIEW_BYTES]
    shown = safe_text(preview) + ("…" if len(data) > PREVIEW_BYTES else "")
    if _is_text(preview):
        block.wrapped((f"{pad}  ", ""), (shown, ""), hang=len(pad) + 2)
        return
    shown = preview[:32].hex(" ") + (" …" if len(data) > 32 else "")
    block.wrapped((f"{pad}  ", ""), (shown, ""), hang=len(pad) + 2)


def _is_text(data: bytes) -> bool:
    readable = sum(32 <= byte < 127 or byte in (9, 10, 13) for byte in data)
    return readable >= 0.8 * len(data)


def _foreign(block: Block, layer: ForeignLayer, pad: str) -> None:
    """A layer that another library took apart."""
    _heading(block, pad, layer.title, f"{size_text(layer.size)}, read by {layer.source}", "note")
    names = min(max((len(name) for name, _ in layer.fields), default=0), WIDEST_NAME)
    for name, text in layer.fields:
        block.wrapped((f"{pad}  {name:<{names}}  ", "name"), (text, "value"), hang=len(pad) + names + 4)
