"""What can be drawn of a capture: traffic over time, and how one TCP connection went."""

from dataclasses import dataclass
from typing import BinaryIO, Literal

from packetlab.analysis.filter import Filter
from packetlab.analysis.rates import rates
from packetlab.capture.damage import Damage
from packetlab.capture.source import CapturePath
from packetlab.show.plots import Series

What = Literal["io", "rtt", "sequence", "throughput", "window"]


@dataclass(frozen=True, slots=True)
class Curves:
    """Series that belong on one plot, and what to write on it."""

    title: str
    x_label: str
    y_label: str
    series: tuple[Series, ...]
    stream: int | None = None
    """The TCP connection that is shown."""
    damage: tuple[Damage, ...] = ()


def curves(
    source: CapturePath | BinaryIO,
    what: What = "io",
    where: Filter | None = None,
    *,
    stream: int | None = None,
    interval: float | None = None,
    packets: bool = False,
) -> Curves:
    """The curves of one kind. `stream`: for all but "io", which connection; by default the largest."""
    if what == "io":
        return _io(source, where, interval, packets)
    from packetlab.analysis.tcp_curves import tcp_curves

    return tcp_curves(source, what, where, stream)


def _io(source: CapturePath | BinaryIO, where: Filter | None, interval: float | None, packets: bool) -> Curves:
    found = rates(source, where, interval=interval)
    values = found.packets_per_second if packets else found.bits_per_second
    per = f"in intervals of {found.interval:g} s"
    return Curves(
        f"Traffic over time, {per}", "seconds after the first packet", "packets/s" if packets else "bit/s",
        (Series("packets/s" if packets else "bit/s", found.time, values, "bars"),), None, found.damage,
    )  # fmt: skip
