"""What attempts do within this process, to be quick, is what their commands do."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from packetlab.cli.within import within
from packetlab.lab import attempts
from packetlab.lab.attempts import expected_message, make_attempt, plain_words, read_do
from packetlab.lab.authoring import record, run_solutions
from packetlab.lab.format import labs_folder, read_lab
from packetlab.lab.run import Running, Within
from packetlab.lab.template import new_lab
from packetlab.model.errors import NamespaceError, PacketLabError, UsageError
from packetlab.net import probe
from tests.conftest import missing

LINES = """h1$ packetlab send -W 0 \\
    -I eth0 'Ethernet(dst="{h2.mac}",
        src="{h1.mac}")
      / "hello"'
h2$ true
"""


@pytest.fixture(scope="module")
def virtual_networks() -> None:
    try:
        probe()
    except NamespaceError as error:
        missing(f"virtual networks are not there: {error}")


@pytest.mark.usefixtures("virtual_networks")
@pytest.mark.parametrize("how", [None, within], ids=["processes", "within this process"])
def test_a_solution_puts_the_same_frame_on_the_cable_with_processes_and_without(
    how: Within | None, tmp_path: Path
) -> None:
    path = tmp_path / "reply.do"
    path.write_text(LINES)
    lab = read_lab(labs_folder() / "arp")
    with Running(lab, 1, within=how) as run:
        run.begin(lab.steps[0])
        assert make_attempt(run, lab.steps[0], path) == {}
        assert run.until_seen("h2", "!arp")
        expected = bytes.fromhex((run.value("h2.mac") + run.value("h1.mac")).replace(":", "")) + b"\x88\xb5hello"
        assert [seen.data for seen in run.look().at("h2").all("!arp")] == [expected]


@pytest.mark.usefixtures("virtual_networks")
def test_what_cannot_be_within_this_process_is_done_once_by_one_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "reply.do"
    path.write_text("h1$ packetlab ping -c 1 h2\n")  # names are for processes
    lab = read_lab(labs_folder() / "arp")
    asked: list[list[str]] = []

    def refused(host: Any, words: list[str]) -> bool:
        asked.append(words)
        return within(host, words)

    with Running(lab, 1, within=refused) as run:
        run.begin(lab.steps[0])
        make_attempt(run, lab.steps[0], path)
        assert asked == [["packetlab", "ping", "-c", "1", "h2"]]
        assert run.until_seen("h2", "icmp.type == 8")
        run.settle()
        assert len(run.look().at("h2").all("icmp.type == 8")) == 1


@pytest.mark.usefixtures("virtual_networks")
def test_a_command_that_does_not_end_is_an_error_that_names_the_line_and_a_remedy(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(attempts, "PATIENCE", 0.1)
    path = tmp_path / "reply.do"
    path.write_text("h1$ sleep 999\n")
    lab = read_lab(labs_folder() / "arp")
    with Running(lab, 1) as run:
        run.begin(lab.steps[0])
        with pytest.raises(PacketLabError, match=r"reply\.do: 'sleep 999' has not ended within 0\.1 s") as caught:
            make_attempt(run, lab.steps[0], path)
    assert "h1& " in caught.value.remedy


@pytest.mark.parametrize("command", [
    "packetlab udp 10.0.0.1 7 --size $((300 - 42))", "packetlab ping -c 1 fe80::1%eth0", "a 'b  c'd '' e='f g'",
    "packetlab send 'Ethernet(dst=\"02:00:00:00:00:01\")\n  / \"hi\"' \\\n   -W 0", "a\\\n  b", "tcp 'GET / \\r\\n'",
])  # fmt: skip
def test_a_plain_command_has_the_words_that_the_shell_finds_in_it(command: str) -> None:
    said = subprocess.run(["/bin/sh", "-c", f"set -- {command}\nprintf '%s\\0' \"$@\""], capture_output=True)
    assert plain_words(command) == said.stdout.decode().split("\0")[:-1] != []


@pytest.mark.parametrize("command", [
    "a; b", "a & b", "a | b", "a > b", "a < b", "a $b", "a `b`", "a *", "a ?", "a [b]", "a ~", "a # b", "a\nb", "a (b)",
    "a {b,c}", 'a "b"', "a 'b", "a \\b", "a!", "a $((010 - 1))", "a '$((3 - 1))'", "a\tb", "",
])  # fmt: skip
def test_a_command_that_needs_the_shell_has_no_plain_words(command: str) -> None:
    assert plain_words(command) == []


def test_a_line_that_begins_with_blanks_belongs_to_the_command_above_it() -> None:
    (host, behind, command), (other, _, _) = read_do(LINES, "here")
    assert (host, behind, other) == ("h1", False, "h2") and command.count("\n") == 3
    assert plain_words(command)[:5] == ["packetlab", "send", "-W", "0", "-I"]


@pytest.mark.usefixtures("virtual_networks")
def test_captures_are_recorded_anew_and_stay_as_they_were_where_the_solution_does_not_pass(tmp_path: Path) -> None:
    new_lab(tmp_path, "fresh")
    folder = tmp_path / "fresh"
    written = record(read_lab(folder), 5, within=within)
    assert {path.name for path in written} == {"guess.pcapng", "ping.pcapng"}
    before = {path.name: path.read_bytes() for path in (folder / "captures").iterdir()}
    (folder / "solutions" / "ping.do").write_text("h1$ true\n")
    with pytest.raises(PacketLabError, match="does not pass"):
        record(read_lab(folder), 6)
    assert {path.name: path.read_bytes() for path in (folder / "captures").iterdir()} == before


@pytest.mark.usefixtures("virtual_networks")
def test_what_a_lab_of_ones_own_lacks_is_named_with_the_path_of_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    new_lab(tmp_path, "fresh")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fresh" / "solutions" / "ping.do").unlink()
    with pytest.raises(UsageError, match="no solution of ping") as caught:
        run_solutions(read_lab(tmp_path / "fresh"), 1)
    assert caught.value.remedy == "write fresh/solutions/ping.do"
    (tmp_path / "fresh" / "lab.py").write_text("def traffic_guess(lab):\n    lab.nothing()\n")
    with pytest.raises(PacketLabError, match=r"^fresh/lab\.py, line 2: traffic_guess failed: AttributeError"):
        run_solutions(read_lab(tmp_path / "fresh"), 1)
    (tmp_path / "fresh" / "lab.py").write_text("def traffic_guess(lab):\n    pass\n")
    with pytest.raises(UsageError, match=r"^fresh/lab\.py lacks answers_guess\(ev\)$"):
        run_solutions(read_lab(tmp_path / "fresh"), 1)


@pytest.mark.usefixtures("virtual_networks")
def test_errors_in_labs_of_ones_own_folder_have_the_path_that_opens_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PACKETLAB_LABS", str(tmp_path / "mine"))
    new_lab(labs_folder(), "fresh")
    folder = tmp_path / "mine" / "fresh"
    (folder / "solutions" / "ping.do").write_text("ping h2\n")
    with pytest.raises(UsageError, match="is no command") as caught:
        run_solutions(read_lab(folder), 1)
    assert str(caught.value).startswith(f"{folder}/solutions/ping.do, line 1: ")
    mistake = folder / "mistakes" / "ping--nobody.do"
    mistake.write_text("h1$ true\n")
    with pytest.raises(UsageError, match="does not say what it gets") as caught:
        expected_message(read_lab(folder), mistake)
    assert str(caught.value).startswith(str(mistake))
    monkeypatch.chdir(tmp_path)
    (folder / "lab.md").write_text("nothing\n")
    with pytest.raises(UsageError, match=r"^mine/fresh/lab\.md, line 1: "):
        read_lab(folder)
