"""The classic pcap file: its header, its record headers, and how to go on behind a damaged one.

Format: draft-ietf-opsawg-pcap; https://www.tcpdump.org/manpages/pcap-savefile.5.html. Its records carry no
mark by which they could be found; what can be checked of a record header is whether its lengths are possible.
So the walk is optimistic and looks back when it meets a header that cannot be right:

1. A record is *possible* where its captured length is within the format's bound (`most_captured`), its bytes
   are all there, and its header is not all zeros. Possible records follow each other without a gap.
2. Where a record is not possible, one of two lengths is wrong: its own, or that of the record before, which
   led here. Both are covered by searching for the next sound record from inside the record before.
3. In that search a header counts as *sound* only with evidence: it looks like its neighbours (of the same
   day, kept whole), or enough such headers follow each other, or their chain ends exactly at the end of the
   file. One that begins inside the record before must also lead beyond it, so that a capture which itself
   carried a capture file is not taken apart.
4. A record that claims more bytes than were on the wire is suspicious: it is kept unless the next header is
   not possible and a sound record begins inside it.

The reader of frames and the index (index.py) both leave step 2-4 to the `PcapWalk` here.
"""

import struct
from dataclasses import dataclass

from packetlab.capture.damage import DamageList
from packetlab.capture.source import Window
from packetlab.model.errors import CaptureError

NANOSECONDS = 1_000_000_000
STANDARD_BOUND = 1 << 18
"""The most bytes that a record may hold, as libpcap and Wireshark have it (MAXIMUM_SNAPLEN) ..."""
LARGE_BOUND = 1 << 24
"""... unless the file's own snap length says more, up to this ..."""
HUGE_BOUND = 1 << 27
"""... or its link type is one whose packets are larger."""
_HUGE_LINK_TYPES = frozenset({231, 249, 279})  # D-Bus, USBPcap, EBHSCR

CHAIN = 4
"""So many sound headers in a row are taken for records ..."""
_FAR_CHAIN = 64
"""... and so many where they are of another day than the records before."""
_NEAR = 86_400  # seconds between neighbours, in a search
_LONGEST_CHAIN = 4096  # steps
_LONG_AGO = 31_536_000  # no clock that was set says 1970
_MOST_CHAINS = 2_000  # followed inside one record; bounds the work on a hostile file
MOST_EFFORT = 2_000_000
"""Steps of searching, in all, after which a file is given up; some ten seconds."""
_FIRST_LOOK, _LONGEST_LOOK = 1 << 10, 1 << 20

# magic number: (ticks per second, bytes of a record header, bytes of the file header, name)
_KINDS = {
    0xA1B2C3D4: (1_000_000, 16, 24, "microseconds"),
    0xA1B23C4D: (1_000_000_000, 16, 24, "nanoseconds"),
    0xA1B2CD34: (1_000_000, 24, 24, "microseconds, modified"),
    0x1C0001AC: (1_000_000_000, 16, 28, "nanoseconds, IXIA hardware"),
    0x1C0001AB: (1_000_000_000, 16, 28, "nanoseconds, IXIA software"),
}
DIRECTIONS = {4: "out"}  # sll_pkttype of the modified record header; 0..3 came in


@dataclass(frozen=True, slots=True)
class PcapLayout:
    """What the file header says, and the numbers derived from it."""

    order: str
    """"<" or ">"."""
    ticks: int
    """Time units per second: 10**6 or 10**9."""
    header_size: int
    """Bytes of a record header: 16, or 24 in the modified format."""
    start: int
    """The offset of the first record."""
    link_type: int
    snap_length: int
    version: tuple[int, int]
    lengths: str
    """"normal"; "swapped" where the length on the wire comes first; "sorted" where it is the larger one."""
    name: str
    frame_check_length: int = 0
    """Bytes of frame check sequence at the end of each packet, where the header says so."""

    @property
    def most_captured(self) -> int:
        """The bound of a record's captured length."""
        if self.link_type in _HUGE_LINK_TYPES:
            return HUGE_BOUND
        return min(max(STANDARD_BOUND, self.snap_length), LARGE_BOUND)

    @property
    def nanoseconds_per_tick(self) -> int:
        """1 or 1000."""
        return NANOSECONDS // self.ticks


def magic_of(start: bytes) -> tuple[int, str] | None:
    """The magic number at the start of a pcap file and its byte order; None where there is none."""
    for order in "<>":
        (magic,) = struct.unpack_from(order + "I", start)
        if magic in _KINDS:
            return magic, order
    return None


def guess_magic(start: bytes) -> tuple[int, str] | None:
    """The magic number that stood here before a byte of it was damaged, judged by the fields behind it."""
    if len(start) < 24:
        return None
    for order in "<>":
        magic, major, minor, _, _, _, network = struct.unpack_from(order + "IHHiIII", start)
        if (major, minor) != (2, 4) or network > 0xFFFF:
            continue
        for known in _KINDS:
            wrong = magic ^ known
            if sum(1 for shift in (0, 8, 16, 24) if wrong >> shift & 0xFF) == 1:
                return known, order
    return None


def read_layout(window: Window, damage: DamageList, name: str) -> PcapLayout:
    """Reads the file header. CaptureError where there is not even that much."""
    if not window.need(0, 24):
        raise CaptureError(
            f"{name} ends inside its file header ({len(window.buf)} of 24 bytes)",
            remedy="no packet was written to it; record it again",
        )
    header = window.peek(0, 28)
    found = magic_of(header)
    if found is None:
        found = guess_magic(header)
        if found is None:
            raise CaptureError(f"{name} is not a pcap file")
        damage.note(0, f"the magic number should be {found[0]:#x}", 4, 0)
    magic, order = found
    ticks, header_size, start, kind = _KINDS[magic]
    major, minor, _, _, snap_length, network = struct.unpack_from(order + "HHiIII", header, 4)
    if major not in (2, 543):
        damage.note(4, f"the version {major}.{minor} is not known; read as 2.4", 4, 0)
    lengths = "normal"
    if major == 543 or (major == 2 and minor < 3):
        lengths = "swapped"  # libpcap wrote them the other way round before 0.4
    elif major == 2 and minor == 3:
        lengths = "sorted"  # both were in use
    if not window.need(0, start):
        raise CaptureError(f"{name} ends inside its file header", remedy="record it again")
    words = "big-endian" if order == ">" else "little-endian"
    return PcapLayout(
        order=order,
        ticks=ticks,
        header_size=header_size,
        start=start,
        link_type=network & 0xFFFF,
        snap_length=snap_length,
        version=(major, minor),
        lengths=lengths,
        name=f"pcap, {kind}, {words}",
        frame_check_length=(network >> 28) * 2 if network & 0x0400_0000 else 0,
    )


Record = tuple[int, int, int, int, int]
"""Offset of the record, seconds, ticks, captured length, length on the wire."""


class PcapWalk:
    """Goes from record to record: `position` is the offset of the next, `previous` of the last (or -1)."""

    def __init__(self, window: Window, layout: PcapLayout, damage: DamageList) -> None:
        self.window = window
        self.layout = layout
        self.damage = damage
        self.position = layout.start
        self.previous = -1
        self._effort = 0
        self.first_seconds = -1
        self.recent_seconds = (-1, -1)
        """Those of the last two records, the latest first: one of them may be wrong."""
        self._unpack = struct.Struct(layout.order + "IIII").unpack_from
        self._most = layout.most_captured

    def header(self, offset: int) -> tuple[int, int, int, int]:
        """Seconds, ticks, captured and wire length of the record header at `offset`, which must be here."""
        seconds, ticks, captured, wire = self._unpack(self.window.buf, offset - self.window.base)
        if self.layout.lengths == "swapped" or (self.layout.lengths == "sorted" and captured > wire):
            captured, wire = wire, captured
        return seconds, ticks, captured, wire

    def accept(self, offset: int, seconds: int, captured: int) -> None:
        """Moves behind the record at `offset`."""
        self.previous = offset
        self.recent_seconds = seconds, self.recent_seconds[0]
        if self.first_seconds < 0:
            self.first_seconds = seconds
        self.position = offset + self.layout.header_size + captured

    def find(self, offset: int) -> int | None:
        """The first place behind `offset` at which a sound record seems to begin; the walk is of no use after."""
        self.window.skip_to(offset)
        return self._search(offset)

    def step(self) -> Record | None:
        """The next record with all its bytes in the window; None at the end of the file.

        Notes every damaged place that lies before it.
        """
        while True:
            keep = self.position if self.previous < self.window.base else self.previous
            problem = self._problem(self.position, keep)
            if problem is None:
                offset = self.position
                seconds, ticks, captured, wire = self.header(offset)
                wild = wire > HUGE_BOUND
                if (captured > wire or wild) and not self._confirmed(offset, captured, wild=wild):
                    continue
                self.accept(offset, seconds, captured)
                return offset, seconds, ticks, captured, wire
            if not problem:
                return None
            self._recover(problem)

    def _problem(self, offset: int, keep: int) -> str | None:
        """Why no record can begin at `offset`; "" at the end of the file, None where one does."""
        window, size = self.window, self.layout.header_size
        if not window.need(keep, offset + size):
            left = window.end - offset
            return f"the file ends inside a record header ({left} of {size} bytes)" if left else ""
        seconds, _, captured, wire = self.header(offset)
        if captured > self._most:
            return f"a record header claims {captured} captured bytes; at most {self._most} are possible"
        if not (seconds or captured or wire) and not any(window.peek(offset, size)):
            return "zeros stand where a record header should be"
        if not window.need(keep, offset + size + captured):
            left = window.end - offset - size
            return f"the file ends inside a record ({left} of {captured} bytes)"
        return None

    def _confirmed(self, offset: int, captured: int, *, wild: bool) -> bool:
        """Whether a suspicious record is kept; otherwise the walk goes on at a sound record inside it.

        Where bytes are missing, lengths that are equal and neighbours can be read as a header that lies across
        two others, and so can all that follow: only the wild length on the wire gives it away.
        """
        behind = offset + self.layout.header_size + captured
        if not wild and not self._problem(behind, offset):
            return True
        before = self.previous if wild and self.previous >= self.window.base else offset
        inside = self._sound_inside(before, behind, behind)
        if inside is None:
            return True
        if inside < offset:
            what = "a record claims too many bytes: a sound record begins inside it"
            self.damage.note(before, what, 0, 0)
            self.position, self.previous = inside, -1
            return False
        what = f"a record claims {captured} bytes, but a sound record begins inside it"
        self.damage.note(offset, what, inside - offset, 1)
        self.position, self.previous = inside, -1
        return False

    def _recover(self, problem: str) -> None:
        """Moves to the next sound record behind a damaged header, or to the end of the file."""
        bad, before = self.position, self.previous
        self._effort += 32
        if self._effort > MOST_EFFORT:
            self._give_up()
            return
        if before >= self.window.base:
            # A record of quite another time is doubtful itself: what is inside need not lead beyond it.
            earlier = (self.recent_seconds[1], self.first_seconds)
            doubtful = not any(abs(self.header(before)[0] - known) <= _NEAR for known in earlier)
            inside = self._sound_inside(before, bad, beyond=0 if doubtful else bad)
            if inside is not None:
                what = "a record claims too many bytes: a sound record begins inside it"
                self.damage.note(before, what, 0, 0)
                self.position, self.previous = inside, -1
                return
        found = self._search(bad)
        stop = self.window.end if found is None else found
        self.damage.note(bad, problem, stop - bad, self._how_many(bad, stop, found is None))
        self.position, self.previous = stop, -1

    def _give_up(self) -> None:
        """Leaves the rest of a file that was made, it seems, to take for ever."""
        bad, window = self.position, self.window
        while window.need(window.end, window.end + 1):
            pass
        what = "so much is damaged up to here that the rest is not searched for packets"
        self.damage.note(bad, what, window.end - bad, None)
        self.position, self.previous = window.end, -1

    def _how_many(self, bad: int, stop: int, at_end: bool) -> int | None:
        """1 where the lost bytes are as many as a length in the damaged header says; else nobody knows."""
        size = self.layout.header_size
        header = self._kept_header
        if len(header) < size:
            return 1 if at_end else None
        captured, wire = struct.unpack_from(self.layout.order + "II", header, 8)
        if not any(header):
            return None
        if at_end and captured <= self._most and stop - bad < size + captured:
            return 1
        return 1 if stop - bad - size in (captured, wire) else None

    _kept_header = b""

    # ------------------------------------------------------------ evidence

    def _looks_sound(self, offset: int) -> int | None:
        """The captured length at `offset` if its header (which is here) looks like one; else None."""
        seconds, ticks, captured, wire = self.header(offset)
        if self.first_seconds > _LONG_AGO >= seconds:
            return None
        if captured > self._most or not captured <= wire <= HUGE_BOUND or ticks >= self.layout.ticks:
            return None
        return captured if wire or (seconds > _LONG_AGO and self._is_near(seconds)) else None

    def _is_near(self, seconds: int) -> bool:
        return any(abs(seconds - known) <= _NEAR for known in (*self.recent_seconds, self.first_seconds))

    def _since(self) -> int:
        return _LONG_AGO if self.first_seconds > _LONG_AGO else -1

    def _enough(self, first: int) -> int:
        """How many sound headers must follow each other, the one at `first` included, to be taken for records."""
        seconds, _, captured, wire = self.header(first)
        if not self._is_near(seconds):
            # Perhaps a capture inside a packet. Once a record was read, such a jump in time needs a long chain.
            return CHAIN if self.first_seconds < 0 else _FAR_CHAIN
        if seconds <= _LONG_AGO:
            return CHAIN  # small numbers are found everywhere
        return 1 if captured in (wire, self.layout.snap_length) else 2

    def _chain(self, offset: int, beyond: int, keep: int) -> bool:
        """Whether a chain of sound records starts at `offset`, and, if `beyond` is given, leads past it."""
        window, size = self.window, self.layout.header_size
        self._effort += 1
        if not window.need(keep, offset + size):
            return False
        enough, near = self._enough(offset), self._is_near(self.header(offset)[0])
        least = 1 if enough < CHAIN else 2  # records that end exactly where the file does
        for count in range(1, _LONGEST_CHAIN):
            captured = self._looks_sound(offset)
            if captured is None or self._is_near(self.header(offset)[0]) != near:
                break
            behind = offset + size + captured
            if not window.need(keep, behind):
                break
            at_end = not window.need(keep, behind + 1)
            if offset >= beyond and (count >= enough or (at_end and count >= least)):
                return True
            if not window.need(keep, behind + size):
                break
            offset = behind
            self._effort += 1
        return False

    def _sound_inside(self, record: int, behind: int, beyond: int) -> int | None:
        """The first sound record that begins between `record` and `behind` and leads to or past `beyond`."""
        from packetlab.capture.resync import pcap_candidates

        window = self.window
        if record < window.base:
            return None
        # What does not look like a header may itself have the beginning of one in it.
        first = record + (self.layout.header_size if self._looks_sound(record) is not None else 1)
        candidates = pcap_candidates(window.peek(first, behind - first + 15), self.layout, self._since())
        for candidate in candidates[:_MOST_CHAINS]:
            offset = first + candidate
            if offset < behind and self._chain(offset, beyond, record):
                return offset
        return None

    def _search(self, bad: int) -> int | None:
        """The first sound record behind `bad`; None where the file has none. The window moves along."""
        from packetlab.capture.resync import pcap_candidates

        window, size = self.window, self.layout.header_size
        self._kept_header = window.peek(bad, size)
        start, look = bad + 1, _FIRST_LOOK
        while window.need(min(start, window.end), start + size):
            window.need(start, start + min(look, 1 << 16))
            stop = min(start + look, window.end)
            for candidate in pcap_candidates(window.peek(start, stop - start), self.layout, self._since()):
                if self._effort > MOST_EFFORT:
                    break
                if self._chain(start + candidate, 0, start):
                    return start + candidate
            start = max(stop - size + 1, start + 1)
            look = min(look * 4, _LONGEST_LOOK)
        return None
