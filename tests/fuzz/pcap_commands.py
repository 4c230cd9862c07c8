"""Every `packetlab pcap` command over every capture, sound or broken, and over mutations: no traceback, bounded.

    python -m tests.fuzz.pcap_commands [--every N] [--seconds S] [--only COMMAND ...]

The commands come from the group's own table, so that a new one is driven from the day it is there. They run in
this process under a limit of memory and with an alarm for time; a failure is printed with the file (a mutated one
is kept) and the command. Ends with 1 where there was one.
"""

import argparse
import os
import random
import resource
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import click
from click.testing import CliRunner

from packetlab.cli.pcap import COMMANDS, pcap
from packetlab.model.errors import PacketLabError

FILE, OUT, FOLDER = "{file}", "{out}", "{folder}"
ARGUMENTS: dict[str, list[list[str]]] = {
    "summary": [[FILE], [FILE, "--json"], [FILE, "-Y", "tcp || udp"]],
    "flows": [[FILE], [FILE, "--json"]],
    "list": [[FILE], [FILE, "-Y", "tcp.len > 0 || dns", "--json"], [FILE, "--columns", "ip.src,frame.time,dns.a"]],
    "show": [[FILE, "-n", "1-40"], [FILE, "--ladder"], [FILE, "-n", "1-20", "--explain", "--figure", "--bytes"],
             [FILE, "-n", "1-40", "--json"]],
    "follow": [[FILE, "--stream", "0"], [FILE, "--json"], [FILE, "-Y", "tcp", "--as", "hex"]],
    "findings": [[FILE], [FILE, "--json", "--all"]],
    "query": [[FILE, "select count(*) from packets"], [FILE, "select * from flows", "--json"]],
    "export": [[FILE, "--table", "packets", "-o", OUT + ".csv"]],
    "plot": [[FILE], [FILE, "--what", "rtt", "--json"], [FILE, "--what", "sequence"]],
    "cut": [[FILE, "-Y", "ip.ttl < 100", "-o", OUT], [FILE, "-n", "2-9", "-o", OUT + ".pcap"]],
    "merge": [[FILE, FILE, "-o", OUT]],
    "split": [[FILE, "--by", "flow", "-o", FOLDER], [FILE, "--by", "number", "--every", "50", "-o", FOLDER]],
    "dedup": [[FILE, "-o", OUT]],
    "anonymise": [[FILE, "--key", "k", "-o", OUT], [FILE, "--key", "k", "--payload", "zero", "-o", OUT]],
    "repair": [[FILE, "-o", OUT, "--json"]],
    "convert": [[FILE, "-o", OUT + ".pcap"]],
}  # fmt: skip
"""How commands are called; those that are not here, with the file alone and with --json."""
SECONDS, SECONDS_PER_BYTE = 4.0, 20e-6
"""Processor time that a command may take: a base, and so much for each byte of the file."""
MEMORY = 3 << 30
"""Bytes of address space that may be added to what this process has mapped at the start, libraries and all."""


@dataclass
class Outcome:
    """What a run found."""

    runs: int = 0
    files: int = 0
    commands: set[str] = field(default_factory=set)
    slowest: tuple[float, str] = (0.0, "")
    failures: list[str] = field(default_factory=list)


class _TooSlow(BaseException):
    """Not an Exception, so that nothing on the way takes it for an error of its own."""


def _alarm(number: int, frame: object) -> None:
    raise _TooSlow


@contextmanager
def bounded_memory() -> Iterator[None]:
    """An allocation of more than MEMORY fails in here."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    # Threads and allocators of the libraries that earlier work has loaded may hold gigabytes of addresses already.
    mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (mapped + MEMORY, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def calls(command: str) -> list[list[str]]:
    """The ways in which a command is called."""
    return ARGUMENTS.get(command, [[FILE], [FILE, "--json"]])


def run_file(path: Path, outcome: Outcome, folder: Path, commands: list[str], *, which: int | None = None) -> None:
    """All commands over one file; with `which`, one way of calling each."""
    outcome.files += 1
    size = path.stat().st_size
    for command in commands:
        ways = calls(command)
        for way in ways if which is None else [ways[which % len(ways)]]:
            places = {FILE: str(path), OUT: str(folder / "out.pcapng"), FOLDER: f"{folder}/parts/"}
            arguments = [word.format(file=places[FILE], out=places[OUT], folder=places[FOLDER]) for word in way]
            _run(command, arguments, outcome, SECONDS + SECONDS_PER_BYTE * size)
            _empty(folder)


def _run(command: str, arguments: list[str], outcome: Outcome, allowed: float) -> None:
    words = f"pcap {command} {' '.join(arguments)}"
    outcome.runs += 1
    started = time.process_time()
    old = signal.signal(signal.SIGPROF, _alarm)
    signal.setitimer(signal.ITIMER_PROF, allowed)
    try:
        error = CliRunner().invoke(pcap, [command, *arguments], standalone_mode=False).exception
    except _TooSlow:
        error = None
        outcome.failures.append(f"{words}: more than {allowed:.1f} s")
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, old)
    took = time.process_time() - started
    outcome.slowest = max(outcome.slowest, (took, words))
    if isinstance(error, click.UsageError):
        outcome.failures.append(f"{words}: is not called in the right way: {error}")
    elif error is None or isinstance(error, PacketLabError | click.ClickException | SystemExit):
        outcome.commands.add(command)
    else:
        last = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(last.filename).name}:{last.lineno}"
        outcome.failures.append(f"{words}: {type(error).__name__}: {error} ({where})")


def _empty(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()


def mutated(data: bytes, chance: random.Random) -> bytes:
    """A capture with some bytes changed, cut out, doubled, or its end missing."""
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 5, 20))):
        at = chance.randrange(len(changed) + 1)
        size = chance.choice((1, 1, 2, 4, 16, 200))
        how = chance.randrange(5)
        if how == 0:
            changed[at : at + size] = chance.randbytes(min(size, len(changed) - at))
        elif how == 1:
            del changed[at : at + size]
        elif how == 2:
            changed[at:at] = changed[at : at + size]
        elif how == 3:
            changed[at : at + size] = bytes([chance.choice((0, 0xFF, 0x7F, 0x80))]) * min(size, len(changed) - at)
        elif chance.random() < 0.3:
            del changed[at:]
    return bytes(changed)


def run(
    files: list[Path], *, seconds: float = 0.0, seed: int = 1, commands: list[str] | None = None, all_ways: bool = True,
    most: int | None = None,
) -> Outcome:  # fmt: skip
    """Each file as it is, then mutations of them (at most `most`) for so many seconds."""
    outcome, chance = Outcome(), random.Random(seed)
    chosen = commands or list(COMMANDS)
    with tempfile.TemporaryDirectory() as name, bounded_memory(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        folder = Path(name) / "out"
        folder.mkdir()
        for number, path in enumerate(files):
            run_file(path, outcome, folder, chosen, which=None if all_ways else number)
        small = [path for path in files if 24 < path.stat().st_size < 100_000]
        until = time.monotonic() + seconds
        broken = 0
        while small and time.monotonic() < until and broken < (most or 1 << 60):
            path = chance.choice(small)
            target = Path(name) / f"mutated-{broken}{path.suffix}"
            target.write_bytes(mutated(path.read_bytes(), chance))
            before = len(outcome.failures)
            run_file(target, outcome, folder, chosen, which=broken)
            if len(outcome.failures) > before:
                handle, name_kept = tempfile.mkstemp(path.suffix, f"packetlab-fuzz-{seed}-{broken}-")
                os.close(handle)
                kept = Path(name_kept)
                kept.write_bytes(target.read_bytes())
                lines = outcome.failures[before:]
                outcome.failures[before:] = [f"{line} [of {path.name}, kept as {kept}]" for line in lines]
            target.unlink()
            broken += 1
    return outcome


def main() -> int:
    """Run and print what failed."""
    from tests.oracle.tshark_fields import corpus_files

    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.pcap_commands", description=__doc__.split("\n")[0])
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=60, help="for mutations, behind the files themselves")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="*", help="these commands")
    parser.add_argument("--one-way", action="store_true", help="one way of calling each command for each file")
    arguments = parser.parse_args()
    outcome = run(corpus_files(arguments.every), seconds=arguments.seconds, seed=arguments.seed,
                  commands=arguments.only, all_ways=not arguments.one_way)  # fmt: skip
    for line in outcome.failures:
        print(line)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    print(f"{outcome.files} files, {len(outcome.commands)} commands, {outcome.runs} runs, {len(outcome.failures)} "
          f"failures; peak {peak} MiB; slowest {outcome.slowest[0]:.2f} s: {outcome.slowest[1]}")  # fmt: skip
    return 1 if outcome.failures else 0


if __name__ == "__main__":
    sys.exit(main())
