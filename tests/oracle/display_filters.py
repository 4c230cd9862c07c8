"""Display filters select the frames that `tshark -Y` selects: one table of expressions over real captures.

    python -m tests.oracle.display_filters [--every N] [--only EXPRESSION ...]

Frames of many captures are written one after the other to a single file, so that each expression takes one run
of tshark. What makes tshark look at more than one packet (reassembly of fragments and segments, relative sequence
numbers) is turned off on its side. Each pair of an expression and a capture is one comparison.
"""

import argparse
import random
import subprocess
import sys
import tempfile
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

import packetlab.protocols  # noqa: F401
from packetlab.analysis.filter import parse
from packetlab.application.dns import DNS
from packetlab.application.http import HTTP
from packetlab.capture import CaptureWriter, read
from packetlab.capture.index import chunks
from packetlab.internet.gre import PPTPGRE
from packetlab.internet.icmpv6 import ICMPv6
from packetlab.internet.ipv4 import IPv4
from packetlab.link.loopback import Null
from packetlab.model.errors import CaptureError
from packetlab.model.packet import Packet, decapsulate
from packetlab.transport.tcp import TCP
from tests.conftest import corpora_path
from tests.oracle.filter_expressions import EXPRESSIONS
from tests.oracle.reasons import ANSWERS_ONLY, known_protocols
from tests.oracle.table import Row, print_table
from tests.oracle.tshark import PREFERENCES, known_preferences
from tests.oracle.tshark_fields import corpus_files

Look = Callable[[int], tuple[list[str], bool, Packet]]
"""How tshark and packetlab see a frame: protocols, whether tshark finds it malformed, layers."""
_LATEST = 1 << 62
"""Nanoseconds; times beyond are another number in tshark."""
MOST_FRAMES = 120
"""Of each capture."""


@dataclass
class Pool:
    """Frames of many captures in one file."""

    path: Path
    files: list[Path] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    """The number of each capture's first frame in the file."""
    frames: int = 0

    def capture_of(self, number: int) -> tuple[str, int]:
        """Name of the capture that a frame is from, and its number there."""
        at = bisect_right(self.starts, number) - 1
        return self.names[at], number - self.starts[at] + 1


def sample(count: int, largest: int = 60_000) -> list[Path]:
    """Some captures of the corpora, always the same ones for one count."""
    files = sorted(path for path in corpora_path().rglob("*.pcap*") if path.stat().st_size <= largest)
    random.Random(2024).shuffle(files)
    return files[:count]


def pool(files: list[Path], path: Path) -> Pool:
    """Writes the first frames of each file to one."""
    made = Pool(path)
    with CaptureWriter(path, format="pcapng") as writer:
        for file in files:
            before = writer.frames_written
            try:
                with read(file) as capture:
                    for frame in capture.packets(MOST_FRAMES):
                        if len(frame.data) <= 1 << 18 and 0 <= frame.time < _LATEST and frame.wire_length < 1 << 31:
                            writer.write(replace(frame, interface="", comment="", direction=""))
            except CaptureError:
                continue
            if writer.frames_written > before:
                made.files.append(file)
                made.names.append(str(file.relative_to(corpora_path())))
                made.starts.append(before + 1)
        made.frames = writer.frames_written
    return made


def ours(path: Path, expression: str) -> list[int]:
    """Frame numbers that packetlab selects."""
    test, found, first = parse(expression), [], None
    with chunks(path) as index:
        for chunk in index:
            if first is None and len(chunk):
                first = int(chunk.packets.time[0])
            found += (np.flatnonzero(test.select(chunk, first or 0)) + chunk.first).tolist()
    return found


def tshark(path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["tshark", "-n", "-r", str(path), "-T", "fields", *arguments]
    for preference in PREFERENCES:
        if preference.partition(":")[0] in known_preferences():
            command += ["-o", preference]
    return subprocess.run(command, capture_output=True, text=True, errors="replace")


def theirs(path: Path, expression: str) -> list[int] | None:
    """Frame numbers that tshark selects; None where it does not know this form."""
    run = tshark(path, "-Y", expression, "-e", "frame.number")
    return [int(line) for line in run.stdout.split()] if run.returncode == 0 else None


@dataclass(slots=True)
class Seen:
    """What both say of a frame on which they differ."""

    expression: str
    is_ours: bool
    """Selected by packetlab only."""
    protocols: list[str]
    troubled: bool
    packet: Packet


def _is_broken(seen: Seen) -> bool:
    return seen.troubled or bool(seen.packet.faults)


def _is_behind_unknown(seen: Seen) -> bool:
    return bool([word for word in seen.protocols if word not in known_protocols()])


def _continues_http(seen: Seen) -> bool:
    """The body of a message that began in an earlier packet: tshark knows the connection."""
    return (not seen.is_ours and "http" in seen.expression and "http" in seen.protocols
            and HTTP not in seen.packet and bool(seen.packet.payload))  # fmt: skip


def _has_reserved_flags(seen: Seen) -> bool:
    return "tcp.flags" in seen.expression and any(one.reserved for one in seen.packet.layers if isinstance(one, TCP))


def _is_extended_echo(seen: Seen) -> bool:
    return "icmpv6" in seen.expression and any(
        one.type in (160, 161) for one in seen.packet.layers if isinstance(one, ICMPv6)
    )  # fmt: skip


def _is_ppp_in_gre(seen: Seen) -> bool:
    return "gre:ppp" in ":".join(seen.protocols) and any(isinstance(one, PPTPGRE) for one in seen.packet.layers[-1:])


def _is_strange_family(seen: Seen) -> bool:
    return seen.protocols[:2] == ["null", "ip"] and [type(one) for one in seen.packet.layers] == [Null]


def _is_raw(seen: Seen) -> bool:
    return seen.expression == "raw" and seen.protocols[:1] == ["raw"]


def _counts_to_the_end(seen: Seen) -> bool:
    return "ip.len" in seen.expression and any(
        one.total_length == 0 for one in seen.packet.layers if isinstance(one, IPv4)
    )  # fmt: skip


def _resets(seen: Seen) -> bool:
    return "tcp.payload" in seen.expression and any(
        one.flags & int(TCP.RST) for one in seen.packet.layers if isinstance(one, TCP)
    )  # fmt: skip


def _is_flag_of_a_question(seen: Seen) -> bool:
    """The bits are in questions, too."""
    return seen.is_ours and any(word in seen.expression for word in ANSWERS_ONLY) and any(
        not one.response for one in seen.packet.layers if isinstance(one, DNS)
    )  # fmt: skip


def _is_quoted(seen: Seen) -> bool:
    """A body, or what packetlab takes for one, inside a packet that an ICMP error quotes."""
    return seen.packet.quoted is not None and not seen.is_ours and any(
        word in seen.expression for word in ("payload", "opt", "len")
    )  # fmt: skip


REASONS: list[tuple[str, Callable[[Seen], bool]]] = [
    ("the packet is broken or cut: each keeps what it read before", _is_broken),
    ("a protocol that packetlab does not declare is in the packet", _is_behind_unknown),
    ("tshark calls what goes on with a message of an earlier packet http, too", _continues_http),
    ("tshark counts the reserved bits as flags of TCP", _has_reserved_flags),
    ("packetlab leaves extended echo requests (RFC 8335) as they are", _is_extended_echo),
    ("packetlab leaves PPP inside of enhanced GRE as it is", _is_ppp_in_gre),
    ("tshark reads IP behind a loopback header of a family that is none", _is_strange_family),
    ("packetlab has no header where there are no bytes: link type raw", _is_raw),
    ("tshark gives the length up to the end of the frame where ip.len is 0", _counts_to_the_end),
    ("tshark calls the payload of a reset its cause", _resets),
    ("tshark shows some flags of DNS in answers only", _is_flag_of_a_question),
    ("lengths, bodies and options in a packet that an ICMP error quotes are cut", _is_quoted),
]
"""Each with the check that proves it on the frame."""


@dataclass
class Outcome:
    """What a comparison came to."""

    captures: int = 0
    expressions: int = 0
    refused: list[str] = field(default_factory=list)
    """Expressions that tshark does not know."""
    not_understood: list[str] = field(default_factory=list)
    """Expressions that packetlab does not know."""
    compared: int = 0
    equal: int = 0
    explained: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    differences: list[str] = field(default_factory=list)


def compare(files: list[Path], expressions: list[str]) -> Outcome:
    """Every expression over every file."""
    with tempfile.TemporaryDirectory() as folder:
        made = pool(files, Path(folder) / "all.pcapng")
        outcome = Outcome(captures=len(made.names))
        look = looks(made.path)
        for expression in expressions:
            if ".stream" not in expression:
                _compare(made, expression, outcome, look)
        # Connections are counted over the whole file: where one alone is not seen by both, all numbers differ.
        plain = [file for file, is_plain in zip(made.files, _plain(made, look), strict=True) if is_plain]
        made = pool(plain, Path(folder) / "plain.pcapng")
        look = looks(made.path)
        for expression in expressions:
            if ".stream" in expression:
                _compare(made, expression, outcome, look)
    return outcome


def _plain(made: Pool, look: Look) -> list[bool]:
    """Per capture, whether packetlab declares all its protocols and no packet is broken."""
    answers = [True] * len(made.names)
    for number in range(1, made.frames + 1):
        at = bisect_right(made.starts, number) - 1
        if answers[at]:
            protocols, troubled, packet = look(number)
            seen = Seen("", False, protocols, troubled, packet)
            odd = _is_broken(seen) or _is_behind_unknown(seen) or _is_strange_family(seen)
            answers[at] = not odd and packet.quoted is None
    return answers


def looks(path: Path) -> Look:
    """How tshark and packetlab see a frame, by number."""
    run = tshark(path, "-e", "frame.number", "-e", "frame.protocols", "-e", "_ws.malformed", "-e", "_ws.short")
    rows = [line.split("\t") for line in run.stdout.splitlines()]
    shown = {int(row[0]): (row[1].split(":"), any(row[2:])) for row in rows if row and row[0].isdecimal()}
    with read(path) as capture:
        frames = list(capture)

    def look(number: int) -> tuple[list[str], bool, Packet]:
        frame = frames[number - 1]
        packet = decapsulate(frame.data, frame.link_type, wire_length=frame.wire_length)
        return *shown.get(number, ([], True)), packet

    return look


def _compare(made: Pool, expression: str, outcome: Outcome, look: Look) -> None:
    other = theirs(made.path, expression)
    if other is None:
        outcome.refused.append(expression)
        return
    try:
        mine = ours(made.path, expression)
    except ValueError as error:
        outcome.not_understood.append(f"{expression}: {str(error).splitlines()[0]}")
        outcome.compared += len(made.names)
        return
    outcome.expressions += 1
    wrong: dict[str, bool] = {}
    for number, is_ours in _different(mine, other):
        name, inside = made.capture_of(number)
        seen = Seen(expression, is_ours, *look(number))
        reason = next((text for text, check in REASONS if check(seen)), None)
        wrong[name] = wrong.get(name, True) and reason is not None
        if reason is not None:
            outcome.reasons[reason] += 1
        else:
            side = "only ours" if is_ours else "only tshark's"
            outcome.differences.append(f"{expression}   {side}: {name} frame {inside} {':'.join(seen.protocols)}")
    outcome.compared += len(made.names)
    outcome.equal += len(made.names) - len(wrong)
    outcome.explained += sum(wrong.values())


def _different(mine: list[int], other: list[int]) -> Iterator[tuple[int, bool]]:
    yield from ((number, True) for number in sorted(set(mine) - set(other)))
    yield from ((number, False) for number in sorted(set(other) - set(mine)))


def row(outcome: Outcome) -> Row:
    """The outcome as one line of the table of comparisons."""
    example = outcome.differences[0] if outcome.differences else ""
    return Row(f"display filters ({outcome.expressions} expressions)", outcome.captures, outcome.compared,
               outcome.equal, outcome.explained, example)  # fmt: skip


def verdict(every: int = 1) -> list[Row]:
    """All expressions over each `every`-th capture."""
    return [row(compare(corpus_files(every), EXPRESSIONS))]


def main() -> int:
    """Print every difference, the reasons, and one line of the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--only", nargs="*", help="these expressions")
    options = parser.parse_args()
    outcome = compare(corpus_files(options.every), options.only or EXPRESSIONS)
    for line in outcome.differences:
        print(line)
    for line in outcome.not_understood:
        print(f"not understood: {line}")
    for line in outcome.refused:
        print(f"tshark refuses: {line}")
    for text, count in outcome.reasons.most_common():
        print(f"{count:6} frames: {text}")
    print_table([row(outcome)])
    return 1 if outcome.differences or outcome.not_understood else 0


if __name__ == "__main__":
    sys.exit(main())
