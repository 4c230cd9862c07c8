"""One pass over a capture by one process or several, with the same result.

A collector takes chunks (`add`) and takes over what another collector gathered of the packets behind its own
(`append`). A large file is cut into parts; this process reads the first, forked ones the others. Where a part
begins is a guess: it is believed only if the part before ended exactly there, else what follows is read again.

A stream is read to its end; the first Ctrl-C only says that it is time to finish, because in
`tcpdump -w - | packetlab pcap summary -` the writer hears it too and hands over what it still holds.
"""

import gc
import os
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Protocol, Self, TypeVar

from packetlab.analysis.filter import Filter, parse
from packetlab.analysis.plan import Column
from packetlab.capture.damage import Damage
from packetlab.capture.index import CaptureIndex, Chunk, Part, parts
from packetlab.capture.sections import Comment, Interface, Statistics
from packetlab.capture.source import CapturePath

PIECE = 1 << 15
"""Packets that are worked on together: few enough for their columns to stay in the processor's cache."""
LEAST_PART = 1 << 25
"""Bytes of a file that are worth a process."""
MOST_PROCESSES = 16
_PATIENCE = 0.5
"""Seconds that a stream is still read after Ctrl-C."""


class Collector(Protocol):
    """What can gather packets, and join another of its kind."""

    def add(self, chunk: Chunk, chosen: Column | None = None) -> None: ...

    def append(self, other: Self, packets_before: int) -> None: ...


Kind = TypeVar("Kind", bound=Collector)


@dataclass(slots=True)
class Told:
    """What a capture says besides its packets, and how reading it went."""

    name: str = ""
    description: str = ""
    packets: int = 0
    """All that were read, chosen or not."""
    interfaces: list[Interface] = field(default_factory=list)
    comments: list[Comment] = field(default_factory=list)
    statistics: list[Statistics] = field(default_factory=list)
    damage: list[Damage] = field(default_factory=list)
    landed: int | None = None
    interfaces_changed: bool = False
    interrupted: bool = False


def gather(
    source: CapturePath | BinaryIO,
    make: Callable[[], Kind],
    where: Filter | None = None,
    *,
    processes: int | None = None,
    advance: Callable[[float], None] | None = None,
) -> tuple[Kind, Told]:
    """All packets of a capture (those for which `where` holds) in a collector that `make` made.

    `make` must give collectors that can be joined. `processes`: as many as there are cores if not given; small
    files, streams, and filters that look at packet numbers take one. `advance` hears how far it is, 0 to 1.
    """
    cut = _cut(source, where, processes)
    if len(cut) > 1:
        found = _shared(source, make, where, cut, advance)
        if found is not None:
            return found
    return _read(source, make(), where, Part(0, None), advance)


def _cut(source: CapturePath | BinaryIO, where: Filter | None, processes: int | None) -> list[Part]:
    count = min(processes or _cores(), MOST_PROCESSES)
    by_place = where is not None and ("frame.number" in where.text or "frame.time_relative" in where.text)
    if count < 2 or by_place or not isinstance(source, str | os.PathLike) or str(source) == "-":
        return [Part(0, None)]
    if not hasattr(os, "fork") or not Path(source).is_file():
        return [Part(0, None)]
    return parts(source, count, least=LEAST_PART if processes is None else 1 << 16)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _read(
    source: CapturePath | BinaryIO,
    collector: Kind,
    where: Filter | None,
    part: Part,
    advance: Callable[[float], None] | None = None,
) -> tuple[Kind, Told]:
    """One part, by this process."""
    told = Told()
    first_time: int | None = None
    with CaptureIndex(source, part=part) as index, _finishing(str(source) == "-") as finish:
        for chunk in finish.chunks(index):
            if first_time is None and len(chunk):
                first_time = int(chunk.packets.time[0])
            for piece in chunk.pieces(PIECE):
                collector.add(piece, where.select(piece, first_time or 0) if where else None)
            if advance:
                advance(index.done)
        told.name, told.description, told.packets = index.name, index.description, index.packets_read
        told.interfaces, told.comments = list(index.interfaces), list(index.comments)
        told.statistics, told.damage = list(index.statistics), list(index.damage)
        told.landed, told.interfaces_changed = index.landed, index.interfaces_changed
        told.interrupted = finish.interrupted
    return collector, told


class _Finish:
    """Ends a stream after Ctrl-C: when the writer ends it, or soon, or at the second Ctrl-C."""

    def __init__(self) -> None:
        self.since = 0.0
        self.waiting = False
        self.again = False

    @property
    def interrupted(self) -> bool:
        return self.since > 0

    def heard(self, *_: Any) -> None:
        self.again, self.since = self.interrupted, self.since or time.monotonic()
        if self.again and self.waiting:
            raise KeyboardInterrupt

    def chunks(self, index: CaptureIndex) -> Iterator[Chunk]:
        chunks = iter(index)
        while not self.again and (not self.interrupted or time.monotonic() - self.since < _PATIENCE):
            try:
                self.waiting = True
                chunk = next(chunks, None)
                self.waiting = False
            except KeyboardInterrupt:
                if not self.interrupted:
                    raise
                return
            if chunk is None:
                return
            yield chunk


@contextmanager
def _finishing(is_stream: bool) -> Iterator[_Finish]:
    finish = _Finish()
    if not is_stream or threading.current_thread() is not threading.main_thread():
        yield finish
        return
    before = signal.signal(signal.SIGINT, finish.heard)
    try:
        yield finish
    finally:
        signal.signal(signal.SIGINT, before)


# ---------------------------------------------------------------- several processes


def _shared(
    source: CapturePath | BinaryIO,
    make: Callable[[], Kind],
    where: Filter | None,
    cut: list[Part],
    advance: Callable[[float], None] | None,
) -> tuple[Kind, Told] | None:
    """All parts; None where the parts do not fit together and one process must read everything."""
    import multiprocessing

    context = multiprocessing.get_context("fork")
    helpers = []
    for part in cut[1:]:
        receiver, sender = context.Pipe(duplex=False)
        task = (source, make(), where.text if where else None, part, sender)
        helper = context.Process(target=_help, args=task, daemon=True)
        with warnings.catch_warnings():
            # NumPy's own threads hold no lock that the helper needs: it does no linear algebra.
            warnings.simplefilter("ignore", DeprecationWarning)
            helper.start()
        sender.close()
        helpers.append((helper, receiver))
    try:
        mine = None if advance is None else lambda done: advance(min(1.0, done * len(cut)))
        collector, told = _read(source, make(), where, cut[0], mine)
        for (_, receiver), part in zip(helpers, cut[1:], strict=True):
            if told.interfaces_changed:
                return None
            if told.landed != part.start:
                if told.landed is None:
                    break  # the file ended there
                other, more = _read(source, make(), where, Part(told.landed, None))
                _join(collector, told, other, more)
                break
            try:
                answer = receiver.recv()
            except EOFError:
                return None  # the helper died; whatever killed it, one process may still do
            if isinstance(answer, BaseException):
                raise answer
            _join(collector, told, *answer)
        return None if told.interfaces_changed else (collector, told)
    finally:
        for helper, receiver in helpers:
            receiver.close()
            if helper.is_alive():
                helper.join(0.05)
            if helper.is_alive():
                helper.terminate()
            helper.join()


def _help(source: CapturePath, collector: Any, where: str | None, part: Part, answer: Any) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # this process's parent ends it
    gc.disable()  # looking through the parent's objects would copy all of them into this process
    try:
        answer.send(_read(source, collector, parse(where) if where else None, part))
    except BrokenPipeError:
        pass
    except Exception as error:  # it is the parent's to raise
        answer.send(error)


def _join(collector: Any, told: Told, other: Any, more: Told) -> None:
    collector.append(other, told.packets)
    told.packets += more.packets
    told.damage += [one for one in more.damage if one not in told.damage]
    told.comments += [one for one in more.comments if one not in told.comments]
    told.statistics += [one for one in more.statistics if one not in told.statistics]
    told.landed, told.interfaces_changed = more.landed, more.interfaces_changed
