"""What a userspace wire does to frames, as declared: `{delay: 10ms, loss: 1%, rate: 10Mbit, drop: [3]}`.

Values are written as people write them; wrong ones are a UsageError that says which and how to write it.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from packetlab.model.errors import UsageError
from packetlab.net.relay import MATCHES

MOST_COUNTS = 4096
"""Frames that are named one by one."""
_TIMES = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}
_RATES = {"bit": 1, "kbit": 10**3, "mbit": 10**6, "gbit": 10**9}
_SIZES = {"": 1, "b": 1, "kb": 1000, "kib": 1024, "mb": 10**6, "mib": 1 << 20}
_NUMBER = re.compile(r"\s*(\d+(?:\.\d+)?|\.\d+)\s*([a-zµ%/]*)\s*", re.I)


@dataclass(frozen=True, slots=True)
class Impairment:
    """What happens to each frame in each direction, in this order: drop, lose, corrupt, duplicate, queue, delay."""

    delay: float = 0.0
    """Seconds from end to end, one way."""
    jitter: float = 0.0
    """Seconds: the delay varies evenly by up to this much both ways, without changing the order."""
    loss: float = 0.0
    """Part of the frames that is lost, 0 to 1."""
    duplicate: float = 0.0
    reorder: float = 0.0
    """Part of the frames that overtake those being delayed."""
    corrupt: float = 0.0
    """Part of the frames in which one bit is flipped."""
    rate: float = 0.0
    """Bits per second; 0 is without limit."""
    queue: int = 100_000
    """Bytes that wait for their turn at `rate`; what does not fit is dropped."""
    drop: tuple[int, ...] = ()
    """Which of the frames that match `match` are dropped, counted from 1 in each direction; -7: every seventh."""
    flip: tuple[int, ...] = ()
    """Which of the frames that match `match`, dropped ones too, have one bit of their second half flipped."""
    match: str = ""
    """Which frames `drop` and `flip` count: "tcp-data", "tcp-syn", "tcp", "udp", "icmp", "arp", "ip", or all."""
    toward: str = ""
    """Impair only frames towards this node; both ways by default."""
    pad: bool = False
    """Pad short frames with zeros to 60 bytes, as an Ethernet card does; the receiver sees them."""
    fcs: bool = False
    """In the wire's own trace, append the frame check sequence."""
    seed: int = 1

    @property
    def is_plain(self) -> bool:
        """Whether this is no more than a cable."""
        return self == Impairment()

    def ways(self, near: str, far: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """What the relay is told for frames towards `far` and for those towards `near`."""
        options = {name: list(value) if name in ("drop", "flip") else value for name, value in asdict(self).items()}
        return ({} if self.toward == near else options), ({} if self.toward == far else options)


def _amount(text: object, units: Mapping[str, float], example: str, name: str, where: str) -> float:
    found = _NUMBER.fullmatch(str(text))
    unit = found[2].lower().replace("µ", "u") if found else None
    if found is None or unit is None or (unit not in units and not (unit == "" and float(found[1]) == 0)):
        raise UsageError(f"{where}{name}: {str(text)!r} is not understood", remedy=f"write it as {example}")
    return float(found[1]) * units.get(unit, 1)


def _part(text: object, name: str, where: str) -> float:
    part = _amount(text, {"": 1.0, "%": 0.01}, "1% or 0.01", name, where)
    if part > 1:
        raise UsageError(f"{where}{name}: {text} is more than all", remedy="write a part as 1% or 0.01")
    return part


def read_flag(text: object, name: str, where: str = "") -> bool:
    """ "true", "yes", "on", or their contrary."""
    words = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
    if str(text).lower() not in words:
        raise UsageError(f"{where}{name}: {text!r} is neither true nor false", remedy=f"as {name}: true")
    return words[str(text).lower()]


def _counts(value: object, name: str, where: str) -> tuple[int, ...]:
    every = re.fullmatch(r"\s*every\s+(\d+)\s*", str(value), re.I)
    if every and int(every[1]):
        return (-int(every[1]),)
    numbers = value if isinstance(value, list | tuple) else str(value).replace(",", " ").split()
    if not all(str(number).isdecimal() and int(str(number)) > 0 for number in numbers):
        raise UsageError(f"{where}{name}: {value!r} are not numbers from 1 on", remedy="as [3] or [1, 4] or every 7")
    if len(numbers) > MOST_COUNTS:
        raise UsageError(f"{where}{name}: {len(numbers)} numbers are more than {MOST_COUNTS}", remedy="as every 7")
    return tuple(int(str(number)) for number in numbers)


def _match(value: object, name: str, where: str) -> str:
    if str(value) not in MATCHES:
        raise UsageError(f"{where}{name}: {value!r} is unknown", remedy=f"there are: {', '.join(MATCHES)}")
    return str(value)


_READERS: dict[str, Callable[[Any, str, str], Any]] = {
    "delay": lambda value, name, where: _amount(value, _TIMES, "10ms", name, where),
    "jitter": lambda value, name, where: _amount(value, _TIMES, "2ms", name, where),
    "loss": _part,
    "duplicate": _part,
    "reorder": _part,
    "corrupt": _part,
    "rate": lambda value, name, where: _amount(value, _RATES, "10Mbit", name, where),
    "queue": lambda value, name, where: int(_amount(value, _SIZES, "64kB", name, where)),
    "drop": _counts,
    "flip": _counts,
    "match": _match,
    "toward": lambda value, name, where: str(value),
    "pad": read_flag,
    "fcs": read_flag,
    "seed": lambda value, name, where: int(_amount(value, {"": 1}, "7", name, where)),
}


def read_impairment(options: Mapping[str, Any], where: str = "") -> Impairment:
    """The Impairment for options such as {"delay": "10ms", "loss": 0.01}; bare numbers are seconds and bits/s."""
    known = [one.name for one in fields(Impairment)]
    values: dict[str, Any] = {}
    for name, value in options.items():
        if name not in _READERS:
            raise UsageError(f"{where}a wire has no {name!r}", remedy=f"there are: {', '.join(known)}")
        if name in ("delay", "jitter", "rate") and isinstance(value, int | float) and not isinstance(value, bool):
            values[name] = float(value)
        else:
            values[name] = _READERS[name](value, name, where)
    found = Impairment(**values)
    if found.delay > 60 or found.jitter > found.delay > 0 or (found.jitter and not found.delay):
        raise UsageError(f"{where}the delay must be at most 60 s and the jitter no more than it", remedy="delay: 10ms")
    return found
