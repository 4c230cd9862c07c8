"""Written captures: read back by packetlab and by Wireshark's programs, sound at every moment."""

import errno
import io
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from packetlab.capture import CaptureWriter, Interface, Name, Secrets, read
from packetlab.capture.quick import quick_frame
from packetlab.model.errors import CaptureError, UsageError
from packetlab.model.frame import Frame

TIME = 1_700_000_000_123_456_789


def frames() -> list[Frame]:
    return [
        Frame(b"\x02" * 12 + b"\x08\0" + b"abcd", TIME, 1500, 1, "eth0", "in", 1),
        Frame(b"\x45" + bytes(19), TIME + 5, 20, 101, "tun0", "out", 2, "a comment, über alles"),
        Frame(b"", TIME + 10, 0, 1, "eth0", "", 3),
        Frame(b"\x02" * 61, TIME - 7, 61, 1, "eth0", "", 4),
        Frame(b"\x02" * 63, -5, 63, 1, "eth0", "", 5, "before 1970"),
    ]


@pytest.mark.parametrize("suffix", ["pcapng", "pcapng.gz", "pcapng.zst", "pcapng.lz4"])
def test_pcapng_gives_back_every_part_of_a_frame(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"x.{suffix}"
    with CaptureWriter(path, comments=["first", "second"], hardware="a box") as writer:
        assert writer.write_all(frames()) == 5
        writer.set_statistics("eth0", 1, dropped_by_system=3)
    with read(path) as capture:
        assert list(capture) == frames()
        assert not capture.damage
        assert capture.sections[0].comments == ["first", "second"]
        assert capture.sections[0].hardware == "a box"
        assert capture.sections[0].application.startswith("packetlab")
        assert [each.name for each in capture.interfaces] == ["eth0", "tun0", "eth0"]
        assert capture.statistics[0].received == 3
        assert capture.statistics[0].dropped_by_system == 3
        assert (capture.statistics[0].start, capture.statistics[0].end) == (TIME - 7, TIME + 10)


@pytest.mark.parametrize("kind", ["pcap-ns", "pcap-us"])
def test_pcap_keeps_what_it_can_and_counts_the_rest(tmp_path: Path, kind: str) -> None:
    mine = [frame for frame in frames() if frame.link_type == 1 and frame.time > 0]
    path = tmp_path / "x.cap"
    with CaptureWriter(path, format=kind) as writer:  # type: ignore[arg-type]
        writer.write_all(mine)
    scale = 1 if kind == "pcap-ns" else 1000
    with read(path) as capture:
        found = list(capture)
    assert [frame.data for frame in found] == [frame.data for frame in mine]
    assert [frame.time for frame in found] == [frame.time // scale * scale for frame in mine]
    assert writer.not_kept["interface"] == 3
    assert writer.not_kept["direction"] == 1
    assert writer.not_kept["nanoseconds"] == (3 if kind == "pcap-us" else 0)


def test_pcap_refuses_a_second_link_type_with_a_remedy(tmp_path: Path) -> None:
    with CaptureWriter(tmp_path / "x.pcap") as writer:
        writer.write(frames()[0])
        with pytest.raises(CaptureError, match="one link type") as caught:
            writer.write(frames()[1])
    assert "pcapng" in caught.value.remedy
    assert len(list(read(tmp_path / "x.pcap"))) == 1


@pytest.mark.needs("tshark", "capinfos")
@pytest.mark.parametrize("name", ["x.pcapng", "x.pcap", "x.pcapng.gz"])
def test_wireshark_reads_what_was_written(tmp_path: Path, name: str) -> None:
    mine = [frame for frame in frames() if frame.time > 0 and (".pcapng" in name or frame.link_type == 1)]
    with CaptureWriter(tmp_path / name) as writer:
        writer.write_all(mine)
    fields = ["frame.time_epoch", "frame.len", "frame.cap_len", "frame.interface_name", "frame.comment"]
    command = ["tshark", "-n", "-r", str(tmp_path / name), "-T", "fields"]
    for field in fields:
        command += ["-e", field]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    keeps = ".pcapng" in name
    assert rows == [
        [
            f"{frame.time // 10**9}.{frame.time % 10**9:09}",
            str(frame.wire_length),
            str(len(frame.data)),
            frame.interface if keeps else "",
            frame.comment if keeps else "",
        ]
        for frame in mine
    ]
    subprocess.run(["capinfos", str(tmp_path / name)], capture_output=True, check=True)


def test_what_was_written_is_a_sound_file_at_any_time(tmp_path: Path) -> None:
    path = tmp_path / "live.pcapng"
    with CaptureWriter(path, flush=True) as writer:
        for count, frame in enumerate(frames(), 1):
            writer.write(frame)
            with read(path) as capture:
                assert len(list(capture)) == count
                assert not capture.damage
    with CaptureWriter(tmp_path / "batch.pcapng") as writer:
        for number in range(3000):
            writer.write(Frame(bytes(100), number, 100))
            if number % 500 == 0:
                with read(tmp_path / "batch.pcapng") as capture:
                    assert len(list(capture)) <= number + 1
                    assert not capture.damage


def test_a_full_disk_leaves_a_sound_file_and_one_clear_sentence(tmp_path: Path) -> None:
    path = tmp_path / "full.pcapng"
    writer = CaptureWriter(path, flush=True)
    real = writer._handle

    class Full:
        left = 5000

        def write(self, data: memoryview) -> int:
            if len(data) > self.left:
                if self.left == 0:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                data = data[: self.left]
            self.left -= len(data)
            return int(real.write(data))

        fileno, close = real.fileno, real.close

    writer._handle = Full()
    with pytest.raises(CaptureError, match="No space left") as caught:
        for number in range(100):
            writer.write(Frame(bytes(200), number, 200, interface="eth0"))
    assert "sound" in caught.value.remedy
    real.close()
    with read(path) as capture:
        assert len(list(capture)) > 10
        assert not capture.damage


def test_an_interface_described_ahead_keeps_its_description_and_its_frames(tmp_path: Path) -> None:
    described = Interface(7, 1, 96, "eth9", "uplink", "tcp", "Linux", "card", "note", mac=b"\2\0\0\0\0\1", speed=10**9)
    path = tmp_path / "x.pcapng"
    with CaptureWriter(path) as writer:
        writer.add_interface(described)
        writer.add_names([Name(bytes([192, 0, 2, 1]), ("host", "alias")), Name(bytes(15) + b"\1", ("six",))])
        writer.add_secrets(Secrets(0x544C534B, b"CLIENT_RANDOM"))
        writer.write(Frame(b"abc", TIME, 3, 1, "eth9"))
    with read(path) as capture:
        assert len(list(capture)) == 1
        assert capture.interfaces == [replace(described, number=0, ticks=10**9, label="eth9")]
        assert [name.names for name in capture.names] == [("host", "alias"), ("six",)]
        assert capture.secrets == [Secrets(0x544C534B, b"CLIENT_RANDOM")]


def test_a_file_that_cannot_be_written_is_refused_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="cannot be written") as caught:
        CaptureWriter(tmp_path / "missing" / "x.pcapng")
    assert caught.value.remedy
    with pytest.raises(UsageError):
        CaptureWriter(io.BytesIO(), format="snoop")  # type: ignore[arg-type]


def test_any_binary_file_will_do() -> None:
    target = io.BytesIO()
    with CaptureWriter(target) as writer:
        writer.write_all(frames())
    target.seek(0)
    assert list(read(target)) == frames()


def test_the_quick_way_to_make_a_frame_makes_a_whole_frame() -> None:
    quick = quick_frame(b"abc", TIME, 4, 101, "eth0", "in", 9, "x")
    slow = Frame(b"abc", TIME, 4, 101, "eth0", "in", 9, "x")
    assert quick == slow
    assert hash(quick) == hash(slow)
    assert type(quick) is Frame
    assert all(hasattr(quick, name) for name in Frame.__slots__)
    with pytest.raises(AttributeError):
        quick.time = 1  # type: ignore[misc]
