"""What a peer, or the capture, did wrong: data on the packet, never an exception."""

from dataclasses import dataclass
from typing import Literal

Cause = Literal["sender", "capture", "fragment", "quote"]


@dataclass(frozen=True, slots=True)
class Fault:
    """Why decapsulation could not take a header, or a part of it, at its word.

    Everything before `offset` stays decoded.
    """

    layer: str
    """Name of the header in which it happened, such as "IPv4"."""
    offset: int
    """Where, in bytes from the start of the captured data."""
    text: str
    """What is wrong, as a sentence without an end mark."""
    needed: int | None = None
    """Bytes that were needed, where it is a matter of length."""
    had: int | None = None
    """Bytes that were there."""
    field: str = ""
    """The field that said so (needed), or that could not be read."""
    cause: Cause = "sender"
    """Who cut it short: the sender, or the capture, or it is only a fragment or the quote in an ICMP error."""

    def __str__(self) -> str:
        sizes = ""
        if self.needed is not None and self.had is not None:
            sizes = f" (needed {self.needed} bytes, had {self.had})"
        said = f", {self.field}" if self.field else ""
        return f"{self.layer}{said} at byte {self.offset}: {self.text}{sizes}"


class Cut:
    """Stands for the value of a field that lies behind the end of a cut header."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<cut>"

    def __bool__(self) -> bool:
        return False

    def __reduce__(self) -> str:
        return "CUT"


CUT = Cut()
