"""Lab files: what is wrong with one is said in one sentence with file, line and remedy."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from packetlab.lab.format import find_lab, labs_folder, read_lab
from packetlab.lab.template import new_lab
from packetlab.model.errors import UsageError

PIECES = ("", "{", "}", "[", "]", ":", "\n", "---\n", "## ", "{h1.ip}", "/", "-- ", "é", "\t", "*", "&a", "!!x ",
          "null", "'", '"', "\0")  # fmt: skip

GOOD = """\
---
id: small
title: A small lab
concepts: [1]
minutes: 5
values:
  lan: network
net:
  hosts:
    h1: {lan.h1}/24
    h2: {lan.h2}/24
  links: [h1 -- h2]
steps:
  guess: {kind: predict, ask: {count: (number) How many?}}
  ping: {kind: do}
---
Words.

## guess: Before
Text {h1.ip}.
### hint
A hint.
### after
What happened.

## ping: Now
Text.
"""


def lab_of(folder: Path, text: str) -> Path:
    path = folder / "small"
    path.mkdir(exist_ok=True)
    (path / "lab.md").write_text(text)
    return path


def test_a_good_file_reads_as_it_is_written(tmp_path: Path) -> None:
    lab = read_lab(lab_of(tmp_path, GOOD))
    assert [(step.id, step.kind, step.title) for step in lab.steps] == [("guess", "predict", "Before"),
                                                                         ("ping", "do", "Now")]  # fmt: skip
    values, topology = lab.values(3)
    assert set(topology.nodes) == {"h1", "h2"}
    assert values.fill(lab.steps[0].text) == f"Text {values.text('h1.ip')}."
    assert lab.values(3)[0].text("h1.ip") == values.text("h1.ip") != lab.values(4)[0].text("h1.ip")


@pytest.mark.parametrize(("old", "new", "line", "said", "remedy"), [
    ("---\nid", "id", 1, "front matter is missing", "begin with ---"),
    ("id: small", "id: other", 2, "is not the folder's name", "id: small"),
    ("minutes: 5", "minutes: five", 5, "is not a number", ""),
    ("minutes: 5\n", "", 1, "'minutes' is missing", "add minutes"),
    ("minutes: 5", "minuts: 5\nminutes: 5", 5, "'minuts' is no key of a lab", "there are"),
    ("  lan: network", "  lan: netwrk", 7, "netwrk", ""),
    ("h1 -- h2", "h1 -- h3", 12, "no node 'h3'", "declared are: h1, h2"),
    ("{lan.h1}/24", "{lan.h1}/99", 10, "not an address", "as 10.0.1.2/24"),
    ("{lan.h1}/24", "{wan.h1}/24", 10, "wan", ""),
    ("kind: do", "kind: dance", 15, "has no kind of step", "predict, do"),
    ("kind: do", "kind: build", 15, "build steps", "file: reply.py"),
    ("kind: do", "kind: observe", 15, "asks nothing", "as ask:"),
    ("(number) How", "How", 14, "is no question", "begin with its kind"),
    ("(number) How", "(one of) How", 14, "is no question", "(one of a, b, c)"),
    ("  ping: {kind: do}", "  again: {kind: do}", 15, "'again' cannot be the id of a step", "lab step again"),
    ("  ping: {kind: do}", "  next: {kind: do}", 15, "'next' cannot be the id of a step", "lab step next"),
    ("  ping: {kind: do}", "  2: {kind: do}", 15, "'2' cannot be the id of a step", "a small letter, then"),
    ("## ping: Now", "## pong: Now", 26, "is not declared", "under steps:"),
    ("## ping: Now\nText.\n", "", 15, "has no text", "## ping"),
    ("### hint", "### hnt", 21, "no part 'hnt'", "### hint"),
    ("Text {h1.ip}", "Text {h3.ip}", 20, "h3.ip", ""),
    ("minutes: 5", "minutes: [5", 6, "this is not YAML", "indentation"),
])  # fmt: skip
def test_a_broken_file_gets_one_sentence_with_file_line_and_remedy(
    tmp_path: Path, old: str, new: str, line: int, said: str, remedy: str
) -> None:
    assert old in GOOD
    with pytest.raises(UsageError) as raised:
        read_lab(lab_of(tmp_path, GOOD.replace(old, new, 1)))
    text = str(raised.value)
    assert text.startswith(f"{tmp_path}/small/lab.md, line {line}: "), text
    assert said in text and remedy in raised.value.remedy
    assert "\n" not in text


def test_a_file_is_named_as_one_can_open_it_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = lab_of(tmp_path, GOOD.replace("kind: do", "kind: dance"))
    for here, shown in ((tmp_path, "small/lab.md"), (broken, "lab.md"), (Path("/"), f"{tmp_path}/small/lab.md"[1:])):
        monkeypatch.chdir(here)
        with pytest.raises(UsageError) as raised:
            read_lab(broken)
        assert str(raised.value).startswith(f"{shown}, line 15: ")
    monkeypatch.setenv("PACKETLAB_LABS", str(tmp_path))
    with pytest.raises(UsageError) as raised:
        read_lab(broken)
    assert str(raised.value).startswith(f"{tmp_path}/small/lab.md, line 15: "[1:]), "it is none of our own"
    monkeypatch.delenv("PACKETLAB_LABS")
    assert read_lab(labs_folder() / "arp").shown("solutions/ping.do") == "labs/arp/solutions/ping.do"


def test_a_lab_is_found_by_its_path_and_where_that_is_wrong_the_right_one_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab_of(tmp_path, GOOD)
    monkeypatch.chdir(tmp_path)
    assert find_lab("./small").id == find_lab(f"{tmp_path}/small/").id == "small"
    with pytest.raises(UsageError, match="there is no lab 'small'") as raised:
        find_lab("small")
    assert raised.value.remedy == "did you mean ./small?"
    with pytest.raises(UsageError, match=r"there is no lab in \./smal") as raised:
        find_lab("./smal")
    assert "packetlab lab new ./smal" in raised.value.remedy
    monkeypatch.chdir(tmp_path / "small")
    assert find_lab(".").id == "small"


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_damage_to_a_file_gives_anything_but_a_usage_error(tmp_path: Path, data: st.DataObject) -> None:
    text = GOOD
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text)))
        piece = data.draw(st.sampled_from(PIECES))
        text = text[:at] + piece + text[at + data.draw(st.integers(0, 9)) :]
    try:
        read_lab(lab_of(tmp_path, text))
    except UsageError as error:
        assert "small" in str(error)


def test_a_new_lab_is_complete_enough_to_be_read_and_verified(tmp_path: Path) -> None:
    from packetlab.lab.authoring import run_solutions

    paths = new_lab(tmp_path, "my-first")
    lab = read_lab(tmp_path / "my-first")
    assert {path.name for path in paths} >= {"lab.md", "lab.py"}
    assert all(verdict.passed for verdict in run_solutions(lab, 1))


def test_code_that_cannot_be_imported_names_its_line(tmp_path: Path) -> None:
    folder = lab_of(tmp_path, GOOD)
    (folder / "lab.py").write_text("def check_ping(ev):\n    pass\n\nnope\n")
    with pytest.raises(UsageError, match=r"lab\.py, line 4: NameError"):
        _ = read_lab(folder).code
    (folder / "lab.py").write_text("def check_ping(ev:\n")
    with pytest.raises(UsageError, match=r"lab\.py, line 1: "):
        _ = read_lab(folder).code


def test_a_lab_of_ones_own_lives_in_any_folder(tmp_path: Path) -> None:
    from tests.lab.learner import Learner

    learner = Learner(tmp_path / "state")
    path = str(tmp_path / "mine" / "my-first")
    assert "lab.md" in learner.must("new", path).stdout
    assert "all steps pass" in learner.must("run", path, "--solution").stdout
    again = learner.says("new", path)
    assert again.returncode == 2 and "exists" in again.stderr
    wrong = learner.says("new", str(tmp_path / "My Lab"))
    assert wrong.returncode == 2 and "small letters" in wrong.stderr
