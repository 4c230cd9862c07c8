"""Packets written as a short expression, read safely: header classes, literals and `/`, nothing else.

    Ethernet(dst="ff:ff:ff:ff:ff:ff") / ARP(operation=1, ...) / "text" / b"\\x00" / hex("c0ffee")

It may go over several lines, broken anywhere but inside a text. It is parsed, never run: names are declared headers,
arguments are literals or elements (options, records).
"""

import ast
from typing import Any

from packetlab.model.errors import UsageError
from packetlab.model.header import Header
from packetlab.model.packet import Packet

MAX_TEXT = 65_536


def read_packet(text: str) -> Packet:
    """The packet that an expression or a row of hex digits stands for; UsageError says what is wrong."""
    stripped = "".join(text.split()).replace(":", "")
    if stripped and len(stripped) % 2 == 0 and all(c in "0123456789abcdefABCDEF" for c in stripped):
        return Packet((), bytes.fromhex(stripped))
    if len(text) > MAX_TEXT:
        raise UsageError(f"the expression has more than {MAX_TEXT} characters")
    text = text.strip()
    if "\n" in text:
        text = f"({text}\n)"  # brackets let Python go on in the next line
    try:
        tree = ast.parse(text, mode="eval")
        made = _value(tree.body, text)
    except (SyntaxError, RecursionError, MemoryError) as error:
        where = ""
        if isinstance(error, SyntaxError) and error.offset:
            where = f" in line {error.lineno}" if "\n" in text else f" at column {error.offset}"
        raise UsageError(
            f"the packet cannot be understood{where}: it is neither hex nor an expression",
            remedy='write it as IPv4(src="10.0.0.1", dst="10.0.0.2") / UDP(src_port=1, dst_port=7) / "hello"',
        ) from None
    if isinstance(made, Header):
        return Packet((made,))
    if not isinstance(made, Packet):
        raise UsageError("the expression gives no packet", remedy="begin with a header such as Ethernet(...)")
    return made


def _classes() -> dict[str, type[Header]]:
    import packetlab.protocols  # noqa: F401

    return {cls.__name__: cls for cls in Header.subclasses if cls.__module__.startswith("packetlab.")}


def _value(node: ast.expr, text: str) -> Any:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        outer = _value(node.left, text)
        if not isinstance(outer, Header | Packet):
            raise UsageError("only headers can hold something inside", remedy="begin with a header")
        return outer / _value(node.right, text)
    if isinstance(node, ast.Call):
        return _call(node, text)
    if isinstance(node, ast.Tuple | ast.List):
        return tuple(_value(one, text) for one in node.elts)
    try:
        return ast.literal_eval(node)
    except ValueError:
        what = ast.get_source_segment(text, node) or "this"
        remedy = "headers, numbers, text and bytes can"
        if isinstance(node, ast.Name):
            remedy = f"{what}(...) for the header" if what in _classes() else f'text stands in double quotes: "{what}"'
        raise UsageError(f"{what[:60]!r} cannot stand in a packet", remedy=remedy) from None


def _call(node: ast.Call, text: str) -> Any:
    name = node.func.id if isinstance(node.func, ast.Name) else ""
    arguments = [_value(one, text) for one in node.args]
    if name == "hex" and len(arguments) == 1 and isinstance(arguments[0], str):
        try:
            return bytes.fromhex(arguments[0])
        except ValueError:
            raise UsageError(f"{arguments[0][:40]!r} is no row of hex digits") from None
    known = _classes()
    if name not in known:
        import difflib

        near = difflib.get_close_matches(name, known, n=3)
        raise UsageError(f"there is no header {name!r}", remedy=f"did you mean {' or '.join(near)}?" if near else "")
    if arguments or any(keyword.arg is None for keyword in node.keywords):
        raise UsageError(f"{name} takes its values by name", remedy=f"{name}({known[name].fields[0].name}=...)")
    try:
        return known[name](**{str(one.arg): _value(one.value, text) for one in node.keywords})
    except TypeError as error:
        names = ", ".join(spec.name for spec in known[name].fields)
        raise UsageError(f"{name}: {str(error).rpartition('() ')[2]}", remedy=f"its fields are {names}") from None
