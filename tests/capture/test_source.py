"""Where captures come from: files, packed files, pipes that grow, and what is none of these."""

import bz2
import gzip
import io
import lzma
import os
import random
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from packetlab.capture import read
from packetlab.model.errors import CaptureError
from tests.capture.build import expected, pcap, pcapng, plain, records

_RANDOM = random.Random(7)
PACKETS = [(seconds, ticks, data + _RANDOM.randbytes(500), wire + 500) for seconds, ticks, data, wire in records(2000)]


@pytest.mark.parametrize("make", [pcap, pcapng])
@pytest.mark.parametrize("packing", ["", "gzip", "xz", "bzip2", "zstd", "lz4"])
def test_packed_captures_are_unpacked_on_the_way(tmp_path: Path, packing: str, make: Any) -> None:
    data = make(PACKETS)
    if packing == "zstd":
        data = pytest.importorskip("zstandard").ZstdCompressor().compress(data)
    elif packing == "lz4":
        data = pytest.importorskip("lz4.frame").compress(data)
    elif packing:
        data = {"gzip": gzip.compress, "xz": lzma.compress, "bzip2": bz2.compress}[packing](data)
    path = tmp_path / "capture"
    path.write_bytes(data)
    with read(path) as capture:
        assert plain(capture) == expected(PACKETS)
        assert capture.compression == packing
        assert not capture.damage


@pytest.mark.parametrize("packing", ["gzip", "zstd", "lz4", "xz"])
def test_packed_data_that_is_cut_off_keeps_what_came_before(packing: str) -> None:
    data = pcap(PACKETS)
    if packing in ("zstd", "lz4"):
        module = pytest.importorskip("zstandard" if packing == "zstd" else "lz4.frame")
        packed = module.ZstdCompressor().compress(data) if packing == "zstd" else module.compress(data)
    else:
        packed = {"gzip": gzip.compress, "xz": lzma.compress}[packing](data)
    with read(io.BytesIO(packed[: len(packed) // 2])) as capture:
        frames = plain(capture)
    assert frames == expected(PACKETS)[: len(frames)]
    assert len(frames) > 300
    assert "ends too early" in capture.damage[-1].what


def test_a_packed_file_with_a_damaged_byte_is_read_up_to_it() -> None:
    packed = bytearray(gzip.compress(pcap(PACKETS)))
    packed[len(packed) // 2 : len(packed) // 2 + 64] = b"\xff" * 64
    with read(io.BytesIO(bytes(packed))) as capture:
        count = sum(1 for _ in capture)
    assert 900 < count <= len(PACKETS)
    assert any("gzip data is damaged" in each.what for each in capture.damage)


def test_several_packed_files_in_a_row_are_one_stream() -> None:
    data = pcap(PACKETS)
    packed = gzip.compress(data[:5000]) + gzip.compress(data[5000:]) + bytes(512)
    with read(io.BytesIO(packed)) as capture:
        assert plain(capture) == expected(PACKETS)
        assert not capture.damage


def test_a_missing_package_is_named_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(CaptureError, match="zstandard") as caught:
        read(io.BytesIO(b"\x28\xb5\x2f\xfd" + bytes(100)))
    assert "pip install zstandard" in caught.value.remedy


@pytest.mark.parametrize("make", [pcap, pcapng])
@pytest.mark.parametrize("packed", [False, True])
def test_frames_of_a_growing_pipe_appear_as_soon_as_they_are_complete(make: Any, packed: bool) -> None:
    packets = records(40)
    whole = make(packets)
    readable, writable = os.pipe()
    progress: list[int] = []
    with os.fdopen(readable, "rb", buffering=0) as pipe, os.fdopen(writable, "wb", buffering=0) as writer:
        packer = gzip.GzipFile(fileobj=writer, mode="wb") if packed else None
        sink: Any = packer or writer

        def listen() -> None:
            with read(pipe) as capture:
                for frame in capture:
                    progress.append(frame.number)

        listener = threading.Thread(target=listen)
        end = len(make(packets[:30]))
        sink.write(whole[: end + 9])  # a part of the next
        if packer:
            packer.flush()
        listener.start()
        deadline = time.monotonic() + 10
        while len(progress) < 30 and time.monotonic() < deadline:
            time.sleep(0.005)
        assert progress == list(range(1, 31))
        sink.write(whole[end + 9 :])
        if packer:
            packer.close()
        writer.close()
        listener.join(10)
    assert progress == list(range(1, 41))


def test_a_stream_that_gives_single_bytes_is_read_all_the_same() -> None:
    class Trickle(io.RawIOBase):
        def __init__(self, data: bytes) -> None:
            self._left = data

        def read(self, size: int = -1) -> bytes:
            piece, self._left = self._left[:1], self._left[1:]
            return piece

    for make in (pcap, pcapng):
        with read(Trickle(make(records(30)))) as capture:
            assert plain(capture) == expected(records(30))


def test_standard_input_is_a_dash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Standard:
        buffer = io.BytesIO(pcap(records(3)))

    monkeypatch.setattr(sys, "stdin", Standard())
    assert len(list(read("-"))) == 3


def test_what_is_no_file_is_refused_with_a_remedy(tmp_path: Path, ordinary_user: Any) -> None:
    with pytest.raises(CaptureError, match="directory"):
        read(tmp_path)
    with pytest.raises(CaptureError, match="no file"):
        read(tmp_path / "missing")
    empty = tmp_path / "empty"
    empty.write_bytes(b"")
    with pytest.raises(CaptureError, match="is empty") as caught:
        read(empty)
    assert caught.value.remedy


def test_a_file_that_may_not_be_read_is_refused_with_a_remedy(ordinary_user: Any) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        path = Path(folder) / "secret.pcap"
        path.write_bytes(pcap([]))
        path.chmod(0)

        def attempt() -> tuple[str, str]:
            try:
                read(path)
            except CaptureError as error:
                return str(error), error.remedy
            return "", ""

        cause, remedy = ordinary_user.call(attempt)
    assert "may not be read" in cause
    assert "chmod" in remedy


def test_a_small_file_that_unpacks_to_much_is_read_in_bounded_steps() -> None:
    import tracemalloc

    head = pcap(records(10))
    packer = io.BytesIO()
    with gzip.GzipFile(fileobj=packer, mode="wb", compresslevel=9) as file:
        file.write(head)
        for _ in range(64):
            file.write(bytes(1 << 20))
    packer.seek(0)
    tracemalloc.start()
    with read(packer) as capture:
        assert len(list(capture)) == 10
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 24 << 20
    assert capture.damage[0].bytes_lost == 64 << 20
