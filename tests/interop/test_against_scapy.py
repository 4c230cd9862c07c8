"""Random packets built by scapy and by packetlab have the same bytes; random values are read the same."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import packetlab.protocols  # noqa: F401
from packetlab.internet.ipv4 import IPv4
from packetlab.link.ethernet import Ethernet
from packetlab.model.packet import decapsulate
from packetlab.transport.tcp import TCP
from packetlab.transport.udp import UDP
from tests.interop.strategies import (
    ipv4_options,
    ipv4_text,
    ipv4s,
    ipv6_text,
    ipv6s,
    mac_text,
    macs,
    names,
    payloads,
    ports,
    tcp_options,
    u8,
    u16,
    u32,
)  # fmt: skip

inet = pytest.importorskip("scapy.layers.inet", reason="scapy is not installed")
inet6 = pytest.importorskip("scapy.layers.inet6")
l2 = pytest.importorskip("scapy.layers.l2")
scapy_dns = pytest.importorskip("scapy.layers.dns")

quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def raw(packet: Any) -> bytes:
    return bytes(packet)


@quick
@given(macs, macs, ipv4s, ipv4s, ports, ports, payloads, u16, u8, u8)
def test_udp_over_ipv4(src: bytes, dst: bytes, host: bytes, peer: bytes, sport: int, dport: int, data: bytes,
                       ident: int, ttl: int, tos: int) -> None:  # fmt: skip
    theirs = raw(l2.Ether(src=mac_text(src), dst=mac_text(dst))
                 / inet.IP(src=ipv4_text(host), dst=ipv4_text(peer), id=ident, ttl=ttl, tos=tos)
                 / inet.UDP(sport=sport, dport=dport) / data)  # fmt: skip
    ip = IPv4(src=host, dst=peer, identification=ident, ttl=ttl, dscp=tos >> 2, ecn=tos & 3)
    ours = (Ethernet(src=src, dst=dst) / ip / UDP(src_port=sport, dst_port=dport) / data).encapsulate()
    assert ours == theirs
    found = decapsulate(theirs)
    assert not found.faults and all(check.ok for check in found.check())
    assert (found[IPv4].src, found[IPv4].dst, found[IPv4].ttl, found[IPv4].identification) == (host, peer, ttl, ident)
    assert (found[UDP].src_port, found[UDP].dst_port, found.payload) == (sport, dport, data)


@quick
@given(ipv4s, ipv4s, ports, ports, u32, u32, st.integers(0, 0x1FF), u16, u16, tcp_options(), payloads)
def test_tcp_with_options_is_read_and_written_as_scapy_does(
    src: bytes, dst: bytes, sport: int, dport: int, seq: int, ack: int, flags: int, window: int, urgent: int,
    options: list[Any], data: bytes,
) -> None:  # fmt: skip
    theirs = raw(inet.IP(src=ipv4_text(src), dst=ipv4_text(dst))
                 / inet.TCP(sport=sport, dport=dport, seq=seq, ack=ack, flags=flags, window=window, urgptr=urgent,
                            options=options) / data)  # fmt: skip
    found = decapsulate(theirs, IPv4)
    tcp = found[TCP]
    assert (tcp.src_port, tcp.dst_port, tcp.sequence, tcp.acknowledgment) == (sport, dport, seq, ack)
    assert (tcp.flags, tcp.window, tcp.urgent_pointer, found.payload) == (flags, window, urgent, data)
    assert all(check.ok for check in found.check()) and not found.faults
    again = IPv4(src=src, dst=dst, identification=found[IPv4].identification) / tcp.refilled() / data
    assert again.encapsulate() == theirs
    kinds = {"NOP": 1, "MSS": 2, "WScale": 3, "SAckOK": 4, "SAck": 5, "Timestamp": 8}
    wanted = [kinds[name] for name, _ in options]
    read = [option.kind for option in tcp.options if hasattr(option, "kind")]
    assert [kind for kind in read if kind] == wanted


@quick
@given(ipv4s, ipv4s, ipv4_options(), ports, ports, payloads)
def test_ipv4_options(src: bytes, dst: bytes, options: bytes, sport: int, dport: int, data: bytes) -> None:
    theirs = raw(inet.IP(src=ipv4_text(src), dst=ipv4_text(dst), options=inet.IP(
        b"\x45" + bytes([5 + len(options) // 4]) + bytes(18)).options, ihl=5 + len(options) // 4, len=None)
        / inet.UDP(sport=sport, dport=dport) / data)[:20]  # fmt: skip
    header = bytearray(theirs)
    whole = bytes(header) + options + bytes(8) + data
    found = decapsulate(whole, IPv4)
    assert found[IPv4].header_length == 5 + len(options) // 4
    assert found.encapsulate() == whole
    assert sum(len(option.encode()) for option in found[IPv4].options) <= len(options)
    assert found[IPv4].replace().encode()[20 : 20 + len(options)] == options


@quick
@given(macs, ipv4s, macs, ipv4s, st.sampled_from([1, 2, 3, 4]))
def test_arp(sender: bytes, sender_ip: bytes, target: bytes, target_ip: bytes, operation: int) -> None:
    arp = pytest.importorskip("packetlab.link.arp")
    theirs = raw(l2.Ether(src=mac_text(sender), dst=mac_text(target))
                 / l2.ARP(op=operation, hwsrc=mac_text(sender), psrc=ipv4_text(sender_ip), hwdst=mac_text(target),
                          pdst=ipv4_text(target_ip)))  # fmt: skip
    found = decapsulate(theirs)
    header = found[arp.ARP]
    assert header.operation == operation
    assert sender in header._state() and target_ip in header._state()
    assert found.refilled().encapsulate() == theirs


@quick
@given(macs, macs, st.integers(0, 4095), st.integers(0, 7), st.booleans(), ipv4s, ipv4s, payloads)
def test_vlan(src: bytes, dst: bytes, number: int, priority: int, drop: bool, host: bytes, peer: bytes,
              data: bytes) -> None:  # fmt: skip
    vlan = pytest.importorskip("packetlab.link.vlan")
    theirs = raw(l2.Ether(src=mac_text(src), dst=mac_text(dst)) / l2.Dot1Q(vlan=number, prio=priority, dei=int(drop))
                 / inet.IP(src=ipv4_text(host), dst=ipv4_text(peer)) / inet.UDP(sport=50000, dport=50001)
                 / data)  # fmt: skip
    found = decapsulate(theirs)
    assert {number, priority, int(drop)} <= set(found[vlan.VLAN]._state())
    assert found.refilled().encapsulate() == theirs and found.payload == data


@quick
@given(ipv6s, ipv6s, u8, st.integers(0, 0xFFFFF), u8, ports, ports, payloads)
def test_udp_over_ipv6(src: bytes, dst: bytes, traffic: int, flow: int, hops: int, sport: int, dport: int,
                       data: bytes) -> None:  # fmt: skip
    ipv6 = pytest.importorskip("packetlab.internet.ipv6")
    theirs = raw(inet6.IPv6(src=ipv6_text(src), dst=ipv6_text(dst), tc=traffic, fl=flow, hlim=hops)
                 / inet.UDP(sport=sport, dport=dport) / data)  # fmt: skip
    found = decapsulate(theirs, ipv6.IPv6)
    header = found[ipv6.IPv6]
    assert (header.src, header.dst, header.hop_limit, header.flow_label) == (src, dst, hops, flow)
    assert all(check.ok for check in found.check())
    assert found.refilled().encapsulate() == theirs and found.payload == data


@quick
@given(ipv4s, ipv4s, st.sampled_from([0, 8]), u16, u16, payloads)
def test_icmp_echo(src: bytes, dst: bytes, kind: int, ident: int, number: int, data: bytes) -> None:
    icmp = pytest.importorskip("packetlab.internet.icmp")
    theirs = raw(inet.IP(src=ipv4_text(src), dst=ipv4_text(dst)) / inet.ICMP(type=kind, id=ident, seq=number) / data)
    found = decapsulate(theirs, IPv4)
    header: Any = found[icmp.ICMP]
    assert (header.type, header.code, header.identifier) == (kind, 0, ident)
    assert number in header._state()
    assert all(check.ok for check in found.check())
    assert found.refilled().encapsulate() == theirs


@quick
@given(u16, names, st.sampled_from([1, 2, 5, 12, 15, 16, 28, 33]), st.lists(ipv4s, max_size=3), u32)
def test_dns_messages(ident: int, name: str, kind: int, addresses: list[bytes], ttl: int) -> None:
    dns = pytest.importorskip("packetlab.application.dns")
    answers = [scapy_dns.DNSRR(rrname=name, type="A", ttl=ttl, rdata=ipv4_text(address)) for address in addresses]
    theirs = raw(scapy_dns.DNS(id=ident, qr=1, rd=1, ra=1, qd=[scapy_dns.DNSQR(qname=name, qtype=kind)], an=answers))
    found = decapsulate(theirs, dns.DNS)
    message: Any = found[dns.DNS]
    assert not found.faults and found.encapsulate() == theirs
    assert len(message.answers) == len(addresses) and len(message.questions) == 1
    assert str(message.questions[0].qname).rstrip(".") == name
    assert message.questions[0].qtype == kind
    for answer, address in zip(message.answers, addresses, strict=True):
        assert answer.ttl == ttl and address in answer._state()
