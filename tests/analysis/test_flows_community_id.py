"""Community IDs equal the published ones, and tshark's on the specification's own captures."""

import ipaddress
import subprocess
from pathlib import Path

import pytest

from packetlab.analysis.community_id import community_id
from packetlab.analysis.flows import flows


def packed(text: str) -> bytes:
    return ipaddress.ip_address(text).packed


@pytest.mark.parametrize(
    ("src", "dst", "protocol", "one", "other", "expected"),
    [
        ("66.35.250.204", "128.232.110.120", 6, 80, 34855, "1:LQU9qZlK+B5F3KDmev6m5PMibrg="),
        ("128.232.110.120", "66.35.250.204", 6, 34855, 80, "1:LQU9qZlK+B5F3KDmev6m5PMibrg="),
        ("8.8.8.8", "192.168.1.52", 17, 53, 54585, "1:d/FP5EW3wiY1vCndhwleRRKHowQ="),
        ("192.168.170.8", "192.168.170.56", 132, 7, 7, "1:MP2EtRCAUIZvTw6MxJHLV7N7JDs="),
        ("192.168.0.89", "192.168.0.1", 1, 8, 0, "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="),
        ("192.168.0.1", "192.168.0.89", 1, 0, 0, "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="),
        ("fe80::260:97ff:fe07:69ea", "ff02::1", 58, 134, 0, "1:pkvHqCL88/tg1k4cPigmZXUtL00="),
    ],
)
def test_ids_are_the_published_ones(src: str, dst: str, protocol: int, one: int, other: int, expected: str) -> None:
    assert community_id(packed(src), packed(dst), protocol, one, other) == expected


def test_the_seed_changes_the_id_and_the_direction_does_not() -> None:
    a, b = packed("10.0.0.1"), packed("10.0.0.2")
    assert community_id(a, b, 6, 1, 2, seed=1) != community_id(a, b, 6, 1, 2)
    assert community_id(a, b, 47) == community_id(b, a, 47) != community_id(a, b, 89)


@pytest.mark.needs("tshark")
@pytest.mark.parametrize("name", ["tcp", "udp", "sctp", "icmp", "icmp6", "ipv6", "rsvp"])
def test_ids_are_those_of_tshark_on_the_specifications_captures(corpora: Path, name: str) -> None:
    path = corpora / "corelight+community-id-spec" / "pcaps" / f"{name}.pcap"
    places = {6: ("tcp.srcport", "tcp.dstport"), 17: ("udp.srcport", "udp.dstport"), 1: ("icmp.type", "icmp.code"),
              132: ("sctp.srcport", "sctp.dstport"), 58: ("icmpv6.type", "icmpv6.code")}  # fmt: skip
    fields = ["communityid", "ip.src", "ip.dst", "ipv6.src", "ipv6.dst", "ip.proto", "ipv6.nxt",
              *(one for pair in places.values() for one in pair)]  # fmt: skip
    command = ["tshark", "-n", "-r", str(path), "--enable-protocol", "communityid", "-E", "occurrence=f"]
    command += ["-T", "fields"]
    done = subprocess.run([*command, *(part for one in fields for part in ("-e", one))], capture_output=True, text=True)
    if done.returncode:
        pytest.skip("this tshark does not know Community IDs")
    compared = 0
    for line in done.stdout.splitlines():
        found = dict(zip(fields, line.split("\t"), strict=True))
        src, dst = found["ip.src"] or found["ipv6.src"], found["ip.dst"] or found["ipv6.dst"]
        if not found["communityid"]:
            continue
        protocol = int(found["ip.proto"] or found["ipv6.nxt"])
        ports = [int(found[one]) for one in places.get(protocol, ())]
        mine = community_id(packed(src), packed(dst), protocol, *ports)
        assert mine == found["communityid"], found
        compared += 1
    assert compared


def test_a_flow_knows_its_id(corpora: Path) -> None:
    path = corpora / "corelight+community-id-spec" / "pcaps" / "tcp.pcap"
    assert "1:LQU9qZlK+B5F3KDmev6m5PMibrg=" in {flow.community_id() for flow in flows(path)}
