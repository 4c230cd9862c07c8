"""Fuzz decapsulation: whatever the bytes, no exception, the same bytes back, and bounded time and memory.

    python -m tests.fuzz.decapsulate --seconds 600 --seed 1

Seeds are the golden packets and, where they are there, frames of the captures in the corpora. Each frame is
mutated, decapsulated with the class of its own first header or another one, encapsulated again, and asked for
its faults, checks and spans. A failing frame is printed as hex with the seed that made it.
"""

import argparse
import random
import sys
import time
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from packetlab.model.header import Header
from packetlab.model.packet import Packet, decapsulate, first_header
from packetlab.model.trace import field_spans
from tests.conftest import corpora_path
from tests.contracts.registry import HEADERS, mutated
from tests.goldens import GOLDENS

SLOW = 0.25
"""Seconds that no frame of up to 64 KiB may take (processor time; measured again before it counts)."""
MEMORY_FACTOR, MEMORY_BASE = 400, 2_000_000
"""A packet may take this many bytes of memory per byte of its frame, and a base."""


@dataclass
class Outcome:
    """What a run found."""

    frames: int = 0
    octets: int = 0
    with_faults: int = 0
    slowest: float = 0.0
    largest: int = 0
    """Peak memory of one frame, in bytes."""
    layers: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)


def corpus_seeds(limit: int, per_file: int = 3) -> Iterator[tuple[bytes, type[Header]]]:
    """A few frames of many files."""
    from packetlab.capture import read
    from packetlab.model.errors import CaptureError
    from tests.oracle.tshark_fields import corpus_files

    if not (corpora_path() / "MANIFEST.tsv").is_file():
        return
    paths = corpus_files()
    random.Random(0).shuffle(paths)
    left = limit
    for path in paths:
        try:
            with read(path) as frames:
                for number, frame in enumerate(frames):
                    first = first_header(frame.link_type)
                    if number >= per_file or first is None:
                        break
                    yield frame.data[:4096], first
                    left -= 1
        except CaptureError:
            continue
        if left <= 0:
            return


def examine(data: bytes, first: type[Header], *, deep: bool = True) -> Packet:
    """Everything that must hold for any bytes; raises AssertionError, or whatever a decoder raised."""
    packet = decapsulate(data, first)
    back = packet.encapsulate()
    assert back == data, f"encapsulated as {back.hex()}"
    if deep:
        for fault in packet.faults:
            assert 0 <= fault.offset <= len(data), f"{fault} lies outside of the frame"
            assert str(fault)
        packet.check()
        if packet.quoted is not None:
            inside = packet.bounds()[-1][1]
            assert all(start >= inside for _, start in packet.quoted.walk()), "a quoted layer lies outside of its error"
        for header, start in packet.walk():
            for span in field_spans(header, start):
                assert 0 <= span.offset <= span.end <= len(data), f"{span.spec.name} lies outside of the frame"
            repr(header)
        assert packet.encapsulate() == data, "encapsulated differently once options and records were looked at"
    return packet


def run(
    seconds: float, seed: int, *, corpus: int = 2000, frames: int | None = None, most_failures: int = 20
) -> Outcome:
    """Fuzz for so many seconds, or so many frames."""
    chance, outcome = random.Random(seed), Outcome()
    seeds = [(data, first) for data, first, _ in GOLDENS.values()]
    seeds = seeds * max(1, corpus // max(1, len(seeds))) + list(corpus_seeds(corpus))
    until = time.monotonic() + seconds
    while time.monotonic() < until and (frames is None or outcome.frames < frames):
        data, first = chance.choice(seeds)
        if chance.random() < 0.03:
            first = chance.choice(HEADERS)
        if chance.random() < 0.01:
            data = chance.randbytes(chance.randrange(256))
        data = mutated(data, chance)
        outcome.frames += 1
        outcome.octets += len(data)
        started = time.process_time()
        try:
            packet = examine(data, first, deep=outcome.frames % 4 == 0)
        except Exception as error:
            outcome.failures.append(f"{first.__name__} {data.hex()}: {type(error).__name__}: {error}")
            if len(outcome.failures) >= most_failures:
                break
            continue
        took = time.process_time() - started
        if took > SLOW:
            took = min(took, _time_again(data, first))
            if took > SLOW:
                outcome.failures.append(f"{first.__name__} {data.hex()}: took {took:.2f} s")
        outcome.slowest = max(outcome.slowest, took)
        outcome.with_faults += bool(packet.__dict__.get("_faults"))
        for header in packet.layers:
            outcome.layers[type(header).__name__] += 1
        if outcome.frames % 512 == 0:
            _measure_memory(data, first, outcome)
    return outcome


def _time_again(data: bytes, first: type[Header]) -> float:
    started = time.process_time()
    examine(data, first)
    return time.process_time() - started


def _measure_memory(data: bytes, first: type[Header], outcome: Outcome) -> None:
    tracemalloc.start()
    examine(data, first)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    outcome.largest = max(outcome.largest, peak)
    if peak > MEMORY_BASE + MEMORY_FACTOR * len(data):
        outcome.failures.append(f"{first.__name__} {data.hex()}: took {peak:,} bytes of memory")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.decapsulate", description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    outcome = run(arguments.seconds, arguments.seed)
    for line in outcome.failures:
        print(line)
    print(f"{outcome.frames:,} frames, {outcome.octets:,} bytes, {outcome.with_faults:,} with faults, "
          f"slowest {outcome.slowest * 1000:.1f} ms, most memory {outcome.largest:,} bytes, "
          f"{len(outcome.failures)} failures; seed {arguments.seed}")  # fmt: skip
    print("layers met: " + ", ".join(f"{name} {count:,}" for name, count in outcome.layers.most_common()))
    return 1 if outcome.failures else 0


if __name__ == "__main__":
    sys.exit(main())
