"""Golden packets: bytes that somebody other than packetlab made, and where they are from.

The contracts in tests/contracts run over all of them, and every declared header must be met in one of them.
Add yours with `golden("what it is", Ethernet, "hex ...", "origin")`; the origin is the command, the library
and expression, or the RFC's example, that made the bytes. No golden may come out of packetlab itself.
"""

import packetlab.protocols  # noqa: F401
from packetlab.internet.ipv4 import IPv4
from packetlab.link.ethernet import Ethernet
from packetlab.model.header import Header

GOLDENS: dict[str, tuple[bytes, type[Header], str]] = {}
"""Name: (bytes, class of the first header, origin)."""

UNMET: dict[str, str] = {
    "Header": "the base of all headers",
}
"""Headers (class names) that stand in no golden, each with its reason."""


def golden(name: str, first: type[Header], data: str, origin: str) -> None:
    """Add one; `data` is hex, white space is ignored."""
    assert name not in GOLDENS, f"there is a golden {name!r} already"
    GOLDENS[name] = (bytes.fromhex("".join(data.split())), first, origin)


golden("udp", Ethernet,
       "020000000002020000000001080045000021000100004011f6c7c0000201c00002029c400007000d9bb668656c6c6f",
       'scapy 2.8.0: Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / IP(src="192.0.2.1", dst="192.0.2.2")'
       ' / UDP(sport=40000, dport=7) / b"hello"')  # fmt: skip
golden("tcp syn", Ethernet,
       "02000000000202000000000108004500003c000140004006b6b7c0000201c00002029c4000090000000100000000a002200007b10000"
       "020405b40402080a000000010000000001030307",
       'scapy 2.8.0: Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / IP(src="192.0.2.1", dst="192.0.2.2",'
       ' flags="DF") / TCP(sport=40000, dport=9, flags="S", seq=1, options=[("MSS", 1460), ("SAckOK", b""),'
       ' ("Timestamp", (1, 0)), ("NOP", None), ("WScale", 7)])')  # fmt: skip
golden("ipv4 options", IPv4,
       "470000250001000040115fbfc0000201c0000202940400000100000000010002000903d578",
       'scapy 2.8.0: IP(src="192.0.2.1", dst="192.0.2.2", options=[IPOption_Router_Alert(), IPOption_NOP(),'
       ' IPOption_EOL()]) / UDP(sport=1, dport=2) / b"x"')  # fmt: skip
golden("ieee 802.3", Ethernet, "0200000000020200000000010008aaaa030000000800",
       'scapy 2.8.0: Dot3(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / b"\\xaa\\xaa\\x03\\0\\0\\0\\x08\\0"')
golden("options of ipv4 and tcp", IPv4,
       "4a0000500001000040068388c0000201c000020201070b0400000000c00002099e04010201000000000100020000000000000000a010"
       "2000574400000101050a0000000100000002fd04616200000000",
       'scapy 2.8.0: IP(src="192.0.2.1", dst="192.0.2.2", options=[IPOption_NOP(), IPOption_RR(routers=["0.0.0.0",'
       ' "192.0.2.9"]), IPOption(b"\\x9e\\x04\\x01\\x02"), IPOption_NOP()]) / TCP(sport=1, dport=2, flags="A",'
       ' options=[("NOP", None), ("NOP", None), ("SAck", (1, 2)), (253, b"ab"), ("EOL", None)])')  # fmt: skip
