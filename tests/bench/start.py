"""What it costs to start: `import packetlab` and `packetlab --help`, against a bare interpreter."""

import subprocess
import sys
import time
from collections.abc import Iterator

from tests.bench.rounds import Row


def seconds(*command: str) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, *command], stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started


def start() -> Iterator[Row]:
    kinds = {
        "bare": ("-c", "pass"),
        "import": ("-c", "import packetlab"),
        "help": ("-m", "packetlab.cli.main", "--help"),
    }
    best = dict.fromkeys(kinds, float("inf"))
    for _ in range(12):
        for kind, command in kinds.items():
            best[kind] = min(best[kind], seconds(*command))
    yield Row("import packetlab", "bare interpreter", best["import"], best["bare"], at_most=3)
    yield Row("packetlab --help", "", best["help"], 0.0, below=0.3)


ROWS = [start]
