"""pcapng: blocks that say their length twice, grouped into sections, each with its own byte order.

Format: draft-ietf-opsawg-pcapng. Because the length stands before and behind the body, every block can be
checked by itself, and a sound block can be found again anywhere:

1. A block is *sound* where its length is a possible one and both lengths are equal. (Some writers did not
   count the padding in it, so a length that is no multiple of 4 is rounded up.)
2. Where only the second length is wrong - a sound block follows exactly where the first one says - the block
   is used and the damage noted.
3. Otherwise the search goes on byte by byte for the next offset at which a sound block of a known type
   stands, followed by another one, by the end of the file, or by a block that the end of the file cuts off, or
   whose packet fits into it.

`BlockWalk` finds the blocks; `SectionState` takes in all that are not packets. The reader of frames and the
index (index.py) use both.
"""

import struct
from dataclasses import replace

from packetlab.capture import options as opt
from packetlab.capture.damage import DamageList
from packetlab.capture.pcap import MOST_EFFORT
from packetlab.capture.sections import (
    CaptureNotes,
    Comment,
    Interface,
    Name,
    OtherBlock,
    Secrets,
    Section,
    Statistics,
)
from packetlab.capture.source import Window
from packetlab.model.errors import CaptureError

SECTION, INTERFACE, OLD_PACKET, SIMPLE_PACKET, NAMES, STATISTICS, PACKET = 0x0A0D0D0A, 1, 2, 3, 4, 5, 6
JOURNAL, SECRETS, CUSTOM, CUSTOM_NOT_COPIED = 9, 10, 0x0BAD, 0x4000_0BAD
PACKETS = (PACKET, SIMPLE_PACKET, OLD_PACKET)
BYTE_ORDER_MAGIC = 0x1A2B3C4D

MOST_BLOCK = 1 << 24
"""The most bytes of a block, as Wireshark has it; packets of some links are larger (`MOST_PACKET_BLOCK`)."""
MOST_PACKET_BLOCK = (1 << 27) + (1 << 17)
MOST_INTERFACES = 65_536
_FIRST_LOOK, _LONGEST_LOOK = 1 << 10, 1 << 20


def is_section_start(start: bytes) -> bool:
    """Whether these bytes begin a pcapng file; also where one of its two marks is damaged."""
    if len(start) < 12:
        return start[:4] == b"\n\r\r\n"
    return start[:4] == b"\n\r\r\n" or start[8:12] in (b"\x4d\x3c\x2b\x1a", b"\x1a\x2b\x3c\x4d")


Block = tuple[int, int, int]
"""Offset, type, total length (as far as the block goes; all of it is in the window)."""


class BlockWalk:
    """Goes from block to block. `position` is the offset of the next; `order` the section's byte order."""

    def __init__(self, window: Window, damage: DamageList) -> None:
        self.window = window
        self.damage = damage
        self.position = 0
        self.order = "<"
        self._effort = 0
        self.lost_body = b""
        """What is left of a damaged interface description, which `step` returns with the length 0."""
        self._words = struct.Struct("<II").unpack_from

    def set_order(self, order: str) -> None:
        """From here on lengths and types are read in this byte order."""
        self.order = order
        self._words = struct.Struct(order + "II").unpack_from

    def find(self, offset: int) -> int | None:
        """The first place behind `offset` at which a sound block stands; the walk is of no use after."""
        order = self.window.peek(8, 4)
        if order in (b"\x4d\x3c\x2b\x1a", b"\x1a\x2b\x3c\x4d"):
            self.set_order("<" if order == b"\x4d\x3c\x2b\x1a" else ">")
        self.window.skip_to(offset)
        return self._search(offset)

    def step(self) -> Block | None:
        """The next block with all its bytes in the window; None at the end of the file.

        Notes every damaged place before it. At a section header, `order` becomes that of the new section.
        """
        while True:
            start = self.position
            problem, kind, length = self._examine(start)
            if problem is None:
                kind = kind if start else SECTION  # whose type may be damaged, see open_blocks
                self.position = start + length
                return start, kind, length
            if not problem:
                return None
            usable = self._only_trailer_wrong(start, kind, length)
            if usable:
                self.damage.note(start + length - 4, problem, 4, 0)
                self.position = start + length
                return start, kind, length
            self._effort += 32
            if self._effort > MOST_EFFORT:
                problem = "so much is damaged up to here that the rest is not searched for packets"
            body = self.window.peek(start + 8, 4096) if kind == INTERFACE else b""
            found = self._search(start) if self._effort <= MOST_EFFORT else None
            if found is None:
                self._skip_all()
            stop = self.window.end if found is None else found
            packets = 1 if found is None and length and start + length > stop and kind in PACKETS else None
            self.damage.note(start, problem, stop - start, packets)
            self.position = stop
            if kind == INTERFACE and found is not None and stop - start >= 20:
                self.lost_body = body[: stop - start - 12]
                return start, INTERFACE, 0  # its number must not be given to the next one

    def _examine(self, start: int) -> tuple[str | None, int, int]:
        """Problem, type, length: the problem is None where the block is sound, "" at the end of the file."""
        window = self.window
        if not window.need(min(start, window.end), start + 12):
            left = window.end - start
            return (f"the file ends inside a block header ({left} of 12 bytes)" if left > 0 else ""), 0, 0
        kind, length = self._words(window.buf, start - window.base)
        if kind == SECTION:
            order = self._section_order(start)
            if order is None:
                return "a section header has no byte-order magic", kind, 0
            self.set_order(order)
            kind, length = self._words(window.buf, start - window.base)
        if length < 12:
            return f"a block claims a length of {length} bytes, which no block has", kind, 0
        if length > (MOST_PACKET_BLOCK if kind in PACKETS else MOST_BLOCK):
            return f"a block claims {length} bytes, more than is possible", kind, 0
        extent = length + 3 & ~3
        if not window.need(start, start + extent):
            return f"the file ends inside a block ({window.end - start} of {length} bytes)", kind, extent
        (again,) = struct.unpack_from(self.order + "I", window.buf, start + extent - 4 - window.base)
        if again != length:
            return f"a block says {length} bytes at its start and {again} at its end", kind, extent
        return None, kind, extent

    def _section_order(self, start: int) -> str | None:
        """The byte order of the section header at `start`."""
        magic = self.window.peek(start + 8, 4)
        for order in "<>":
            if magic == struct.pack(order + "I", BYTE_ORDER_MAGIC):
                return order
        for order in "<>":  # the magic is damaged: both lengths agree in one order only
            (length,) = struct.unpack(order + "I", self.window.peek(start + 4, 4))
            if 28 <= length <= 1 << 16 and length % 4 == 0 and self.window.need(start, start + length):
                (again,) = struct.unpack(order + "I", self.window.peek(start + length - 4, 4))
                if again == length:
                    self.damage.note(start + 8, "a section header's byte-order magic is damaged", 4, 0)
                    return order
        return None

    def _only_trailer_wrong(self, start: int, kind: int, length: int) -> bool:
        if not length or start + length > self.window.end or not _is_known(kind):
            return False
        behind = start + length
        if self.window.at_end and behind == self.window.end:
            return True
        return self._sound_at(behind, start)

    def _sound_at(self, start: int, keep: int, *, or_cut: bool = False) -> bool:
        """Whether a sound block of a known type stands at `start` (a section's in either byte order)."""
        window = self.window
        if not window.need(keep, start + 12):
            return or_cut
        for order in (self.order, "<>"[self.order == "<"]):
            kind, length = struct.unpack_from(order + "II", window.buf, start - window.base)
            if not _is_known(kind) or not 12 <= length <= MOST_PACKET_BLOCK:
                continue
            if order != self.order or kind == SECTION:
                magic = window.peek(start + 8, 4)
                if kind != SECTION or magic != struct.pack(order + "I", BYTE_ORDER_MAGIC):
                    continue
            extent = length + 3 & ~3
            if not window.need(keep, start + extent):
                return or_cut
            (again,) = struct.unpack_from(order + "I", window.buf, start + extent - 4 - window.base)
            if again == length:
                return True
        return False

    def _holds_packet(self, start: int) -> bool:
        """Whether the sound block at `start` is a packet's, whose lengths agree with the block's."""
        kind, length, which, _, _, captured, wire = struct.unpack_from(
            self.order + "7I", self.window.peek(start, 28).ljust(28, b"\0")
        )
        return bool(kind == PACKET and captured + 32 <= length and captured <= wire and which < MOST_INTERFACES)

    def _length_at(self, start: int) -> int:
        order = self.order
        if self.window.peek(start, 4) == b"\n\r\r\n":
            order = "<" if self.window.peek(start + 8, 4) == b"\x4d\x3c\x2b\x1a" else ">"
        (length,) = struct.unpack_from(order + "I", self.window.buf, start + 4 - self.window.base)
        return int(length) + 3 & ~3

    def _search(self, bad: int) -> int | None:
        """The first sound block behind `bad`; None where the file has none. The window moves along."""
        from packetlab.capture.resync import block_candidates

        window = self.window
        start, look = bad + 1, _FIRST_LOOK
        while window.need(min(start, window.end), start + 12):
            window.need(start, start + min(look, 1 << 16))
            stop = min(start + look, window.end)
            for candidate in block_candidates(window.peek(start, stop - start), self.order):
                offset = start + candidate
                self._effort += 1
                if self._effort > MOST_EFFORT:
                    return None
                if self._sound_at(offset, start):
                    behind = offset + self._length_at(offset)
                    if (window.at_end and behind == window.end) or self._sound_at(behind, start, or_cut=True):
                        return offset
                    if self._holds_packet(offset):
                        return offset
            start = max(stop - 7, start + 1)
            look = min(look * 4, _LONGEST_LOOK)
        return None

    def _skip_all(self) -> None:
        window = self.window
        while window.need(window.end, window.end + 1):
            pass


def _is_known(kind: int) -> bool:
    return 1 <= kind <= 10 or kind in (SECTION, CUSTOM, CUSTOM_NOT_COPIED)


class SectionState:
    """The sections and interfaces so far, and everything else that is no packet."""

    def __init__(self, notes: CaptureNotes, damage: DamageList) -> None:
        self.notes = notes
        self.damage = damage
        self.order = "<"
        self.interfaces: list[Interface] = []
        """Those of the current section."""
        self.described = 0
        """Interface descriptions in the current section; more than `interfaces` where there are too many."""

    def take(self, kind: int, offset: int, body: bytes, order: str) -> None:
        """Takes in a block that is not a packet. `body` is what stands between its two lengths."""
        self.order = order
        if kind == SECTION:
            self._section(offset, body)
        elif kind == INTERFACE:
            self._interface(offset, body)
        elif kind == NAMES:
            self._names(offset, body)
        elif kind == STATISTICS:
            self._statistics(offset, body)
        elif kind == SECRETS:
            self._secrets(offset, body)
        else:
            self._other(kind, offset, body)

    def interface_of(self, number: int) -> Interface | None:
        """The interface with that number in the current section, or None.

        Where the section describes none at all (its description is lost), one is guessed and noted.
        """
        if number < len(self.interfaces):
            return self.interfaces[number]
        if self.described or number > 255:
            return None
        last = next((i for i in reversed(self.notes.interfaces) if not i.guessed), None)
        for missing in range(len(self.interfaces), number + 1):
            made = Interface(
                number=len(self.notes.interfaces),
                link_type=last.link_type if last else 1,
                ticks=last.ticks if last else 1_000_000,
                guessed=True,
                section=max(0, len(self.notes.sections) - 1),
                number_in_section=missing,
            )
            self.interfaces.append(made)
            self.notes.interfaces.append(made)
        return self.interfaces[number]

    def interface_for(self, number: int, offset: int, length: int) -> Interface | None:
        """The interface of the packet in the block at `offset`; notes the damage where it was never described."""
        known = len(self.interfaces)
        interface = self.interface_of(number)
        if interface is None:
            what = f"a packet is of interface {number}, which was never described"
            self.damage.note(offset, what, length, 1)
        elif number >= known:
            taken = f"its packets are taken as link type {interface.link_type}"
            self.damage.note(offset, f"interface {number} was never described; {taken}", 0, 0)
        return interface

    def _options(self, offset: int, body: bytes, start: int) -> opt.Options:
        options, unread = opt.parse(body, start, len(body), self.order)
        if unread:
            self.damage.note(offset, "a block's options go beyond its end", unread, 0)
        return options

    def _comments(self, offset: int, where: str, options: opt.Options) -> list[str]:
        found = opt.comments(options)
        for each in found:
            self.notes.keep(self.notes.comments, Comment(offset, where, each))  # type: ignore[arg-type]
        return found

    def _section(self, offset: int, body: bytes) -> None:
        self.interfaces = []
        self.described = 0
        if len(body) < 16:
            self.damage.note(offset, "a section header is too short", len(body), 0)
            self.notes.keep(self.notes.sections, Section(offset, self.order))  # type: ignore[arg-type]
            return
        options = self._options(offset, body, 16)
        section = Section(
            offset=offset,
            order=self.order,
            version=struct.unpack_from(self.order + "HH", body, 4),
            application=opt.first_text(options, opt.APPLICATION),
            operating_system=opt.first_text(options, opt.OPERATING_SYSTEM),
            hardware=opt.first_text(options, opt.HARDWARE),
            comments=self._comments(offset, "section", options),
        )
        if section.version[0] != 1:
            major, minor = section.version
            self.damage.note(offset, f"a section's version {major}.{minor} is not known; read as 1.0", 0, 0)
        self.notes.keep(self.notes.sections, section)  # type: ignore[arg-type]

    def _interface(self, offset: int, body: bytes) -> None:
        self.described += 1
        if len(body) < 8:
            self.damage.note(offset, "an interface description is too short", len(body), 0)
            body = bytes((1, 0) if self.order == "<" else (0, 1)) + bytes(6)
        if len(self.notes.interfaces) >= MOST_INTERFACES:
            self.notes.left_out += 1
            return
        options = self._options(offset, body, 8)
        link_type, _, snap_length = struct.unpack_from(self.order + "HHI", body)
        made = Interface(
            number=len(self.notes.interfaces),
            link_type=link_type,
            snap_length=snap_length,
            name=opt.first_text(options, opt.IF_NAME),
            description=opt.first_text(options, opt.IF_DESCRIPTION),
            filter=_filter_text(opt.first(options, opt.IF_FILTER)),
            operating_system=opt.first_text(options, opt.IF_OPERATING_SYSTEM),
            hardware=opt.first_text(options, opt.IF_HARDWARE),
            comment="\n".join(self._comments(offset, "interface", options)),
            ticks=_ticks(opt.first(options, opt.IF_TIME_RESOLUTION)),
            time_offset=_signed(opt.first(options, opt.IF_TIME_OFFSET), self.order),
            frame_check_length=opt.number(opt.first(options, opt.IF_FCS_LENGTH), self.order) or 0,
            mac=(opt.first(options, opt.IF_MAC) or b"")[:6],
            addresses=tuple(_addresses(options)),
            speed=opt.number(opt.first(options, opt.IF_SPEED), self.order) or 0,
            section=max(0, len(self.notes.sections) - 1),
            number_in_section=len(self.interfaces),
        )
        self.interfaces.append(made)
        self.notes.interfaces.append(made)

    def _names(self, offset: int, body: bytes) -> None:
        at = 0
        while at + 4 <= len(body):
            kind, length = struct.unpack_from(self.order + "HH", body, at)
            at += 4
            if kind == 0:
                break
            value = body[at : at + length]
            size = {1: 4, 2: 16}.get(kind, len(value))
            if len(value) < length or size > length:
                self.damage.note(offset, "a name record goes beyond its block", len(body) - at, 0)
                return
            if kind in (1, 2):
                names = tuple(opt.text(each) for each in value[size:].split(b"\0") if each)
                self.notes.keep(self.notes.names, Name(value[:size], names))  # type: ignore[arg-type]
            at += length + 3 & ~3
        self._comments(offset, "names", self._options(offset, body, min(at, len(body))))

    def _statistics(self, offset: int, body: bytes) -> None:
        if len(body) < 12:
            self.damage.note(offset, "interface statistics are too short", len(body), 0)
            return
        number, high, low = struct.unpack_from(self.order + "III", body)
        if number >= len(self.interfaces):
            what = f"statistics are of interface {number}, which was never described"
            self.damage.note(offset, what, len(body) + 12, 0)
            return
        interface = self.interfaces[number]
        options = self._options(offset, body, 12)
        found = Statistics(
            interface.number,
            interface.time(high << 32 | low),
            "\n".join(self._comments(offset, "statistics", options)),
            start=self._time(interface, opt.first(options, opt.STATISTICS_START)),
            end=self._time(interface, opt.first(options, opt.STATISTICS_END)),
        )
        for code, name in opt.STATISTICS_COUNTS.items():
            found = replace(found, **{name: opt.number(opt.first(options, code), self.order)})  # type: ignore[arg-type]
        self.notes.keep(self.notes.statistics, found)  # type: ignore[arg-type]

    def _time(self, interface: Interface, value: bytes | None) -> int | None:
        if value is None or len(value) != 8:
            return None
        high, low = struct.unpack(self.order + "II", value)
        return interface.time(high << 32 | low)

    def _secrets(self, offset: int, body: bytes) -> None:
        if len(body) < 8:
            self.damage.note(offset, "a block of secrets is too short", len(body), 0)
            return
        kind, length = struct.unpack_from(self.order + "II", body)
        if length > len(body) - 8:
            self.damage.note(offset, f"secrets of {length} bytes do not fit into their block", len(body), 0)
            return
        self.notes.keep(self.notes.secrets, Secrets(kind, body[8 : 8 + length]))  # type: ignore[arg-type]
        options = self._options(offset, body, 8 + (length + 3 & ~3))
        self._comments(offset, "secrets", options)

    def _other(self, kind: int, offset: int, body: bytes) -> None:
        enterprise = None
        if kind in (CUSTOM, CUSTOM_NOT_COPIED) and len(body) >= 4:
            (enterprise,) = struct.unpack_from(self.order + "I", body)
        text = opt.text(body) if kind == JOURNAL else ""
        block = OtherBlock(offset, kind, len(body), enterprise, text)
        self.notes.keep(self.notes.other_blocks, block)  # type: ignore[arg-type]


def _ticks(value: bytes | None) -> int:
    """if_tsresol: a power of ten, or of two where the highest bit is set; microseconds if missing."""
    if not value:
        return 1_000_000
    exponent = value[0] & 0x7F
    return 1 << exponent if value[0] & 0x80 else 10**exponent


def _signed(value: bytes | None, order: str) -> int:
    if value is None or len(value) != 8:
        return 0
    (seconds,) = struct.unpack(order + "q", value)
    return int(seconds)


def _filter_text(value: bytes | None) -> str:
    """if_filter: kind 0 is the text of a filter, kind 1 its BPF instructions."""
    if not value:
        return ""
    return opt.text(value[1:]) if value[0] == 0 else f"BPF program of {(len(value) - 1) // 8} instructions"


def _addresses(options: opt.Options) -> list[bytes]:
    return [
        value[: 4 if code == opt.IF_IPV4 else 16]
        for code, value in options
        if (code == opt.IF_IPV4 and len(value) == 8) or (code == opt.IF_IPV6 and len(value) == 17)
    ]


def open_blocks(window: Window, damage: DamageList, name: str) -> BlockWalk:
    """A walk at the start of a pcapng file. CaptureError where not even one section header is there."""
    if not window.need(0, 28):
        raise CaptureError(
            f"{name} ends inside its first section header ({len(window.buf)} of at least 28 bytes)",
            remedy="no packet was written to it; record it again",
        )
    walk = BlockWalk(window, damage)
    start = window.peek(0, 12)
    if start[:4] != b"\n\r\r\n":
        damage.note(0, "the type of the first section header is damaged", 4, 0)
        walk.set_order("<" if start[8:12] == b"\x4d\x3c\x2b\x1a" else ">")
    return walk
