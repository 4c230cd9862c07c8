"""Compare every declared field with tshark's, on captures that nobody here wrote.

    python -m tests.oracle.tshark_fields                 # all captures; takes some minutes
    python -m tests.oracle.tshark_fields --sample 60     # at most 60 frames of each of some files
    python -m tests.oracle.tshark_fields FILE...

Fields are paired by name and place. Each difference is listed by field and reason; a reason (reasons.py) is
checked on the packet in question. The exit code is 1 where a difference is left without one.
"""

import argparse
import csv
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import packetlab.protocols  # noqa: F401
from packetlab.capture import read
from packetlab.model.errors import CaptureError
from packetlab.model.header import Header
from packetlab.model.packet import Packet, decapsulate, first_header
from tests.conftest import corpora_path
from tests.oracle.ours import Ours, equal, fields_of
from tests.oracle.reasons import reason_for
from tests.oracle.tshark import Reading, Shown, field_types, readings

MORE_PROTOCOLS = ("pppoed", "pppoes", "mdns", "llmnr", "_ws.malformed", "_ws.short")


@dataclass(slots=True)
class Difference:
    """One field of one frame in which the readings differ; `ours` or `theirs` is None where one lacks it."""

    name: str
    ours: Ours | None
    theirs: Shown | None
    packet: Packet
    reading: Reading

    @property
    def kind(self) -> str:
        if self.ours is None:
            return "only tshark has it"
        return "only packetlab has it" if self.theirs is None else "values differ"


@dataclass
class Result:
    """Counts over any number of frames."""

    frames: int = 0
    values: Counter[str] = field(default_factory=Counter)
    equal: Counter[str] = field(default_factory=Counter)
    explained: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """By (field, kind, reason)."""
    unexplained: Counter[tuple[str, str]] = field(default_factory=Counter)
    examples: dict[tuple[str, ...], list[str]] = field(default_factory=lambda: defaultdict(list))
    notes: list[str] = field(default_factory=list)

    def add(self, other: "Result") -> None:
        self.frames += other.frames
        self.values += other.values
        self.equal += other.equal
        self.explained += other.explained
        self.unexplained += other.unexplained
        self.notes += other.notes
        for key, lines in other.examples.items():
            self.examples[key] = (self.examples[key] + lines)[:4]


def declared_names() -> dict[str, list[str]]:
    """Wireshark name: the fields (Class.field) that are declared with it."""
    found: dict[str, list[str]] = defaultdict(list)
    for cls in Header.subclasses:
        if not cls.__module__.startswith("packetlab."):
            continue
        for spec in cls.fields:
            for name in (spec.wireshark, *spec.also, *(bit.wireshark for bit in spec.bits)):
                if name:
                    found[name].append(f"{cls.__name__}.{spec.name}")
    return found


def wanted_protocols() -> list[str]:
    return sorted({name.partition(".")[0] for name in declared_names()} | set(MORE_PROTOCOLS))


def compare_frame(packet: Packet, reading: Reading, names: Any) -> Iterator[tuple[str, bool, Difference | None]]:
    """(name, equal, difference) for each field that one of the two readings has."""
    kinds = field_types()
    theirs: dict[str, list[Shown]] = defaultdict(list)
    for shown in reading.fields:
        if shown.name in names:
            theirs[shown.name].append(shown)
    for mine in fields_of(packet):
        rest = theirs.get(mine.name, [])
        place = [s for s in rest if s.start < mine.end and mine.start < s.start + s.size]
        if not place and mine.start == mine.end:
            place = [s for s in rest if s.start == mine.start]
        same = next((s for s in place if equal(mine, s.text, kinds.get(s.name, ""))), None)
        if same is None and not place:
            # tshark gives some fields, worked out or hidden, no bytes.
            place = [s for s in rest if s.size == 0]
            same = next((s for s in place if equal(mine, s.text, kinds.get(s.name, ""))), None)
        if same is not None:
            rest.remove(same)
            yield mine.name, True, None
            continue
        other = place[0] if place else None
        if other is not None:
            rest.remove(other)
        yield mine.name, False, Difference(mine.name, mine, other, packet, reading)
    for name, rest in theirs.items():
        for shown in rest:
            yield name, False, Difference(name, None, shown, packet, reading)


def compare_file(path: Path, limit: int | None = None) -> Result:
    """Compare the (first `limit`) frames of one file."""
    result, names = Result(), declared_names()
    stream = readings(path, wanted_protocols(), limit)
    try:
        with read(path) as frames:
            for frame, reading in zip(frames, stream, strict=False):
                if reading.data != frame.data:
                    where = f"{path.parent.name}/{path.name} frame {frame.number}"
                    result.notes.append(f"{where}: the bytes are not those that tshark reads")
                    break
                if first_header(frame.link_type) is not None:
                    result.frames += 1
                    packet = decapsulate(frame.data, frame.link_type, wire_length=frame.wire_length)
                    _count(result, path, packet, reading, names)
    except CaptureError as error:
        result.notes.append(f"{path.name}: {error}")
    finally:
        stream.close()
    return result


def _count(result: Result, path: Path, packet: Packet, reading: Reading, names: Any) -> None:
    for name, same, difference in compare_frame(packet, reading, names):
        result.values[name] += 1
        if same:
            result.equal[name] += 1
            continue
        assert difference is not None
        reason = reason_for(difference)
        key: tuple[str, ...] = (name, difference.kind)
        if reason:
            key = (name, difference.kind, reason)
            result.explained[name, difference.kind, reason] += 1
        else:
            result.unexplained[name, difference.kind] += 1
        if len(result.examples[key]) < 3:
            ours, shown = difference.ours, difference.theirs
            result.examples[key].append(
                f"{path.parent.name}/{path.name} frame {reading.number}: "
                f"packetlab {'-' if ours is None else f'{ours.value!r} at {ours.start}'}, "
                f"tshark {'-' if shown is None else f'{shown.text[:60]!r} at {shown.start}+{shown.size}'} "
                f"({reading.protocols})"
            )


def corpus_files(every: int = 1) -> list[Path]:
    """The capture files of the corpora, biggest first; with `every`, only each so-manieth one."""
    root = corpora_path()
    with (root / "MANIFEST.tsv").open() as table:
        rows = [row for row in csv.DictReader(table, delimiter="\t") if row["packets"].isdigit()]
    rows.sort(key=lambda row: -int(row["packets"]))
    paths = [root / row["repo"].replace("/", "+") / row["path"] for row in rows]
    return [path for number, path in enumerate(paths) if path.is_file() and number % every == 0]


def _job(job: tuple[Path, int | None]) -> Result:
    return compare_file(*job)


def compare(paths: Iterable[Path], limit: int | None = None, processes: int = 2) -> Result:
    """Compare files in several processes."""
    total = Result()
    with ProcessPoolExecutor(processes) as pool:
        for result in pool.map(_job, [(path, limit) for path in paths], chunksize=4):
            total.add(result)
    return total


def report(total: Result, out: Any = sys.stdout) -> None:
    """Differences one by one by field and reason, then one table."""

    def say(line: str = "") -> None:
        print(line, file=out)

    for note in total.notes:
        say(f"note: {note}")
    reasons: dict[str, list[tuple[str, str, int]]] = defaultdict(list)
    for (name, kind, reason), count in total.explained.items():
        reasons[reason].append((name, kind, count))
    for reason, rows in sorted(reasons.items(), key=lambda item: -sum(row[2] for row in item[1])):
        say(f"\n{sum(row[2] for row in rows)} x {reason}")
        for name, kind, count in sorted(rows, key=lambda row: -row[2]):
            say(f"    {count:7} {name}: {kind}, as in {total.examples[name, kind, reason][0]}")
    if total.unexplained:
        say("\nWITHOUT A REASON")
    for (name, kind), count in total.unexplained.most_common():
        say(f"    {count:7} {name}: {kind}")
        for line in total.examples[name, kind]:
            say(f"              {line}")
    names = declared_names()
    unmet = sorted(name for name in names if not total.values[name])
    if unmet:
        say(f"\nnot met in these captures: {', '.join(unmet)}")
    values, same = total.values.total(), total.equal.total()
    say(f"\n{'frames':>12} {'fields met':>12} {'of declared':>12} {'values':>12} {'equal':>12} "
        f"{'explained':>12} {'unexplained':>12}")  # fmt: skip
    say(f"{total.frames:12,} {len(names) - len(unmet):12,} {len(names):12,} {values:12,} {same:12,} "
        f"{total.explained.total():12,} {total.unexplained.total():12,}")  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.oracle.tshark_fields", description=__doc__.split("\n")[0])
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--sample", type=int, metavar="N", help="only the first N frames of each file")
    parser.add_argument("--every", type=int, default=1, metavar="K", help="only each K-th file of the corpora")
    parser.add_argument("--processes", type=int, default=2)
    arguments = parser.parse_args()
    total = compare(arguments.files or corpus_files(arguments.every), arguments.sample, arguments.processes)
    report(total)
    return 1 if total.unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
