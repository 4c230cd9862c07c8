"""Elements inside headers - options, records - and the headers that may hold them.

An element (TCP's maximum segment size, a DNS record) is declared as a header class of its own, but is no layer:
it stands in a field of variable length of another header, or of another element. Columns cannot see it; packets
that hold a possible holder are asked one by one.
"""

from collections.abc import Iterator
from functools import cache

from packetlab.model.fields import Items
from packetlab.model.header import Header


@cache
def _contents() -> dict[type[Header], set[type[Header]]]:
    """Per class of elements, and base of a family of them, the classes with a field of such elements."""
    import packetlab.protocols  # noqa: F401

    found: dict[type[Header], set[type[Header]]] = {}
    for cls in Header.subclasses:
        for spec in cls.fields:
            if isinstance(spec.variable, Items):
                of = spec.variable.of
                found.setdefault(of if isinstance(of, type) else of(), set()).add(cls)
    return found


@cache
def holders(cls: type[Header]) -> tuple[type[Header], ...]:
    """The headers in which an element of this class may stand; none where the class is no element."""
    found: set[type[Header]] = set()
    seen, queue = {cls}, [cls]
    while queue:
        one = queue.pop()
        for base, around in _contents().items():
            if issubclass(one, base):
                found |= around
                queue.extend(around - seen)
                seen |= around
    return tuple(sorted(found, key=lambda one: one.name))


def elements_of(header: Header, cls: type[Header]) -> Iterator[Header]:
    """The elements of a class inside a header, in order; elements of elements behind their own."""
    for spec in header.fields:
        if isinstance(spec.variable, Items):
            value = getattr(header, spec.name)
            for one in value if isinstance(value, tuple) else ():
                if isinstance(one, cls):
                    yield one
                if isinstance(one, Header):
                    yield from elements_of(one, cls)
