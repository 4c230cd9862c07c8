"""Link, IPv6 and tunnel headers and reassembly on captures that others made, held against tshark."""

import subprocess
from pathlib import Path

import pytest

import packetlab.protocols  # noqa: F401
from packetlab.capture import read
from packetlab.internet.fragments import Reassembler
from packetlab.internet.ipv4 import IPv4
from packetlab.internet.ipv6 import Fragment
from packetlab.model.packet import Packet, decapsulate
from tests.oracle.tshark_fields import compare_file

pytestmark = pytest.mark.needs("tshark")

ARKIME, PCAPPP, ZEEK = "arkime+arkime/tests/pcap", "seladb+PcapPlusPlus/Tests", "zeek+zeek/testing/btest/Traces"

BY_PROTOCOL = {
    "arp": f"{ARKIME}/cloudshark-arp.pcap",
    "vlan": "CESNET+ipfixprobe/tests/functional/inputs/vlan.pcap",
    "two vlans": f"{ARKIME}/twovlan.pcap",
    "802.1ad": f"{ARKIME}/dot1ad.pcap",
    "spanning tree": f"{PCAPPP}/Packet++Test/PacketExamples/Stp.pcap",
    "cooked": "aboutsip+pkts/pkts-core/src/test/resources/io/pkts/sipp_sll.pcap",
    "cooked 2 with llc": f"{PCAPPP}/Packet++Test/PacketExamples/Sll2PacketLLC.pcap",
    "bsd loopback": f"{ARKIME}/ssl-selfsign.pcap",
    "ah and esp": f"{ARKIME}/ah-esp.pcap",
    "igmp": f"{ARKIME}/igmp.pcap",
    "gre in udp": f"{ZEEK}/tunnels/gre-over-udp-4754.pcap",
    "ipv6 options and fragments": f"{PCAPPP}/Packet++Test/PacketExamples/ipv6_opt_fragments.pcap",
}

FRAGMENTED = [
    "aboutsip+pkts/pkts-core/src/test/resources/io/pkts/ipv6_frag.pcap",
    f"{PCAPPP}/Pcap++Test/PcapExamples/ip4_fragments.pcap",
    f"{PCAPPP}/Pcap++Test/PcapExamples/ip6_fragments.pcap",
    f"{PCAPPP}/Pcap++Test/PcapExamples/frag_with_padding.pcap",
    f"{PCAPPP}/Packet++Test/PacketExamples/ipv6_opt_fragments.pcap",
    f"{ARKIME}/socks5-http-302-frag.pcap",
    f"{ZEEK}/tunnels/gtp/gtp1_gn_normal_incl_fragmentation.pcap",
    f"{ZEEK}/ipv4/fragmented-3.pcap",
]


def there(corpora: Path, name: str) -> Path:
    path = corpora / name
    if not path.is_file():
        pytest.skip(f"the corpora have no {name}")
    return path


@pytest.mark.parametrize("protocol", BY_PROTOCOL)
def test_fields_are_those_that_tshark_reads(corpora: Path, protocol: str) -> None:
    found = compare_file(there(corpora, BY_PROTOCOL[protocol]), 40)
    assert found.frames and found.values.total() > 20
    assert not found.unexplained, found.examples


def is_fragment(packet: Packet) -> bool:
    return Fragment in packet or any(
        header.more_fragments or header.fragment_offset for header in packet.layers if isinstance(header, IPv4)
    )


@pytest.mark.parametrize("name", FRAGMENTED)
def test_packets_become_whole_with_the_frames_with_which_they_do_for_tshark(corpora: Path, name: str) -> None:
    path = there(corpora, name)
    said = subprocess.run(
        ["tshark", "-r", str(path), "-Y", "ip.reassembled.length or ipv6.reassembled.length", "-T", "fields",
         "-e", "frame.number", "-e", "ip.reassembled.length", "-e", "ipv6.reassembled.length"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True,
    ).stdout  # fmt: skip
    expected = [(int(number), int(four or six)) for number, four, six in (row.split("\t") for row in said.splitlines())]
    reassembler, found = Reassembler(), []
    with read(path) as frames:
        for frame in frames:
            packet = decapsulate(frame.data, frame.link_type, wire_length=frame.wire_length)
            if not is_fragment(packet):
                continue
            whole = reassembler.add(packet, 0.0)
            if whole is not None:
                at = next(i for i, one in enumerate(packet.layers) if isinstance(one, Fragment | IPv4) and _cut(one))
                ip = at if isinstance(packet.layers[at], IPv4) else at - 1
                _, body, end = whole.bounds()[ip]
                found.append((frame.number, end - body))
    assert found == expected and not reassembler.given_up


def _cut(header: IPv4 | Fragment) -> bool:
    return isinstance(header, Fragment) or bool(header.more_fragments or header.fragment_offset)
