"""Splitting a capture into several: by number, size or time, or by what each frame belongs to.

The parts are written under hidden names and get their own only when all of them are complete, so that an
interrupted split leaves nothing behind. Split by a key (such as the flow), a part is opened only for the moments
in which it is written to, so that thousands of parts cost neither file handles nor much memory.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from packetlab.capture.atomic import renamed
from packetlab.capture.edit import Advance, Carrier, Edit, Opened, Target, name_of, provenance, refuse_overwriting
from packetlab.capture.source import CapturePath
from packetlab.capture.writer import CaptureWriter, Format
from packetlab.model.errors import CaptureError, UsageError
from packetlab.model.frame import Frame

MAX_PARTS = 10_000
"""Parts by key; frames of any further keys go together into the part REST."""
REST = "rest"
_PENDING = 16 << 20
"""Bytes of all parts together that wait to be written."""


class _Parts:
    """The files of a split: hidden until `commit`, gone where that was not reached."""

    def __init__(self, opened: Opened, source: Target, target: CapturePath, format: Format | None) -> None:  # noqa: A002
        self.opened, self.source, self.format = opened, source, format
        self.result = Edit()
        path = Path(target)
        if path.is_dir() or str(target).endswith(os.sep):
            path.mkdir(parents=True, exist_ok=True)
            path = path / (Path(name_of(source)).name.partition(".")[0] + ".pcapng")
        self.ending = "".join(path.suffixes)
        self.path = path.with_name(path.name[: len(path.name) - len(self.ending)])
        self._hidden: list[tuple[Path, Path]] = []
        self._open: list[CaptureWriter] = []

    def begin(self, label: str, words: str, *, often_closed: bool = False) -> Carrier:
        """A new part x-LABEL.pcapng."""
        path = self.path.with_name(f"{self.path.name}-{label}{self.ending}")
        refuse_overwriting(path, [self.source])
        hidden = path.with_name(f".{os.getpid()}.{path.name}")
        self._hidden.append((hidden, path))
        comments = [*self.opened.comments(), provenance(words, [self.source])]
        handle: Any = _Appending(hidden) if often_closed else hidden
        writer = CaptureWriter(handle, format=self.format, comments=comments)
        self._open.append(writer)
        return Carrier(writer, self.result)

    def end(self, carrier: Carrier) -> None:
        """Nothing more comes for this part."""
        carrier.writer.close()
        self._open.remove(carrier.writer)
        carrier.finish([], self._hidden[len(self.result.files)][1])

    def commit(self) -> Edit:
        """Gives all parts their names."""
        for hidden, path in self._hidden:
            renamed(hidden, path)
        self._hidden = []
        self.result.damage += self.opened.reader.damage
        return self.result

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for writer in self._open:
            with suppress(CaptureError, OSError):
                writer.close()
        for hidden, _ in self._hidden:
            with suppress(OSError):
                hidden.unlink()


class _Appending:
    """A file that is open only while something is written to it."""

    def __init__(self, path: Path) -> None:
        self.path, self.name = path, str(path)
        path.unlink(missing_ok=True)

    def write(self, data: bytes) -> int:
        with self.path.open("ab") as file:
            return file.write(data)


def split(
    source: Target,
    target: CapturePath,
    *,
    packets: int | None = None,
    size: int | None = None,
    seconds: float | None = None,
    format: Format | None = None,  # noqa: A002
    advance: Advance | None = None,
) -> Edit:
    """Writes files x-00001.pcapng, x-00002.pcapng ... for the target x.pcapng (or into a directory).

    A new one begins after `packets` frames, when it would grow beyond `size` bytes, or `seconds` after its
    first frame; at least one of them must be given.
    """
    limits = {"packets": packets, "bytes": size, "seconds": seconds}
    given = {name: value for name, value in limits.items() if value is not None}
    if not given or any(value <= 0 for value in given.values()):
        raise UsageError("split by what?", remedy="give a number of packets, bytes or seconds above zero")
    what = "split by " + " and ".join(f"{value} {name}" for name, value in given.items())
    with Opened(source) as opened, _Parts(opened, source, target, format) as parts:
        carrier: Carrier | None = None
        number = count = used = begun = 0
        for frame in opened.frames(advance):
            parts.result.read += 1
            needs = len(frame.data) + 64
            full = (
                (packets is not None and count >= packets)
                or (size is not None and count > 0 and used + needs > size)
                or (seconds is not None and frame.time - begun >= seconds * 1e9)
            )
            if carrier is None or full:
                if carrier is not None:
                    parts.end(carrier)
                number += 1
                carrier = parts.begin(f"{number:05}", f"part {number}, {what},")
                count, used, begun = 0, 512, frame.time
            carrier.learn(opened.reader)
            carrier.writer.write(frame)
            count, used = count + 1, used + needs
        if carrier is not None:
            parts.end(carrier)
        return parts.commit()


def split_by(
    source: Target,
    target: CapturePath,
    key: Callable[[Frame], str],
    *,
    what: str,
    format: Format | None = None,  # noqa: A002
    advance: Advance | None = None,
) -> Edit:
    """Writes a file x-KEY.pcapng for each key that `key` gives of the frames; MAX_PARTS of them at most.

    Keys may hold letters, digits, "-", "_" and "."; anything else becomes "_". `what` says in the provenance
    what the keys are.
    """
    if Path(target).suffix.lower() in (".gz", ".zst", ".lz4"):
        raise UsageError("parts by key cannot be compressed while they are written", remedy="compress them afterwards")
    with Opened(source) as opened, _Parts(opened, source, target, format) as parts:
        carriers: dict[str, Carrier] = {}
        pending = 0
        for frame in opened.frames(advance):
            parts.result.read += 1
            label = "".join(one if one.isalnum() or one in "-_." else "_" for one in key(frame)[:120])
            if label not in carriers:
                label = label if len(carriers) < MAX_PARTS else REST
            if label not in carriers:
                carriers[label] = parts.begin(label, f"{label}, split by {what},", often_closed=True)
            carrier = carriers[label]
            carrier.learn(opened.reader)
            carrier.writer.write(frame)
            pending += len(frame.data) + 128
            if pending > _PENDING:
                pending = 0
                for each in carriers.values():
                    each.writer.flush()
        for each in carriers.values():
            parts.end(each)
        return parts.commit()


__all__ = ["MAX_PARTS", "REST", "split", "split_by"]
