"""Answers: read as what the question asks for; what is no answer is refused before anything is sent."""

import pytest

from packetlab.lab.answers import read_answer
from packetlab.lab.format import Question, labs_folder, read_lab
from packetlab.lab.run import Running
from packetlab.model.errors import UsageError

CHOICE = Question("who", "one of", "Who speaks first?", ("client", "server", "servant"))


@pytest.mark.parametrize(("kind", "given", "value"), [
    ("number", " 1_000 ", 1000.0), ("mac", "02-1F-40-11-22-33", bytes.fromhex("021f40112233")),
    ("yes or no", "Y", True), ("word", "ARP", "arp"), ("number", "0x26", 38.0), ("number", "0X1f", 31.0),
])  # fmt: skip
def test_an_answer_is_read_as_people_write_it(kind: str, given: str, value: object) -> None:
    assert read_answer(Question("q", kind, "?"), given) == value


@pytest.mark.parametrize(("given", "value"), [("client", "client"), ("C", "client"), ("server", "server")])
def test_a_choice_may_be_shortened_where_it_is_clear(given: str, value: str) -> None:
    assert read_answer(CHOICE, given) == value


@pytest.mark.parametrize(("question", "given", "said", "remedy"), [
    (CHOICE, "serv", "'serv' is no choice for who", "one of client, server, servant"),
    (CHOICE, "", "'' is no choice for who", "one of client, server, servant"),
    (CHOICE, "router", "'router' is no choice for who", "one of client, server, servant"),
    (Question("q", "number", "?"), "six", "q asks for a number, and 'six' is none", "as 4"),
    (Question("q", "number", "?"), "0x2g", "q asks for a number, and '0x2g' is none", "as 4"),
    (Question("q", "number", "?"), "inf", "q asks for a number, and 'inf' is none", "as 4"),
    (Question("q", "number", "?"), "0x" + "f" * 300, "f' is none", "as 4"),
    (Question("q", "ip", "?"), "10.0.0", "q asks for an IP address, and '10.0.0' is none", "as 10.0.0.2"),
    (Question("q", "mac", "?"), "02:1f", "q asks for a MAC address, and '02:1f' is none", "as 02:1f:40:11:22:33"),
    (Question("q", "yes or no", "?"), "maybe", "q asks for yes or no, and 'maybe' is neither", "as yes"),
])  # fmt: skip
def test_what_is_no_answer_gets_a_sentence_and_an_example(
    question: Question, given: str, said: str, remedy: str
) -> None:
    with pytest.raises(UsageError) as raised:
        read_answer(question, given)
    assert said in str(raised.value) and raised.value.remedy == remedy


def test_nothing_is_sent_for_a_prediction_that_is_none() -> None:
    lab = read_lab(labs_folder() / "first-packet")
    with Running(lab, 5) as run:
        run.begin(lab.steps[0])
        with pytest.raises(UsageError):
            run.check({"server": "three", "first": "client"})
        with pytest.raises(UsageError, match="no answer to first") as raised:
            run.check({"server": "3", "first": " "})
        assert raised.value.remedy == "all at once: packetlab lab answer server=3 first=..."
        assert not run.frames(), "the frames would tell what is to be predicted"
        run.begin(lab.steps[0])
        assert run.check({"server": "3", "first": "client"}).passed


def test_a_wrong_answer_gets_its_diagnosis_however_it_was_written() -> None:
    lab = read_lab(labs_folder() / "first-packet")
    with Running(lab, 5) as run:
        for given in ({"server": "6", "first": "client"}, {"server": "0x6", "first": "CL"}):
            run.begin(lab.steps[0])
            told = run.check(given).text()
            assert "You counted both directions" in told and "you said 6;" in told, told
