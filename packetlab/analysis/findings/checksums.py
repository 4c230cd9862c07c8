"""Wrong checksums of IPv4, TCP, UDP, ICMP and ICMPv6, and those that the network card was still to fill in.

All packets are summed at once: `np.add.reduceat` adds the 16-bit words between the ends of every packet; those that
begin at odd places are summed in a view that is one byte later (RFC 1071: the sum does not depend on byte
order, so words are read as the machine likes). About a nanosecond per byte, and nothing is copied.
A wrong checksum is no error where the sender's card would have filled it in after the capture: then the field
holds what Linux, Windows and macOS leave there, the sum of the pseudo-header alone, or zero.
"""

import numpy as np

from packetlab.analysis.findings.finding import Kind, Notebook
from packetlab.analysis.findings.seen import Found, Seen, address
from packetlab.analysis.plan import Column
from packetlab.internet.icmp import ICMP
from packetlab.internet.icmpv6 import ICMPv6
from packetlab.internet.ipv4 import IPv4
from packetlab.transport.tcp import TCP
from packetlab.transport.udp import UDP

WRONG = Kind(
    "checksum-wrong", "error", "transport", "Wrong checksum",
    "The bytes are not those that the sender summed up: they were damaged on the way, or by faulty memory or software "
    "in a device. The receiver drops such a packet without a word, and a sender that waits for an answer sends again.",
    "See whether all of them come through one device or from one host; compare with a capture at the other end.",
)  # fmt: skip
OFFLOAD = Kind(
    "checksum-offload", "note", "transport", "Checksums left to the network card",
    "These packets were recorded in the host that sent them, before its network card filled in the checksum. "
    "Nothing is wrong with them.",
    "Nothing to do. To see true checksums, record at the other end or switch the offload off: ethtool -K eth0 tx off.",
)  # fmt: skip


class Checksums:
    def __init__(self, notes: Notebook) -> None:
        self.notes = notes

    def take(self, seen: Seen) -> None:
        words = Words(seen.chunk.data)
        self._ipv4(seen, words)
        for cls, protocol, place in ((TCP, 6, 16), (UDP, 17, 6), (ICMP, 1, 2), (ICMPv6, 58, 2)):
            self._transport(seen, words, cls, protocol, place)

    def end(self) -> None:
        """Nothing is open."""

    def _ipv4(self, seen: Seen, words: "Words") -> None:
        found = seen.found(IPv4, 20)
        found = found.chosen((found.body <= found.stop) & (found.body - found.at >= 20))
        plain = np.ascontiguousarray(found.bytes).view("<u2").sum(axis=1, dtype=np.uint64)
        longer = np.flatnonzero(found.body - found.at > 20)
        if len(longer):
            some = found.chosen(longer)
            begin = self._begin(seen, some)
            plain[longer] = words.sums(begin, begin + some.body - some.at)
        sums = folded(plain)
        wrong = np.flatnonzero((sums != 0xFFFF) & (sums != 0))
        field = found.number(10, 2)
        self._note(seen, found.rows[wrong], field[wrong] == 0, "IPv4")

    @staticmethod
    def _begin(seen: Seen, found: Found) -> Column:
        return seen.chunk.packets.offset[found.rows] - seen.chunk.base + found.at

    def _transport(self, seen: Seen, words: "Words", cls: type, protocol: int, place: int) -> None:
        found = seen.found(cls, 20 if cls is TCP else 8)
        around = seen.ip
        version = around.version[found.rows]
        length = found.claimed - found.at
        good = (
            (found.claimed == found.stop) & (version > 0) & (around.at[found.rows] < found.at) & (length >= place + 2)
        )
        good &= ~_fragments(seen)[found.rows]
        field = found.number(place, 2)
        if cls is UDP:
            said = found.number(4, 2)
            good &= (field != 0) & (said == length)
        if not good.any():
            return
        found, field, version, length = found.chosen(good), field[good], version[good], length[good]
        begin = self._begin(seen, found)
        sums = words.sums(begin, begin + length)
        pseudo = np.zeros(len(found), np.uint64)
        if cls is not ICMP:
            ends = np.concatenate([around.src[found.rows], around.dst[found.rows]], axis=1)
            pseudo = np.ascontiguousarray(ends).view("<u2").sum(axis=1, dtype=np.uint64)
            pseudo += _swapped((length & 0xFFFF) + (length >> 16)) + _swapped(np.full(len(found), protocol))
        total = folded(sums + pseudo)
        wrong = np.flatnonzero(total != 0xFFFF)
        if not len(wrong):
            return
        partial = _big(folded(pseudo[wrong]))
        left = (field[wrong] == partial) | (field[wrong] == 0) | (seen.chunk.packets.direction[found.rows[wrong]] == 2)
        # A card that also cuts segments is handed more than fits on the wire, and sums of the whole.
        left |= length[wrong] > 9100
        self._note(seen, found.rows[wrong], left, cls.__name__)

    def _note(self, seen: Seen, rows: Column, left: Column, layer: str) -> None:
        for (src, dst), row, is_left in zip(seen.ends(rows), rows.tolist(), left.tolist(), strict=True):
            about = f"{layer} from {address(src)}" if is_left else f"{layer} {address(src)} -> {address(dst)}"
            self.notes.add(OFFLOAD if is_left else WRONG, about, seen.first + row)


def _fragments(seen: Seen) -> Column:
    """Per packet: whether it is an IPv4 fragment (a fragment of IPv6 has no transport header that is read)."""
    mask = np.zeros(len(seen.chunk), bool)
    found = seen.found(IPv4, 20)
    mask[found.rows[found.number(6, 2) & 0x3FFF != 0]] = True
    from packetlab.internet.ipv6 import Fragment

    mask[seen.found(Fragment, 8).rows] = True
    return mask


def _swapped(values: Column) -> Column:
    """A number of 16 bits as it stands in the packet, read in little endian."""
    return ((values & 0xFF) << 8 | values >> 8 & 0xFF).astype(np.uint64)


_big = _swapped


def folded(sums: Column) -> Column:
    """The ones' complement sum of 16 bits."""
    for _ in range(4):
        sums = (sums & np.uint64(0xFFFF)) + (sums >> np.uint64(16))
    return sums


class Words:
    """Sums of 16-bit words (little endian) between any two places of some bytes."""

    def __init__(self, data: Column) -> None:
        self.data = data
        self.views = [data[odd : odd + (len(data) - odd) // 2 * 2].view("<u2") for odd in (0, 1)]

    def sums(self, begin: Column, end: Column) -> Column:
        """uint64: of the bytes from `begin` to before `end`; an odd last byte counts as followed by a zero."""
        made = np.zeros(len(begin), np.uint64)
        for odd, view in enumerate(self.views):
            mine = np.flatnonzero((begin & 1) == odd)
            if not len(mine):
                continue
            first = (begin[mine] - odd) >> 1
            last = (end[mine] - odd) >> 1
            some = last > first
            mine_some, first, last = mine[some], first[some], last[some]
            if len(mine_some):
                edges = np.stack([first, np.minimum(last, len(view) - 1)], 1).ravel()
                part = np.add.reduceat(view, edges, dtype=np.uint64)[::2]
                # reduceat cannot end behind the last word: that one is added by hand.
                part = part + np.where(last > len(view) - 1, view[-1], 0).astype(np.uint64)
                made[mine_some] = part
        left = np.flatnonzero((end - begin) & 1)
        made[left] += self.data[end[left] - 1]
        return made
