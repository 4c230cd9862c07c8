"""Decode Ethernet/IPv4/TCP and read five fields; build the same packet with every automatic field filled."""

import struct
from collections.abc import Callable, Iterator

from packetlab import TCP, Ethernet, IPv4, decapsulate
from tests.bench.rounds import Row, fastest

PAYLOAD = bytes(range(64))
_TCP = struct.Struct("!HHIIHHHH")
_IPV4 = struct.Struct("!BBHHHBBH4s4s")


MAC_SRC, MAC_DST = bytes.fromhex("020000000001"), bytes.fromhex("020000000002")
SRC, DST = bytes([192, 0, 2, 1]), bytes([192, 0, 2, 2])


def packet() -> bytes:
    """Addresses as bytes, which is the only form that dpkt takes."""
    tcp = TCP(src_port=40000, dst_port=80, sequence=1, acknowledgment=2, flags=0x18)
    return (Ethernet(src=MAC_SRC, dst=MAC_DST) / IPv4(src=SRC, dst=DST) / tcp / PAYLOAD).encapsulate()


def decode() -> Iterator[Row]:
    import dpkt
    from scapy.layers import inet
    from scapy.layers.l2 import Ether

    data = packet()

    def ours() -> tuple[object, ...]:
        found = decapsulate(data)
        ip, tcp = found[IPv4], found[TCP]
        return ip.src, ip.dst, tcp.src_port, tcp.dst_port, tcp.sequence

    def by_dpkt() -> tuple[object, ...]:
        ip = dpkt.ethernet.Ethernet(data).data
        tcp = ip.data
        return ip.src, ip.dst, tcp.sport, tcp.dport, tcp.seq

    def by_scapy() -> tuple[object, ...]:
        found = Ether(data)
        ip, tcp = found[inet.IP], found[inet.TCP]
        return ip.src, ip.dst, tcp.sport, tcp.dport, tcp.seq

    def by_struct() -> tuple[object, ...]:
        ip = _IPV4.unpack_from(data, 14)
        tcp = _TCP.unpack_from(data, 14 + (ip[0] & 15) * 4)
        return ip[8], ip[9], tcp[0], tcp[1], tcp[2]

    assert ours() == by_dpkt() == by_struct() and ours()[2:] == by_scapy()[2:]
    best = fastest({"packetlab": ours, "dpkt": by_dpkt, "scapy": by_scapy, "bare struct": by_struct})
    for other, wanted in (("dpkt", 2.5), ("scapy", 50), ("bare struct", None)):
        yield Row("decode, read five fields", other, best["packetlab"], best[other], wanted)


def build() -> Iterator[Row]:
    import dpkt
    from scapy.layers import inet
    from scapy.layers.l2 import Ether

    def by_dpkt() -> bytes:
        tcp = dpkt.tcp.TCP(sport=40000, dport=80, seq=1, ack=2, flags=0x18, data=PAYLOAD, win=65535)
        ip = dpkt.ip.IP(src=SRC, dst=DST, p=6, data=tcp, ttl=64)
        ip.len = len(ip)
        return bytes(dpkt.ethernet.Ethernet(src=MAC_SRC, dst=MAC_DST, data=ip))

    def by_scapy() -> bytes:
        return bytes(
            Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / inet.IP(src="192.0.2.1", dst="192.0.2.2", id=0)
            / inet.TCP(sport=40000, dport=80, seq=1, ack=2, flags="PA", window=65535) / PAYLOAD
        )  # fmt: skip

    assert packet() == by_dpkt() == by_scapy()
    contestants: dict[str, Callable[[], object]] = {"packetlab": packet, "dpkt": by_dpkt, "scapy": by_scapy}
    best = fastest(contestants)
    yield Row("build, every fill", "dpkt", best["packetlab"], best["dpkt"], 3)
    yield Row("build, every fill", "scapy", best["packetlab"], best["scapy"], 70)


ROWS = [decode, build]
