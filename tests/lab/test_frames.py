"""`packetlab lab frames`: when each frame was seen, how many are left out, and one of them in depth."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from packetlab.lab.session import MOST_LINES
from packetlab.lab.verdict import Verdict
from packetlab.model.errors import NamespaceError
from packetlab.net import probe
from tests.conftest import missing
from tests.lab.learner import Learner
from tests.on_terminal import OnTerminal


@pytest.fixture
def learner(tmp_path: Path) -> Iterator[Learner]:
    try:
        probe()
    except NamespaceError as error:
        missing(f"virtual networks are not there: {error}")
    with Learner(tmp_path) as found:
        found.must("start", "first-packet", "--seed", "5")
        found.must("step", "speak")
        found.must("shell", "c", "--", "ping", "-c", "2", "-i", "0.3", "s")
        yield found


def test_each_line_has_the_milliseconds_since_the_first_frame_and_fits_a_terminal(learner: Learner) -> None:
    lines = learner.must("frames").stdout.splitlines()
    rows = [line.split() for line in lines if " eth0 " in line]
    times = [float(row[1]) for row in rows]
    assert times[0] == 0 and times == sorted(times) and times[-1] > 290
    assert [int(row[0]) for row in rows] == list(range(1, len(rows) + 1))
    assert float(learner.must("frames", "s", "-Y", "icmp").stdout.split()[1]) > 0, "counted from the first of all"
    command = [sys.executable, "-m", "packetlab.cli.main", "lab", "frames"]
    env = {key: value for key, value in learner.environment.items() if key != "COLUMNS"}
    with OnTerminal(command, env=env) as terminal:
        assert terminal.ends() == 0
        shown = terminal.seen.replace("\r", "").splitlines()
    assert shown[-1] == "One in depth: packetlab lab frames -n NUMBER" and len(shown) > len(lines)
    assert max(len(line) for line in shown if not line.startswith("/")) <= 80
    assert all(line.split()[0].isdecimal() or "seq=" in line for line in shown[:-2]), "nothing stands alone"


def test_a_number_shows_that_frame_in_depth_as_show_does_for_the_capture(learner: Learner) -> None:
    *_, file, last = learner.must("frames").stdout.splitlines()
    number = learner.must("frames", "-Y", "icmp").stdout.split()[0]
    shown = learner.must("frames", "-n", number).stdout
    assert "ICMP" in shown and "Ethernet" in shown and last.endswith("-n NUMBER") and Path(file).is_file()
    with_bytes = learner.must("frames", "s", "-n", number, "--bytes").stdout
    assert with_bytes.startswith(f"Frame {number}: ICMP") and "Ethernet 0-13  IPv4 14-33" in with_bytes
    assert json.loads(learner.must("frames", "-n", number, "--json").stdout)["packets"]
    beyond = learner.says("frames", "-n", "99999")
    assert beyond.returncode == 2 and "there is no packet" in beyond.stderr


def test_of_very_many_frames_the_last_are_shown_and_it_says_so(learner: Learner) -> None:
    learner.must("shell", "c", "--", "packetlab", "ping", "--flood", "-c", "600", "s")
    *rows, said, file, _ = learner.must("frames", "-Y", "icmp").stdout.splitlines()
    assert len(rows) == MOST_LINES and Path(file).is_file()
    shown, everything = (int(word.strip(";")) for word in said.split() if word[0].isdecimal())
    assert shown == MOST_LINES < everything and said.startswith("These are the last")


def test_that_frames_were_put_aside_is_said_where_some_were(learner: Learner) -> None:
    begun = "A new attempt has begun"
    assert begun in learner.says("check").stdout, "pings are not what was asked for"
    alone = learner.says("check").stdout
    assert begun not in alone and "lab hint" in alone and "all frames" not in alone, "there are none"
    for command in json.loads(learner.must("solution", "--json").stdout)["text"].splitlines():
        learner.must("shell", "c", "--", *command.removeprefix("c$ ").split())
    assert "Step 3 of 3" in learner.must("check").stdout
    before = learner.must("frames").stdout
    wrong = learner.says("answer", "service=1", "own=2").stdout
    assert begun not in wrong and "NOT YET" in wrong and learner.must("frames").stdout == before


def test_the_command_of_a_verdict_that_does_not_fit_goes_on_below_and_can_be_copied() -> None:
    verdict = Verdict("not yet", "speak", capture="~/.local/state/packetlab/captures/first-packet/speak.pcapng")
    assert verdict.text(100).endswith(f"  all frames: packetlab show {verdict.capture}")
    assert verdict.text(80).endswith(f"  all frames: packetlab show \\\n    {verdict.capture}")
