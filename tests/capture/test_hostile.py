"""Files made to take for ever take a bounded time, and reader and index still agree on them."""

import io
import struct
import time

import pytest

from packetlab.capture import read
from packetlab.capture.index import chunks
from tests.capture.build import START, block, enhanced, interface, pcap, records, section

SIZE = 200_000


def repeated(piece: bytes) -> bytes:
    return piece * (SIZE // len(piece))


def header(captured: int, wire: int) -> bytes:
    return struct.pack("<IIII", START, 0, captured, wire)


FILES = {
    "garbage behind each record": pcap([]) + repeated(header(4, 4) + b"abcd" + b"\xff" * 3),
    "records inside records": pcap([]) + repeated(header(100_000, 100_000)),
    "records inside records, shifted": pcap([]) + repeated(header(99_999, 99_999) + b"\xff"),
    "more bytes than were on the wire": pcap([]) + repeated(header(8, 4) + bytes(8)),
    "small numbers": pcap(records(1)) + b"\xff" * 16 + repeated(struct.pack("<I", 1)),
    "empty packets": pcap([]) + repeated(header(0, 0)),
    "zeros": pcap(records(1)) + bytes(SIZE),
    "garbage behind each block": section() + interface() + repeated(enhanced(b"abcd", 5) + b"\xff" * 5),
    "blocks without an end": section() + interface() + repeated(struct.pack("<II", 6, 1 << 16)),
    "an interface for each packet": section() + repeated(interface() + enhanced(b"abcd", 5)),
    "nothing but sections": repeated(section()),
    "statistics": section() + interface() + repeated(block(5, struct.pack("<III", 0, 0, 5))),
    "unknown interfaces": section() + interface() + repeated(enhanced(b"abcd", 5, which=77_777)),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_made_to_take_for_ever_does_not(name: str) -> None:
    data = FILES[name]
    started = time.monotonic()
    with read(io.BytesIO(data)) as capture:
        frames = list(capture)
    with chunks(io.BytesIO(data)) as index:
        assert [frame for chunk in index for frame in chunk.frames()] == frames
    assert index.damage == capture.damage
    assert time.monotonic() - started < 20
    if "behind each" in name:
        assert len(frames) > 2500


def test_after_very_much_damage_the_rest_is_given_up_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    import packetlab.capture.pcap
    import packetlab.capture.pcapng

    monkeypatch.setattr(packetlab.capture.pcap, "MOST_EFFORT", 20_000)
    monkeypatch.setattr(packetlab.capture.pcapng, "MOST_EFFORT", 20_000)
    for name in ("garbage behind each record", "garbage behind each block"):
        with read(io.BytesIO(FILES[name])) as capture:
            count = sum(1 for _ in capture)
        assert 100 < count < 2500
        assert "not searched" in capture.damage[-1].what
        assert capture.damage[-1].packets_lost is None
        assert capture.damage[-1].offset + capture.damage[-1].bytes_lost == len(FILES[name])
