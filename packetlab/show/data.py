"""A packet as plain dicts, lists, numbers and text: what `--json` prints and programs read.

Numbers are the raw values of the fields, bytes are hex, and `text` and `meaning` say the same for people.
"""

from typing import Any

from packetlab.model.fault import CUT, Fault
from packetlab.model.frame import Frame
from packetlab.model.packet import Packet
from packetlab.show.safe import safe_text
from packetlab.show.summary import endpoints, protocol, summary
from packetlab.show.view import FieldView, LayerView, PacketView, look


def as_dict(packet: Packet, frame: Frame | None = None) -> dict[str, Any]:
    """Everything that is known of a packet, ready for `json.dumps`.

    Keys: summary, source, destination, protocol, length, layers (name, title, ref, offset, length, share,
    fields), payload, quoted, faults, checks; with a frame also number, time, interface, direction,
    wire_length, comment. Offsets count bytes from the start of the frame.
    """
    view = look(packet, frame)
    made: dict[str, Any] = {}
    if frame is not None:
        made |= frame_dict(frame)
    source, target = endpoints(view.packet)
    made |= {"summary": summary(view.packet), "source": source, "destination": target,
             "protocol": protocol(view.packet), "composed": view.composed}  # fmt: skip
    return made | _packet_dict(view)


def frame_dict(frame: Frame) -> dict[str, Any]:
    """What was known when a frame was captured; `time` in seconds since 1970 as text, exact to the nanosecond."""
    seconds, rest = divmod(frame.time, 1_000_000_000)
    return {
        "number": frame.number, "time": f"{seconds}.{rest:09d}", "interface": frame.interface,
        "direction": frame.direction, "link_type": frame.link_type, "wire_length": frame.wire_length,
        "comment": frame.comment,
    }  # fmt: skip


def _packet_dict(view: PacketView) -> dict[str, Any]:
    whole = len(view.data) - view.start
    made: dict[str, Any] = {"offset": view.start, "length": whole}
    made["layers"] = [_layer_dict(layer, len(view.data)) for layer in view.layers]
    if view.quoted is not None:
        made["quoted"] = _packet_dict(view.quoted)
    elif view.payload:
        made["payload"] = {"offset": view.payload_offset, "length": len(view.payload), "hex": view.payload.hex(),
                           "text": safe_text(view.payload)}  # fmt: skip
    if view.foreign:
        made["foreign"] = [
            {"name": one.title, "source": one.source, "offset": one.offset, "length": one.size,
             "fields": [{"name": name, "text": safe_text(text)} for name, text in one.fields]}
            for one in view.foreign
        ]  # fmt: skip
    made["faults"] = [_fault_dict(fault) for fault in view.faults]
    made["checks"] = [
        {"layer": type(one.layer).__name__, "field": one.field.name, "offset": one.offset, "found": one.found,
         "expected": one.expected, "verdict": one.verdict, "ok": one.ok, "text": one.text}
        for one in view.checks
    ]  # fmt: skip
    return made


def _fault_dict(fault: Fault) -> dict[str, Any]:
    return {"layer": fault.layer, "offset": fault.offset, "text": safe_text(fault.text), "field": fault.field,
            "needed": fault.needed, "had": fault.had, "cause": fault.cause}  # fmt: skip


def _layer_dict(layer: LayerView, whole: int) -> dict[str, Any]:
    made: dict[str, Any] = {
        "name": layer.header.name, "title": layer.title, "ref": layer.header.ref, "wireshark": layer.header.wireshark,
        "offset": layer.offset, "length": layer.size, "share": round(layer.size / whole, 4) if whole else 0,
        "fields": [_field_dict(field) for field in layer.fields],
    }  # fmt: skip
    offset, data = layer.trailer
    if data:
        made["trailer"] = {"offset": offset, "length": len(data), "hex": data.hex()}
    return made


def _field_dict(field: FieldView) -> dict[str, Any]:
    spec = field.spec
    made: dict[str, Any] = {
        "name": spec.name, "value": plain(field.value), "text": field.text, "meaning": field.meaning,
        "bit_offset": field.bit_offset, "bit_length": field.bit_length, "wireshark": spec.wireshark,
    }  # fmt: skip
    if field.value is CUT:
        made["cut"] = True
    if field.flags:
        made["flags"] = [{"name": name, "value": value, "meaning": text} for name, value, text in field.flags]
    if field.automatic:
        made["automatic"] = field.automatic
    if field.checks:
        made["verdict"] = field.checks[0].verdict
    if field.elements:
        made["elements"] = [
            {"name": one.header.name, "title": one.title, "offset": one.offset, "length": one.size,
             "fields": [_field_dict(inner) for inner in one.fields]}
            for one in field.elements
        ]  # fmt: skip
        del made["value"]
        if field.left_out:
            made["elements_left_out"] = field.left_out
    return made


def plain(value: Any) -> Any:
    """A field's value as JSON knows it: bytes as hex, sequences as lists, what is cut or automatic as null."""
    if value is None or value is CUT:
        return None
    if isinstance(value, bool | int | float):
        return value
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    if isinstance(value, tuple | list):
        return [plain(one) for one in value]
    if isinstance(value, str):
        return safe_text(value)
    return safe_text(str(value))


def brief_dict(packet: Packet, frame: Frame) -> dict[str, Any]:
    """One line of a list as plain data."""
    source, target = endpoints(packet)
    return frame_dict(frame) | {
        "source": source, "destination": target, "protocol": protocol(packet), "length": len(frame.data),
        "summary": summary(packet),
    }  # fmt: skip
