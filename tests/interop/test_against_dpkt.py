"""Random packets built by dpkt and by packetlab have the same bytes, and both read the same fields."""

from typing import Any

import dpkt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import packetlab.protocols  # noqa: F401
from packetlab.internet.ipv4 import IPv4
from packetlab.link.ethernet import Ethernet
from packetlab.model.checksum import internet_checksum
from packetlab.model.packet import decapsulate
from packetlab.transport.tcp import TCP
from packetlab.transport.udp import UDP
from tests.interop.strategies import ipv4s, ipv6s, macs, names, payloads, ports, u8, u16, u32

quick = settings(max_examples=80, deadline=None)


@given(st.binary(max_size=200))
def test_the_checksum_is_dpkts(data: bytes) -> None:
    assert internet_checksum(data) == dpkt.dpkt.in_cksum(data)


@quick
@given(macs, macs, ipv4s, ipv4s, ports, ports, u32, u32, st.integers(0, 255), u16, u16, u8, payloads)
def test_tcp_over_ipv4(
    src: bytes, dst: bytes, host: bytes, peer: bytes, sport: int, dport: int, seq: int, ack: int, flags: int,
    window: int, ident: int, ttl: int, data: bytes,
) -> None:  # fmt: skip
    tcp = dpkt.tcp.TCP(sport=sport, dport=dport, seq=seq, ack=ack, flags=flags, win=window, data=data)
    ip = dpkt.ip.IP(src=host, dst=peer, p=6, data=tcp, ttl=ttl, id=ident)
    ip.len = len(ip)
    theirs = bytes(dpkt.ethernet.Ethernet(src=src, dst=dst, data=ip))
    ours = (
        Ethernet(src=src, dst=dst) / IPv4(src=host, dst=peer, ttl=ttl, identification=ident)
        / TCP(src_port=sport, dst_port=dport, sequence=seq, acknowledgment=ack, flags=flags, window=window) / data
    )  # fmt: skip
    assert ours.encapsulate() == theirs
    found, read = decapsulate(theirs), dpkt.ethernet.Ethernet(theirs)
    assert (found[Ethernet].src, found[Ethernet].dst, found[Ethernet].type) == (read.src, read.dst, read.type)
    assert (found[IPv4].src, found[IPv4].dst, found[IPv4].ttl) == (read.data.src, read.data.dst, read.data.ttl)
    assert (found[IPv4].checksum, found[IPv4].total_length) == (read.data.sum, read.data.len)
    inner = read.data.data
    assert (found[TCP].src_port, found[TCP].dst_port, found[TCP].sequence) == (inner.sport, inner.dport, inner.seq)
    assert (found[TCP].acknowledgment, found[TCP].flags & 0xFF) == (inner.ack, inner.flags)
    assert (found[TCP].checksum, found[TCP].window, found.payload) == (inner.sum, inner.win, bytes(inner.data))


@quick
@given(ipv4s, ipv4s, ports, ports, payloads)
def test_udp_over_ipv4(host: bytes, peer: bytes, sport: int, dport: int, data: bytes) -> None:
    udp = dpkt.udp.UDP(sport=sport, dport=dport, data=data, ulen=8 + len(data))
    ip = dpkt.ip.IP(src=host, dst=peer, p=17, data=udp)
    ip.len = len(ip)
    theirs = bytes(ip)
    ours = IPv4(src=host, dst=peer) / UDP(src_port=sport, dst_port=dport) / data
    assert ours.encapsulate() == theirs
    assert all(check.ok for check in decapsulate(theirs, IPv4).check())


@quick
@given(macs, ipv4s, macs, ipv4s, st.integers(0, 0xFFFF))
def test_arp(sender: bytes, sender_ip: bytes, target: bytes, target_ip: bytes, operation: int) -> None:
    arp = pytest.importorskip("packetlab.link.arp")
    theirs = bytes(dpkt.arp.ARP(op=operation, sha=sender, spa=sender_ip, tha=target, tpa=target_ip))
    found = decapsulate(theirs, arp.ARP)
    state = found[arp.ARP]._state()
    assert {sender, sender_ip, target, target_ip, operation} <= {v for v in state if isinstance(v, bytes | int)}
    assert found.refilled().encapsulate() == theirs


@quick
@given(ipv6s, ipv6s, ports, ports, payloads, st.integers(0, 0xFFFFF), u8)
def test_udp_over_ipv6(src: bytes, dst: bytes, sport: int, dport: int, data: bytes, flow: int, hops: int) -> None:
    ipv6 = pytest.importorskip("packetlab.internet.ipv6")
    udp = dpkt.udp.UDP(sport=sport, dport=dport, data=data, ulen=8 + len(data))
    ip = dpkt.ip6.IP6(src=src, dst=dst, nxt=17, data=udp, plen=8 + len(data), hlim=hops)
    ip.v, ip.flow = 6, flow
    theirs = bytes(ip)
    made = ipv6.IPv6(src=src, dst=dst, hop_limit=hops, flow_label=flow) / UDP(src_port=sport, dst_port=dport) / data
    assert made.encapsulate() == theirs
    header: Any = decapsulate(theirs, ipv6.IPv6)[ipv6.IPv6]
    assert (header.src, header.dst, header.hop_limit, header.flow_label) == (src, dst, hops, flow)


@quick
@given(u16, u16, payloads)
def test_icmp_echo(ident: int, number: int, data: bytes) -> None:
    icmp = pytest.importorskip("packetlab.internet.icmp")
    echo = dpkt.icmp.ICMP.Echo(id=ident, seq=number, data=data)
    theirs = bytes(dpkt.icmp.ICMP(type=8, code=0, data=echo))
    found = decapsulate(theirs, icmp.ICMP)
    assert found.refilled().encapsulate() == theirs
    assert {ident, number} <= {value for value in found.layers[0]._state() if isinstance(value, int)}
    assert found.payload == data


@quick
@given(u16, names, st.lists(st.tuples(ipv4s, u32), max_size=4))
def test_dns_answers(ident: int, name: str, addresses: list[tuple[bytes, int]]) -> None:
    dns = pytest.importorskip("packetlab.application.dns")
    message = dpkt.dns.DNS(id=ident, qr=1)
    message.qd = [dpkt.dns.DNS.Q(name=name, type=1, cls=1)]
    message.an = [dpkt.dns.DNS.RR(name=name, type=1, cls=1, ttl=ttl, rdata=a, rlen=4) for a, ttl in addresses]
    theirs = bytes(message)
    found = decapsulate(theirs, dns.DNS)
    read: Any = found[dns.DNS]
    assert not found.faults and found.encapsulate() == theirs
    assert str(read.questions[0].qname).rstrip(".") == name
    assert [answer.ttl for answer in read.answers] == [ttl for _, ttl in addresses]
    assert all(address in answer._state() for answer, (address, _) in zip(read.answers, addresses, strict=True))
