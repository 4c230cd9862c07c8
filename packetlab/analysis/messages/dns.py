"""DNS messages over UDP and TCP, each answer with its question (RFC 1035; RFC 7766 over TCP).

Over UDP all that goes to or from the well-known ports is read (53, multicast 5353, link-local 5355), IP fragments put
together; on other ports what can only be DNS: the header's reserved bits and counts are looked at for all datagrams at
once, and of what is left one is believed if all of it decodes, to the last byte, with one question of a known type.
Over TCP any port. Of at most MAX_WAITING questions it is remembered when they were asked; the oldest goes first.
"""

from collections import OrderedDict
from collections.abc import Iterator

import numpy as np

from packetlab.analysis.columns import FieldOf, Places, Scan
from packetlab.analysis.fragmented import FragmentRows
from packetlab.analysis.messages.records import DNSMessage
from packetlab.analysis.plan import Column
from packetlab.application.dns import CLASSES, DNS, TYPES, Question
from packetlab.capture.index import Chunk
from packetlab.internet.ipv4 import IPv4
from packetlab.internet.ipv6 import IPv6
from packetlab.model.addresses import ip_text
from packetlab.model.packet import Packet, decapsulate
from packetlab.transport.udp import UDP

MAX_WAITING = 10_000
MAX_TCP = 65_537
MAX_RECORDS = 1000
PORTS = (53, 5353, 5355)
NETBIOS = 137
"""NetBIOS names (RFC 1002) look like DNS and are not."""


class Questions:
    """Finds the question of an answer."""

    def __init__(self) -> None:
        self._asked: OrderedDict[tuple[object, ...], tuple[int, int]] = OrderedDict()

    def match(self, found: DNSMessage) -> DNSMessage:
        """Note a question; give an answer its question's number and the time between."""
        message = found.message
        names = tuple((one.qname.lower(), one.qtype) for one in message.questions)
        if not message.response:
            key = (found.transport, found.src, found.src_port, found.dst, found.dst_port, message.identifier, names)
            self._asked.setdefault(key, (found.number, found.time))
            if len(self._asked) > MAX_WAITING:
                self._asked.popitem(last=False)
            return found
        key = (found.transport, found.dst, found.dst_port, found.src, found.src_port, message.identifier, names)
        asked = self._asked.pop(key, None)
        if asked is not None:
            found.question_number, found.response_time = asked[0], max(found.time - asked[1], 0)
        return found


class DNSOverUDP:
    """DNS datagrams of chunk after chunk."""

    def __init__(self, questions: Questions) -> None:
        self._questions = questions
        self._fragments = FragmentRows()
        self._ports = (FieldOf(UDP, UDP.spec("src_port")), FieldOf(UDP, UDP.spec("dst_port")))

    def read(self, chunk: Chunk, chosen: Column | None) -> Iterator[DNSMessage]:
        """The DNS messages among the (chosen) packets of a chunk."""
        scan = Scan(chunk, (*self._ports, *self._fragments.fields), self._fragments.classes, placed=(UDP,),
                    quoted=False)  # fmt: skip
        wanted = np.zeros(len(chunk), bool)
        for places in scan.places(UDP):
            wanted[_alike(chunk, places)] = True
        for port in self._ports:
            for found in scan.occurrences(port):
                wanted[found.rows[np.isin(found.values, PORTS)]] = True
        if chosen is not None:
            wanted &= chosen
        packets = chunk.packets
        whole = dict(self._fragments.complete(chunk, scan))
        if self._fragments.last_rows is not None:
            wanted &= ~self._fragments.last_rows
        rows = np.flatnonzero(wanted).tolist()
        for row in sorted({*rows, *(row for row in whole if chosen is None or chosen[row])}):
            packet = whole[row] if row in whole else decapsulate(chunk.bytes_of(row), int(packets.link_type[row]))
            message = _over_udp(packet, chunk.first + row, int(packets.time[row]))
            if message is not None:
                yield self._questions.match(message)


def _alike(chunk: Chunk, places: Places) -> Column:
    """Rows of datagrams whose first 12 bytes may be a DNS header with one question (RFC 1035 section 4.1.1)."""
    room = places.stop - places.body >= 17
    head = chunk.heads(12, places.rows, places.body)
    counts = head[:, 4:12].copy().view(">u2")
    standard = (head[:, 2] & 0x78 == 0) & (head[:, 3] & 0x40 == 0) & (counts[:, 0] == 1) & (counts[:, 3] <= 30)
    query = (head[:, 2] & 0x80 == 0) & (head[:, 3] & 0x8F == 0) & (counts[:, 1] == 0) & (counts[:, 2] == 0)
    answer = (head[:, 2] & 0x80 != 0) & (head[:, 3] & 0x0F <= 10) & (counts[:, 1] <= 100) & (counts[:, 2] <= 30)
    rows: Column = places.rows[room & standard & (query | answer)]
    return rows


def _on_another_port(packet: Packet) -> Packet | None:
    """The packet with its payload read as DNS, if it is that."""
    udp = packet.layers[-1] if packet.layers else None
    if not isinstance(udp, UDP) or NETBIOS in (udp.src_port, udp.dst_port):
        return None
    inside = decapsulate(packet.payload, DNS)
    message = inside.get(DNS)
    if message is None or message.is_cut or inside.faults or inside.payload or len(message.questions) != 1:
        return None
    question = message.questions[0]
    if question.qtype not in TYPES or question.qclass not in CLASSES:
        return None
    return Packet((*packet.layers, *inside.layers))


def _over_udp(packet: Packet, number: int, time: int) -> DNSMessage | None:
    if packet.get(DNS) is None:
        packet = _on_another_port(packet) or packet
    message = packet.get(DNS)
    if message is None or message.is_cut:
        return None
    layers = packet.layers[: packet.index(DNS)]
    around = next((one for one in reversed(layers) if isinstance(one, IPv4 | IPv6)), None)
    udp = next((one for one in reversed(layers) if isinstance(one, UDP)), None)
    if around is None or udp is None:
        return None
    return DNSMessage(number, time, "udp", ip_text(around.src), udp.src_port, ip_text(around.dst), udp.dst_port,
                      message)  # fmt: skip


class DNSOverTCP:
    """Both directions of one connection to a DNS server."""

    def __init__(self, questions: Questions, stream: int, ends: tuple[tuple[str, int], tuple[str, int]]) -> None:
        self._questions, self._stream, self._ends = questions, stream, ends
        self._waiting = [bytearray(), bytearray()]
        self._broken = [False, False]

    def feed(self, direction: int, data: bytes, number: int, time: int) -> Iterator[DNSMessage]:
        """Bytes of one direction (0 from the client)."""
        if self._broken[direction]:
            return
        waiting = self._waiting[direction]
        waiting += data
        while len(waiting) >= 2:
            size = int.from_bytes(waiting[:2], "big")
            if len(waiting) < 2 + size:
                return
            packet = decapsulate(bytes(waiting[2 : 2 + size]), DNS)
            del waiting[: 2 + size]
            message = packet.get(DNS)
            if message is None or message.is_cut or packet.faults:
                self.end(direction)
                return
            (src, src_port), (dst, dst_port) = self._ends if direction == 0 else self._ends[::-1]
            yield self._questions.match(
                DNSMessage(number, time, "tcp", src, src_port, dst, dst_port, message, self._stream)
            )

    def end(self, direction: int) -> None:
        """Bytes lack, or the rest cannot be read."""
        self._broken[direction] = True
        self._waiting[direction].clear()


def looks_like_dns(data: bytes) -> bool:
    """Whether the bytes that a connection begins with are a DNS message behind its length, or its beginning."""
    size = int.from_bytes(data[:2], "big")
    if len(data) < 14 or not 12 <= size <= MAX_TCP or data[4] >> 3 & 15 not in (0, 4, 5):
        return False
    if len(data) - 2 < size:  # it goes on in the next segment: the first question tells
        counts = [int.from_bytes(data[at : at + 2], "big") for at in range(6, 14, 2)]
        asked = decapsulate(data[14:], Question).get(Question)
        return (counts[0] == 1 and max(counts) <= MAX_RECORDS and asked is not None and not asked.is_cut
                and asked.qtype in TYPES and asked.qclass & 0x7FFF in CLASSES)  # fmt: skip
    packet = decapsulate(data[2 : 2 + size], DNS)
    message = packet.get(DNS)
    return message is not None and not message.is_cut and not packet.faults and 0 < message.question_count <= 8
