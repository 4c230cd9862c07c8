"""TCP streams put back in order: whatever the network did, the same bytes; what lacks is shown, never papered over."""

import itertools
import random

from hypothesis import given
from hypothesis import strategies as st

from packetlab.analysis.segments import SegmentReader
from packetlab.analysis.streams import Closed, Data, Missing, Opened, Reassembly, events, streams
from packetlab.analysis.streams.reader import StreamReader
from packetlab.capture.index import chunks
from tests.analysis.test_segments import ACK, FIN, RST, SYN, captured, segment

LIMIT = 1 << 20
Case = tuple[bytes, list[tuple[int, bytes]], int]


def put(side: Reassembly, parts: list[tuple[int, bytes]], base: int) -> tuple[bytes, int]:
    """(bytes, missing) of all parts (position, data)."""
    pieces = []
    for number, (position, data) in enumerate(parts):
        pieces += side.add((base + position) & 0xFFFFFFFF, len(data), data, number, number)
    pieces += side.finish()
    return b"".join(piece.data for piece in pieces), sum(piece.missing for piece in pieces)


@st.composite
def segmentations(draw: st.DrawFn) -> tuple[bytes, list[tuple[int, bytes]], int]:
    """Data, segments that cover all of it (overlapping, doubled, in any order), and the first sequence number."""
    data = draw(st.binary(min_size=1, max_size=300))
    cuts = sorted({0, len(data), *draw(st.lists(st.integers(0, len(data)), max_size=12))})
    parts = list(itertools.pairwise(cuts))
    extra = draw(st.lists(st.tuples(st.integers(0, len(data)), st.integers(0, len(data))), max_size=8))
    parts += [(min(pair), max(pair)) for pair in extra]
    order = draw(st.permutations(parts))
    base = draw(st.sampled_from([0, 1, 0xFFFFFFFF, 0xFFFFFF00, 0x7FFFFFFF, 12345]))
    return data, [(start, data[start:stop]) for start, stop in order if stop > start], base


@given(segmentations())
def test_any_order_doubling_splitting_and_overlap_gives_the_same_bytes(case: Case) -> None:
    data, parts, base = case
    side = Reassembly(LIMIT)
    side.begin(base)
    assert put(side, parts, base) == (data, 0)
    assert side.held == 0 and side.conflicts == 0


@given(segmentations(), st.data())
def test_a_lost_segment_leaves_exactly_its_gap(case: Case, more: st.DataObject) -> None:
    data, parts, base = case
    lost = more.draw(st.integers(0, len(parts) - 1))
    kept = parts[:lost] + parts[lost + 1 :]
    covered = {at for start, part in kept for at in range(start, start + len(part))}
    side = Reassembly(LIMIT)
    side.begin(base)
    got, missing = put(side, kept, base)
    assert got == bytes(data[at] for at in sorted(covered))
    last = max(covered, default=-1)
    assert missing == sum(at not in covered for at in range(last + 1))


def test_what_waits_is_bounded_under_a_flood_of_segments_out_of_order() -> None:
    side, noise = Reassembly(10_000), random.Random(3)
    side.begin(0)
    for number in range(5000):
        side.add(noise.randrange(1, 1 << 20), 10, bytes(10), number, number)
        assert side.held <= 10_000


def test_the_first_bytes_stay_and_others_in_their_place_are_counted() -> None:
    side = Reassembly(LIMIT)
    side.begin(0)
    side.add(5, 5, b"WORLD", 1, 1)
    side.add(3, 5, b"xxwor", 2, 2)
    assert put(side, [(0, b"HEL")], 0) == (b"HELxxWORLD", 0)
    assert side.conflicts == 1


def test_segments_that_are_far_from_where_the_stream_is_are_left_out() -> None:
    side = Reassembly(LIMIT)
    side.begin(0)
    assert put(side, [(0, b"ab"), (0x60000000, b"zz"), (2, b"cd")], 0) == (b"abcd", 0)


def talk(*packets: object) -> list[object]:
    return list(events(captured(*packets)))  # type: ignore[arg-type]


def said(found: list[object], direction: int) -> bytes:
    return b"".join(one.data for one in found if isinstance(one, Data) and one.direction == direction)


HANDSHAKE = (
    segment(SYN, 99), segment(SYN | ACK, 499, back=True, acknowledgment=100), segment(ACK, 100, acknowledgment=500),
)  # fmt: skip


def test_both_sides_are_told_apart_and_the_end_is_seen() -> None:
    found = talk(*HANDSHAKE, segment(ACK, 100, b"ask", acknowledgment=500),
                 segment(ACK | FIN, 500, b"answer", back=True, acknowledgment=103),
                 segment(FIN | ACK, 103, acknowledgment=507))  # fmt: skip
    assert said(found, 0) == b"ask" and said(found, 1) == b"answer"
    assert [one.how for one in found if isinstance(one, Closed)] == ["finished", "finished"]
    assert isinstance(found[0], Opened) and found[0].client == 0 and found[0].handshake


def test_a_gap_that_the_other_side_acknowledged_is_shown_in_its_place() -> None:
    found = talk(*HANDSHAKE, segment(ACK, 110, b"later", acknowledgment=500),
                 segment(ACK, 500, back=True, acknowledgment=115))  # fmt: skip
    kinds = [(type(one), getattr(one, "length", 0)) for one in found if isinstance(one, Data | Missing)]
    assert kinds == [(Missing, 10), (Data, 0)] and said(found, 0) == b"later"


def test_bytes_that_the_capture_cut_off_are_missing() -> None:
    found = list(events(captured(*HANDSHAKE, segment(ACK, 100, b"x" * 100, acknowledgment=500), cut=64)))
    assert said(found, 0) == b"x" * 10
    assert [one.length for one in found if isinstance(one, Missing)] == [90]


def test_in_the_middle_of_a_connection_the_lower_port_is_the_servers() -> None:
    found = talk(segment(ACK, 7, b"from the server", back=True))
    assert isinstance(found[0], Opened) and found[0].client == 1 and not found[0].handshake


def test_a_reset_ends_the_connection() -> None:
    assert [one.how for one in talk(*HANDSHAKE, segment(RST, 100)) if isinstance(one, Closed)] == ["reset"]


def test_ports_used_again_give_two_streams() -> None:
    source = captured(segment(SYN, 1), segment(ACK, 2, b"one"), segment(SYN, 900), segment(ACK, 901, b"two"))
    found: dict[int, bytes] = {}
    for one in events(source):
        if isinstance(one, Data):
            found[one.stream] = found.get(one.stream, b"") + one.data
    assert found == {0: b"one", 1: b"two"}


def test_the_bound_over_all_connections_gives_up_what_waits() -> None:
    packets = [segment(ACK, 1, b"a", port=port) for port in range(1, 200)]
    packets += [segment(ACK, 100, b"x" * 100, port=port) for port in range(1, 200)]
    numbers, reader = SegmentReader(), StreamReader(max_held=5000)
    lost = 0
    with chunks(captured(*packets)) as index:
        for chunk in index:
            for one in reader.add(numbers.read(chunk), numbers.streams):
                lost += isinstance(one, Missing)
                assert reader.held <= 5000
    assert lost > 100


def test_a_stream_reads_its_bytes_when_they_are_asked_for(tmp_path: object) -> None:
    from pathlib import Path

    path = Path(str(tmp_path)) / "one.pcapng"
    path.write_bytes(captured(*HANDSHAKE, segment(ACK, 100, b"ask"), segment(ACK, 500, b"told", back=True)).getvalue())
    (stream,) = streams(path)
    assert (stream.data(0), stream.data(1), stream.sizes) == (b"ask", b"told", [3, 4])
    assert stream.client == "10.0.0.1:1000" and stream.server == "10.0.0.2:80"
