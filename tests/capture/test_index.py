"""The index sees the same packets and the same damage as the reader, whatever the file."""

import io
import random
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packetlab.capture import CaptureWriter, Damage, read
from packetlab.capture.index import CaptureIndex, chunks, parts, take_bytes, whole
from packetlab.capture.lanes import follow
from packetlab.model.errors import CaptureError
from packetlab.model.frame import Frame
from tests.capture.build import Record, expected, pcap, pcapng, plain, records

Seen = tuple[list[Frame], list[Damage]]


def by_reader(source: Path | bytes) -> Seen:
    with read(io.BytesIO(source) if isinstance(source, bytes) else source) as capture:
        return list(capture), list(capture.damage)


def by_index(source: Path | bytes, chunk: int = 1 << 24) -> Seen:
    with chunks(io.BytesIO(source) if isinstance(source, bytes) else source, chunk=chunk) as index:
        frames = [frame for each in index for frame in each.frames()]
        return frames, list(index.damage)


def test_reader_and_index_agree_on_every_file_of_the_corpora(corpora: Path) -> None:
    packets = 0
    for path in sorted(corpora.glob("*/**/*")):
        if not path.is_file():
            continue
        try:
            seen = by_reader(path)
        except CaptureError:
            with pytest.raises(CaptureError):
                by_index(path)
            continue
        assert by_index(path) == seen, path
        packets += len(seen[0])
    assert packets > 240_000


@pytest.mark.parametrize("make", [pcap, pcapng])
@pytest.mark.parametrize("chunk", [64, 1000, 1 << 16, 1 << 24])
def test_chunks_of_any_size_give_the_same_packets(make: object, chunk: int) -> None:
    data = make(records(3000))  # type: ignore[operator]
    assert by_index(data, chunk) == by_reader(data)


def mutated(data: bytes, seed: int, most: int = 5) -> bytes:
    chance = random.Random(seed)
    broken = bytearray(data)
    for _ in range(chance.randint(1, most)):
        at = chance.randrange(len(broken))
        size = chance.choice([1, 1, 2, 4, 16, 200])
        match chance.randrange(5):
            case 0:
                broken[at] ^= 1 << chance.randrange(8)
            case 1:
                broken[at : at + size] = chance.randbytes(size)
            case 2:
                del broken[at : at + size]
            case 3:
                broken[at:at] = chance.randbytes(size)
            case _:
                broken[at : at + size] = bytes(size)
    return bytes(broken)


def mixed(count: int) -> list[Record]:
    chance = random.Random(count)
    return [
        (s, t, chance.randbytes(size := chance.choice([0, 40, 60, 60, 66, 590])), size + chance.choice([0, 0, 0, 900]))
        for s, t, _, _ in records(count)
    ]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", ["pcap", "pcapng"])
def test_reader_and_index_agree_on_mutated_files(kind: str, order: str) -> None:
    packets = mixed(1200)
    data = pcap(packets, order=order) if kind == "pcap" else pcapng(packets, order)
    for seed in range(120):
        broken = mutated(data, seed)
        try:
            seen = by_reader(broken)
        except CaptureError:
            continue
        assert by_index(broken) == seen, seed
        assert by_index(broken, 20_000) == seen, seed


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", ["pcap", "pcapng"])
def test_one_damaged_place_costs_only_the_records_that_were_hit(kind: str, order: str) -> None:
    packets = mixed(1200)
    data = pcap(packets, order=order) if kind == "pcap" else pcapng(packets, order)
    good = expected(packets)
    truth = set(good)
    for seed in range(300):
        broken = mutated(data, seed, most=1)
        try:
            found = plain(by_reader(broken)[0])
        except CaptureError:
            continue
        kept = set(found)
        # 200 bytes of damage touch no more than this many of the smallest records.
        assert sum(1 for each in good if each not in kept) <= 12, seed
        assert sum(1 for each in found if each not in truth) <= 12, seed


def test_reader_and_index_agree_on_mutations_of_real_captures(corpora: Path) -> None:
    chance = random.Random(3)
    files = [p for p in sorted(corpora.glob("*/**/*")) if p.is_file() and 200 < p.stat().st_size < 40_000]
    compared = 0
    for path in chance.sample(files, 250):
        broken = mutated(path.read_bytes(), chance.randrange(1 << 30))
        try:
            seen = by_reader(broken)
        except CaptureError:
            continue
        assert by_index(broken) == seen, path
        compared += 1
    assert compared > 120


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400), st.sampled_from(["pcap", "pcapng"]))
def test_no_bytes_behind_a_header_raise(data: bytes, kind: str) -> None:
    start = pcap(records(1)) if kind == "pcap" else pcapng(records(1))
    assert by_index(start + data) == by_reader(start + data)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=300), st.sets(st.integers(0, 1500), max_size=30))
def test_following_with_many_lanes_is_exact_whatever_was_guessed(steps: list[int], guesses: set[int]) -> None:
    size = sum(steps)
    step_at = np.zeros(size + 10, np.int64)
    chain, at = [], 0
    for step in steps:
        chain.append(at)
        step_at[at] = step
        at += step
    step_at[step_at == 0] = 4  # where no record begins
    starts = np.array([0, *sorted(g for g in guesses if 0 < g < size)], np.int64)
    found = follow(starts, size, lambda p: p + step_at[p], lambda p: int(p + step_at[p]))
    assert found.tolist() == chain


@pytest.mark.parametrize("suffix", ["pcap", "pcapng"])
def test_parts_of_a_file_add_up_to_the_whole(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"x.{suffix}"
    packets = mixed(20_000)
    path.write_bytes(pcap(packets) if suffix == "pcap" else pcapng(packets))
    columns, _ = whole(path)
    cut = parts(path, 4, least=1 << 16)
    assert len(cut) == 4
    found = []
    for part, behind in zip(cut, [*cut[1:], None], strict=True):
        with CaptureIndex(path, part=part) as index:
            found += [chunk.packets.record for chunk in index]
        assert index.landed == (behind.start if behind else None)
        assert not index.interfaces_changed
    assert np.array_equal(np.concatenate(found), columns.record)


def test_the_beginnings_of_packets_are_a_matrix_padded_with_zeros() -> None:
    packets = mixed(500)
    (chunk,) = chunks(io.BytesIO(pcap(packets)))
    for size in (1, 14, 64, 600):
        heads = chunk.heads(size)
        assert heads.shape == (500, size)
        for row, (_, _, data, _) in enumerate(packets):
            assert heads[row].tobytes() == data[:size].ljust(size, b"\0")
    heads = chunk.heads(20, rows=np.array([3, 1]), skip=14)
    assert heads[1].tobytes() == packets[1][2][14:34].ljust(20, b"\0")


def test_bytes_beyond_the_end_of_the_data_are_zeros() -> None:
    data = np.arange(10, dtype=np.uint8)
    found = take_bytes(data, np.array([8, 0, 10]), np.array([2, 20, 0]), 12)
    assert found.tolist() == [[8, 9, *[0] * 10], [*range(10), 0, 0], [0] * 12]


def test_the_index_of_a_packed_file_is_that_of_the_plain_one(tmp_path: Path) -> None:
    with CaptureWriter(tmp_path / "x.pcapng.gz") as writer:
        for second, tick, data, wire in records(3000):
            writer.write(Frame(data, second * 10**9 + tick, wire, comment="x" if tick % 7 == 0 else ""))
    assert by_index(tmp_path / "x.pcapng.gz") == by_reader(tmp_path / "x.pcapng.gz")
    assert len(parts(tmp_path / "x.pcapng.gz", 4)) == 1


@pytest.mark.parametrize("suffix", ["pcap", "pcapng"])
def test_memory_stays_flat_over_a_large_file(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"big.{suffix}"
    piece = mixed(4000)
    body = pcap(piece) if suffix == "pcap" else pcapng(piece)
    skip = 24 if suffix == "pcap" else 0
    with path.open("wb") as file:
        file.write(body[:skip])
        for _ in range((200 << 20) // len(body)):
            file.write(body[skip:])
    tracemalloc.start()
    with chunks(path) as index:
        count = sum(len(chunk) for chunk in index)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.reset_peak()
    with read(path) as capture:
        for frame in capture.packets(30_000):
            assert frame.wire_length >= 0
    _, reader_peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 4000 * ((200 << 20) // len(body))
    assert peak < 60 << 20
    assert reader_peak < 8 << 20
