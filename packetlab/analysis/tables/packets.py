"""Table `packets`: one row per packet, its main fields under short names.

Per chunk one Scan says where the headers lie; then each header that a wanted column needs is read once, as a
matrix, for all packets that have it. In a tunnel the innermost IP header and what it carries count (Ethernet and
VLAN tags: the outermost); packets quoted by ICMP errors do not. A header that the capture cut short gives null.
No Python runs per packet, except for packets that columns.py reads one by one and for TCP payloads that may be the
beginning of an HTTP message, where `protocol` is wanted.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from packetlab.analysis.columns import FieldOf, Scan
from packetlab.analysis.plan import Column, plan_of, read_column
from packetlab.analysis.segments import SegmentReader
from packetlab.analysis.tables.protocol import layer_classes, protocol_words
from packetlab.analysis.tables.reading import Reading
from packetlab.analysis.tables.schema import ColumnSpec, TableSpec
from packetlab.analysis.tables.sequences import RelativeNumbers
from packetlab.analysis.tables.words import addresses, numbered, spelled, words_of
from packetlab.capture.index import Chunk
from packetlab.internet.icmp import ICMP
from packetlab.internet.icmpv6 import ICMPv6
from packetlab.internet.ipv4 import IPv4
from packetlab.internet.ipv6 import IPv6
from packetlab.link.arp import ARP
from packetlab.link.ethernet import IEEE8023, Ethernet
from packetlab.link.vlan import VLAN, ServiceVLAN
from packetlab.model.addresses import ipv4_text, mac_text
from packetlab.model.header import Header
from packetlab.transport.tcp import TCP
from packetlab.transport.udp import UDP

_C = ColumnSpec
COLUMNS = (
    _C("number", "int64", "counts from 1 in the capture"),
    _C("time", "time", "when it was captured, UTC"),
    _C("seconds", "float64", "since the first packet of the capture"),
    _C("length", "uint32", "bytes on the wire"),
    _C("captured", "uint32", "bytes in the file"),
    _C("interface", "word", "where it was captured; null where the file does not say"),
    _C("direction", "word", "in or out; null where the file does not say"),
    _C("link_type", "uint16", "LINKTYPE_ number of its first header"),
    _C("protocol", "word", "the innermost header that packetlab knows: TCP, DNS, ARP ..."),
    _C("eth_src", "word", "MAC address of the sender on this link"),
    _C("eth_dst", "word", "MAC address of the receiver on this link"),
    _C("eth_type", "uint16", "EtherType"),
    _C("vlan", "uint16", "number of the (outermost) VLAN"),
    _C("vlan_inner", "uint16", "number of the innermost VLAN where tags are stacked"),
    _C("arp_operation", "uint16", "1 request, 2 reply"),
    _C("arp_sender", "word", "IPv4 address that ARP says is the sender's"),
    _C("arp_target", "word", "IPv4 address that ARP asks or answers for"),
    _C("ip_version", "uint8", "4 or 6"),
    _C("src", "word", "IP address of the sender"),
    _C("dst", "word", "IP address of the receiver"),
    _C("ttl", "uint8", "time to live (IPv6: hop limit)"),
    _C("dscp", "uint8", "class of service"),
    _C("ecn", "uint8", "explicit congestion notification: 3 is congestion experienced"),
    _C("ip_protocol", "uint8", "protocol number (IPv6: next header)"),
    _C("ip_length", "uint32", "IP packet with its header, in bytes"),
    _C("ip_id", "uint16", "IPv4 identification"),
    _C("ip_dont_fragment", "bool", "IPv4 flag"),
    _C("ip_more_fragments", "bool", "IPv4 flag"),
    _C("ip_fragment_offset", "uint32", "IPv4, in bytes"),
    _C("src_port", "uint16", "TCP or UDP"),
    _C("dst_port", "uint16", "TCP or UDP"),
    _C("payload", "uint32", "bytes inside TCP or UDP, as on the wire"),
    _C("tcp_stream", "int64", "number of the TCP connection, from 0, as Wireshark counts"),
    _C("tcp_flags", "uint16", "the nine flags as a number"),
    _C("flags", "word", "TCP flags in words: SYN, SYN ACK, PSH ACK ..."),
    _C("tcp_seq", "uint32", "sequence number relative to the connection's first, as Wireshark shows it"),
    _C("tcp_ack", "uint32", "acknowledgment number, relative; null without ACK"),
    _C("tcp_seq_raw", "uint32", "sequence number as in the header"),
    _C("tcp_ack_raw", "uint32", "acknowledgment number as in the header"),
    _C("tcp_window", "uint16", "receive window as in the header, before scaling"),
    _C("tcp_header", "uint8", "length of the TCP header with its options, in bytes"),
    _C("icmp_type", "uint8", "ICMP or ICMPv6"),
    _C("icmp_code", "uint8", "ICMP or ICMPv6"),
)

_IP = {"ip_version", "src", "dst", "ttl", "dscp", "ecn", "ip_protocol", "ip_length", "ip_id", "ip_dont_fragment",
       "ip_more_fragments", "ip_fragment_offset"}  # fmt: skip
_TCP = {"src_port", "dst_port", "payload", "tcp_flags", "flags", "tcp_seq_raw", "tcp_ack_raw", "tcp_window",
        "tcp_header"}  # fmt: skip
_UDP = {"src_port", "dst_port", "payload"}
_STREAM = {"tcp_stream", "tcp_seq", "tcp_ack"}
_ETHERNET = {"eth_src", "eth_dst", "eth_type"}
_TAG = {"vlan", "vlan_inner"}
_ARP = {"arp_operation", "arp_sender", "arp_target"}
_ICMP = {"icmp_type", "icmp_code"}
_ARP_FIELDS = tuple(FieldOf(ARP, ARP.spec(name)) for name in ("operation", "sender_protocol", "target_protocol"))


class Pass:
    """Makes the wanted columns of chunk after chunk."""

    def __init__(self, wanted: set[str]) -> None:
        import packetlab.protocols  # noqa: F401

        self._wanted = wanted
        self._connections = RelativeNumbers() if wanted & _STREAM else None
        self._segments = SegmentReader()

    def columns(self, chunk: Chunk, first_time: int) -> dict[str, Any]:
        """Of all packets of the next chunk, so that the numbers of connections depend on no filter."""
        made = _Batch(chunk, self._wanted, first_time).columns()
        if self._connections is not None:
            made |= self._connections.columns(self._segments.read(chunk), len(chunk))
        return made


def make(reading: Reading, wanted: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The wanted columns, chunk by chunk."""
    passes = Pass(set(wanted))
    for chunk, keep, first_time in reading.chunks():
        made = passes.columns(chunk, first_time)
        yield made if keep is None else kept(made, keep)


def kept(made: dict[str, Any], keep: Column) -> dict[str, Any]:
    """The rows of a mask."""
    import pyarrow as pa

    mask = pa.array(keep)
    return {name: values.filter(mask) if isinstance(values, pa.Array) else values[keep]
            for name, values in made.items()}  # fmt: skip


SPEC = TableSpec("packets", "one row per packet, with its main fields", COLUMNS, make)


class _Nearest:
    """Of each packet the innermost (or outermost) header of a class: where it lies, and its fixed part."""

    def __init__(self, chunk: Chunk, scan: Scan, cls: type[Header], *, outermost: bool = False) -> None:
        self.cls = cls
        plan = plan_of(cls)
        assert plan is not None
        self.plan = plan
        count = len(chunk)
        self.at = np.full(count, -1, np.int64)
        body, claimed = np.zeros(count, np.int64), np.zeros(count, np.int64)
        for place in scan.places(cls):
            fits = place.stop - place.at >= plan.size
            mine = self.at[place.rows]
            fits &= ((mine < 0) | (place.at < mine)) if outermost else place.at > mine
            rows = place.rows[fits]
            self.at[rows], body[rows], claimed[rows] = place.at[fits], place.body[fits], place.claimed[fits]
        self._chunk = chunk
        self.take(np.flatnonzero(self.at >= 0))
        self.body, self.claimed = body, claimed

    def take(self, rows: Column) -> None:
        """Keep these rows only."""
        self.rows = rows
        self.matrix = self._chunk.heads(self.plan.size, rows, self.at[rows])

    def field(self, name: str) -> Column:
        """One field of `rows`."""
        return read_column(self.matrix, self.plan.places[name])


class _Batch:
    def __init__(self, chunk: Chunk, need: set[str], first_time: int) -> None:
        self.chunk, self.need, self.first_time, self.count = chunk, need, first_time, len(chunk)
        self.made: dict[str, Any] = {}
        classes: list[type[Header]] = []
        for names, some in ((_IP, (IPv4, IPv6)), (_TCP, (TCP,)), (_UDP, (UDP,)), (_ETHERNET, (Ethernet, IEEE8023)),
                            (_TAG, (VLAN, ServiceVLAN)), (_ICMP, (ICMP, ICMPv6))):  # fmt: skip
            if need & names:
                classes.extend(some)
        wanted = _ARP_FIELDS if need & _ARP else ()
        self.scan: Scan | None = None
        if "protocol" in need:
            classes = list(dict.fromkeys([*classes, *layer_classes()]))
        if classes or wanted:
            self.scan = Scan(chunk, wanted, placed=classes, quoted=False)

    def columns(self) -> dict[str, Any]:
        self._frame()
        for names, add in ((_ETHERNET, self._ethernet), (_TAG, self._tags), (_ARP, self._arp), (_IP, self._ip),
                           (_TCP | _UDP, self._ports), (_ICMP, self._icmp)):  # fmt: skip
            if self.need & names:
                add()
        if "protocol" in self.need:
            assert self.scan is not None
            self.made["protocol"] = protocol_words(self.chunk, self.scan)
        return {name: values for name, values in self.made.items() if name in self.need}

    def _frame(self) -> None:
        import pyarrow as pa

        packets, need, made = self.chunk.packets, self.need, self.made
        made["number"] = np.arange(self.chunk.first, self.chunk.first + self.count)
        made["length"], made["captured"], made["link_type"] = packets.wire, packets.captured, packets.link_type
        if "time" in need:
            made["time"] = pa.array(packets.time).cast(pa.timestamp("ns"))
        if "seconds" in need:
            made["seconds"] = (packets.time - self.first_time) / 1e9
        if "interface" in need:
            labels = [one.label if self.chunk.is_pcapng else "" for one in self.chunk.interfaces]
            known = np.asarray([bool(label) for label in labels])
            made["interface"] = words_of(packets.interface, labels, known[packets.interface])
        if "direction" in need:
            made["direction"] = words_of(packets.direction, ["", "in", "out", ""], np.isin(packets.direction, (1, 2)))

    # ------------------------------------------------------------ headers

    def _header(self, cls: type[Header], *, outermost: bool = False) -> _Nearest:
        assert self.scan is not None
        return _Nearest(self.chunk, self.scan, cls, outermost=outermost)

    def _numbers(self, name: str, kind: Any, *parts: tuple[Column, Column]) -> None:
        """A column of numbers put together from (rows, values); null elsewhere."""
        import pyarrow as pa

        values, missing = np.zeros(self.count, kind), np.ones(self.count, bool)
        for rows, found in parts:
            values[rows] = found
            missing[rows] = False
        self.made[name] = pa.array(values, mask=missing)

    def _ethernet(self) -> None:
        size = {"eth_src": 6, "eth_dst": 6}
        both = [self._header(Ethernet, outermost=True), self._header(IEEE8023, outermost=True)]
        for name in sorted(size.keys() & self.need):
            values, valid = np.zeros((self.count, 6), np.uint8), np.zeros(self.count, bool)
            for one in reversed(both):
                values[one.rows] = one.field(name[4:])
                valid[one.rows] = True
            self.made[name] = spelled(values, mac_text, valid)
        if "eth_type" in self.need:
            self._numbers("eth_type", np.uint16, (both[0].rows, both[0].field("type")))

    def _tags(self) -> None:
        tags = [self._header(cls, outermost=outermost) for cls in (VLAN, ServiceVLAN) for outermost in (True, False)]
        first, last = np.full(self.count, 1 << 40), np.full(self.count, -1)
        outer, inner = np.zeros(self.count, np.uint16), np.zeros(self.count, np.uint16)
        for tag in tags:
            at, numbers = tag.at[tag.rows], tag.field("id").astype(np.uint16)
            before, behind = at < first[tag.rows], at > last[tag.rows]
            outer[tag.rows[before]], first[tag.rows[before]] = numbers[before], at[before]
            inner[tag.rows[behind]], last[tag.rows[behind]] = numbers[behind], at[behind]
        tagged, stacked = np.flatnonzero(last >= 0), np.flatnonzero(last > first)
        self._numbers("vlan", np.uint16, (tagged, outer[tagged]))
        self._numbers("vlan_inner", np.uint16, (stacked, inner[stacked]))

    def _arp(self) -> None:
        assert self.scan is not None
        valid, values = self.scan.first(_ARP_FIELDS[0])
        self._numbers("arp_operation", np.uint16, (np.flatnonzero(valid), values[valid]))
        for name, field in zip(("arp_sender", "arp_target"), _ARP_FIELDS[1:], strict=True):
            if name in self.need:
                valid, values = self.scan.first(field)
                values = values if values.ndim == 2 else np.zeros((self.count, 4), np.uint8)
                self.made[name] = spelled(values, ipv4_text, valid)

    def _ip(self) -> None:
        old, new = self._header(IPv4), self._header(IPv6)
        in_old = new.at > old.at
        old_at = old.at.copy()
        old.take(np.flatnonzero((old_at >= 0) & ~in_old))
        new.take(np.flatnonzero((new.at >= 0) & in_old))
        for name in ("src", "dst"):
            if name in self.need:
                values, sizes = np.zeros((self.count, 16), np.uint8), np.zeros(self.count, np.uint8)
                values[old.rows, :4], sizes[old.rows] = old.field(name), 4
                values[new.rows], sizes[new.rows] = new.field(name), 16
                self.made[name] = addresses(values, sizes)
        for name, kind, in_ipv4, in_ipv6 in (
            ("ip_version", np.uint8, "version", "version"), ("ttl", np.uint8, "ttl", "hop_limit"),
            ("dscp", np.uint8, "dscp", "dscp"), ("ecn", np.uint8, "ecn", "ecn"),
            ("ip_protocol", np.uint8, "protocol", "next_header"), ("ip_length", np.uint32, "total_length", ""),
            ("ip_id", np.uint16, "identification", ""), ("ip_dont_fragment", bool, "dont_fragment", ""),
            ("ip_more_fragments", bool, "more_fragments", ""), ("ip_fragment_offset", np.uint32, "fragment_offset", ""),
        ):  # fmt: skip
            if name in self.need:
                parts = [(old.rows, old.field(in_ipv4))]
                if name == "ip_fragment_offset":
                    parts = [(old.rows, old.field(in_ipv4) * IPv4.spec("fragment_offset").scale)]
                elif name == "ip_length":
                    parts.append((new.rows, new.field("payload_length") + 40))
                elif in_ipv6:
                    parts.append((new.rows, new.field(in_ipv6)))
                self._numbers(name, kind, *parts)

    def _ports(self) -> None:
        tcp = self._header(TCP) if self.need & _TCP else None
        udp = self._header(UDP) if self.need & _UDP else None
        if tcp and udp:
            inner = udp.at > tcp.at
            tcp.take(tcp.rows[~inner[tcp.rows]])
            udp.take(udp.rows[inner[udp.rows]])
        both = [one for one in (tcp, udp) if one]
        for name in ("src_port", "dst_port"):
            if name in self.need:
                self._numbers(name, np.uint16, *((one.rows, one.field(name)) for one in both))
        if "payload" in self.need:
            self._numbers("payload", np.uint32, *(
                (one.rows, np.maximum(one.claimed - one.body, 0)[one.rows]) for one in both
            ))  # fmt: skip
        if tcp is None:
            return
        for name, kind, field in (
            ("tcp_seq_raw", np.uint32, "sequence"), ("tcp_ack_raw", np.uint32, "acknowledgment"),
            ("tcp_window", np.uint16, "window"), ("tcp_flags", np.uint16, "flags"),
        ):  # fmt: skip
            if name in self.need:
                self._numbers(name, kind, (tcp.rows, tcp.field(field)))
        if "tcp_header" in self.need:
            self._numbers("tcp_header", np.uint8, (tcp.rows, (tcp.body - tcp.at)[tcp.rows]))
        if "flags" in self.need:
            values, valid = np.zeros(self.count, np.uint16), np.zeros(self.count, bool)
            values[tcp.rows], valid[tcp.rows] = tcp.field("flags"), True
            self.made["flags"] = numbered(values, flag_words, valid)

    def _icmp(self) -> None:
        both = [self._header(ICMP), self._header(ICMPv6)]
        for name in ("icmp_type", "icmp_code"):
            self._numbers(name, np.uint8, *((one.rows, one.field(name[5:])) for one in both))


def flag_words(value: int) -> str:
    """TCP flags as words, in the order in which people say them: "SYN ACK"."""
    bits: dict[str, int] = {bit.name: int(bit) for bit in TCP.spec("flags").bits}
    order: list[str] = [name for name in ("SYN", "FIN", "RST", "PSH", "URG", "ACK") if name in bits]
    order += [name for name in bits if name not in order]
    return " ".join(name for name in order if value & bits[name])
