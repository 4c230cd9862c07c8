"""Answers: read as what the question asks for; what is no answer is refused before anything is sent."""

import pytest

from packetlab.lab.answers import read_answer
from packetlab.lab.format import Question, labs_folder, read_lab
from packetlab.lab.run import Running
from packetlab.model.errors import UsageError

CHOICE = Question("who", "one of", "Who speaks first?", ("client", "server", "servant"))


@pytest.mark.parametrize(("kind", "given", "value"), [
    ("number", " 1_000 ", 1000.0), ("mac", "02-1F-40-11-22-33", bytes.fromhex("021f40112233")),
    ("yes or no", "Y", True), ("word", "ARP", "arp"),
])  # fmt: skip
def test_an_answer_is_read_as_people_write_it(kind: str, given: str, value: object) -> None:
    assert read_answer(Question("q", kind, "?"), given) == value


@pytest.mark.parametrize(("given", "value"), [("client", "client"), ("C", "client"), ("server", "server")])
def test_a_choice_may_be_shortened_where_it_is_clear(given: str, value: str) -> None:
    assert read_answer(CHOICE, given) == value


@pytest.mark.parametrize(("question", "given", "remedy"), [
    (CHOICE, "serv", "one of client, server, servant"), (CHOICE, "", "one of"), (CHOICE, "router", "one of"),
    (Question("q", "number", "?"), "many", "as 4"), (Question("q", "ip", "?"), "10.0.0", "as 10.0.0.2"),
    (Question("q", "yes or no", "?"), "maybe", "as yes"),
])  # fmt: skip
def test_what_is_no_answer_gets_an_example(question: Question, given: str, remedy: str) -> None:
    with pytest.raises(UsageError, match="does not answer") as raised:
        read_answer(question, given)
    assert remedy in raised.value.remedy


def test_nothing_is_sent_for_a_prediction_that_is_none() -> None:
    lab = read_lab(labs_folder() / "first-packet")
    with Running(lab, 5) as run:
        run.begin(lab.steps[0])
        with pytest.raises(UsageError):
            run.check({"server": "three", "first": "client"})
        assert run.check({"server": "3"}).kind == "not yet"
        assert not run.frames(), "the frames would tell what is to be predicted"
        run.begin(lab.steps[0])
        assert run.check({"server": "3", "first": "client"}).passed
