"""Flows at each layer against `tshark -q -z conv,...`: endpoints, packets and bytes each way, start, duration.

    python -m tests.oracle.conversations [--every N]

tshark rounds bytes as it prints them, so ours are rounded in the same way before they are compared. It is told not
to put IP fragments together, because it would count only the frame that completes a packet; `flows` is told not
to look for the flow of a fragment either. The reasons for differences are in `_reason`.
"""

import argparse
import re
import subprocess
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import packetlab.protocols  # noqa: F401
from packetlab.analysis.flow_keys import LAYERS, Layer
from packetlab.analysis.flows import flows
from packetlab.capture.index import chunks
from packetlab.model.errors import CaptureError
from tests.conftest import corpora_path
from tests.oracle.reasons import known_protocols
from tests.oracle.table import Row, print_table

OPTIONS = ("-o", "ip.defragment:FALSE", "-o", "ipv6.defragment:FALSE")
_SECTIONS = {"Ethernet": "eth", "IPv4": "ip", "IPv6": "ipv6", "TCP": "tcp", "UDP": "udp"}
_SIZE = r"(\d+)\s+([\d,.]+ \S+)"
_LINE = re.compile(rf"^(\S+)\s+<->\s+(\S+)\s+{_SIZE}\s+{_SIZE}\s+{_SIZE}\s+(-?[\d.,]+)\s+(-?[\d.,]+)\s*$")

Ends = tuple[tuple[str, int, str], tuple[str, int, str]]
"""Both endpoints in order, each with the packets and bytes that it sent."""
Seen = tuple[Ends, float, float]
"""Endpoints, start and duration in seconds."""


def captures(every: int) -> list[Path]:
    """The captures of the corpora that tshark finds sound, with IP or Ethernet in them."""
    root = corpora_path()
    lines = (root / "MANIFEST.tsv").read_text().splitlines()
    names = lines[0].split("\t")
    rows = [dict(zip(names, line.split("\t"), strict=False)) for line in lines[1:]]
    found = [
        root / row["repo"].replace("/", "+") / row["path"]
        for row in rows
        if row["format"].startswith("pcap") and {"eth", "ip", "ipv6"} & set(row["protocols"].split(","))
    ]
    return [path for path in found if path.is_file()][::every]


def theirs(path: Path) -> dict[str, list[Seen]] | None:
    """tshark's conversations per layer; None where it cannot read all of the file."""
    sections = [part for layer in LAYERS for part in ("-z", f"conv,{layer}")]
    done = subprocess.run(["tshark", "-n", "-q", "-r", str(path), *OPTIONS, *sections],
                          capture_output=True, text=True, errors="replace")  # fmt: skip
    if done.returncode or "damaged" in done.stderr or "cut short" in done.stderr:
        return None
    found: dict[str, list[Seen]] = {layer: [] for layer in LAYERS}
    layer = ""
    for line in done.stdout.splitlines():
        if line.endswith(" Conversations"):
            layer = _SECTIONS[line.split()[0]]
        elif match := _LINE.match(line):
            a, b, to_a, size_to_a, to_b, size_to_b, _, _, start, lasted = match.groups()
            ends = _ends((a, int(to_b), size_to_b), (b, int(to_a), size_to_a))
            found[layer].append((ends, float(start), float(lasted)))
    return found


def ours(path: Path, layer: Layer, start: int) -> list[Seen]:
    """The same of packetlab; `start` is the time of the first packet."""
    found = []
    for flow in flows(path, layer, fragments=False):
        a, b = (re.sub(r"[\[\]]", "", flow.endpoint(which)) for which in "ab")
        one, other = (a, flow.packets_ab, size_text(flow.bytes_ab)), (b, flow.packets_ba, size_text(flow.bytes_ba))
        found.append((_ends(one, other), (flow.first - start) / 1e9, flow.duration / 1e9))
    return found


def _ends(one: tuple[str, int, str], other: tuple[str, int, str]) -> Ends:
    if one[0] == other[0]:  # which is which nobody can tell
        one, other = (one[0], one[1] + other[1], ""), (one[0], 0, "")
    low, high = sorted((one, other))
    return low, high


def only_one_has(mine: list[Seen], other: list[Seen]) -> tuple[list[Seen], list[Seen]]:
    """The flows that are not in both lists; times may differ by what tshark's printing rounds."""
    left: dict[Ends, list[Seen]] = defaultdict(list)
    for seen in other:
        left[seen[0]].append(seen)
    unmatched = []
    for seen in mine:
        same = [one for one in left[seen[0]] if _is_close(seen[1], one[1], 2e-6) and _is_close(seen[2], one[2], 2e-4)]
        if same:
            left[seen[0]].remove(same[0])
        else:
            unmatched.append(seen)
    return unmatched, [seen for found in left.values() for seen in found]


def _is_close(one: float, other: float, apart: float) -> bool:
    return abs(one - other) <= apart + 1e-12 * abs(one)


def size_text(size: int) -> str:
    """As tshark prints it: a larger unit only where there are at least ten of it."""
    for power, unit in ((4, "TB"), (3, "GB"), (2, "MB"), (1, "kB")):
        if size // 1000**power >= 10:
            return f"{size // 1000**power} {unit}"
    return f"{size} bytes"


def first_time(path: Path) -> int:
    with chunks(path) as index:
        return next((int(chunk.packets.time[0]) for chunk in index if len(chunk)), 0)


@dataclass(slots=True)
class FrameSeen:
    """What tshark says of one frame."""

    addresses: set[str]
    protocols: list[str]
    troubled: bool
    time: float


def _frames(path: Path) -> list[FrameSeen]:
    names = ("frame.time_epoch", "frame.protocols", "eth.addr", "ip.addr", "ipv6.addr", "ipv6.routing.src.addr",
             "_ws.expert.severity", "_ws.malformed", "_ws.short")  # fmt: skip
    fields = [part for name in names for part in ("-e", name)]
    out = subprocess.run(["tshark", "-n", "-r", str(path), *OPTIONS, "-T", "fields", *fields],
                         capture_output=True, text=True, errors="replace").stdout  # fmt: skip
    found = []
    for line in out.splitlines():
        time, protocols, *addresses, severity, malformed, short = line.split("\t")
        troubled = bool(malformed or short) or "8388608" in severity
        found.append(FrameSeen(set(",".join(addresses).split(",")), protocols.split(":"), troubled, float(time or 0)))
    return found


def _reason(frames: list[FrameSeen], layer: str, seen: Seen) -> str:
    """Why a flow differs that only one of the two has in this way; "" where nothing explains it."""
    known = known_protocols() | {"ethertype", "raw", "data"}
    ends = {end[0].rpartition(":")[0] if layer in ("tcp", "udp") else end[0] for end in seen[0]}
    if abs(seen[1]) > 4e9:
        return "its times are not within what a file can say"
    if any(frame.time == 0 for frame in frames):
        return "the file has packets without a time, which tshark leaves out of relative times"
    for frame in frames:
        if not ends <= frame.addresses:
            continue
        if frame.troubled:
            return "tshark finds a frame malformed and stops before it counts it"
        if layer not in frame.protocols:
            continue
        last = len(frame.protocols) - 1 - frame.protocols[::-1].index(layer)
        around = set(frame.protocols[:last]) - known
        if around:
            return f"within {', '.join(sorted(around))}, which packetlab does not know"
        if layer == "ipv6" and "ipv6.fraghdr" in frame.protocols:
            return "tshark counts a fragmented IPv6 packet once, with its first fragment"
        if layer == "ipv6" and frame.protocols[-1] in ("mipv6", "ipv6.dstopts", "ipv6.hopopts"):
            return "tshark leaves out packets in which nothing follows the extension headers"
        if layer in ("tcp", "udp") and "ipv6.routing" in frame.protocols:
            return "tshark takes the last address of a routing header for the destination"
        if layer == "udp" and {"snmp", "tftp", "sip", "rtp"} & set(frame.protocols):
            return "tshark's dissector makes a conversation of its own for the answers"
    if not any(ends <= frame.addresses for frame in frames) and any(frame.troubled for frame in frames):
        return "tshark stops at a fault (a wrong version, an impossible length) behind which packetlab reads on"
    return ""


def verdict(every: int = 1, show: bool = False) -> list[Row]:
    """A row per layer; what is compared is flows. `show`: tell every difference."""
    rows: dict[str, list[Any]] = {layer: [0, 0, 0, 0, ""] for layer in LAYERS}
    for path in captures(every):
        expected = theirs(path)
        if expected is None:
            continue
        try:
            start = first_time(path)
            found = {layer: ours(path, layer, start) for layer in LAYERS}
        except CaptureError:
            continue
        frames: list[FrameSeen] | None = None
        for layer in LAYERS:
            row = rows[layer]
            mine, other = only_one_has(found[layer], expected[layer])
            total = max(len(found[layer]), len(expected[layer]))
            left = max(len(mine), len(other))
            row[0] += total > 0
            row[1] += total
            row[2] += total - left
            if not left:
                continue
            frames = _frames(path) if frames is None else frames
            reasons = Counter(_reason(frames, layer, seen) for seen in (mine if len(mine) >= len(other) else other))
            row[3] += left - reasons[""]
            text = f"{path.name}: packetlab {mine[:2]} tshark {other[:2]}"
            if reasons[""]:
                row[4] = row[4] or text
            if show:
                print(layer, dict(reasons), path, text, flush=True)
    return [Row(f"flows: {layer}", *rows[layer]) for layer in LAYERS]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Compare flows with tshark's conversations.")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only every N-th capture")
    parser.add_argument("--all", action="store_true", help="tell every difference")
    chosen = parser.parse_args()
    print_table(verdict(chosen.every, chosen.all))
