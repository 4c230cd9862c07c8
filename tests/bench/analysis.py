"""Summary, flows and index of large captures against tshark, tcpdump, capinfos, dpkt and scapy.

Captures of a million packets are generated; slow programs read the first part of one, and all times are per packet.
PACKETLAB_BENCH_LARGE=1 compares memory on files of 1 and 4 GB instead of 0.1 and 0.4.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from packetlab.analysis.flows import flows
from packetlab.analysis.summary import summary
from packetlab.capture.index import chunks
from tests.bench.captures import KINDS, write_capture
from tests.bench.rounds import Row

PACKETS = int(os.environ.get("PACKETLAB_BENCH_PACKETS", "1000000"))
SLICES = {"tshark": 100_000, "tcpdump": 100_000, "dpkt": 50_000, "scapy": 8_000}
ROUNDS = 5
MOST_MEMORY = 300e6


def dpkt_loop(path: str) -> None:
    """What one writes with dpkt: addresses, ports and flags of each packet, counted per flow."""
    import dpkt

    found: dict[tuple[object, ...], int] = {}
    with Path(path).open("rb") as file:
        for _, data in dpkt.pcap.Reader(file):
            network = dpkt.ethernet.Ethernet(data).data
            inner = getattr(network, "data", None)
            if isinstance(inner, dpkt.tcp.TCP):
                key = (network.src, network.dst, inner.sport, inner.dport)
                found[key] = found.get(key, 0) + len(data)


def scapy_loop(path: str) -> None:
    """The same with scapy."""
    from scapy.layers.inet import IP, TCP
    from scapy.layers.inet6 import IPv6
    from scapy.utils import PcapReader

    found: dict[tuple[object, ...], int] = {}
    with PcapReader(path) as reader:
        for packet in reader:
            network = packet.getlayer(IP) or packet.getlayer(IPv6)
            if network is not None and TCP in packet:
                key = (network.src, network.dst, packet[TCP].sport, packet[TCP].dport)
                found[key] = found.get(key, 0) + len(packet)


def _program(*command: str) -> Callable[[Path], object]:
    def run(path: Path) -> object:
        return subprocess.run([part.format(path) for part in command], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, check=True)  # fmt: skip

    return run


def _loop(name: str) -> Callable[[Path], float]:
    """A loop in a process of its own, so that its library weighs on nobody else; its seconds without the imports."""
    code = (
        "import sys, time; from tests.bench import analysis; import dpkt, scapy.layers.inet6, scapy.utils; "
        f"started = time.perf_counter(); analysis.{name}(sys.argv[1]); print(time.perf_counter() - started)"
    )

    def run(path: Path) -> float:
        return float(subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, check=True).stdout)

    return run


def count(path: Path) -> int:
    with chunks(path) as index:
        return sum(len(chunk) for chunk in index)


OURS: dict[str, Callable[[Path], object]] = {
    "summary": summary, "flows": flows, "summary, 1 process": lambda path: summary(path, processes=1),
    "flows, 1 process": lambda path: flows(path, processes=1), "index": count,
}  # fmt: skip
THEIRS = {
    "tshark": _program("tshark", "-n", "-q", "-r", "{}", "-z", "conv,tcp"), "dpkt": _loop("dpkt_loop"),
    "scapy": _loop("scapy_loop"),
    "tcpdump": _program("tcpdump", "-nr", "{}"), "capinfos": _program("capinfos", "-c", "{}"),
}  # fmt: skip
ASKED = {"tshark": 20.0, "dpkt": 30.0, "scapy": 300.0}


def speed() -> Iterator[Row]:
    """Interleaved rounds; the fastest of each, in seconds per packet."""
    theirs = {name: run for name, run in THEIRS.items() if name in ("dpkt", "scapy") or shutil.which(name)}
    with tempfile.TemporaryDirectory() as folder:
        for kind in KINDS:
            path = Path(folder) / f"{kind}.pcap"
            packets = write_capture(path, kind, PACKETS)
            slices = {}
            for name, size in SLICES.items():
                part = Path(folder) / f"{name}.pcap"
                slices[name] = part, write_capture(part, kind, size)
            best: dict[str, float] = {}
            for number in range(ROUNDS):
                for name, run in {**OURS, **theirs}.items():
                    if number and name in ("tshark", "scapy"):
                        continue  # minutes; and one round can only be too slow by what disturbs ours as well
                    place, size = slices.get(name, (path, packets))
                    started = time.perf_counter()
                    found = run(place)
                    spent = found if isinstance(found, float) else time.perf_counter() - started
                    best[name] = min(best.get(name, 1e9), spent / size)
            path.unlink()
            for what in ("summary", "flows"):
                for name in theirs:
                    most = 3.0 if name == "capinfos" else None
                    yield Row(f"{what}, {kind}", name, best[what], best[name], ASKED.get(name), most)
                yield Row(f"{what}, {kind}, all cores", "one core", best[what], best[f"{what}, 1 process"], 1.7)
            yield Row(f"index, {kind}, per record", "capinfos", best["index"], best.get("capinfos", 0.0), below=1 / 3e6)


def peak_memory(path: Path, what: str) -> float:
    """The most bytes that summary or flows held, of all its processes together."""
    code = (
        "import resource, sys\n"
        f"from packetlab.analysis.{what} import {what}\n"
        f"{what}(sys.argv[1])\n"
        "print(sum(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    return float(done.stdout) * 1024


def memory() -> Iterator[Row]:
    """Shown as seconds are, but in GB: the peak on a file and on one four times as large."""
    size = 1 << 30 if os.environ.get("PACKETLAB_BENCH_LARGE") else 100 << 20
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.pcap"
        peaks: dict[tuple[str, int], float] = {}
        for factor in (1, 4):
            write_capture(path, "mixed", 0, least_bytes=size * factor)
            for what in ("summary", "flows"):
                peaks[what, factor] = peak_memory(path, what)
    for what in ("summary", "flows"):
        small, large = peaks[what, 1] / 1e9, peaks[what, 4] / 1e9
        yield Row(f"{what}, peak memory (s = GB)", "", large, 0.0, below=MOST_MEMORY / 1e9)
        yield Row(f"{what}, memory, 4 x the file", "the file", large, small, at_most=1.2)


ROWS = [speed, memory]
