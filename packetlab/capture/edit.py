"""Editing captures: repair, convert, slice, filter, merge, split, remove duplicates, anonymise.

Each reads its sources frame by frame in flat memory and writes sound files: descriptions of interfaces, names
and secrets are taken along, and a comment in the section of what is written says what was done to which file
(`provenance`). Sources are never changed, and a target appears only when it is complete. `advance` is told now
and then how much of the sources has been read, from 0 to 1. Splitting is in split.py.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from heapq import merge as merge_sorted
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from packetlab.capture.anonymise import Anonymiser, Payload
from packetlab.capture.atomic import appearing
from packetlab.capture.damage import Damage, DamageList
from packetlab.capture.reader import CaptureReader
from packetlab.capture.source import CapturePath
from packetlab.capture.writer import CaptureWriter, Format
from packetlab.model.errors import UsageError
from packetlab.model.frame import Frame

Change = Callable[[Frame], Frame | None]
"""What becomes of a frame; None where it is left out."""
Target = CapturePath | BinaryIO
Advance = Callable[[float], None]
_EVERY = 2048
"""Frames between two messages of how far things are."""


@dataclass(slots=True)
class Edit:
    """What an edit did."""

    read: int = 0
    """Frames read."""
    written: int = 0
    damage: list[Damage] = field(default_factory=list)
    """Damaged places of the sources."""
    files: list[str] = field(default_factory=list)
    """What was written."""
    not_kept: Counter[str] = field(default_factory=Counter)
    """What the format could not hold: how many "comment", "direction" ..."""


class _Enough(Exception):
    """Nothing that follows is wanted."""


class Carrier:
    """Copies frames from readers to a writer, taking along what the readers learn on the way."""

    def __init__(self, writer: CaptureWriter, result: Edit, *, bare: bool = False) -> None:
        self.writer = writer
        self.result = result
        self.bare = bare
        """Without names, secrets and descriptions."""
        self._seen: dict[int, list[int]] = {}

    def learn(self, reader: CaptureReader) -> None:
        """Writes the descriptions, names and secrets that came up since the last time."""
        if reader.layout is not None or self.bare:
            return
        seen = self._seen.setdefault(id(reader), [0, 0, 0])
        if [len(reader.interfaces), len(reader.names), len(reader.secrets)] == seen:
            return
        for interface in reader.interfaces[seen[0] :]:
            self.writer.add_interface(interface)
        self.writer.add_names(reader.names[seen[1] :])
        for secrets in reader.secrets[seen[2] :]:
            self.writer.add_secrets(secrets)
        self._seen[id(reader)] = [len(reader.interfaces), len(reader.names), len(reader.secrets)]

    def finish(self, readers: Iterable[CaptureReader], target: Target) -> None:
        """Sums up."""
        self.result.files.append(name_of(target))
        self.result.written += self.writer.frames_written
        self.result.not_kept += self.writer.not_kept
        for reader in readers:
            self.result.damage += reader.damage


class Opened:
    """A reader of which the first frame was read ahead, so that its first section is known."""

    def __init__(self, source: CapturePath | BinaryIO) -> None:
        self.reader = CaptureReader(source)
        self.first = next(self.reader, None)

    def frames(self, advance: Advance | None = None) -> Iterator[Frame]:
        if self.first is not None:
            yield self.first
        if advance is None:
            yield from self.reader
            return
        for frame in self.reader:
            if frame.number % _EVERY == 0 and (part := self.reader.part_read) is not None:
                advance(part)
            yield frame

    def comments(self) -> list[str]:
        return [comment for section in self.reader.sections[:1] for comment in section.comments]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.reader.close()


def provenance(what: str, sources: Sequence[Target]) -> str:
    """The comment that says how a file came to be: packetlab: anonymised from "x.pcap"."""
    names = ", ".join(f'"{Path(name_of(source)).name}"' for source in sources)
    return f"packetlab: {what} from {names}"


def name_of(source: Target) -> str:
    """What a source or target is called in reports."""
    if isinstance(source, str | os.PathLike):
        return "standard input" if str(source) == "-" else str(source)
    return str(getattr(source, "name", "a stream"))


def refuse_overwriting(target: Target, sources: Iterable[Target]) -> None:
    """UsageError where the target is one of the sources, by whatever name."""
    if not isinstance(target, str | os.PathLike) or str(target) == "-":
        return
    for source in sources:
        if not isinstance(source, str | os.PathLike) or not (Path(target).exists() and Path(source).exists()):
            continue
        if Path(source).samefile(target):
            raise UsageError(f"{target} would overwrite what is being read", remedy="name another file to write")


def copy(
    source: Target,
    target: Target,
    *,
    change: Change | None = None,
    what: str = "copied",
    format: Format | None = None,  # noqa: A002
    bare: bool = False,
    mark_damage: bool = False,
    advance: Advance | None = None,
) -> Edit:
    """Copies a capture, each frame as `change` makes it, and says so in the section's comment.

    bare         without the source's comments, names, secrets and descriptions of interfaces
    mark_damage  the frame behind a damaged place gets a comment that says what was lost before it
    """
    refuse_overwriting(target, [source])
    result = Edit()
    with Opened(source) as opened:
        reader = opened.reader
        comments = [*([] if bare else opened.comments()), provenance(what, [source])]
        with (
            appearing(target) as hidden,
            CaptureWriter(hidden, format=format, comments=comments, link_type=_link_type(reader)) as writer,
        ):
            carrier = Carrier(writer, result, bare=bare)
            marked = 0
            for frame in opened.frames(advance):
                carrier.learn(reader)
                result.read += 1
                if mark_damage and len(reader.damage) > marked:
                    frame = _marked(frame, reader.damage[marked:])
                    marked = len(reader.damage)
                try:
                    kept = change(frame) if change is not None else frame
                except _Enough:
                    result.read -= 1
                    break
                if kept is not None:
                    writer.write(kept)
            carrier.learn(reader)
            if not bare:
                _carry_counts(reader, writer)
        carrier.finish([reader], target)
    return result


def _link_type(reader: CaptureReader) -> int | None:
    """For a pcap file that ends up without frames."""
    return reader.layout.link_type if reader.layout is not None else None


def _marked(frame: Frame, damage: Sequence[Damage]) -> Frame:
    texts = [f"packetlab: before this packet, at {each}" for each in damage]
    return replace(frame, comment="\n".join([*([frame.comment] if frame.comment else []), *texts]))


def _carry_counts(reader: CaptureReader, writer: CaptureWriter) -> None:
    """What the capturing side had dropped."""
    for counted in reader.statistics:
        counts = {
            name: value
            for name in ("dropped_by_interface", "dropped_by_system", "accepted_by_filter")
            if (value := getattr(counted, name)) is not None
        }
        if counts and writer.format == "pcapng":
            interface = reader.interfaces[counted.interface]
            writer.set_statistics(interface.label, interface.link_type, **counts)


def repair(
    source: Target,
    target: Target,
    *,
    format: Format | None = None,  # noqa: A002
    advance: Advance | None = None,
) -> Edit:
    """Writes all that is sound of a damaged capture; comments say before which packets something was lost."""
    return copy(source, target, what="repaired", format=format, mark_damage=True, advance=advance)


def convert(
    source: Target,
    target: Target,
    *,
    format: Format | None = None,  # noqa: A002
    advance: Advance | None = None,
) -> Edit:
    """Writes the same frames in another format; `Edit.not_kept` says what it could not hold."""
    return copy(source, target, what="converted", format=format, advance=advance)


def anonymise(
    source: Target,
    target: Target,
    key: bytes | str,
    *,
    payload: Payload = "keep",
    format: Format | None = None,  # noqa: A002
    advance: Advance | None = None,
) -> Edit:
    """Replaces all addresses under `key` (see anonymise.py); comments, names and secrets are left behind."""
    anonymiser = Anonymiser(key, payload=payload)
    return copy(source, target, change=anonymiser.frame, what="anonymised", format=format, bare=True,
                advance=advance)  # fmt: skip


def cut_out(
    source: Target,
    target: Target,
    *,
    numbers: Sequence[tuple[int, int | None]] = (),
    start: int | None = None,
    stop: int | None = None,
    relative: bool = False,
    where: Callable[[Frame], bool] | None = None,
    what: str = "",
    format: Format | None = None,  # noqa: A002
    advance: Advance | None = None,
) -> Edit:
    """Writes the frames with numbers in some (first, last), times in [start, stop) ns, and for which `where` is true.

    Times count from 1970, or from the first frame where they are `relative`. `what` says in the provenance what
    `where` stands for, such as a display filter's text. Behind the last number nothing more is read.
    """
    if any(low < 1 or (high is not None and high < low) for low, high in numbers):
        raise UsageError("that is no range of packets", remedy="numbers count from 1, and the end follows the start")
    if start is not None and stop is not None and stop <= start:
        raise UsageError("that is no range of times", remedy="the end follows the start")
    last = None if not numbers or any(high is None for _, high in numbers) else max(high or 0 for _, high in numbers)
    zero: list[int] = [] if relative else [0]

    def keep(frame: Frame) -> Frame | None:
        if last is not None and frame.number > last:
            raise _Enough
        zero[:] = zero or [frame.time]
        if numbers and not any(low <= frame.number and (high is None or frame.number <= high) for low, high in numbers):
            return None
        time = frame.time - zero[0]
        if (start is not None and time < start) or (stop is not None and time >= stop):
            return None
        return frame if where is None or where(frame) else None

    named = ", ".join(f"{low}" if low == high else f"{low} to {high or 'the end'}" for low, high in numbers)
    parts = [f"packets {named}"] if numbers else []
    since = " from the first packet on" if relative else ""
    parts += [f"times from {start} to {stop} ns{since}"] if start is not None or stop is not None else []
    parts += [f"filter {what}" if what else "a filter"] if where is not None else []
    described = "cut out (" + ", ".join(parts or ["everything"]) + ")"
    return copy(source, target, change=keep, what=described, format=format, advance=advance)


def deduplicate(
    source: Target,
    target: Target,
    *,
    packets: int = 5,
    seconds: float | None = None,
    format: Format | None = None,  # noqa: A002
    advance: Advance | None = None,
) -> Edit:
    """Leaves out frames whose bytes and length equal those of one of the `packets` frames before.

    With `seconds` only where both are no further apart in time.
    """
    from hashlib import blake2b

    if packets < 1:
        raise UsageError("duplicates are looked for among at least one packet before")
    recent: dict[bytes, tuple[int, int]] = {}  # digest -> number, time
    window = None if seconds is None else int(seconds * 1e9)

    def keep(frame: Frame) -> Frame | None:
        digest = blake2b(frame.data + frame.wire_length.to_bytes(8, "big"), digest_size=16).digest()
        before = recent.pop(digest, None)
        recent[digest] = frame.number, frame.time
        while len(recent) > packets and next(iter(recent.values()))[0] < frame.number - packets:
            del recent[next(iter(recent))]
        if before is None or frame.number - before[0] > packets:
            return frame
        return None if window is None or abs(frame.time - before[1]) <= window else frame

    near = f" and {seconds} s" if seconds is not None else ""
    what = f"duplicates within {packets} packets{near} removed"
    return copy(source, target, change=keep, what=what, format=format, advance=advance)


def merge(
    sources: Sequence[Target],
    target: Target,
    *,
    format: Format | None = None,  # noqa: A002
    advance: Advance | None = None,
) -> Edit:
    """Writes the frames of all sources in the order of time (each source is taken to be in that order itself).

    Frames of equal times stay in the order of the sources. Interfaces of equal name and link type become one.
    """
    if not sources:
        raise UsageError("there is nothing to merge", remedy="name the captures")
    refuse_overwriting(target, sources)
    result = Edit()
    with ExitStack() as stack:
        opened = [stack.enter_context(Opened(source)) for source in sources]
        comments = [comment for each in opened for comment in each.comments()]
        comments.append(provenance("merged", sources))
        hidden = stack.enter_context(appearing(target))
        writer = stack.enter_context(
            CaptureWriter(hidden, format=format, comments=comments, link_type=_link_type(opened[0].reader))
        )
        carrier = Carrier(writer, result)
        streams = [_tagged(number, each) for number, each in enumerate(opened)]
        for _, number, frame in merge_sorted(*streams, key=lambda entry: entry[0]):
            carrier.learn(opened[number].reader)
            writer.write(frame)
            result.read += 1
            if advance is not None and result.read % _EVERY == 0:
                advance(sum(each.reader.part_read or 0.0 for each in opened) / len(opened))
        for each in opened:
            carrier.learn(each.reader)
            _carry_counts(each.reader, writer)
        writer.close()
        carrier.finish([each.reader for each in opened], target)
    return result


def _tagged(number: int, source: Opened) -> Iterator[tuple[int, int, Frame]]:
    return ((frame.time, number, frame) for frame in source.frames())


__all__ = [
    "Damage",
    "DamageList",
    "Edit",
    "anonymise",
    "convert",
    "copy",
    "cut_out",
    "deduplicate",
    "merge",
    "provenance",
    "repair",
]
