"""Edited captures: nothing sound is lost, the source is left alone, and the result says what it is."""

from pathlib import Path

import pytest

from packetlab.capture import CaptureReader, CaptureWriter, Name, Secrets, read
from packetlab.capture.edit import (
    convert,
    cut_out,
    deduplicate,
    merge,
    repair,
)
from packetlab.capture.split import split, split_by
from packetlab.model.errors import CaptureError, UsageError
from packetlab.model.frame import Frame
from tests.capture.build import (
    START,
    enhanced,
    expected,
    interface,
    option,
    packet,
    pcap,
    pcapng,
    plain,
    records,
    section,
)

SECOND = 1_000_000_000


def opened(path: Path) -> tuple[list[Frame], CaptureReader]:
    with read(path) as capture:
        return list(capture), capture


def frames(count: int, start: int = START * SECOND, step: int = SECOND, name: str = "eth0") -> list[Frame]:
    return [Frame(packet(n), start + n * step, 60, 1, name, "in", n + 1, f"c{n}") for n in range(count)]


def written(path: Path, what: list[Frame], **options: object) -> Path:
    with CaptureWriter(path, **options) as writer:  # type: ignore[arg-type]
        writer.write_all(what)
    return path


def test_repair_keeps_all_that_is_sound_and_marks_where_something_is_missing(tmp_path: Path) -> None:
    data = pcap(records(40))
    at = 24 + sum(16 + len(each[2]) for each in records(10))
    broken = tmp_path / "broken.pcap"
    broken.write_bytes(data[:at] + b"\xff" * 33 + data[at:-5])
    result = repair(broken, tmp_path / "mended.pcapng")
    found, capture = opened(tmp_path / "mended.pcapng")
    assert plain(found) == expected(records(39))
    assert not capture.damage
    assert (result.read, result.written, len(result.damage)) == (39, 39, 2)
    assert [frame.number for frame in found if frame.comment] == [11]
    assert f"offset {at}" in found[10].comment
    assert "lost 33 bytes" in found[10].comment
    assert capture.sections[0].comments == ['packetlab: repaired from "broken.pcap"']


def test_convert_takes_everything_along_that_the_format_can_hold(tmp_path: Path) -> None:
    source = tmp_path / "a.pcapng"
    with CaptureWriter(source, comments=["mine"]) as writer:
        writer.add_names([Name(bytes([192, 0, 2, 1]), ("host",))])
        writer.add_secrets(Secrets(0x544C534B, b"KEY"))
        writer.write_all(frames(10))
        writer.set_statistics("eth0", 1, dropped_by_system=5)
    convert(source, tmp_path / "b.pcapng")
    found, capture = opened(tmp_path / "b.pcapng")
    assert found == frames(10)
    assert capture.names[0].names == ("host",)
    assert capture.secrets[0].data == b"KEY"
    assert capture.statistics[0].dropped_by_system == 5
    assert capture.sections[0].comments == ["mine", 'packetlab: converted from "a.pcapng"']
    result = convert(source, tmp_path / "b.pcap")
    assert result.not_kept == {"comment": 10, "direction": 10, "interface": 10}
    assert plain(opened(tmp_path / "b.pcap")[0]) == plain(frames(10))


def test_interfaces_keep_their_descriptions_and_packets_their_interfaces(tmp_path: Path) -> None:
    source = tmp_path / "a.pcapng"
    first, second = (
        interface(options=option(2, b"a") + option(11, b"\0port 53")),
        interface(101, options=option(2, b"b")),
    )
    source.write_bytes(section() + first + enhanced(b"x" * 20, 5) + second + enhanced(b"E" * 20, 7, which=1))
    convert(source, tmp_path / "b.pcapng")
    found, capture = opened(tmp_path / "b.pcapng")
    assert [(frame.interface, frame.link_type) for frame in found] == [("a", 1), ("b", 101)]
    assert capture.interfaces[0].filter == "port 53"
    with pytest.raises(CaptureError, match="one link type"):
        convert(source, tmp_path / "b.pcap")


def test_cutting_out_goes_by_number_time_and_any_condition(tmp_path: Path) -> None:
    source = written(tmp_path / "a.pcapng", frames(20))

    def numbers(**options: object) -> list[int]:
        cut_out(source, tmp_path / "b.pcapng", **options)  # type: ignore[arg-type]
        return [int(frame.comment[1:]) + 1 for frame in opened(tmp_path / "b.pcapng")[0]]

    assert numbers(numbers=[(3, 5)]) == [3, 4, 5]
    assert numbers(numbers=[(1, 1), (19, None)]) == [1, 19, 20]
    assert numbers(start=17 * SECOND, relative=True) == [18, 19, 20]
    assert numbers(start=(START + 17) * SECOND) == [18, 19, 20]
    assert numbers(stop=(START + 2) * SECOND) == [1, 2]
    assert numbers(where=lambda frame: frame.number % 7 == 0, what="every seventh") == [7, 14]
    assert "every seventh" in opened(tmp_path / "b.pcapng")[1].sections[0].comments[-1]
    with pytest.raises(UsageError):
        numbers(numbers=[(5, 3)])
    with pytest.raises(UsageError):
        numbers(start=2, stop=1)


def test_a_target_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    source, target = written(tmp_path / "a.pcapng", frames(20)), tmp_path / "b.pcapng"
    target.write_bytes(b"what was there before")

    def interrupted(frame: Frame) -> bool:
        if frame.number == 10:
            raise KeyboardInterrupt
        return True

    with pytest.raises(KeyboardInterrupt):
        cut_out(source, target, where=interrupted)
    with pytest.raises(KeyboardInterrupt):
        split_by(source, tmp_path / "c.pcapng", lambda frame: str(frame.number % 3 + interrupted(frame)), what="rest")
    assert target.read_bytes() == b"what was there before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.pcapng", "b.pcapng"]


def test_splitting_by_a_key_keeps_the_order_in_every_part(tmp_path: Path) -> None:
    source = written(tmp_path / "a.pcapng", frames(20))
    result = split_by(source, f"{tmp_path}/parts/", lambda frame: f"left/{frame.number % 3}", what="remainder")
    assert [Path(name).name for name in result.files] == [f"a-left_{n}.pcapng" for n in (1, 2, 0)]
    found = [[int(frame.comment[1:]) for frame in opened(Path(name))[0]] for name in result.files]
    assert found == [list(range(n, 20, 3)) for n in (0, 1, 2)]
    assert "split by remainder" in opened(Path(result.files[0]))[1].sections[0].comments[-1]


def test_merging_goes_by_time_and_keeps_the_order_of_equal_times(tmp_path: Path) -> None:
    one = written(tmp_path / "1.pcapng", frames(10, step=2 * SECOND, name="a"), comments=["first"])
    two = written(tmp_path / "2.pcapng", frames(10, start=(START + 1) * SECOND, name="b"))
    three = tmp_path / "3.pcap"
    three.write_bytes(pcap(records(5)))
    result = merge([one, two, three], tmp_path / "all.pcapng")
    found, capture = opened(tmp_path / "all.pcapng")
    times = [frame.time for frame in found]
    assert len(found) == result.written == 25
    assert times == sorted(times)
    assert [frame.interface for frame in found if frame.time == (START + 2) * SECOND] == ["a", "b"]
    comments = capture.sections[0].comments
    assert comments == ["first", *capture.sections[0].comments[1:]]
    assert comments[-1] == 'packetlab: merged from "1.pcapng", "2.pcapng", "3.pcap"'


@pytest.mark.parametrize(
    ("limits", "sizes"), [({"packets": 8}, [8, 8, 4]), ({"seconds": 9.5}, [10, 10]), ({"size": 1500}, [7, 7, 6])]
)
def test_splitting_goes_by_count_size_and_time(tmp_path: Path, limits: dict[str, int], sizes: list[int]) -> None:
    source = written(tmp_path / "a.pcapng", [*frames(20)])
    result = split(source, tmp_path / "part.pcapng", **limits)  # type: ignore[arg-type]
    assert [Path(name).name for name in result.files] == [f"part-{n:05}.pcapng" for n in range(1, len(sizes) + 1)]
    pieces = [opened(Path(name)) for name in result.files]
    assert [len(found) for found, _ in pieces] == sizes
    assert [frame.comment for found, _ in pieces for frame in found] == [f"c{n}" for n in range(20)]
    assert "part 1" in pieces[0][1].sections[0].comments[-1]
    if "size" in limits:
        assert all(Path(name).stat().st_size <= 1500 for name in result.files)
    with pytest.raises(UsageError):
        split(source, tmp_path / "part.pcapng")


def test_duplicates_are_removed_within_a_window_only(tmp_path: Path) -> None:
    unique = frames(12)
    doubled = [unique[0], unique[0], *unique[1:4], unique[1], *unique[4:], unique[0]]
    source = written(tmp_path / "a.pcapng", doubled)
    assert deduplicate(source, tmp_path / "b.pcapng").written == 13
    assert [frame.comment for frame in opened(tmp_path / "b.pcapng")[0]] == [f"c{n}" for n in [*range(12), 0]]
    assert deduplicate(source, tmp_path / "b.pcapng", packets=1).written == 14
    assert deduplicate(source, tmp_path / "b.pcapng", packets=100).written == 12
    assert deduplicate(source, tmp_path / "b.pcapng", packets=100, seconds=0.0).written == 12


def test_a_source_is_never_overwritten(tmp_path: Path) -> None:
    source = tmp_path / "a.pcapng"
    source.write_bytes(pcapng(records(5)))
    before = source.read_bytes()
    for edit in (repair, convert, deduplicate):
        with pytest.raises(UsageError, match="overwrite"):
            edit(source, source)
    with pytest.raises(UsageError, match="overwrite"):
        merge([source], source)
    assert source.read_bytes() == before


def test_every_damaged_file_of_the_corpora_can_be_repaired(corpora: Path, tmp_path: Path) -> None:
    repaired = 0
    for path in sorted(corpora.glob("*/**/*")):
        if not path.is_file():
            continue
        try:
            with read(path) as capture:
                found = list(capture)
                damaged = bool(capture.damage)
        except CaptureError:
            continue
        if not damaged:
            continue
        repair(path, tmp_path / "x.pcapng")
        mended, after = opened(tmp_path / "x.pcapng")
        assert plain(mended) == plain(found), path
        assert not after.damage
        repaired += 1
    assert repaired > 30
