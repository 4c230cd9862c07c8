"""The bounded form of the fuzz target, and mutilated files that lose only what was hit."""

import random
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from packetlab.capture import CaptureWriter, read
from packetlab.capture.edit import repair
from packetlab.cli.pcap import COMMANDS
from packetlab.model.frame import Frame
from tests.fuzz import pcap_commands
from tests.oracle.tshark_fields import corpus_files

START = 1_700_000_000_000_000_000


def test_every_command_takes_every_file_without_a_traceback(corpora: Path) -> None:
    del corpora
    files = [path for path in corpus_files(every=90) if path.stat().st_size < 100_000]
    outcome = pcap_commands.run(files, seconds=4, seed=2, all_ways=False, most=20)
    assert not outcome.failures, "\n".join(outcome.failures)
    assert outcome.commands == set(COMMANDS)


def test_a_command_that_fails_or_is_too_slow_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.pcap"
    with CaptureWriter(path) as writer:
        writer.write(Frame(packet(1), START, 41))

    def broken(*arguments: object, **options: object) -> None:
        raise ZeroDivisionError("on purpose")

    monkeypatch.setattr("packetlab.capture.edit.repair", broken)
    outcome = pcap_commands.run([path], commands=["repair"])
    assert len(outcome.failures) == 1 and "ZeroDivisionError: on purpose" in outcome.failures[0]

    def slow(*arguments: object, **options: object) -> None:
        while True:
            pass

    monkeypatch.setattr("packetlab.capture.edit.repair", slow)
    monkeypatch.setattr(pcap_commands, "SECONDS", 0.2)
    outcome = pcap_commands.run([path], commands=["repair"])
    assert len(outcome.failures) == 1 and "more than 0.2 s" in outcome.failures[0]


@pytest.mark.parametrize("arguments", [["list"], ["summary", "--json"], ["show", "-n", "1"], ["flows"]])
def test_a_process_of_its_own_stays_within_its_memory(corpora: Path, arguments: list[str]) -> None:
    path = next(path for path in corpus_files() if path.stat().st_size > 500_000)

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
        resource.setrlimit(resource.RLIMIT_CPU, (60, 60))

    command = [sys.executable, "-m", "packetlab.cli.main", "pcap", arguments[0], str(path), *arguments[1:]]
    done = subprocess.run(command, capture_output=True, preexec_fn=limited)
    assert done.returncode in (0, 1) and b"Traceback" not in done.stderr, done.stderr.decode()


def packet(number: int) -> bytes:
    """Bytes of a packet, as little like any other's as those of real ones."""
    return random.Random(number).randbytes(40 + number % 50)


def _written(path: Path, count: int) -> list[tuple[int, int]]:
    """A capture of so many different frames; where each record lies in the file."""
    places = []
    with CaptureWriter(path, flush=True) as writer:
        if writer.format != "pcapng":
            writer.write(Frame(packet(0), START, len(packet(0))))
            writer.flush()
            places.append((24, path.stat().st_size))
        for number in range(len(places), count):
            before = path.stat().st_size
            writer.write(Frame(packet(number), START + number * 1_000_000_000, len(packet(number))))
            places.append((before, path.stat().st_size))
    return places


@settings(max_examples=80, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    ending=st.sampled_from([".pcap", ".pcapng"]),
    count=st.integers(12, 30),
    hit=st.floats(0, 1),
    kind=st.sampled_from(["noise", "zeros", "cut out", "put in"]),
    size=st.integers(1, 150),
    noise=st.binary(min_size=150, max_size=150),
)
def test_a_mutilated_file_loses_only_the_records_that_were_hit(
    tmp_path: Path, ending: str, count: int, hit: float, kind: str, size: int, noise: bytes
) -> None:
    whole, broken, mended = (tmp_path / f"{name}{ending}" for name in ("whole", "broken", "mended"))
    places = _written(whole, count)
    data = whole.read_bytes()
    first, last = places[2][0], places[-4][1]
    at = first + int((last - size - first) * hit)
    put = {"noise": noise[:size], "zeros": bytes(size), "cut out": b"", "put in": data[at : at + size] + noise[:size]}
    broken.write_bytes(data[:at] + put[kind] + data[at + size :])
    repair(broken, mended)
    with read(mended) as capture:
        left = [frame.data for frame in capture]
        assert not capture.damage
    spared = [packet(number) for number, (start, stop) in enumerate(places) if stop <= at or start >= at + size]
    kept = [data for data in left if data in spared]
    # What was put in may read as records of its own; records that were not hit are all there, in their order.
    assert kept == spared
