"""Every field in plain English: of a packet with its values, or of a protocol or field by name.

The words come from the declarations alone: what a field is for, how it is filled, what its values and flags
mean, where the standard says so, and what Wireshark calls it.
"""

from typing import Any

from packetlab.model.errors import UsageError
from packetlab.model.fields import REQUIRED, FieldSpec, FixedBytes, Length
from packetlab.model.frame import Frame
from packetlab.model.header import ANY, Header
from packetlab.model.packet import Packet
from packetlab.show.block import Block, View, layer_style
from packetlab.show.data import plain
from packetlab.show.figure import byte_offsets, class_figure
from packetlab.show.layers import size_text, why_missing
from packetlab.show.names import Subject, find, protocols
from packetlab.show.safe import safe_text
from packetlab.show.view import (
    FieldView,
    LayerView,
    PacketView,
    field_text,
    how_filled,
    look,
    purpose,
    set_bits,
    title_of,
)

MOST_VALUES = 60
"""Named values of a field that are listed."""


# ---------------------------------------------------------------- a packet


def explain(packet: Packet, frame: Frame | None = None) -> View:
    """Every field of a packet in plain English, with its value and where the standard says so."""
    return explain_of(look(packet, frame))


def explain_of(view: PacketView) -> View:
    """The same of a packet that was looked at already."""

    def make(width: int) -> Block:
        block = Block(width)
        _packet(block, view, 0, 0)
        return block

    return View(make)


def _packet(block: Block, view: PacketView, first: int, indent: int) -> None:
    pad = " " * indent
    for number, layer in enumerate(view.layers):
        if number:
            block.line()
        ref = f" ({layer.header.ref})" if layer.header.ref else ""
        block.line((f"{pad}{layer.title}", layer_style(first + number)), (f"  {size_text(layer.size)}{ref}", "note"))
        if layer.purpose:
            block.wrapped((f"{pad}  {layer.purpose}", ""), hang=indent + 2)
        _fields(block, layer.fields, indent + 2, layer.header.ref)
        for fault in layer.faults:
            why = why_missing(view, fault)
            block.wrapped((f"{pad}  {'·' if why else '✗'} {fault}{why}", "note" if why else "bad"), hang=indent + 4)
    if view.quoted is not None:
        block.line()
        block.wrapped((f"{pad}The error quotes the packet that caused it:", "head"), hang=indent)
        _packet(block, view.quoted, first + len(view.layers), indent + 2)
    elif view.foreign:
        for one in view.foreign:
            block.line()
            facts = f"  {size_text(one.size)}, read by {one.source}"
            block.wrapped((f"{pad}{one.title}", "head"), (facts, "note"), hang=indent + 2)
            for name, text in one.fields:
                block.wrapped((f"{pad}  {name} = ", "name"), (text, "value"), hang=indent + 6)
    elif view.payload:
        block.line()
        words = "Bytes that packetlab does not read further, as the layer above carries them."
        block.line((f"{pad}payload", "head"), (f"  {size_text(len(view.payload))}", "note"))
        block.wrapped((f"{pad}  {words}", ""), hang=indent + 2)


def _fields(block: Block, fields: tuple[FieldView, ...], indent: int, around: str) -> None:
    pad = " " * indent
    for field in fields:
        pieces = [(f"{pad}{field.name} = ", "name"), (field.text, "value")]
        if field.meaning:
            pieces.append((f"  {field.meaning}", "meaning"))
        block.wrapped(*pieces, hang=indent + 4)
        ref = f" [{field.spec.ref}]" if field.spec.ref and field.spec.ref != around else ""
        block.wrapped((f"{pad}    {field.spec.text}", ""), (ref, "note"), hang=indent + 4)
        for name, size, text in field.flags:
            shown = name if size == 1 else f"{name} = {size}"
            block.wrapped((f"{pad}    {shown}: ", "value"), (text, ""), hang=indent + 8)
        if field.automatic:
            block.wrapped((f"{pad}    filled by packetlab: {field.automatic}", "auto"), hang=indent + 8)
        for check in field.checks:
            if check.verdict != "right":
                block.wrapped((f"{pad}    {check.text}", "note" if check.ok else "bad"), hang=indent + 8)
        for element in field.elements:
            _element(block, element, min(indent + 4, 40))
        if field.left_out:
            block.line((f"{pad}    … and {field.left_out} more", "note"))


def _element(block: Block, element: LayerView, indent: int) -> None:
    words = f"  {element.purpose}" if element.purpose else ""
    ref = f" [{element.header.ref}]" if element.header.ref else ""
    block.wrapped((f"{' ' * indent}{element.title}", "head"), (words, ""), (ref, "note"), hang=indent + 2)
    _fields(block, element.fields, indent + 2, element.header.ref)


# ---------------------------------------------------------------- by name


def explain_name(text: str) -> View:
    """A protocol, field or flag by packetlab's or Wireshark's name; "tcp.flags=0x12" explains that value.

    UsageError, with the nearest names, where there is no such thing.
    """
    name, equals, value = text.partition("=")
    found = find(name)

    def make(width: int) -> Block:
        block = Block(width)
        if len(found) > 3:
            block.wrapped((f"{safe_text(name)} is a name in {len(found)} places; ask for one of them:", "head"))
            for subject in found:
                words = (
                    subject.flag.text
                    if subject.flag
                    else subject.field.text
                    if subject.field
                    else purpose(subject.header)
                )
                block.wrapped((f"  {subject.name}  ", "name"), (words, ""), hang=6)
            return block
        for number, subject in enumerate(found):
            if number:
                block.line()
            _subject(block, subject, _number(value) if equals else None)
        return block

    return View(make)


def _words(subject: Subject) -> str:
    if subject.flag is not None:
        return subject.flag.text
    return subject.field.text if subject.field is not None else purpose(subject.header)


def _number(text: str) -> int:
    try:
        return int(text, 0)
    except ValueError:
        raise UsageError(
            f"{safe_text(text, limit=40)!r} is no number", remedy="write tcp.flags=0x12 or ipv4.ttl=64"
        ) from None


def _subject(block: Block, subject: Subject, value: int | None) -> None:
    if subject.flag is not None and subject.field is not None:
        flag = subject.flag
        block.line(
            (subject.name, "layer0"), (f"  flag {int(flag):#x} of {subject.header.name}.{subject.field.name}", "note")
        )
        block.wrapped((f"  {flag.text}", ""), hang=2)
        _facts(block, [("Wireshark", flag.wireshark or f"no name: {flag.unnamed}"),
                       ("Written in", subject.field.ref or subject.header.ref)])  # fmt: skip
    elif subject.field is not None:
        _explain_field(block, subject.header, subject.field, value)
    else:
        _explain_header(block, subject.header)


def _facts(block: Block, facts: list[tuple[str, str]]) -> None:
    width = max((len(name) for name, _ in facts), default=0)
    for name, text in facts:
        if text:
            block.wrapped((f"  {name:<{width}}  ", "name"), (text, ""), hang=width + 4)


def field_facts(header: type[Header], spec: FieldSpec) -> list[tuple[str, str]]:
    """What is known of a field: place and size, how it is filled, its default, names, standard."""
    size = f"{spec.width} bit" + ("s" if spec.width != 1 else "") if spec.width else "length not fixed"
    if spec.width and spec.width % 8 == 0:
        size = size_text(spec.width // 8)
    place = byte_offsets(header).get(spec.name)
    if place is not None:
        size += f", at byte {place} of the {title_of(header)} header"
    facts = [("Size", size)]
    if spec.scale != 1:
        facts.append(("Unit", f"stored in units of {spec.scale}" + (f" {spec.unit}" if spec.unit else "")))
    elif spec.unit:
        facts.append(("Unit", spec.unit))
    if isinstance(spec.fill, Length) and spec.fill.zero_is_rest:
        facts.append(("Zero", "means: all that is there"))
    if spec.fill is not None:
        facts.append(("Filled", f"{how_filled(spec)}; a value given by hand is kept"))
    elif spec.default is REQUIRED:
        facts.append(("Filled", "by you: it has no default"))
    else:
        facts.append(("Default", _default_text(spec)))
    if spec.when is not None:
        facts.append(("Present", "only where other fields of the header say so"))
    facts.append(
        ("Wireshark", ", ".join((spec.wireshark, *spec.also)) if spec.wireshark else f"no name: {spec.unnamed}")
    )
    facts.append(("Written in", spec.ref or header.ref))
    return facts


def _default_text(spec: FieldSpec) -> str:
    value = spec.default
    if isinstance(spec.kind, FixedBytes) and not isinstance(value, bytes):
        return safe_text(str(value))
    text, meaning = field_text(spec, value)
    return f"{text} ({meaning})" if meaning else text


def _explain_field(block: Block, header: type[Header], spec: FieldSpec, value: int | None) -> None:
    block.line((f"{header.name}.{spec.name}", "layer0"), (f"  a field of {title_of(header)}", "note"))
    block.wrapped((f"  {spec.text}", ""), hang=2)
    if value is not None:
        if spec.width is None or not 0 <= value < 1 << spec.width:
            bits = f"it has {spec.width} bits" if spec.width else "it holds no number"
            raise UsageError(f"{header.name}.{spec.name} cannot hold {value}", remedy=bits)
        text, meaning = field_text(spec, value)
        block.wrapped(("  here: ", "name"), (text, "value"), (f"  {meaning}", "meaning"), hang=4)
        for name, size, words in set_bits(spec, value):
            block.wrapped((f"    {name if size == 1 else f'{name} = {size}'}: ", "value"), (words, ""), hang=6)
        return
    _facts(block, field_facts(header, spec))
    if spec.bits:
        block.line(("  Flags", "name"))
        for bit in spec.bits:
            wireshark = f"  {bit.wireshark}" if bit.wireshark else ""
            block.wrapped(
                (f"    {int(bit):#05x} {bit.name:<4} ", "value"), (bit.text, ""), (wireshark, "note"), hang=15
            )
    if spec.values:
        block.line(("  Values", "name"))
        for number, (raw, words) in enumerate(spec.values.items()):
            if number == MOST_VALUES:
                block.line((f"    … and {len(spec.values) - MOST_VALUES} more", "note"))
                break
            shown = f"0x{raw:0{-(-(spec.width or 8) // 4)}x}" if spec.base == "hex" else str(raw)
            block.wrapped((f"    {shown:>6}  ", "value"), (words, ""), hang=12)


def _explain_header(block: Block, header: type[Header]) -> None:
    block.line((title_of(header), "layer0"), (f"  {header.ref}", "note"))
    block.wrapped((f"  {purpose(header)}", ""), hang=2)
    facts = [("Name", header.name), ("Wireshark", header.wireshark)]
    rides = [_ride(carrier, keys) for carrier, keys in header.rides.items()]
    facts.append(("Rides on", ", ".join(rides)))
    carried = dict.fromkeys(title_of(inner) for inner in header.table.values())
    facts.append(("Carries", ", ".join(carried)))
    if header.family_base is header:
        members = dict.fromkeys(title_of(one) for one in header.members.values())
        facts.append(("Kinds", ", ".join(members)))
    _facts(block, facts)
    if header.fields:
        block.extend(class_figure(header, block.width))
        for spec in header.fields:
            size = f"{spec.width} bit{'s' if spec.width != 1 else ''}" if spec.width else "variable"
            block.wrapped((f"  {spec.name}", "name"), (f" ({size}): ", "note"), (spec.text, ""), hang=6)


def _ride(carrier: Any, keys: Any) -> str:
    numbers = [key for key in (keys if isinstance(keys, tuple) else (keys,)) if key != ANY]
    if not numbers:
        return f"{carrier.__name__} (recognised by its bytes)"
    hexadecimal = any(spec.base == "hex" and spec.fill is not None for spec in carrier.fields if "type" in spec.name)
    shown = ", ".join(f"{key:#06x}" if hexadecimal else str(key) for key in numbers)
    return f"{carrier.__name__} ({shown})"


def explain_all() -> View:
    """Every protocol that packetlab knows, one line each."""

    def make(width: int) -> Block:
        block = Block(width)
        for header in protocols():
            block.wrapped((f"{header.name:<19} ", "name"), (purpose(header), ""), (f"  {header.ref}", "note"), hang=20)
        return block

    return View(make)


def name_dict(text: str) -> list[dict[str, Any]]:
    """What `explain_name` says, as plain data: one entry for each subject of that name."""
    name, equals, value = text.partition("=")
    made = []
    for subject in find(name):
        one: dict[str, Any] = {"name": subject.name, "protocol": subject.header.name, "ref": subject.header.ref}
        if subject.flag is not None:
            one |= {
                "kind": "flag",
                "text": subject.flag.text,
                "mask": int(subject.flag),
                "wireshark": subject.flag.wireshark,
            }
        elif subject.field is not None:
            one |= {"kind": "field", **_spec_dict(subject.header, subject.field)}
            if equals:
                shown, meaning = field_text(subject.field, _number(value))
                one["value"] = {"raw": _number(value), "text": shown, "meaning": meaning}
        else:
            one |= {"kind": "protocol", "title": title_of(subject.header), "text": purpose(subject.header),
                    "wireshark": subject.header.wireshark,
                    "fields": [_spec_dict(subject.header, spec) for spec in subject.header.fields]}  # fmt: skip
        made.append(one)
    return made


def _spec_dict(header: type[Header], spec: FieldSpec) -> dict[str, Any]:
    made: dict[str, Any] = {
        "field": spec.name, "text": spec.text, "bits": spec.width, "offset": byte_offsets(header).get(spec.name),
        "wireshark": spec.wireshark, "ref": spec.ref or header.ref,
    }  # fmt: skip
    if spec.fill is not None:
        made["filled"] = how_filled(spec)
    elif spec.default is not REQUIRED:
        made["default"] = plain(spec.default)
    if spec.values:
        made["values"] = {str(raw): words for raw, words in spec.values.items()}
    if spec.bits:
        made["flags"] = [
            {"name": bit.name, "mask": int(bit), "text": bit.text, "wireshark": bit.wireshark} for bit in spec.bits
        ]
    return made


def protocol_dicts() -> list[dict[str, Any]]:
    """Every protocol that packetlab knows, in brief."""
    return [
        {"name": header.name, "title": title_of(header), "text": purpose(header), "ref": header.ref}
        for header in protocols()
    ]
