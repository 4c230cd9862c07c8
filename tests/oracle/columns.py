"""Columns equal what `tshark -T fields` prints, frame by frame, for the fields that people ask for.

    python -m tests.oracle.columns [--every N]

Over the same file of many captures' frames as the display filters. All values of a field in a frame are compared,
as numbers, addresses or text. A comparison is a field in a frame in which one of the two has a value.
"""

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from packetlab.analysis.columns import Scan
from packetlab.analysis.filter.binding import plain_value, subject_of
from packetlab.analysis.filter.columnar import Reader, classes_needed, fields_needed, states_needed
from packetlab.capture.index import chunks
from packetlab.model.packet import decapsulate
from tests.oracle.display_filters import REASONS, Look, Pool, Seen, looks, pool, tshark
from tests.oracle.table import Row, print_table
from tests.oracle.tshark_fields import corpus_files

_NAMES = """
frame.len frame.cap_len frame.time_epoch eth.src eth.dst eth.type eth.len vlan.id vlan.priority
vlan.etype sll.pkttype sll.etype null.family mpls.label mpls.ttl ppp.protocol pppoe.session_id llc.dsap llc.ssap
stp.type stp.root.cost arp.opcode arp.src.hw_mac arp.src.proto_ipv4 arp.dst.proto_ipv4 ip.version ip.hdr_len
ip.dsfield.dscp ip.len ip.id ip.flags.df ip.flags.mf ip.frag_offset ip.ttl ip.proto ip.checksum ip.src ip.dst ipv6.src
ipv6.dst ipv6.plen ipv6.nxt ipv6.hlim ipv6.flow ipv6.fraghdr.ident icmp.type icmp.code icmp.checksum icmp.ident
icmp.seq icmpv6.type icmpv6.code icmpv6.nd.ns.target_address igmp.type igmp.maddr gre.proto gre.key esp.spi ah.spi
vxlan.vni geneve.vni tcp.srcport tcp.dstport tcp.seq_raw tcp.ack_raw tcp.hdr_len tcp.flags.syn tcp.flags.ack
tcp.flags.fin tcp.flags.reset tcp.flags.push tcp.window_size_value tcp.checksum tcp.len tcp.options.mss_val
tcp.options.wscale.shift tcp.options.timestamp.tsval udp.srcport udp.dstport udp.length udp.checksum dns.id
dns.flags.response dns.flags.rcode dns.count.queries dns.count.answers dns.qry.name dns.qry.type dns.a dns.aaaa
dns.cname dns.resp.ttl http.request.method http.request.uri http.host http.response.code http.user_agent
"""
FIELDS = _NAMES.split()
SHIFTED = {"ip.frag_offset": 8}
"""Fields that tshark 4.0 shows in units of so many bytes."""


def ours(path: Path, names: list[str]) -> dict[str, dict[int, list[Any]]]:
    """Per field and frame the values: from columns where columns can say them, else from the packets."""
    subjects = {name: subject_of(name) for name in names}
    found: dict[str, dict[int, list[Any]]] = {name: {} for name in names}
    first_time: int | None = None
    with chunks(path) as index:
        for chunk in index:
            first_time = int(chunk.packets.time[0]) if first_time is None else first_time
            slow = []
            for name, subject in subjects.items():
                present, placed = classes_needed(subject)
                scan = Scan(chunk, fields_needed(subject), present)
                inside = Scan(chunk, (), placed=placed, quoted=False)
                values = Reader(chunk, scan, first_time, inside).values(subject)
                if values is None or states_needed(subject):
                    slow.append(name)
                    continue
                for row, value in zip(values[0].tolist(), values[1], strict=True):
                    value = value.tobytes() if getattr(value, "ndim", 0) else value.item()
                    found[name].setdefault(chunk.first + row, []).append(plain_value(subject, value))
            for frame in chunk.frames():
                packet = decapsulate(frame.data, frame.link_type, wire_length=frame.wire_length)
                for name in slow:
                    values_here = list(subjects[name].values(packet, frame, first_time))
                    if values_here:
                        found[name][frame.number] = [plain_value(subjects[name], value) for value in values_here]
    return found


def theirs(path: Path, names: list[str]) -> Iterator[tuple[int, list[list[str]]]]:
    """Frame number, and per field all values that tshark prints."""
    options = ["-E", "separator=/t", "-E", "occurrence=a", "-E", "aggregator=;", "-e", "frame.number"]
    for name in names:
        options += ["-e", name]
    for line in tshark(path, *options).stdout.split("\n"):
        cells = line.split("\t")
        if len(cells) == len(names) + 1 and cells[0].isdecimal():
            yield int(cells[0]), [cell.split(";") if cell else [] for cell in cells[1:]]


def same(name: str, mine: list[Any], other: list[str]) -> bool:
    """Whether both have the same values, in whatever order; times to the microsecond, empty texts not counted."""
    mine = [value for value in mine if value != ""]
    if name == "frame.time_epoch":
        return len(mine) == len(other) == 1 and abs(mine[0] - float(other[0])) < 1e-6
    if len(other) != len(mine) and any(isinstance(value, str) and ";" in value for value in mine):
        other = [";".join(other)]
    return Counter(_plain(value, 1) for value in mine) == Counter(_plain(text, SHIFTED.get(name, 1)) for text in other)


def _plain(value: Any, unit: int) -> Any:
    text = str(value).strip()
    if text in ("True", "False"):
        return int(text == "True")
    try:
        return int(text, 0) * unit
    except ValueError:
        pass
    try:
        return round(float(text), 6)
    except ValueError:
        return text.lower().rstrip(".").replace("\\r\\n", "") or "<root>"


def compare(made: Pool, look: Look, names: list[str]) -> tuple[Row, list[str], Counter[str]]:
    """One line of the table, the differences without a reason, and how often each reason was needed."""
    mine = ours(made.path, names)
    compared = equal = explained = 0
    differences, reasons = [], Counter[str]()
    for number, cells in theirs(made.path, names):
        for name, other in zip(names, cells, strict=True):
            values = mine[name].get(number, [])
            if not values and not other:
                continue
            compared += 1
            if same(name, values, other):
                equal += 1
                continue
            seen = Seen(name, bool(values), *look(number))
            reason = next((text for text, check in REASONS if check(seen)), None)
            if reason is not None:
                explained += 1
                reasons[reason] += 1
            else:
                capture, inside = made.capture_of(number)
                differences.append(f"{name}: {values[:9]} / tshark {other[:9]} in {capture} frame {inside}")
    example = differences[0] if differences else ""
    row = Row(f"columns ({len(names)} fields)", len(made.names), compared, equal, explained, example)
    return row, differences, reasons


def _run(every: int) -> tuple[Row, list[str], Counter[str]]:
    with tempfile.TemporaryDirectory() as folder:
        made = pool(corpus_files(every), Path(folder) / "all.pcapng")
        return compare(made, looks(made.path), FIELDS)


def verdict(every: int = 1) -> list[Row]:
    """All fields over the beginning of each `every`-th capture."""
    return [_run(every)[0]]


def main() -> int:
    """Print every difference, the reasons, and one line of the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--every", type=int, default=1)
    row, differences, reasons = _run(parser.parse_args().every)
    for line in differences:
        print(line)
    for text, count in reasons.most_common():
        print(f"{count:6}: {text}")
    print_table([row])
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
