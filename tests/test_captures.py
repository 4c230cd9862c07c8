"""The sample captures hold what their notes say, and the recorder makes equal ones again."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from packetlab.capture import CaptureReader
from packetlab.model.errors import NamespaceError
from packetlab.model.frame import Frame
from tests.conftest import missing

CAPTURES = Path(__file__).parent.parent / "captures"
sys.path.insert(0, str(CAPTURES))

from scenes import SCENES  # noqa: E402
from scenes.damage import DAMAGES  # noqa: E402
from scenes.scene import numbers_of  # noqa: E402

QUICK = ("arp", "fragments", "traceroute", "nat", "handshake", "fast_retransmit", "dns", "tls_expired")
"""Recorded anew by the tests: at least one of each kind, none that waits for a timer."""


def frames(path: Path) -> list[Frame]:
    with CaptureReader(path) as reader:
        found = list(reader)
        assert not reader.damage
    return found


def said(note: str) -> list[list[int]]:
    """The packet numbers of each remark, as the note says them."""
    made = []
    for text in re.findall(r"^\* \*\*packets? ([\d, -]+)", note, re.M):
        runs = [run.split("-") for run in text.strip().rstrip(",").split(", ")]
        made.append([number for run in runs for number in range(int(run[0]), int(run[-1]) + 1)])
    return made


@pytest.mark.parametrize("name", SCENES)
def test_a_capture_holds_what_its_note_says(name: str) -> None:
    note = (CAPTURES / f"{name}.md").read_text()
    found = [numbers_of(look, frames(CAPTURES / f"{name}.pcapng")) for look in SCENES[name].looks]
    for numbers, claimed in zip(found, said(note), strict=True):
        assert numbers[: len(claimed)] == claimed and claimed
    assert f"# {name}.pcapng: {SCENES[name].title}" in note and SCENES[name].network.split()[0] in note


@pytest.mark.parametrize("name", SCENES)
def test_a_capture_is_small_and_its_remarks_stand_in_it(name: str) -> None:
    path = CAPTURES / f"{name}.pcapng"
    assert path.stat().st_size <= 50_000
    comments = " ".join(frame.comment for frame in frames(path))
    assert all(look.what in comments for look in SCENES[name].looks)


def test_every_capture_is_in_the_list_and_every_file_belongs_to_one() -> None:
    listed = set(re.findall(r"\((\w+)\.md\)", (CAPTURES / "README.md").read_text()))
    assert listed == {*SCENES, "damaged"} == {path.stem for path in CAPTURES.glob("*.md")} - {"README"}
    files = {path.name for path in CAPTURES.iterdir() if path.suffix in (".pcap", ".pcapng")}
    assert files == {f"{name}.pcapng" for name in SCENES} | {one.name for one in DAMAGES}


@pytest.mark.parametrize("change", DAMAGES, ids=lambda change: change.name)
def test_a_damaged_file_is_made_of_the_sound_one_and_read_past_its_damage(change) -> None:
    sound = frames(CAPTURES / change.source)
    assert change.change((CAPTURES / change.source).read_bytes()) == (CAPTURES / change.name).read_bytes()
    with CaptureReader(CAPTURES / change.name) as reader:
        left = [frame.data for frame in reader]
        assert len(reader.damage) == 1
    assert len(sound) - 4 <= len(left) <= len(sound) and set(left) <= {frame.data for frame in sound}


@pytest.mark.parametrize("name", QUICK)
def test_the_recorder_makes_an_equal_capture_again(name: str, tmp_path: Path) -> None:
    from packetlab.net import probe

    try:
        probe()
    except NamespaceError as error:
        missing(f"no virtual network: {error}")
    command = [sys.executable, str(CAPTURES / "record.py"), "--to", str(tmp_path), name]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    new, old = frames(tmp_path / f"{name}.pcapng"), frames(CAPTURES / f"{name}.pcapng")
    assert abs(len(new) - len(old)) <= max(2, len(old) // 4)
    for look in SCENES[name].looks:
        assert bool(numbers_of(look, new)) == bool(numbers_of(look, old))
