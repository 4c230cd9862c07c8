"""Making a Frame at a quarter of the cost of its constructor, for loops that make millions.

A frozen dataclass sets each slot through `object.__setattr__`. Here the slots of an ordinary class with the same
layout are filled and the object then becomes a Frame; CPython allows it because base and slots are the same.
"""

from typing import Any

from packetlab.model.frame import Direction, Frame


class _Draft:
    __slots__ = Frame.__slots__


_new = _Draft.__new__


def quick_frame(
    data: bytes,
    time: int,
    wire_length: int,
    link_type: int,
    interface: str,
    direction: Direction,
    number: int,
    comment: str,
) -> Frame:
    """The same as Frame(...) with these values."""
    frame: Any = _new(_Draft)
    frame.data = data
    frame.time = time
    frame.wire_length = wire_length
    frame.link_type = link_type
    frame.interface = interface
    frame.direction = direction
    frame.number = number
    frame.comment = comment
    frame.checksum_ready = True
    frame.__class__ = Frame
    return frame  # type: ignore[no-any-return]
