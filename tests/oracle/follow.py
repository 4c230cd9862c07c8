"""Followed TCP streams, byte for byte against `tshark -z follow,tcp,raw`.

    python -m tests.oracle.follow [--every N]

The truth of the corpora holds SHA-256 and length of both directions of each stream. Reasons for differences are
checked: bytes that the capture lacks (tshark writes words into the data there), bytes that still wait behind a gap
when the capture ends (tshark drops them, packetlab shows them behind the gap), protocols packetlab does not know.
"""

import argparse
import csv
import hashlib
from functools import cache
from pathlib import Path

from packetlab.analysis.streams import Data, Missing, Opened, events
from packetlab.model.errors import CaptureError
from tests.conftest import corpora_path
from tests.oracle.segments import around_tcp
from tests.oracle.segments import theirs as segments_of_tshark
from tests.oracle.table import Row, print_table


def truth(kind: str) -> list[tuple[Path, list[dict[str, str]]]]:
    """(capture, rows) of each truth file of a kind."""
    root = corpora_path()
    with (root / "truth" / "index.tsv").open() as index:
        places = {row["sha"]: root / row["repo"].replace("/", "+") / row["path"]
                  for row in csv.DictReader(index, delimiter="\t")}  # fmt: skip
    found = []
    for path in sorted((root / "truth").glob(f"*.{kind}.tsv")):
        place = places.get(path.name.split(".")[0])
        if place is not None and place.is_file():
            with path.open() as table:
                found.append((place, list(csv.DictReader(table, delimiter="\t"))))
    return found


def ours(path: Path) -> dict[int, dict[str, tuple[bytes, int, bool]]]:
    """Stream: {sender: (bytes, missing, whether something stands behind a gap)}."""
    found: dict[int, dict[str, tuple[bytes, int, bool]]] = {}
    names: dict[int, tuple[str, str]] = {}
    for event in events(path):
        if isinstance(event, Opened):
            names[event.stream] = (event.endpoints.text(0), event.endpoints.text(1))
            found[event.stream] = dict.fromkeys(names[event.stream], (b"", 0, False))
        elif isinstance(event, Data | Missing):
            name = names[event.stream][event.direction]
            data, missing, behind = found[event.stream][name]
            if isinstance(event, Data):
                found[event.stream][name] = (data + event.data, missing, behind or missing > 0)
            else:
                found[event.stream][name] = (data, missing + event.length, behind)
    return found


@cache
def strange(path: Path) -> bool:
    """Whether some TCP of the capture is inside a protocol that packetlab does not know, which shifts all numbers."""
    return any(around_tcp(protocols) or "socks" in protocols for _, protocols in segments_of_tshark(path).values())


def compare(path: Path, rows: list[dict[str, str]]) -> tuple[int, int, int, str]:
    """(compared, equal, explained, example) over all directions of a capture."""
    mine = ours(path)
    compared = equal = explained = 0
    example = ""
    for row in rows:
        for node in ("node0", "node1"):
            name, size = row[node], int(row[f"{node}_bytes"])
            if name.count(":") > 1 and not name.startswith("["):
                host, _, port = name.rpartition(":")
                name = f"[{host}]:{port}"
            compared += 1
            data, missing, _ = mine.get(int(row["stream"]), {}).get(name, (b"", 0, False))
            if len(data) == size and (not size or hashlib.sha256(data).hexdigest() == row[f"{node}_sha256"]):
                equal += 1
            elif missing or int(row["gap_marker"] or 0) or strange(path):
                explained += 1
            elif not example:
                example = f"{path.name} stream {row['stream']} {row[node]}: {len(data)} bytes, tshark {size}"
    return compared, equal, explained, example


def verdict(every: int = 1) -> list[Row]:
    """One row: each direction of each stream."""
    total = [0, 0, 0]
    files, example = 0, ""
    for path, rows in truth("follow")[::every]:
        try:
            *counts, shown = compare(path, rows)
        except CaptureError:
            continue
        files += 1
        total = [one + other for one, other in zip(total, counts, strict=True)]
        example = example or str(shown)
    return [Row("TCP streams followed, each direction", files, *total, example)]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, default=1)
    print_table(verdict(parser.parse_args().every))
