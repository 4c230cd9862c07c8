"""Display filters select the frames that `tshark -Y` selects: one table of expressions over real captures.

    python -m tests.oracle.display_filters [--files N] [FILE ...]
"""

import argparse
import random
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np

import packetlab.protocols  # noqa: F401
from packetlab.analysis.filter import parse
from packetlab.capture.index import chunks
from packetlab.model.errors import CaptureError
from tests.conftest import corpora_path

# What tshark must not do for its answer to be about single packets: put fragments and segments together.
PLAIN = [
    "-o", "ip.defragment:FALSE", "-o", "ipv6.defragment:FALSE", "-o", "tcp.desegment_tcp_streams:FALSE",
    "-o", "tcp.relative_sequence_numbers:FALSE", "-o", "tcp.check_checksum:FALSE",
]  # fmt: skip

EXPRESSIONS = """
eth
ip
tcp
udp
ip && tcp
ip and not tcp
tcp || udp
tcp xor udp
!ip
not (tcp or udp)
ip.version == 4
ip.hdr_len == 20
ip.hdr_len > 20
ip.len == 40
ip.len > 1000
ip.len <= 100
ip.len < 100 and tcp
ip.id == 0
ip.id != 0
ip.flags.df == 1
ip.flags.df == 0
ip.flags.mf == 1
ip.flags.mf
ip.flags.rb == 0
ip.frag_offset > 0
ip.frag_offset == 0
ip.ttl == 64
ip.ttl < 64
ip.ttl > 64
ip.ttl in {64 128 255}
ip.ttl in {1..63}
ip.ttl in {1, 2, 100..200}
ip.ttl >= 100 && ip.ttl <= 130
ip.proto == 6
ip.proto == 17
ip.proto == 0x11
ip.proto in {6, 17}
ip.proto != 6
ip.dsfield.dscp == 0
ip.dsfield.dscp > 0
ip.dsfield.ecn == 0
ip.checksum == 0
ip.checksum > 0x7fff
ip.src == 10.0.0.0/8
ip.dst == 10.0.0.0/8
ip.addr == 10.0.0.0/8
ip.addr == 192.168.0.0/16
ip.addr != 192.168.0.0/16
!(ip.addr == 192.168.0.0/16)
ip.src == 192.168.1.0/24
ip.src != 192.168.1.0/24
ip.dst == 255.255.255.255
ip.dst == 224.0.0.0/4
ip.dst >= 224.0.0.0
ip.src < 128.0.0.0
ip.src in {10.0.0.0/8, 192.168.0.0/16, 172.16.0.0/12}
ip.src in {10.0.0.1..10.0.0.200}
ip.src == ip.dst
ip.src != ip.dst
ip.addr any_ne 10.0.0.1
any ip.addr == 10.0.0.0/8
all ip.addr == 10.0.0.0/8
all ip.ttl > 60
ip.src[0] == 0a
ip.src[0:2] == 0a:00
ip.dst[3] == ff
ip.dst[-1:] == 01
eth.dst == ff:ff:ff:ff:ff:ff
eth.addr == ff:ff:ff:ff:ff:ff
eth.src[0:3] == 00:0c:29
eth.src[0:3] == 00-0c-29
eth.dst[0] & 1
eth.type == 0x0800
eth.type == 0x86dd
eth.type != 0x0800
eth.type > 0x0800
eth.type in {0x0800 0x0806}
eth.src != eth.dst
tcp.port == 80
tcp.port == 443
tcp.port != 80
tcp.port in {80 443 8080}
tcp.port in {1..1023}
tcp.port < 1024
tcp.port > 1024
all tcp.port > 1024
any tcp.port > 1024
tcp.port any_ne 80
tcp.port all_eq 80
tcp.srcport == 80
tcp.dstport == 80
tcp.srcport eq 80 or tcp.dstport eq 80
tcp.srcport == tcp.dstport
tcp.srcport < tcp.dstport
tcp.srcport gt 1024
tcp.srcport ge 1024
tcp.dstport lt 1024
tcp.dstport le 443
tcp.dstport ne 443
tcp.seq_raw == 0
tcp.seq_raw > 2147483648
tcp.ack_raw == 0
tcp.ack_raw != 0
tcp.hdr_len == 20
tcp.hdr_len > 20
tcp.hdr_len in {32 40}
tcp.flags == 0x02
tcp.flags == 0x012
tcp.flags == 2
tcp.flags & 0x02
tcp.flags & 2 == 2
tcp.flags & 0x12 == 0x12
tcp.flags & 0x17
!(tcp.flags & 0x10)
tcp.flags.syn == 1
tcp.flags.syn
tcp.flags.syn == True
tcp.flags.syn == 1 && tcp.flags.ack == 0
tcp.flags.syn==1&&tcp.flags.ack==1
tcp.flags.fin == 1 or tcp.flags.reset == 1
tcp.flags.push == 1
tcp.flags.urg == 1
tcp.flags.ece == 1
tcp.flags.cwr == 1
tcp.flags.ack == 0
tcp.window_size_value == 0
tcp.window_size_value > 30000
tcp.window_size_value in {1..1000}
tcp.checksum == 0
tcp.checksum != 0
tcp.urgent_pointer != 0
tcp.options
udp.port == 53
udp.port in {53 67 68 5353}
udp.port != 53
udp.srcport == 53
udp.dstport == 53
udp.dstport > 1024
udp.srcport == udp.dstport
udp.length == 8
udp.length > 100
udp.length <= 100
udp.checksum == 0
udp.checksum != 0
udp.checksum == 0xffff
frame.number == 1
frame.number < 10
frame.number in {2..5}
frame.len > 100
frame.len == 60
frame.cap_len < 60
frame.len != frame.cap_len
frame
ip and frame.len > 1000
(tcp and ip.ttl < 64) or (udp and ip.ttl >= 64)
tcp and (ip.src == 10.0.0.0/8 or ip.dst == 10.0.0.0/8) and not tcp.port == 22
not tcp.port == 80 and not udp.port == 53
!(tcp.port == 80) && !(udp.port == 53)
80 == tcp.port
1024 < tcp.srcport
ip[0] == 45
ip[0] & 0xf0 == 0x40
tcp[13] & 2
tcp[0:2] == 00:50
udp[0:2] == 00:35
eth[12:2] == 08:00
eth[0:6] == ff:ff:ff:ff:ff:ff
tcp contains "HTTP"
tcp contains 48:54:54:50
udp contains "www"
ip contains "GET"
tcp matches "GET|POST"
tcp matches "^(?s).{20}GET"
count(ip.addr) > 1
count(tcp.port) == 2
len(tcp) > 100
arp
arp.opcode == 1
arp.opcode == 2 or icmp
arp.src.proto_ipv4 == 10.0.0.0/8
icmp
icmp.type == 8
icmp.type == 3
icmp.type == 3 and icmp.code == 3
icmp.type in {0 8}
ipv6
ipv6.addr == fe80::/10
ipv6.src == fe80::/10
ipv6.dst == ff02::/16
ipv6.hlim == 255
ipv6.hlim < 255
ipv6.nxt == 58
ipv6.nxt == 17 or ipv6.nxt == 6
ipv6.plen > 100
icmpv6
icmpv6.type == 135
icmpv6.type in {133..136}
vlan
vlan.id == 1
vlan.id > 10
vlan.priority == 0
dns
dns.flags.response == 0
dns.flags.response == 1
dns.flags.rcode != 0
dns.count.answers > 0
dns.qry.name contains "www"
dns.qry.type == 1
dns.qry.type == 28
dns.id == 0
http
http.request.method == "GET"
http.response.code == 200
""".strip().splitlines()


def ours(path: Path, expression: str) -> list[int] | None:
    """Frame numbers that packetlab selects."""
    test, found, first = parse(expression), [], None
    try:
        with chunks(path) as index:
            for chunk in index:
                if first is None and len(chunk):
                    first = int(chunk.packets.time[0])
                found += (np.flatnonzero(test.select(chunk, first or 0)) + chunk.first).tolist()
    except CaptureError:
        return None
    return found


def theirs(path: Path, expression: str) -> list[int] | None:
    """Frame numbers that tshark selects; None where it refuses the file or the filter."""
    command = ["tshark", "-nr", str(path), *PLAIN, "-Y", expression, "-T", "fields", "-e", "frame.number"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120)
    if "filter" in run.stderr.splitlines()[0] if run.stderr else False:
        return None  # tshark 4.0 does not know this form
    return [int(line) for line in run.stdout.split()]


def compare(files: list[Path], expressions: list[str]) -> dict[str, list[str]]:
    """For each expression, the files (with the frames) on which the two differ."""
    differences: dict[str, list[str]] = defaultdict(list)
    for path in files:
        for expression in expressions:
            mine, other = ours(path, expression), theirs(path, expression)
            if mine is None or other is None or mine == other:
                continue
            extra, missed = sorted(set(mine) - set(other)), sorted(set(other) - set(mine))
            differences[expression].append(f"{path.name}: only ours {extra[:5]}, only tshark's {missed[:5]}")
    return differences


def sample(count: int, largest: int = 60_000) -> list[Path]:
    """Some captures of the corpora, always the same ones for one count."""
    files = sorted(path for path in corpora_path().rglob("*.pcap*") if path.stat().st_size <= largest)
    random.Random(2024).shuffle(files)
    return files[:count]


def main() -> int:
    """Print one table: expressions, files, and every difference."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=25)
    parser.add_argument("paths", nargs="*", type=Path)
    options = parser.parse_args()
    files = options.paths or sample(options.files)
    usable = []
    for expression in EXPRESSIONS:
        try:
            parse(expression)
            usable.append(expression)
        except ValueError as error:
            print(f"not understood: {expression}: {error}")
    differences = compare(files, usable)
    for expression, lines in differences.items():
        print(f"{expression}\n    " + "\n    ".join(lines[:6]))
    equal = len(usable) - len(differences)
    print(f"{len(EXPRESSIONS)} expressions, {len(usable)} understood, {len(files)} files; equal on all files: {equal}")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
