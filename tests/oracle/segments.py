"""Connection number, payload length and sequence number of every TCP segment, against tshark.

    python -m tests.oracle.segments [--every N]

Reasons for differences: packetlab does not know the protocol around (tshark's list of protocols names it), or the
TCP is not a packet's own (SOCKS and TLS decryption hand their data to tshark's TCP again).
"""

import argparse
import subprocess
from pathlib import Path

import packetlab.protocols  # noqa: F401
from packetlab.analysis.segments import segments
from packetlab.model.errors import CaptureError
from tests.conftest import corpora_path
from tests.oracle.reasons import known_protocols
from tests.oracle.table import Row, print_table

FIELDS = ("frame.number", "frame.protocols", "tcp.stream", "tcp.len", "tcp.seq")
OPTIONS = ("-o", "tcp.relative_sequence_numbers:FALSE", "-E", "occurrence=l", "-Y", "tcp && !icmp && !icmpv6")


def captures(protocol: str, every: int) -> list[Path]:
    """The sound captures of the corpora that hold a protocol, by tshark's account."""
    root = corpora_path()
    lines = (root / "MANIFEST.tsv").read_text().splitlines()
    names = lines[0].split("\t")
    rows = [dict(zip(names, line.split("\t"), strict=False)) for line in lines[1:]]
    found = [root / row["repo"].replace("/", "+") / row["path"] for row in rows
             if protocol in row["protocols"].split(",") and row["format"].startswith("pcap")]  # fmt: skip
    return [path for path in found if path.is_file()][::every]


def ours(path: Path) -> dict[int, tuple[int, ...]]:
    """Packet number: (stream, length, sequence)."""
    found: dict[int, tuple[int, ...]] = {}
    for part in segments(path):
        values = zip(part.stream.tolist(), part.length.tolist(), part.sequence.tolist(), strict=True)
        found.update(zip(part.number.tolist(), values, strict=True))
    return found


def theirs(path: Path) -> dict[int, tuple[tuple[int, ...], str]]:
    """The same of tshark, with the protocols it saw in the packet."""
    fields = [part for name in FIELDS for part in ("-e", name)]
    out = subprocess.run(["tshark", "-r", str(path), *OPTIONS, "-T", "fields", *fields],
                         capture_output=True, text=True, errors="replace").stdout  # fmt: skip
    found = {}
    for line in out.splitlines():
        number, protocols, *values = line.split("\t")
        if len(values) == 3 and values[0] and values[2]:
            found[int(number)] = (int(values[0]), int(values[1] or -1), int(values[2])), protocols
    return found


def around_tcp(protocols: str) -> set[str]:
    """Protocols around TCP that packetlab does not know."""
    return set(protocols.partition(":tcp")[0].split(":")) - known_protocols() - {"ethertype", "raw"}


def verdict(every: int = 1) -> list[Row]:
    """One row: all three values of a segment must be equal."""
    files = compared = equal = explained = 0
    example = ""
    for path in captures("tcp", every):
        try:
            mine = ours(path)
        except CaptureError:
            continue
        files += 1
        other = theirs(path)
        strange = {number for number, (_, protocols) in other.items() if around_tcp(protocols) or "socks" in protocols}
        for number in sorted(set(mine) | set(other)):
            compared += 1
            if number in mine and number in other and mine[number] == other[number][0]:
                equal += 1
            elif strange:
                explained += 1  # one that is not understood shifts the numbers of all that follow
            elif not example:
                example = f"{path.name} packet {number}: {mine.get(number)}, tshark {other.get(number)}"
    return [Row("TCP segments: stream, length, sequence", files, compared, equal, explained, example)]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, default=1)
    print_table(verdict(parser.parse_args().every))
