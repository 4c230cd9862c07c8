"""Findings: one list of what deserves attention in a capture, each with packet numbers, explanation and advice.

One pass over the capture. Per chunk the headers are read as columns once (seen.py) and handed to every detector;
each picks the few rows that matter with NumPy and looks at those alone in Python. What is found is merged - one
finding per kind and endpoints - ranked, and bounded: memory depends on how many endpoints misbehave, not on the
length of the capture. Adding a detector is one class with `take(seen)` and `end()` in a module of its own.
"""

from collections.abc import Callable
from typing import BinaryIO

from packetlab.analysis.filter import Filter
from packetlab.analysis.findings.checksums import Checksums
from packetlab.analysis.findings.credentials import Credentials
from packetlab.analysis.findings.dhcp import DHCPState
from packetlab.analysis.findings.dns import DNSAnswers
from packetlab.analysis.findings.file import CaptureState, damage_found
from packetlab.analysis.findings.finding import SEVERITIES, Finding, Kind, Notebook, Severity
from packetlab.analysis.findings.icmp import Echoes, ICMPErrors
from packetlab.analysis.findings.internet import Fragments, Loops
from packetlab.analysis.findings.link import ARPState, Storms
from packetlab.analysis.findings.loss import Losses
from packetlab.analysis.findings.neighbours import NeighbourState
from packetlab.analysis.findings.seen import Seen
from packetlab.analysis.findings.tcp import Connections
from packetlab.capture.index import chunks
from packetlab.capture.source import CapturePath

__all__ = ["SEVERITIES", "Finding", "Kind", "Severity", "findings"]

DETECTORS = (
    CaptureState,
    Checksums, ARPState, Storms, NeighbourState, ICMPErrors, Echoes, Fragments, Loops, Connections, Losses,
    DHCPState, DNSAnswers, Credentials,
)  # fmt: skip


def findings(
    source: CapturePath | BinaryIO, where: Filter | None = None, *, advance: Callable[[float], None] | None = None
) -> list[Finding]:
    """What deserves attention in a capture, the worst first.

    `where`: only packets for which it holds are looked at (then a question whose answer the filter hides is
    unanswered). `advance` is told how much of the file has been read, from 0 to 1. Errors: CaptureError.
    """
    import packetlab.protocols  # noqa: F401

    notes = Notebook()
    detectors = [detector(notes) for detector in DETECTORS]
    first: int | None = None
    with chunks(source) as index:
        size = index._source.regular_size or 0
        for chunk in index:
            first = int(chunk.packets.time[0]) if first is None else first
            seen = Seen(chunk, where.select(chunk, first) if where is not None else None)
            for detector in detectors:
                detector.take(seen)
            if advance is not None and size:
                advance(int(chunk.packets.offset[-1]) / size)
        damage_found(notes, index.damage)
    for detector in detectors:
        detector.end()
    return list(notes.ranked())
