"""Golden packets: bytes that somebody other than packetlab made, and where they are from.

The contracts in tests/contracts run over all of them, and every declared header must be met in one of them.
Add yours with `golden("what it is", Ethernet, "hex ...", "origin")`; the origin is the command, the library
and expression, or the RFC's example, that made the bytes. No golden may come out of packetlab itself.
"""

import packetlab.protocols  # noqa: F401
from packetlab.internet.ipv4 import IPv4
from packetlab.internet.ipv6 import IPv6
from packetlab.link.ethernet import Ethernet
from packetlab.link.linux_cooked import LinuxCooked, LinuxCooked2
from packetlab.link.loopback import Loopback, Null, RawIP
from packetlab.link.ppp import PPP
from packetlab.model.header import Header
from tests.goldens_scapy import BYTES, EXPRESSIONS
from tests.goldens_tls import PACKETS as TLS_PACKETS

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
golden("arp request", Ethernet,
       "ffffffffffff02000000000108060001080006040001020000000001c0000201000000000000c000020200000000000000000000000000"
       "0000000000",
       'scapy 2.8.0: Ether(src="02:00:00:00:00:01", dst="ff:ff:ff:ff:ff:ff") /'
       ' ARP(hwsrc="02:00:00:00:00:01", psrc="192.0.2.1", pdst="192.0.2.2") / bytes(18)')  # fmt: skip
golden("rarp request", Ethernet,
       "ffffffffffff020000000001803500010800060400030200000000010000000002000000000100000000",
       'scapy 2.8.0: Ether(src="02:00:00:00:00:01", dst="ff:ff:ff:ff:ff:ff", type=0x8035) / ARP(op=3,'
       ' hwsrc="02:00:00:00:00:01", psrc="0.0.0.0", hwdst="02:00:00:00:00:01", pdst="0.0.0.0")')  # fmt: skip
golden("arp with short hardware addresses", Ethernet,
       "0200000000020200000000010806000708000104000105c000020100c0000202",
       'scapy 2.8.0: Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / ARP(hwtype=7, hwlen=1,'
       ' hwsrc=b"\\x05", psrc="192.0.2.1", hwdst=b"\\0", pdst="192.0.2.2")')  # fmt: skip
golden("vlan", Ethernet,
       "0200000000020200000000018100a02a080045000021000100004011f6c7c0000201c00002029c400007000d9bb668656c6c6f",
       'scapy 2.8.0: Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / Dot1Q(vlan=42, prio=5) /'
       ' IP(src="192.0.2.1", dst="192.0.2.2") / UDP(sport=40000, dport=7) / b"hello"')  # fmt: skip
golden("two tags", Ethernet,
       "02000000000202000000000188a83064810000c886dd60000000000d114020010db800000000000000000000000120010db80000000000"
       "000000000000029c400007000dc44568656c6c6f",
       'scapy 2.8.0: Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / Dot1AD(vlan=100, prio=1,'
       ' dei=1) / Dot1Q(vlan=200) / IPv6(src="2001:db8::1", dst="2001:db8::2") / UDP(sport=40000, dport=7)'
       ' / b"hello"')  # fmt: skip
golden("ipv6 tcp", Ethernet,
       "02000000000202000000000186dd6b912345002b064020010db800000000000000000000000120010db80000000000000000000000029c"
       "4000500000000700000009a0182000a5bb000001010512000000140000001e0000002800000032474554",
       'scapy 2.8.0: Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / IPv6(src="2001:db8::1",'
       ' dst="2001:db8::2", fl=0x12345, tc=0xb9) / TCP(sport=40000, dport=80, flags="PA", seq=7, ack=9,'
       ' options=[("NOP", None), ("NOP", None), ("SAck", (20, 30, 40, 50))]) / b"GET"')  # fmt: skip
golden("tcp options", IPv4,
       "4500004c000100004006f6a7c0000201c0000202000100020000000000000000e002200029240000020405b40402030307080a00000005"
       "000000061c048005220a0102030405060708000000",
       'scapy 2.8.0: IP(src="192.0.2.1", dst="192.0.2.2") / TCP(sport=1, dport=2, flags="S",'
       ' options=[("MSS", 1460), ("SAckOK", b""), ("WScale", 7), ("Timestamp", (5, 6)), ("UTO", 0x8005),'
       ' ("TFO", (0x01020304, 0x05060708))])')  # fmt: skip
golden("tcp options 2", IPv4,
       "4500004c000100004006f6a7c0000201c0000202000100020000000000000000e0102000517b00001312000102030405060708090a0b0c"
       "0d0e0f1e0400811d060102aabbfd06f98901020000",
       'scapy 2.8.0: IP(src="192.0.2.1", dst="192.0.2.2") / TCP(sport=1, dport=2, flags="A", options=[(19,'
       ' bytes(range(16))), (30, bytes.fromhex("0081")), (29, bytes.fromhex("0102aabb")), (253,'
       ' bytes.fromhex("f9890102"))])')  # fmt: skip
golden("ipv6 hop-by-hop", IPv6,
       "600000000031004020010db800000000000000000000000120010db80000000000000000000000023c0105020000003e03616263010200"
       "00110201020000c91020010db80000000000000000000000090001000200092c5c78",
       'scapy 2.8.0: IPv6(src="2001:db8::1", dst="2001:db8::2") /'
       ' IPv6ExtHdrHopByHop(options=[RouterAlert(value=0), Pad1(), HBHOptUnknown(otype=0x3e,'
       ' optdata=b"abc")]) / IPv6ExtHdrDestOpt(options=[HAO(hoa="2001:db8::9")]) / UDP(sport=1, dport=2) /'
       ' b"x"')  # fmt: skip
golden("ipv6 jumbogram", IPv6,
       "600000000000004020010db800000000000000000000000120010db80000000000000000000000023b01c2040001117004010301030000"
       "0074686520626567696e6e696e67206f662076657279206d756368",
       'scapy 2.8.0: IPv6(src="2001:db8::1", dst="2001:db8::2", plen=0) /'
       ' IPv6ExtHdrHopByHop(options=[Jumbo(jumboplen=70000), HBHOptUnknown(otype=4, optdata=b"\\x03")]) /'
       ' b"the beginning of very much"')  # fmt: skip
golden("ipv6 source route", IPv6,
       "6000000000312b4020010db800000000000000000000000120010db8000000000000000000000002110400020000000020010db8000000"
       "00000000000000000720010db80000000000000000000000080001000200092c5e78",
       'scapy 2.8.0: IPv6(src="2001:db8::1", dst="2001:db8::2") /'
       ' IPv6ExtHdrRouting(addresses=["2001:db8::7", "2001:db8::8"], segleft=2) / UDP(sport=1, dport=2) /'
       ' b"x"')  # fmt: skip
golden("ipv6 segment route", IPv6,
       "6000000000312b4020010db800000000000000000000000120010db8000000000000000000000002110404010100000020010db8000000"
       "00000000000000000820010db80000000000000000000000020001000200092c5e78",
       'scapy 2.8.0: IPv6(src="2001:db8::1", dst="2001:db8::2") /'
       ' IPv6ExtHdrSegmentRouting(addresses=["2001:db8::8", "2001:db8::2"], segleft=1, lastentry=1) /'
       ' UDP(sport=1, dport=2) / b"x"')  # fmt: skip
golden("ipv6 fragment", IPv6,
       "6000000000202c4020010db800000000000000000000000120010db800000000000000000000000211000001010203040001000203e800"
       "0100000000000000000000000000000000",
       'scapy 2.8.0: IPv6(src="2001:db8::1", dst="2001:db8::2") / IPv6ExtHdrFragment(nh=17, m=1,'
       ' id=0x01020304) / UDP(sport=1, dport=2, len=1000, chksum=1) / bytes(16)')  # fmt: skip
golden("ipv6 mobile route", IPv6,
       "6000000000212b4020010db800000000000000000000000120010db8000000000000000000000002110202010000000020010db8000000"
       "0000000000000000090001000200092c5d78",
       'scapy 2.8.0: IPv6(src="2001:db8::1", dst="2001:db8::2") / IPv6ExtHdrRouting(type=2,'
       ' addresses=["2001:db8::9"], segleft=1) / UDP(sport=1, dport=2) / b"x"')  # fmt: skip
golden("ipv6 rpl route", IPv6,
       "6000000000212b4020010db800000000000000000000000120010db8000000000000000000000002110203019960000020010db8000000"
       "000000000000000009000100020009123478",
       'scapy 2.8.0: IPv6(src="2001:db8::1", dst="2001:db8::2") / IPv6ExtHdrRouting(type=3,'
       ' reserved=0x99600000, addresses=["2001:db8::9"], segleft=1) / UDP(sport=1, dport=2, chksum=0x1234)'
       ' / b"x"')  # fmt: skip
golden("ipv6 unknown route", IPv6,
       "6000000000212b4020010db800000000000000000000000120010db8000000000000000000000002110263000000000020010db8000000"
       "0000000000000000090001000200092c6478",
       'scapy 2.8.0: IPv6(src="2001:db8::1", dst="2001:db8::2") / IPv6ExtHdrRouting(type=99,'
       ' addresses=["2001:db8::9"], segleft=0) / UDP(sport=1, dport=2) / b"x"')  # fmt: skip
golden("ipv4 routes", IPv4,
       "4d00003d000100004011788ec0000201c0000202830b04c0000208c0000209890704c0000207440c0901c0000203000003e80000000100"
       "02000903d578",
       'scapy 2.8.0: IP(src="192.0.2.1", dst="192.0.2.2", options=[IPOption_LSRR(routers=["192.0.2.8",'
       ' "192.0.2.9"]), IPOption_SSRR(routers=["192.0.2.7"]), IPOption_Timestamp(flg=1,'
       ' internet_address="192.0.2.3", timestamp=1000)]) / UDP(sport=1, dport=2) / b"x"')  # fmt: skip
golden("spanning tree", Ethernet,
       "0180c2000000020000000001002e4242030000000000800002000000000100000000800002000000000180010100140002000f00000000"
       "0000000000",
       'scapy 2.8.0: Dot3(src="02:00:00:00:00:01", dst="01:80:c2:00:00:00") / LLC() / STP(rootid=32768,'
       ' rootmac="02:00:00:00:00:01", bridgeid=32768, bridgemac="02:00:00:00:00:01", portid=0x8001) /'
       ' bytes(8)')  # fmt: skip
golden("rapid spanning tree", Ethernet,
       "0180c20000000200000000010027424203000002023e800002000000000100000000800002000000000180010100140002000f0000",
       'scapy 2.8.0: Dot3(src="02:00:00:00:00:01", dst="01:80:c2:00:00:00") / LLC() / STP(version=2,'
       ' bpdutype=2, bpduflags=0x3e, rootid=32768, rootmac="02:00:00:00:00:01", bridgeid=32768,'
       ' bridgemac="02:00:00:00:00:01", portid=0x8001) / b"\\0"')  # fmt: skip
golden("topology change", Ethernet,
       "0180c2000000020000000001002e4242030000008000000000000000000000000000000000000000000000000000000000000000000000"
       "0000000000",
       'scapy 2.8.0: Dot3(src="02:00:00:00:00:01", dst="01:80:c2:00:00:00") / LLC(dsap=0x42, ssap=0x42,'
       ' ctrl=3) / bytes.fromhex("00000080") / bytes(39)')  # fmt: skip
golden("snap", Ethernet,
       "0200000000020200000000010025aaaa0300000008004500001d000100004011f6cbc0000201c000020200010002000903d578",
       'scapy 2.8.0: Dot3(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / LLC() / SNAP() /'
       ' IP(src="192.0.2.1", dst="192.0.2.2") / UDP(sport=1, dport=2) / b"x"')  # fmt: skip
golden("snap of cisco", Ethernet,
       "01000ccccccc020000000001000caaaa0300000c200002b4aaaa",
       'scapy 2.8.0: Dot3(src="02:00:00:00:00:01", dst="01:00:0c:cc:cc:cc") / LLC() / SNAP(OUI=0xc,'
       ' code=0x2000) / bytes.fromhex("02b4aaaa")')  # fmt: skip
golden("snap of bridges", Ethernet,
       "01000ccccccc020000000001000baaaa030080c2000778797a",
       'scapy 2.8.0: Dot3(src="02:00:00:00:00:01", dst="01:00:0c:cc:cc:cc") / LLC() / SNAP(OUI=0x80c2,'
       ' code=7) / b"xyz"')  # fmt: skip
golden("llc numbered", Ethernet,
       "0200000000020200000000010004f0f00108",
       'scapy 2.8.0: Dot3(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / LLC(dsap=0xf0, ssap=0xf0,'
       ' ctrl=1) / b"\\x08"')  # fmt: skip
golden("vlan with length", Ethernet,
       "0180c200000002000000000181000007000742420300000080",
       'scapy 2.8.0: Ether(src="02:00:00:00:00:01", dst="01:80:c2:00:00:00", type=0x8100) / Dot1Q(vlan=7,'
       ' type=7) / LLC(dsap=0x42, ssap=0x42, ctrl=3) / bytes.fromhex("00000080")')  # fmt: skip
golden("linux cooked", LinuxCooked,
       "000402000006020000000001000008004500001d000100004011f6cbc0000201c000020200010002000903d578",
       'scapy 2.8.0: CookedLinux(pkttype=4, lladdrlen=6, src=bytes.fromhex("0200000000010000")) /'
       ' IP(src="192.0.2.1", dst="192.0.2.2") / UDP(sport=1, dport=2) / b"x"')  # fmt: skip
golden("linux cooked 2", LinuxCooked2,
       "86dd000000000003020000060200000000010000600000000009114020010db800000000000000000000000120010db800000000000000"
       "00000000020001000200092c6478",
       'scapy 2.8.0: CookedLinuxV2(proto=0x86dd, ifindex=3, pkttype=0, lladdrlen=6,'
       ' src=bytes.fromhex("0200000000010000")) / IPv6(src="2001:db8::1", dst="2001:db8::2") / UDP(sport=1,'
       ' dport=2) / b"x"')  # fmt: skip
golden("bsd loopback", Null,
       "1e000000600000000009114020010db800000000000000000000000120010db80000000000000000000000020001000200092c6478",
       'scapy 2.8.0: Raw(bytes.fromhex("1e000000")) / IPv6(src="2001:db8::1", dst="2001:db8::2") /'
       ' UDP(sport=1, dport=2) / b"x"')  # fmt: skip
golden("bsd loopback in network order", Loopback,
       "000000024500001d000100004011f6cbc0000201c000020200010002000903d578",
       'scapy 2.8.0: Raw(bytes.fromhex("00000002")) / IP(src="192.0.2.1", dst="192.0.2.2") / UDP(sport=1,'
       ' dport=2) / b"x"')  # fmt: skip
golden("raw that is no ip", RawIP,
       "10206e6569746865722034206e6f722036",
       'scapy 2.8.0: Raw(b"\\x10 neither 4 nor 6")')  # fmt: skip
golden("raw ipv6", RawIP,
       "600000000009114020010db800000000000000000000000120010db80000000000000000000000020001000200092c6478",
       'scapy 2.8.0: IPv6(src="2001:db8::1", dst="2001:db8::2") / UDP(sport=1, dport=2) / b"x"')  # fmt: skip
golden("ip in ip", IPv4,
       "45000031000100004004f6c4c0000201c00002024500001d0001000040112665c6336401c6336402000100020009336e78",
       'scapy 2.8.0: IP(src="192.0.2.1", dst="192.0.2.2") / IP(src="198.51.100.1", dst="198.51.100.2") /'
       ' UDP(sport=1, dport=2) / b"x"')  # fmt: skip
golden("ipv6 in ipv4 in ipv6", IPv6,
       "600000000045044020010db800000000000000000000000120010db800000000000000000000000245000045000100004029f68bc00002"
       "01c0000202600000000009114020010db800000000000000000000000120010db80000000000000000000000020001000200092c6478",
       'scapy 2.8.0: IPv6(src="2001:db8::1", dst="2001:db8::2") / IP(src="192.0.2.1", dst="192.0.2.2") /'
       ' IPv6(src="2001:db8::1", dst="2001:db8::2") / UDP(sport=1, dport=2) / b"x"')  # fmt: skip
golden("tcp options 3", IPv4,
       "45000030000100004006f6c3c0000201c000020200010002000000000000000070102000da5d00004d05616263000000",
       'scapy 2.8.0: IP(src="192.0.2.1", dst="192.0.2.2") / TCP(sport=1, dport=2, flags="A", options=[(77,'
       ' b"abc")])')  # fmt: skip
golden("gre", IPv4,
       "4500003500010000402ff695c0000201c0000202000008004500001d0001000040112665c6336401c6336402000100020009336e78",
       'scapy 2.8.0: IP(src="192.0.2.1", dst="192.0.2.2") / GRE() / IP(src="198.51.100.1",'
       ' dst="198.51.100.2") / UDP(sport=1, dport=2) / b"x"')  # fmt: skip
golden("gre with all fields", IPv6,
       "60000000002d2f4020010db800000000000000000000000120010db8000000000000000000000002b00008008a4b000000001234000000"
       "054500001d0001000040112665c6336401c6336402000100020009336e78",
       'scapy 2.8.0: IPv6(src="2001:db8::1", dst="2001:db8::2") / GRE(chksum_present=1, key_present=1,'
       ' seqnum_present=1, key=0x1234, sequence_number=5) / IP(src="198.51.100.1", dst="198.51.100.2") /'
       ' UDP(sport=1, dport=2) / b"x"')  # fmt: skip
golden("gre with a frame", IPv4,
       "4500004700010000402ff683c0000201c0000202200065580000000702000000000202000000000108004500001d0001000040112665c6"
       "336401c6336402000100020009336e78",
       'scapy 2.8.0: IP(src="192.0.2.1", dst="192.0.2.2") / GRE(proto=0x6558, key_present=1, key=7) /'
       ' Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / IP(src="198.51.100.1",'
       ' dst="198.51.100.2") / UDP(sport=1, dport=2) / b"x"')  # fmt: skip
golden("gre of pptp", IPv4,
       "4500002800010000402ff6a2c0000201c00002023081880b000400090000000100000002ff03c021",
       'scapy 2.8.0: IP(src="192.0.2.1", dst="192.0.2.2") / GRE_PPTP(seqnum_present=1, acknum_present=1,'
       ' call_id=9, seqence_number=1, ack_number=2) / b"\\xff\\x03\\xc0\\x21"')  # fmt: skip
golden("ah", IPv4,
       "45000035000100004033f691c0000201c0000202110400000000100000000003000102030405060708090a0b00010002000903d578",
       'scapy 2.8.0: IP(src="192.0.2.1", dst="192.0.2.2") / AH(nh=17, payloadlen=4, spi=0x1000, seq=3,'
       ' icv=bytes(range(12))) / UDP(sport=1, dport=2, len=9, chksum=0x3d5) / b"x"')  # fmt: skip
golden("esp", IPv6,
       "600000000030324020010db800000000000000000000000120010db8000000000000000000000002000010000000000300010203040506"
       "0708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f2021222324252627",
       'scapy 2.8.0: IPv6(src="2001:db8::1", dst="2001:db8::2") / ESP(spi=0x1000, seq=3,'
       ' data=bytes(range(40)))')  # fmt: skip
golden("igmp query", IPv4,
       "46c000200001000001028214c0000201e0000001940400001164ee9b00000000",
       'scapy 2.8.0: IP(src="192.0.2.1", dst="224.0.0.1", ttl=1, options=[IPOption_Router_Alert()]) /'
       ' IGMP(type=0x11, mrcode=100)')  # fmt: skip
golden("igmp version 1 report", IPv4,
       "46c000200001000001027111c0000201ef010203940400001200fcfaef010203",
       'scapy 2.8.0: IP(src="192.0.2.1", dst="239.1.2.3", ttl=1) / IGMP(type=0x12, mrcode=0,'
       ' gaddr="239.1.2.3")')  # fmt: skip
golden("igmp version 2 report", IPv4,
       "46c000200001000001027111c0000201ef010203940400001600f8faef010203",
       'scapy 2.8.0: IP(src="192.0.2.1", dst="239.1.2.3", ttl=1) / IGMP(type=0x16, mrcode=0,'
       ' gaddr="239.1.2.3")')  # fmt: skip
golden("igmp leave", IPv4,
       "46c000200001000001028213c0000201e0000002940400001700f7faef010203",
       'scapy 2.8.0: IP(src="192.0.2.1", dst="224.0.0.2", ttl=1) / IGMP(type=0x17, mrcode=0,'
       ' gaddr="239.1.2.3")')  # fmt: skip
golden("igmp of another type", IPv4,
       "4500001800010000010217e0c0000201e00000023014cfeb",
       'scapy 2.8.0: IP(src="192.0.2.1", dst="224.0.0.2", ttl=1, proto=2)'
       ' / Raw(bytes.fromhex("3014cfeb"))')  # fmt: skip
golden("igmp version 3 query", IPv4,
       "46c000280001000001027109c0000201ef0102039404000011643911ef010203027d0001c0000207",
       'scapy 2.8.0: IP(src="192.0.2.1", dst="239.1.2.3", ttl=1, proto=2) / IGMPv3mq(mrcode=100,'
       ' gaddr="239.1.2.3", srcaddrs=["192.0.2.7"], qqic=125, qrv=2)')  # fmt: skip
golden("igmp version 3 report", IPv4,
       "46c0003800010000010281e7c0000201e000001694040000220072e00000000204000000ef01020301000002ef010204c0000207c00002"
       "08",
       'scapy 2.8.0: IP(src="192.0.2.1", dst="224.0.0.22", ttl=1, proto=2) /'
       ' IGMPv3mr(records=[IGMPv3gr(rtype=4, maddr="239.1.2.3"), IGMPv3gr(rtype=1, maddr="239.1.2.4",'
       ' srcaddrs=["192.0.2.7", "192.0.2.8"])])')  # fmt: skip
golden("vxlan", Ethernet,
       "02000000000202000000000108004500004f000100004011f699c0000201c00002029c4012b5003be2fc0800000000002a000200000000"
       "0402000000000308004500001d0001000040112665c6336401c6336402000100020009336e78",
       'scapy 2.8.0: Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / IP(src="192.0.2.1",'
       ' dst="192.0.2.2") / UDP(sport=40000, dport=4789) / VXLAN(vni=42, flags=8) /'
       ' Ether(src="02:00:00:00:00:03", dst="02:00:00:00:00:04") / IP(src="198.51.100.1",'
       ' dst="198.51.100.2") / UDP(sport=1, dport=2) / b"x"')  # fmt: skip

golden("mpls", Ethernet,
       "020000000002020000000001884703e81a3f0001813f4500001d000100004011f6cbc0000201c000020200010002000903d578",
       'scapy 2.8.0: Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / MPLS(label=16001, cos=5, s=0, ttl='
       '63) / MPLS(label=24, s=1, ttl=63) / IP(src="192.0.2.1", dst="192.0.2.2")'
       ' / UDP(sport=1, dport=2) / b"x"')  # fmt: skip
golden("pppoe", Ethernet,
       "020000000002020000000001886411000007001f00214500001d000100004011f6cbc0000201c000020200010002000903d578",
       'scapy 2.8.0: Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / PPPoE(sessionid=7) / PPP(proto=0x2'
       '1) / IP(src="192.0.2.1", dst="192.0.2.2") / UDP(sport=1, dport=2) / b"x"')  # fmt: skip
golden("pppoe with a protocol of one byte", Ethernet,
       "020000000002020000000001886411000007001e214500001d000100004011f6cbc0000201c000020200010002000903d578",
       'scapy 2.8.0: Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / PPPoE(sessionid=7) / b"\\x21" / '
       'IP(src="192.0.2.1", dst="192.0.2.2") / UDP(sport=1, dport=2) / b"x"')  # fmt: skip
golden("pppoe discovery", Ethernet,
       "020000000002020000000001886311090000000401010000",
       'scapy 2.8.0: Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")'
       ' / PPPoED(code=9) / b"\\x01\\x01\\0\\0"')  # fmt: skip
golden("ppp with address", PPP,
       "ff030057600000000009114020010db800000000000000000000000120010db80000000000000000000000020001000200092c6478",
       'scapy 2.8.0: HDLC() / PPP(proto=0x57) / IPv6(src="2001:db8::1", dst="2001:db8::2") / UDP(sport=1, dport=2'
       ') / b"x"')  # fmt: skip
golden("geneve", Ethernet,
       "020000000002020000000001080045000057000100004011f691c0000201c00002029c4017c1004368570200655800002a00010280016162"
       "636402000000000402000000000308004500001d000100004011f6cbc0000201c000020200010002000903d578",
       'scapy 2.8.0: Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / IP(src="192.0.2.1", dst="192.0.2.2'
       '") / UDP(sport=40000, dport=6081) / GENEVE(vni=42, options=[GeneveOptions(classid=0x102, type=0x80, lengt'
       'h=1, data=b"abcd")]) / Ether(src="02:00:00:00:00:03", dst="02:00:00:00:00:04") / IP(src="192.0.2.1", dst='
       '"192.0.2.2") / UDP(sport=1, dport=2) / b"x"')  # fmt: skip

golden("dhcp discover", Ethernet,
       "ffffffffffff02000000000108004500012d00010000401179c000000000ffffffff00440043011932850101060012345678000080000000"
       "0000000000000000000000000000020000000001000000000000000000000000000000000000000000000000000000000000000000000000"
       "0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
       "0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
       "0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000006382"
       "53633501010c02633132040a00000937030103063d0701020000000001c8026162ff00",
       'scapy 2.8.0: Ether(src="02:00:00:00:00:01", dst="ff:ff:ff:ff:ff:ff") / IP(src="0.0.0.0", '
       'dst="255.255.255.255") / UDP(sport=68, dport=67) / BOOTP(chaddr=b"\\x02\\0\\0\\0\\0\\x01", '
       'xid=0x12345678, flags=0x8000) / DHCP(options=[("message-type", "discover"), ("hostname", '
       'b"c1"), ("requested_addr", "10.0.0.9"), ("param_req_list", [1, 3, 6]), ("client_id", '
       'b"\\x01\\x02\\0\\0\\0\\0\\x01"), (200, b"ab"), "end", "pad"])')  # fmt: skip
golden("dhcp acknowledgment", Ethernet,
       "02000000000102000000000208004500014f00010000401165930a0000020a00000900430044013b637c0201060012345678000000000000"
       "00000a0000090a00000200000000020000000001000000000000000000000000000000000000000000000000000000000000000000000000"
       "0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
       "0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
       "0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000006382"
       "536335010536040a000002330400000e103a04000007083b0400000c4e0104ffffff0003040a00000106080a0000020a0000030f086c6162"
       "2e7465737400380466696e65ff",
       'scapy 2.8.0: Ether(src="02:00:00:00:00:02", dst="02:00:00:00:00:01") / IP(src="10.0.0.2", '
       'dst="10.0.0.9") / UDP(sport=67, dport=68) / BOOTP(op=2, chaddr=b"\\x02\\0\\0\\0\\0\\x01", '
       'xid=0x12345678, yiaddr="10.0.0.9", siaddr="10.0.0.2") / DHCP(options=[("message-type", '
       '"ack"), ("server_id", "10.0.0.2"), ("lease_time", 3600), ("renewal_time", 1800), '
       '("rebinding_time", 3150), ("subnet_mask", "255.255.255.0"), ("router", "10.0.0.1"), '
       '("name_server", "10.0.0.2", "10.0.0.3"), ("domain", b"lab.test"), "pad", ("error_message", '
       'b"fine"), "end"])')  # fmt: skip

golden("http request", Ethernet,
       "02000000020102000000010108004500006e09c04000400619c70a0001020a000202d5ac00502fedc342e8cd425d8018003fa0850000"
       "0101080aa9c64f322138e29e474554202f20485454502f312e310d0a486f73743a207777772e64656d6f2e746573740d0a436f6e6e65"
       "6374696f6e3a20636c6f73650d0a0d0a",
       "packetlab demo, step 6, at client eth0: the kernel's TCP (Linux 6.18) carried what the demo wrote")  # fmt: skip
golden("http response", Ethernet,
       "0200000001010200000002010800450000f886b440003f069d480a0002020a0001020050d5ace8cd425d2fedc37c8018004064d50000"
       "0101080a2138e29ea9c64f32485454502f312e3120323030204f4b0d0a446174653a204d6f6e2c203233204e6f762032303236203232"
       "3a32313a343520474d540d0a5365727665723a207061636b65746c61620d0a436f6e74656e742d547970653a20746578742f68746d6c"
       "0d0a436f6e6e656374696f6e3a20636c6f73650d0a455461673a202264616535376630336530623539303335220d0a436f6e74656e74"
       "2d4c656e6774683a2033310d0a0d0a3c68313e48656c6c6f2066726f6d20746865207365727665723c2f68313e0a",
       "packetlab demo, step 6, at client eth0: the answer of the small HTTP server, by the kernel's TCP")  # fmt: skip

for _name, (_first, _expression) in EXPRESSIONS.items():
    golden(_name, {"Ethernet": Ethernet, "IPv4": IPv4, "IPv6": IPv6}[_first], BYTES[_name],
           f"scapy 2.8.0: {_expression}")  # fmt: skip
golden("linux cooked with llc", LinuxCooked,
       "0000000100060200000000010000000442420300000080",
       'scapy 2.8.0: CookedLinux(proto=4, lladdrtype=1, lladdrlen=6, src=bytes.fromhex("0200000000010000"))'
       ' / LLC(dsap=0x42, ssap=0x42, ctrl=3) / bytes.fromhex("00000080")')  # fmt: skip
golden("linux cooked 2 with llc", LinuxCooked2,
       "000400000000000300010006020000000001000042420300000080",
       'scapy 2.8.0: CookedLinuxV2(proto=4, lladdrtype=1, ifindex=3, lladdrlen=6,'
       ' src=bytes.fromhex("0200000000010000")) / LLC(dsap=0x42, ssap=0x42, ctrl=3) /'
       ' bytes.fromhex("00000080")')  # fmt: skip
golden("gre in udp", IPv4,
       "4500003d000100004011f6abc0000201c0000202c35012920029f23a000008004500001d0001000040112665c6336401c6336402000100"
       "020009336e78",
       'scapy 2.8.0: IP(src="192.0.2.1", dst="192.0.2.2") / UDP(sport=50000, dport=4754) / GRE() /'
       ' IP(src="198.51.100.1", dst="198.51.100.2") / UDP(sport=1, dport=2) / b"x"')  # fmt: skip

for name, (data, origin) in TLS_PACKETS.items():
    golden(name, Ethernet, data, origin)
