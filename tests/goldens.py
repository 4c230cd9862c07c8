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
