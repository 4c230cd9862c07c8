"""What a finding is, and the notebook in which the detectors write: one entry per kind and endpoints, bounded."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")

MOST_NUMBERS = 20
"""Packet numbers that a finding lists; `count` goes on."""
MOST_OF_A_KIND = 500
"""Findings of one kind that are told apart; any more are one, "others"."""
OTHERS = "others"
MOST_TEXT = 160
"""Characters that say what a finding is about."""


@dataclass(frozen=True, slots=True)
class Kind:
    """Something that can be found, and what to say about it; written down once, next to its detector."""

    name: str
    severity: Severity
    layer: str
    title: str
    explanation: str
    """What it means, for somebody who has not met it before."""
    advice: str
    """What to look at next."""
    filter: str = ""
    """A display filter that shows such packets and what is around them."""


@dataclass(slots=True)
class Finding:
    """Something that deserves attention: one kind of it between the same endpoints."""

    of: Kind
    about: str
    """Endpoints or whatever else it is about: "10.0.0.1 -> 10.0.0.9", "example.test"."""
    packets: list[int] = field(default_factory=list)
    """Numbers of the first MOST_NUMBERS packets."""
    count: int = 0
    """How many packets or times in all."""
    detail: str = ""
    """One short sentence about this one."""

    @property
    def kind(self) -> str:
        return self.of.name

    @property
    def severity(self) -> Severity:
        return self.of.severity

    @property
    def layer(self) -> str:
        return self.of.layer

    @property
    def title(self) -> str:
        return self.of.title

    @property
    def explanation(self) -> str:
        return self.of.explanation

    @property
    def next(self) -> str:
        """What to look at next."""
        return self.of.advice

    def as_dict(self) -> dict[str, object]:
        """For JSON and tables."""
        return {
            "severity": self.severity, "kind": self.kind, "layer": self.layer, "title": self.title, "about": self.about,
            "detail": self.detail, "count": self.count, "packets": list(self.packets), "explanation": self.explanation,
            "next": self.next, "filter": self.of.filter,
        }  # fmt: skip


class Notebook:
    """Where detectors write what they see."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], Finding] = {}
        self._kinds: dict[str, int] = {}
        self.reported: set[tuple[bytes, bytes]] = set()
        """(source, destination) of packets that a router complained about: no reply to them is no news."""

    def add(self, kind: Kind, about: str, number: int | None = None, *, count: int = 1, detail: str = "") -> Finding:
        """Note that it happened (again), in that packet."""
        about = about if len(about) <= MOST_TEXT else about[: MOST_TEXT - 1] + "…"
        finding = self._found.get((kind.name, about))
        if finding is None:
            if self._kinds.get(kind.name, 0) >= MOST_OF_A_KIND and about != OTHERS:
                return self.add(kind, OTHERS, number, count=count)
            self._kinds[kind.name] = self._kinds.get(kind.name, 0) + 1
            finding = self._found[kind.name, about] = Finding(kind, about)
        finding.count += count
        if number is not None and len(finding.packets) < MOST_NUMBERS:
            finding.packets.append(number)
        if detail:
            finding.detail = detail
        return finding

    def add_all(self, kind: Kind, about: str, numbers: list[int], *, detail: str = "") -> None:
        """Note several packets at once."""
        if numbers:
            finding = self.add(kind, about, None, count=len(numbers), detail=detail)
            finding.packets += numbers[: MOST_NUMBERS - len(finding.packets)]

    def has(self, kind: Kind, about: str) -> bool:
        return (kind.name, about) in self._found

    def ranked(self) -> Iterator[Finding]:
        """The worst first; kinds together, the most frequent kind first, then in the order of their first packets."""
        totals: dict[str, int] = {}
        for finding in self._found.values():
            totals[finding.kind] = totals.get(finding.kind, 0) + finding.count
            finding.packets.sort()
        yield from sorted(
            self._found.values(),
            key=lambda one: (
                SEVERITIES.index(one.severity), -totals[one.kind], one.kind, one.about == OTHERS,
                one.packets[0] if one.packets else 0,
            ),
        )  # fmt: skip
