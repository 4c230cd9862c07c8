"""Column `protocol`: the name of the innermost header of each packet, as `packetlab pcap list` shows it.

Where the headers of links, networks and transports lie is known from the Scan. What a transport carries is looked
up by its ports; protocols that must recognise their bytes (HTTP) are asked for payloads whose first byte can be
theirs.
"""

from functools import cache
from typing import Any

import numpy as np

from packetlab.analysis.columns import Scan
from packetlab.analysis.plan import Column, plan_of, read_column
from packetlab.analysis.tables.words import words_of
from packetlab.application.http import METHODS
from packetlab.capture.index import Chunk
from packetlab.model.header import Header
from packetlab.transport.tcp import TCP
from packetlab.transport.udp import UDP

_LAYERS = ("packetlab.link.", "packetlab.internet.", "packetlab.transport.", "packetlab.application.vxlan")
_HTTP_STARTS = np.zeros(256, bool)
_HTTP_STARTS[[start[0] for start in (*METHODS, b"HTTP")]] = True


@cache
def layer_classes() -> tuple[type[Header], ...]:
    """The header classes of links, networks and transports; of a family its base."""
    import packetlab.protocols  # noqa: F401
    from packetlab.show.view import is_element

    found = [cls.family_base or cls for cls in Header.subclasses
             if cls.__module__.startswith(_LAYERS) and not is_element(cls)]  # fmt: skip
    return tuple(dict.fromkeys(found))


def protocol_words(chunk: Chunk, scan: Scan) -> Any:
    """The dictionary array; null where packetlab knows no header for the link type."""
    count = len(chunk)
    deepest, code = np.full(count, -1, np.int64), np.full(count, -1, np.int32)
    body, stop = np.zeros(count, np.int64), np.zeros(count, np.int64)
    names: list[str] = []
    for number, cls in enumerate(layer_classes()):
        names.append(cls.__name__)
        for place in scan.places(cls):
            inner = place.at >= deepest[place.rows]
            rows = place.rows[inner]
            deepest[rows], code[rows] = place.at[inner], number
            body[rows], stop[rows] = place.body[inner], place.stop[inner]
    for transport in (TCP, UDP):
        rows = np.flatnonzero((code == layer_classes().index(transport)) & (body < stop))
        if len(rows):
            _inside(chunk, transport, rows, deepest, body, stop, code, names)
    return words_of(code, names, code >= 0)


def _inside(
    chunk: Chunk, transport: type[Header], rows: Column, at: Column, body: Column, stop: Column,
    code: Column, names: list[str],
) -> None:  # fmt: skip
    """Give the rows of one transport the code of what it carries; its name is added to `names`."""
    plan = plan_of(transport)
    assert plan is not None
    head = chunk.heads(plan.size, rows, at[rows])
    left = np.ones(len(rows), bool)

    def settle(mine: Column, cls: type[Header]) -> None:
        name = _shown(cls)
        if name not in names:
            names.append(name)
        code[rows[mine]] = names.index(name)
        left[mine] = False

    for field in plan.next_fields:
        ports = read_column(head, plan.places[field])
        for port in np.unique(ports[left]).tolist():
            cls = transport.table.get(port)
            if cls is not None:
                settle(_accepted(chunk, cls, rows, left & (ports == port), body, stop), cls)
    for cls in transport.guesses:
        settle(_accepted(chunk, cls, rows, left, body, stop), cls)


def _shown(cls: type[Header]) -> str:
    inner = cls.body if cls.name == "dns.length" and cls.body is not None else cls
    return (inner.family_base or inner).__name__


def _accepted(chunk: Chunk, cls: type[Header], rows: Column, mine: Column, body: Column, stop: Column) -> Column:
    """Of the rows of a mask those whose bytes the class takes for its own."""
    if cls.accepts is None:
        return mine
    asked = np.flatnonzero(mine)
    if cls.name == "http":
        asked = asked[_HTTP_STARTS[chunk.heads(1, rows[asked], body[rows[asked]])[:, 0]]]
    taken = np.zeros(len(rows), bool)
    for index in asked.tolist():
        row = int(rows[index])
        taken[index] = cls.accepts(chunk.bytes_of(row), int(body[row]), int(stop[row]))
    return taken
