"""Golden packets that scapy builds: the expression, and the bytes it gave once (scapy 2.8.0).

A test builds them again where scapy is installed, so the stated origin is checked and not only claimed.
`python -m tests.goldens_scapy NAME...` prints the bytes of expressions.
"""

import sys
import textwrap
from typing import Any

FOUR = 'IP(src="192.0.2.1", dst="192.0.2.2")'
SIX = 'IPv6(src="2001:db8::1", dst="2001:db8::2")'
QUOTE4 = 'IP(src="192.0.2.2", dst="198.51.100.9", ttl=1) / UDP(sport=40000, dport=33434) / b"probe"'
QUOTE6 = 'IPv6(src="2001:db8::2", dst="2001:db8:9::9", hlim=1) / UDP(sport=40000, dport=33434) / b"probe"'
LINK = 'IPv6(src="fe80::1", dst="ff02::1", hlim=255)'
MAC = '"02:00:00:00:00:01"'
ASK = 'DNS(id=0x1234, qd=[DNSQR(qname="www.example.com")])'


def dns(*records: str, question: str = "www.example.com", kind: str = "A") -> str:
    return (
        f'DNS(id=0x1234, qr=1, rd=1, ra=1, qd=[DNSQR(qname="{question}", qtype="{kind}")], an=[{", ".join(records)}])'
    )


OVER_UDP = f"{FOUR} / UDP(sport=53, dport=40000) / "

EXPRESSIONS: dict[str, tuple[str, str]] = {
    "icmp echo request": ("IPv4", f'{FOUR} / ICMP(type=8, id=7, seq=1) / b"abcdefgh"'),
    "icmp echo reply": ("IPv4", f'{FOUR} / ICMP(type=0, id=7, seq=1) / b"abcdefgh"'),
    "icmp port unreachable": ("IPv4", f"{FOUR} / ICMP(type=3, code=3) / {QUOTE4}"),
    "icmp fragmentation needed": ("IPv4", f"{FOUR} / ICMP(type=3, code=4, nexthopmtu=1400) / {QUOTE4}"),
    "icmp source quench": ("IPv4", f"{FOUR} / ICMP(type=4) / {QUOTE4}"),
    "icmp redirect": ("IPv4", f'{FOUR} / ICMP(type=5, code=1, gw="192.0.2.9") / {QUOTE4}'),
    "icmp time exceeded": ("IPv4", f"{FOUR} / ICMP(type=11) / {QUOTE4}"),
    "icmp time exceeded with a cut quote": ("IPv4", f"{FOUR} / ICMP(type=11) / bytes({QUOTE4})[:28]"),
    "icmp parameter problem": ("IPv4", f"{FOUR} / ICMP(type=12, ptr=20) / {QUOTE4}"),
    "icmp timestamp": ("IPv4", f"{FOUR} / ICMP(type=13, id=1, seq=2, ts_ori=3, ts_rx=4, ts_tx=5)"),
    "icmp address mask": ("IPv4", f'{FOUR} / ICMP(type=18, id=1, seq=2, addr_mask="255.255.255.0")'),
    "icmp router solicitation": ("IPv4", f"{FOUR} / ICMP(type=10)"),
    "icmp of no known type": ("IPv4", f'{FOUR} / ICMP(type=200, code=1) / b"xy"'),
    "icmpv6 echo request": ("IPv6", f'{SIX} / ICMPv6EchoRequest(id=7, seq=1, data=b"abcdefgh")'),
    "icmpv6 echo reply": ("IPv6", f'{SIX} / ICMPv6EchoReply(id=7, seq=1, data=b"abcdefgh")'),
    "icmpv6 unreachable": ("IPv6", f"{SIX} / ICMPv6DestUnreach(code=4) / {QUOTE6}"),
    "icmpv6 too big": ("IPv6", f"{SIX} / ICMPv6PacketTooBig(mtu=1400) / {QUOTE6}"),
    "icmpv6 time exceeded": ("IPv6", f"{SIX} / ICMPv6TimeExceeded() / {QUOTE6}"),
    "icmpv6 parameter problem": ("IPv6", f"{SIX} / ICMPv6ParamProblem(code=1, ptr=6) / {QUOTE6}"),
    "router solicitation": ("IPv6", f"{LINK} / ICMPv6ND_RS() / ICMPv6NDOptSrcLLAddr(lladdr={MAC})"),
    "router advertisement": (
        "IPv6",
        f"{LINK} / ICMPv6ND_RA(routerlifetime=1800, prf=1) / ICMPv6NDOptSrcLLAddr(lladdr={MAC}) /"
        ' ICMPv6NDOptMTU(mtu=1480) / ICMPv6NDOptPrefixInfo(prefix="2001:db8::", prefixlen=64) /'
        ' ICMPv6NDOptRDNSS(dns=["2001:db8::53"], lifetime=600)',
    ),
    "neighbour solicitation": (
        "IPv6", f'{LINK} / ICMPv6ND_NS(tgt="fe80::2") / ICMPv6NDOptSrcLLAddr(lladdr={MAC})',
    ),
    "neighbour advertisement": (
        "IPv6", f'{LINK} / ICMPv6ND_NA(tgt="fe80::1", R=1, S=1, O=1) / ICMPv6NDOptDstLLAddr(lladdr={MAC})',
    ),
    "neighbour redirect": (
        "IPv6",
        f'{LINK} / ICMPv6ND_Redirect(tgt="fe80::9", dst="2001:db8::7") / ICMPv6NDOptDstLLAddr(lladdr={MAC}) /'
        f" ICMPv6NDOptRedirectedHdr(pkt={QUOTE6})",
    ),
    "mld query": ("IPv6", f'{LINK} / ICMPv6MLQuery(mrd=1000, mladdr="ff02::fb")'),
    "mld 2 report": (
        "IPv6",
        f'{LINK} / ICMPv6MLReport2(records=[ICMPv6MLDMultAddrRec(rtype=4, dst="ff02::fb"),'
        ' ICMPv6MLDMultAddrRec(rtype=1, dst="ff02::1:3", sources=["2001:db8::1", "2001:db8::2"])])',
    ),
    "dns question": (
        "Ethernet", f'Ether(src={MAC}, dst="02:00:00:00:00:02") / {FOUR} / UDP(sport=40000, dport=53) / {ASK}',
    ),
    "dns over tcp": (
        "IPv4",
        f'{FOUR} / TCP(sport=40000, dport=53, flags="PA") / (len({ASK}).to_bytes(2, "big") + bytes({ASK}))',
    ),
    "dns a and cname": (
        "IPv4",
        OVER_UDP + dns('DNSRR(rrname="www.example.com", type="CNAME", ttl=60, rdata="example.com")',
                       'DNSRR(rrname="example.com", type="A", ttl=60, rdata="192.0.2.80")'),
    ),
    "dns compressed": (
        "IPv4",
        OVER_UDP + 'dns_compress(' + dns('DNSRR(rrname="www.example.com", type="CNAME", rdata="a.example.com")',
                                         'DNSRRMX(rrname="a.example.com", preference=5, exchange="mx.example.com")')
        + ")",
    ),
    "dns aaaa, ns, ptr, dname": (
        "IPv4",
        OVER_UDP + dns('DNSRR(rrname="example.com", type="AAAA", rdata="2001:db8::80")',
                       'DNSRR(rrname="example.com", type="NS", rdata="ns.example.com")',
                       'DNSRR(rrname="1.2.0.192.in-addr.arpa", type="PTR", rdata="example.com")',
                       'DNSRR(rrname="old.example.com", type="DNAME", rdata="example.com")'),
    ),
    "dns soa, mx, txt, srv": (
        "IPv4",
        OVER_UDP + dns('DNSRRSOA(rrname="example.com", mname="ns.example.com", rname="root.example.com", serial=7,'
                       ' refresh=1, retry=2, expire=3, minimum=4)',
                       'DNSRRMX(rrname="example.com", preference=10, exchange="mail.example.com")',
                       'DNSRR(rrname="example.com", type="TXT", rdata=[b"v=spf1 -all", b"second"])',
                       'DNSRRSRV(rrname="_sip._udp.example.com", priority=1, weight=2, port=5060,'
                       ' target="sip.example.com")'),
    ),
    "dns signed": (
        "IPv4",
        OVER_UDP + dns('DNSRRDS(rrname="example.com", keytag=1, algorithm=8, digesttype=2, digest=b"abcdefgh")',
                       'DNSRRRSIG(rrname="example.com", typecovered=1, algorithm=8, labels=2, originalttl=60,'
                       ' expiration=1700000000, inception=1690000000, keytag=1, signersname="example.com",'
                       ' signature=b"signature")',
                       'DNSRRNSEC(rrname="example.com", nextname="www.example.com", typebitmaps=[1, 2, 46, 47])',
                       'DNSRRDNSKEY(rrname="example.com", flags=257, protocol=3, algorithm=8, publickey=b"key")'),
    ),
    "dns tlsa, svcb, caa and an unknown type": (
        "IPv4",
        OVER_UDP + dns('DNSRR(rrname="_443._tcp.example.com", type=52, rdata=b"\\3\\1\\1abcdefgh")',
                       'DNSRR(rrname="example.com", type=65, rdata=b"\\0\\1\\0\\0\\1\\0\\3\\2h2")',
                       'DNSRR(rrname="example.com", type=257, rdata=b"\\0\\5issueca.example.net")',
                       'DNSRR(rrname="example.com", type=65280, rdata=b"abc")'),
    ),
    "dns with edns": (
        "IPv4",
        f'{FOUR} / UDP(sport=40000, dport=53) / DNS(id=1, qd=[DNSQR(qname="example.com", qtype="A")],'
        ' ar=[DNSRROPT(rclass=1232, z=0x8000, rdata=[EDNS0TLV(optcode=10, optdata=b"cookie00")])])',
    ),
    "dns pointing at itself (not sound)": (
        "IPv4", OVER_UDP + 'bytes.fromhex("123481800001000000000000c00c00010001")',
    ),
}  # fmt: skip
"""Name: (class of the first header, expression)."""


BYTES: dict[str, str] = {
    "icmp echo request": (
        "45000024000100004001f6d4c0000201c000020208006662000700016162636465666768"
    ),
    "icmp echo reply": (
        "45000024000100004001f6d4c0000201c000020200006e62000700016162636465666768"
    ),
    "icmp port unreachable": (
        "4500003d000100004001f6bbc0000201c00002020303e95a0000000045000021000100000111cd8cc0000202c63364099c40829a000d"
        "afe470726f6265"
    ),
    "icmp fragmentation needed": (
        "4500003d000100004001f6bbc0000201c00002020304e3e10000057845000021000100000111cd8cc0000202c63364099c40829a000d"
        "afe470726f6265"
    ),
    "icmp source quench": (
        "4500003d000100004001f6bbc0000201c00002020400e85d0000000045000021000100000111cd8cc0000202c63364099c40829a000d"
        "afe470726f6265"
    ),
    "icmp redirect": (
        "4500003d000100004001f6bbc0000201c000020205012553c000020945000021000100000111cd8cc0000202c63364099c40829a000d"
        "afe470726f6265"
    ),
    "icmp time exceeded": (
        "4500003d000100004001f6bbc0000201c00002020b00e15d0000000045000021000100000111cd8cc0000202c63364099c40829a000d"
        "afe470726f6265"
    ),
    "icmp time exceeded with a cut quote": (
        "45000038000100004001f6c0c0000201c00002020b0026330000000045000021000100000111cd8cc0000202c63364099c40829a000d"
        "afe4"
    ),
    "icmp parameter problem": (
        "4500003d000100004001f6bbc0000201c00002020c00cc5d1400000045000021000100000111cd8cc0000202c63364099c40829a000d"
        "afe470726f6265"
    ),
    "icmp timestamp": (
        "45000028000100004001f6d0c0000201c00002020d00f2f000010002000000030000000400000005"
    ),
    "icmp address mask": (
        "45000020000100004001f6d8c0000201c00002021200eefb00010002ffffff00"
    ),
    "icmp router solicitation": (
        "4500001c000100004001f6dcc0000201c00002020a00f5ff00000000"
    ),
    "icmp of no known type": (
        "4500001e000100004001f6dac0000201c0000202c801bf84000000007879"
    ),
    "icmpv6 echo request": (
        "6000000000103a4020010db800000000000000000000000120010db8000000000000000000000002800092a200070001616263646566"
        "6768"
    ),
    "icmpv6 echo reply": (
        "6000000000103a4020010db800000000000000000000000120010db8000000000000000000000002810091a200070001616263646566"
        "6768"
    ),
    "icmpv6 unreachable": (
        "60000000003d3a4020010db800000000000000000000000120010db80000000000000000000000020104321f0000000060000000000d"
        "110120010db800000000000000000000000220010db80009000000000000000000099c40829a000d409e70726f6265"
    ),
    "icmpv6 too big": (
        "60000000003d3a4020010db800000000000000000000000120010db800000000000000000000000202002bab0000057860000000000d"
        "110120010db800000000000000000000000220010db80009000000000000000000099c40829a000d409e70726f6265"
    ),
    "icmpv6 time exceeded": (
        "60000000003d3a4020010db800000000000000000000000120010db8000000000000000000000002030030230000000060000000000d"
        "110120010db800000000000000000000000220010db80009000000000000000000099c40829a000d409e70726f6265"
    ),
    "icmpv6 parameter problem": (
        "60000000003d3a4020010db800000000000000000000000120010db800000000000000000000000204012f1c0000000660000000000d"
        "110120010db800000000000000000000000220010db80009000000000000000000099c40829a000d409e70726f6265"
    ),
    "router solicitation": (
        "6000000000103afffe800000000000000000000000000001ff02000000000000000000000000000185007a2d00000000010102000000"
        "0001"
    ),
    "router advertisement": (
        "6000000000583afffe800000000000000000000000000001ff0200000000000000000000000000018600ac2700080708000000000000"
        "0000010102000000000105010000000005c8030440c0ffffffffffffffff0000000020010db800000000000000000000000019030000"
        "0000025820010db8000000000000000000000053"
    ),
    "neighbour solicitation": (
        "6000000000203afffe800000000000000000000000000001ff0200000000000000000000000000018700799a00000000fe8000000000"
        "000000000000000000020101020000000001"
    ),
    "neighbour advertisement": (
        "6000000000203afffe800000000000000000000000000001ff0200000000000000000000000000018800979ae0000000fe8000000000"
        "000000000000000000010201020000000001"
    ),
    "neighbour redirect": (
        "6000000000683afffe800000000000000000000000000001ff0200000000000000000000000000018900186900000000fe8000000000"
        "0000000000000000000920010db80000000000000000000000070201020000000001040700000000000060000000000d110120010db8"
        "00000000000000000000000220010db80009000000000000000000099c40829a000d409e"
    ),
    "mld query": (
        "6000000000183afffe800000000000000000000000000001ff02000000000000000000000000000182007c4103e80000ff0200000000"
        "000000000000000000fb"
    ),
    "mld 2 report": (
        "6000000000503afffe800000000000000000000000000001ff0200000000000000000000000000018f0013710000000204000000ff02"
        "00000000000000000000000000fb01000002ff02000000000000000000000001000320010db800000000000000000000000120010db8"
        "000000000000000000000002"
    ),
    "dns question": (
        "02000000000202000000000108004500003d000100004011f6abc0000201c00002029c40003500298292123401000001000000000000"
        "03777777076578616d706c6503636f6d0000010001"
    ),
    "dns over tcp": (
        "4500004b000100004006f6a8c0000201c00002029c400035000000000000000050182000127f00000021123401000001000000000000"
        "03777777076578616d706c6503636f6d0000010001"
    ),
    "dns a and cname": (
        "45000080000100004011f668c0000201c000020200359c40006caa2712348180000100020000000003777777076578616d706c650363"
        "6f6d000001000103777777076578616d706c6503636f6d00000500010000003c000d076578616d706c6503636f6d00076578616d706c"
        "6503636f6d00000100010000003c0004c0000250"
    ),
    "dns compressed": (
        "45000060000100004011f688c0000201c000020200359c40004c01fd12348180000100020000000003777777076578616d706c650363"
        "6f6d0000010001c00c000500010000000000040161c010c02d000f00010000000000070005026d78c010"
    ),
    "dns aaaa, ns, ptr, dname": (
        "450000e2000100004011f606c0000201c000020200359c4000ceb11512348180000100040000000003777777076578616d706c650363"
        "6f6d0000010001076578616d706c6503636f6d00001c000100000000001020010db8000000000000000000000080076578616d706c65"
        "03636f6d0000020001000000000010026e73076578616d706c6503636f6d000131013201300331393207696e2d616464720461727061"
        "00000c000100000000000d076578616d706c6503636f6d00036f6c64076578616d706c6503636f6d000027000100000000000d076578"
        "616d706c6503636f6d00"
    ),
    "dns soa, mx, txt, srv": (
        "45000117000100004011f5d1c0000201c000020200359c400103216f12348180000100040000000003777777076578616d706c650363"
        "6f6d0000010001076578616d706c6503636f6d0000060001000000000036026e73076578616d706c6503636f6d0004726f6f74076578"
        "616d706c6503636f6d000000000700000001000000020000000300000004076578616d706c6503636f6d00000f000100000000001400"
        "0a046d61696c076578616d706c6503636f6d00076578616d706c6503636f6d00001000010000000000130b763d73706631202d616c6c"
        "067365636f6e64045f736970045f756470076578616d706c6503636f6d00002100010000000000170001000213c40373697007657861"
        "6d706c6503636f6d00"
    ),
    "dns signed": (
        "450000ed000100004011f5fbc0000201c000020200359c4000d96fb612348180000100040000000003777777076578616d706c650363"
        "6f6d0000010001076578616d706c6503636f6d00002b000100000000000c000108026162636465666768076578616d706c6503636f6d"
        "00002e0001000000000028000108020000003c6553f10064bb5a800001076578616d706c6503636f6d007369676e6174757265076578"
        "616d706c6503636f6d00002f000100000000001903777777076578616d706c6503636f6d000006600000000003076578616d706c6503"
        "636f6d0000300001000000000007010103086b6579"
    ),
    "dns tlsa, svcb, caa and an unknown type": (
        "450000d0000100004011f618c0000201c000020200359c4000bc270c12348180000100040000000003777777076578616d706c650363"
        "6f6d0000010001045f343433045f746370076578616d706c6503636f6d000034000100000000000b0301016162636465666768076578"
        "616d706c6503636f6d000041000100000000000a00010000010003026832076578616d706c6503636f6d000101000100000000001500"
        "05697373756563612e6578616d706c652e6e6574076578616d706c6503636f6d00ff000001000000000003616263"
    ),
    "dns with edns": (
        "45000050000100004011f698c0000201c00002029c400035003c1e05000101000001000000000001076578616d706c6503636f6d0000"
        "01000100002904d000008000000c000a0008636f6f6b69653030"
    ),
    "dns pointing at itself (not sound)": (
        "4500002e000100004011f6bac0000201c000020200359c40001a8b7c123481800001000000000000c00c00010001"
    ),
}  # fmt: skip
"""Name: the bytes, in hex, that the expression gave."""


def build(name: str) -> bytes:
    """The bytes of one expression, made by scapy now."""
    import scapy.all as scapy

    scope: dict[str, Any] = {key: getattr(scapy, key) for key in dir(scapy) if not key.startswith("__")}
    # The expressions stand above: nothing from outside is evaluated.
    return bytes(eval(EXPRESSIONS[name][1], scope))


def _print(names: list[str]) -> None:
    for name in names or EXPRESSIONS:
        lines = textwrap.wrap(build(name).hex(), 108)
        print(f'    "{name}": (\n' + "\n".join(f'        "{line}"' for line in lines) + "\n    ),")


if __name__ == "__main__":
    _print(sys.argv[1:])
