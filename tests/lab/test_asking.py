"""`packetlab lab answer`: each answer is looked at when it is typed; what names no question hears which there are."""

import sys
from collections.abc import Iterator

import pytest

from packetlab.model.errors import NamespaceError
from packetlab.net import probe
from tests.conftest import missing
from tests.lab.learner import Learner
from tests.on_terminal import OnTerminal


@pytest.fixture(scope="module")
def learner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Learner]:
    try:
        probe()
    except NamespaceError as error:
        missing(f"virtual networks are not there: {error}")
    with Learner(tmp_path_factory.mktemp("state")) as found:
        found.must("start", "layers", "--seed", "5")
        yield found


def test_what_is_no_answer_is_asked_for_again_at_once_and_costs_no_other(learner: Learner) -> None:
    env = {name: value for name, value in learner.environment.items() if name != "COLUMNS"}
    with OnTerminal([sys.executable, "-m", "packetlab.cli.main", "lab", "answer"], env=env) as terminal:
        asked = terminal.until("macs: ")
        assert "(a number)" in asked and max(map(len, asked.replace("\r", "").split("\n"))) <= 80
        terminal.type("tow\n")
        assert "macs asks for a number, and 'tow' is none" in terminal.until("macs: ")
        terminal.type("2\n")
        terminal.until("ips: ")
        terminal.type("1\n")
        terminal.until("name: ")
        terminal.type("perhaps\n")
        assert "asks for yes or no" in terminal.until("name: ")
        terminal.type("yes\n")
        terminal.until("page: ")
        terminal.type("yes\n")
        assert terminal.ends(60) == 1 and "NOT YET: guess" in terminal.seen


@pytest.mark.parametrize(("words", "said", "remedy"), [
    (["differ=x"], "this step has no question 'differ'", "there are: "),
    (["mac=2"], "this step has no question 'mac'", "there are: macs, "),
    (["macs=2", "pages=no"], "this step has no question 'pages'", "there are: page, "),
    (["2"], "'2' does not say which question it answers", "as macs=2; there are: macs, ips, name, page"),
    (["macs=2", "macs=3"], "macs is answered twice: '2' and '3'", "one of them"),
])  # fmt: skip
def test_what_names_no_question_is_told_which_there_are_the_nearest_first(
    learner: Learner, words: list[str], said: str, remedy: str
) -> None:
    done = learner.says("answer", *words)
    assert done.returncode == 2 and said in done.stderr and remedy in done.stderr


def test_a_step_with_one_question_needs_no_name_but_a_wrong_one_is_told(learner: Learner) -> None:
    learner.must("stop")
    learner.must("start", "arp", "--seed", "5")
    learner.must("step", "second")
    wrong = learner.says("answer", "frame=0")
    assert wrong.returncode == 2 and "no question 'frame'" in wrong.stderr and "there is: frames" in wrong.stderr
    learner.must("answer", "0")
