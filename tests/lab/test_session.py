"""A learner's way through a lab by commands alone, from the list to the last step, and what stands in the way."""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from packetlab.lab.attempts import read_do
from packetlab.lab.format import all_labs, read_lab
from packetlab.lab.prose import prose
from packetlab.net.network import Network
from tests.conftest import ROOT, missing
from tests.lab.learner import Learner

WIDTH = 80


@pytest.fixture
def learner(tmp_path: Path) -> Iterator[Learner]:
    with Learner(tmp_path / "state") as found:
        yield found


def status(learner: Learner) -> Any:
    return json.loads(learner.must("step", "--json").stdout)


def do_step(learner: Learner) -> None:
    """Does the current step as `lab solution` says, by the commands that its text names."""
    now = status(learner)
    told = json.loads(learner.must("solution", "--json").stdout)
    name, text = Path(told["name"]), told["text"]
    if now["file"]:
        Path(now["file"]).write_text(text)
        learner.must("check")
    elif name.suffix == ".answer":
        pairs = [line.split(":", 1) for line in text.splitlines() if ":" in line and not line.startswith("#")]
        answers = [f"{key.strip()}={value.strip()}" for key, value in pairs] or [text.strip()]
        learner.must("answer", *answers)
    else:
        for host, _, command in read_do(text, told["name"]):
            learner.says("shell", host, "--", "sh", "-c", command)
        learner.must("check")


@pytest.mark.parametrize("lab", ["hub-or-switch", "arp", "subnets"])
def test_a_newcomer_passes_a_lab_by_the_commands_that_its_texts_name(learner: Learner, lab: str) -> None:
    learner.must("start", lab, "--seed", "11")
    steps = [step["id"] for step in status(learner)["steps"]]
    for number, step in enumerate(steps, 1):
        assert status(learner)["step"] == step
        do_step(learner)
        row = next(row for row in json.loads(learner.must("list", "--json").stdout) if row["id"] == lab)
        assert row["passed"] == steps[:number]
    assert "done" in next(line for line in learner.must("list").stdout.splitlines() if f" {lab} " in line)
    assert json.loads(learner.must("progress", "--json").stdout)[lab] == {"passed": steps, "of": len(steps)}
    assert f"{len(steps)} of {len(steps)} steps are passed" in learner.must("stop").stdout


def test_behind_the_last_step_stands_what_is_done_and_what_comes_next(learner: Learner) -> None:
    learner.must("start", "first-packet", "--seed", "11")
    learner.must("step", "speak")
    do_step(learner)
    told = learner.must("answer", *look(learner)).stdout
    assert told.endswith("\nThat was the last step. Not yet passed: guess. `packetlab lab step guess` goes\nthere.\n")
    assert "passed" not in learner.must("step", "guess").stdout
    shown = learner.must("answer", "server=3", "first=client").stdout
    assert "Step 2 of 3 (do, passed): Ask something" in shown
    learner.must("step", "speak")
    do_step(learner)
    told = learner.must("answer", *look(learner)).stdout
    following = learner.must("list").stdout.split("Next: ")[1].strip()
    onward = f"You have passed all 3 steps. `packetlab lab stop` ends the lab, and `{following}` is next."
    for text in (told, learner.must("step").stdout, shown):
        assert onward in " ".join(text.split()) and max(map(len, text.splitlines())) <= WIDTH
    assert following != "packetlab lab start first-packet" and "That was the last step" in told


def look(learner: Learner) -> list[str]:
    """The right answers to the last step of first-packet, read off the frames."""
    frames = learner.must("frames", "c", "-Y", "udp").stdout.split()
    own, _, service = frames[frames.index("UDP") + 1 :][:3]
    return [f"service={service}", f"own={own}"]


def test_the_list_begins_with_the_lab_that_it_proposes_and_fits_the_screen(learner: Learner) -> None:
    told = learner.must("list").stdout.splitlines()
    first = next(line for line in told if line.startswith("  ")).split()[0]
    assert told[-1] == f"Next: packetlab lab start {first}"
    assert max(map(len, told)) <= WIDTH
    started = learner.must("start", first).stdout
    assert max(map(len, started.splitlines())) <= WIDTH and "Step 1 of" in started and "packetlab lab" in started


@pytest.mark.parametrize("lab", [lab.id for lab in all_labs()])
def test_no_text_of_a_lab_is_wider_than_a_terminal(lab: str) -> None:
    found = read_lab(ROOT / "labs" / lab)
    from packetlab.net.diagram import draw

    for seed in range(1, 12):  # addresses are of different lengths
        values, topology = found.values(seed)
        texts = [found.title, found.intro, *(
            text for step in found.steps
            for text in (step.text, *step.hints, step.after, *(question.text for question in step.questions))
        )]  # fmt: skip
        lines = [line for text in texts for line in prose(values.fill(text), WIDTH).split("\n")]
        lines += draw(topology, WIDTH).split("\n")
        assert not [line for line in lines if len(line) > WIDTH]


def test_a_step_that_was_passed_stays_passed_whatever_comes_after(learner: Learner) -> None:
    learner.must("start", "hub-or-switch")
    learner.must("answer", "switch=0", "hub=4")
    learner.must("step", "guess")
    assert learner.says("answer", "switch=4", "hub=4").returncode == 1
    learner.must("reset", "--seed", "3")
    learner.must("stop")
    progress = learner.state / "packetlab" / "progress.jsonl"
    progress.write_text(progress.read_text() + '{"lab": "hub-or-sw')  # a line that was cut off
    assert json.loads(learner.must("progress", "--json").stdout)["hub-or-switch"]["passed"] == ["guess"]
    assert "1/4" in learner.must("list").stdout


def test_reset_gives_other_addresses_and_a_seed_the_same(learner: Learner) -> None:
    first = json.loads(learner.must("start", "hub-or-switch", "--seed", "21", "--json").stdout)["diagram"]
    assert json.loads(learner.must("reset", "--seed", "22", "--json").stdout)["diagram"] != first
    assert json.loads(learner.must("reset", "--seed", "21", "--json").stdout)["diagram"] == first


def test_the_introduction_is_shown_with_the_first_step_and_wherever_it_is_asked_for(learner: Learner) -> None:
    begun = learner.must("start", "first-packet", "--seed", "3").stdout
    words = begun.partition("\n")[0], "You are the client."
    for shown in (begun, learner.must("step").stdout, learner.must("step", "again").stdout,
                  learner.must("reset", "--seed", "4").stdout):  # fmt: skip
        assert all(each in shown for each in words), shown
    assert words[1] not in learner.must("step", "next").stdout and words[1] not in learner.must("step").stdout
    assert words[1] in learner.must("step", "--intro").stdout


def test_hints_come_one_after_the_other_and_a_verdict_names_its_capture(learner: Learner) -> None:
    learner.must("start", "hub-or-switch", "--seed", "1")
    told = [json.loads(learner.must("hint", "--json").stdout) for _ in range(4)]
    assert [each["level"] for each in told] == [1, 2, 3, 3] and len({each["text"] for each in told}) == 3
    wrong = learner.says("answer", "switch=4", "hub=4")
    assert wrong.returncode == 1 and "NOT YET" in wrong.stdout and "same number" in wrong.stdout
    path = wrong.stdout.split("packetlab show ")[1].removeprefix("\\\n").split()[0]
    assert Path(path).expanduser().stat().st_size > 1000
    frames = learner.must("frames", "b3", "-Y", "icmp").stdout
    assert frames.count("ICMP echo") == 4


def test_what_is_tried_while_a_step_asks_about_earlier_frames_is_seen_behind_them(learner: Learner) -> None:
    learner.must("start", "hub-or-switch", "--seed", "2")
    learner.must("answer", "switch=0", "hub=4")
    for host, other in (("a1", "a2"), ("b1", "b2")):
        learner.must("shell", host, "--", "packetlab", "ping", "-c", "2", "-i", "0.1", other)
    assert json.loads(learner.must("check", "--json").stdout)["next"] == "look"
    before = json.loads(learner.must("frames", "a1", "--json").stdout)["lines"]
    learner.must("shell", "a1", "--", "packetlab", "ping", "-c", "1", "a3")
    after = json.loads(learner.must("frames", "a1", "--json").stdout)["lines"]
    assert after[: len(before)] == before and len(after) > len(before)
    numbers = [int(line.split()[0]) for line in after]
    assert numbers == sorted(set(numbers))


def test_where_an_answer_is_left_out_the_attempt_goes_on_and_the_open_question_is_named(learner: Learner) -> None:
    learner.must("start", "hub-or-switch", "--seed", "2")
    learner.must("shell", "a1", "--", "packetlab", "ping", "-c", "1", "a2")
    before = json.loads(learner.must("frames", "--json").stdout)["count"]
    done = learner.says("answer", "switch=0")
    assert done.returncode == 2 and not done.stdout, done.stdout
    assert done.stderr == ("packetlab: no answer to hub; nothing was judged or sent\n"
                           "  try: all at once: packetlab lab answer switch=0 hub=...\n")  # fmt: skip
    assert json.loads(learner.must("frames", "--json").stdout)["count"] >= before > 0
    learner.must("step", "again")  # a ping more spoils what is to be counted in this step
    assert "PASS" in learner.must("answer", "switch=0", "hub=0x4").stdout


@pytest.mark.parametrize(("words", "code", "said", "remedy"), [
    (("check",), 2, "no lab is running", "packetlab lab start"),
    (("start", "hub-or-swich"), 2, "there is no lab 'hub-or-swich'", "did you mean hub-or-switch?"),
    (("start",), 2, "Missing argument", ""),
    (("run", "arp"), 2, "without --solution", "packetlab lab start arp"),
])  # fmt: skip
def test_what_cannot_be_done_is_one_sentence_with_its_remedy(
    learner: Learner, words: tuple[str, ...], code: int, said: str, remedy: str
) -> None:
    done = learner.says(*words)
    assert done.returncode == code and said in done.stderr and remedy in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("words", "said"), [
    (("start", "arp"), "the lab hub-or-switch is running"),
    (("check",), "waits for answers"),
    (("answer", "seven"), "does not say which question"),
    (("step", "9"), "no step '9'"),
    (("shell", "c9"), "no node 'c9'"),
    (("shell", "sw"), "is a switch"),
    (("frames", "-Y", "ip.nonsense == 1"), "ip.nonsense"),
])  # fmt: skip
def test_in_a_running_lab_too(learner: Learner, words: tuple[str, ...], said: str) -> None:
    learner.must("start", "hub-or-switch")
    done = learner.says(*words)
    assert done.returncode == 2 and said in done.stderr and "Traceback" not in done.stderr, done.stderr


def test_where_namespaces_are_forbidden_predict_and_observe_run_on_the_shipped_capture(tmp_path: Path) -> None:
    """The limit is one of the virtual host's own user namespace; the learner's commands run in there, for real."""
    network = Network()
    network.host("a", "10.0.0.1/24")
    network.host("b", "10.0.0.2/24")
    network.link("a", "b")
    commands = [
        "echo 0 > /proc/sys/user/max_user_namespaces || exit 99",
        "lab start hub-or-switch", "lab answer switch=0 hub=4", "lab check", "lab step look",
        "lab frames a3", "lab step guess", "lab frames", "doctor", "lab stop",
    ]  # fmt: skip
    script = "\n".join(f'echo "== {each}"; "$0" -m packetlab.cli.main {each}' if number else each
                       for number, each in enumerate(commands))  # fmt: skip
    environment = {"XDG_STATE_HOME": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    with network:
        done = network["a"].run(["sh", "-c", script, sys.executable], env=environment, timeout=120)
    if done.returncode == 99:
        missing(done.stderr)
    said = dict(part.split("\n", 1) for part in done.stdout.split("== ")[1:])
    assert "Replay mode" in said["lab start hub-or-switch"] and "max_user_namespaces" in " ".join(
        said["lab start hub-or-switch"].split())  # fmt: skip
    assert "PASS: guess" in said["lab answer switch=0 hub=4"]
    assert "SKIPPED: ping" in said["lab check"] and "needs a running network" in said["lab check"]
    assert "ARP who has" in said["lab frames a3"]
    assert "Nothing was seen yet" in said["lab frames"], "the frames that are to be predicted are not shown"
    assert "no  virtual network" in said["doctor"] and "sysctl user.max_user_namespaces" in said["doctor"]
    assert "replay mode" in said["doctor"]
    assert "1 of 4 steps are passed" in said["lab stop"]
