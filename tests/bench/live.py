"""The live side: ping's median round-trip time against iputils over veth, the time of the whole demo."""

import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from packetlab.net import Network
from packetlab.wire.verbs.ping import ping
from tests.bench.rounds import Row

ADDRESS = "10.0.0.2"
COUNT, INTERVAL = 30, 0.02


def pair() -> Network:
    network = Network()
    network.host("a", "10.0.0.1/24")
    network.host("b", f"{ADDRESS}/24")
    network.link("a", "b")
    return network


def ping_time() -> Iterator[Row]:
    """Interleaved rounds; the lowest median of each, in seconds."""
    ours = theirs = float("inf")
    with pair() as network:
        host = network["a"]
        for _ in range(5):
            text = host.run(["ping", "-c", str(COUNT), "-i", str(INTERVAL), ADDRESS], timeout=60).stdout
            times = [float(found) / 1000 for found in re.findall(r"time=([\d.]+) ms", text)]
            theirs = min(theirs, statistics.median(times))
            mine = ping(ADDRESS, count=COUNT, interval=INTERVAL, via=host)
            ours = min(ours, statistics.median(mine.statistics.rtts) / 1e9)
    yield Row("ping, median RTT over veth", "iputils ping", ours, theirs, at_most=1.5)


def demo() -> Iterator[Row]:
    """The whole command."""
    best = float("inf")
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(3):
            started = time.perf_counter()
            target = str(Path(folder) / "demo.pcapng")
            command = [sys.executable, "-m", "packetlab.cli.main", "demo", "-w", target]
            subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
            best = min(best, time.perf_counter() - started)
    yield Row("packetlab demo", "", best, 0.0, below=5.0)


ROWS = [ping_time, demo]
