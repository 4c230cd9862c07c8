"""Every lab of labs/, as soon as its folder is there: a short form of `packetlab lab verify`.

The long one, over three seeds and with repetitions, is that command.
"""

import pytest

from packetlab.cli.within import within
from packetlab.lab.attempts import missing_programs, solve
from packetlab.lab.authoring import matrix
from packetlab.lab.evidence import Evidence
from packetlab.lab.format import TRACKS, Lab, lab_names, labs_folder, read_lab
from packetlab.lab.run import Running
from packetlab.model.errors import NamespaceError
from packetlab.net import probe
from tests.conftest import missing

NAMES = lab_names()


@pytest.fixture(scope="session")
def virtual_networks() -> None:
    try:
        probe()
    except NamespaceError as error:
        missing(f"virtual networks are not there: {error}")


def lab_of(name: str) -> Lab:
    lab = read_lab(labs_folder() / name)
    if lacking := missing_programs(lab):
        missing(f"needs the program {lacking[0]}")
    return lab


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.usefixtures("virtual_networks")
def test_its_solution_passes_its_mistakes_get_their_message_and_a_blind_sniffer_passes_nothing(name: str) -> None:
    wrong = [outcome for outcome in matrix(lab_of(name), seeds=(4,), within=within, short=True) if not outcome.ok]
    assert not wrong, "\n\n".join(f"{each.step}, {each.what}:\n{each.detail}" for each in wrong)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.usefixtures("virtual_networks")
def test_whoever_looks_at_all_steps_first_and_comes_back_can_pass_them_all(name: str) -> None:
    lab = lab_of(name)
    with Running(lab, 4, within=within) as run:
        for step in lab.steps:  # a step that is to be repaired breaks the network as soon as it is looked at
            run.begin(step)
        wrong = [verdict.text() for verdict in (solve(run, step) for step in lab.steps) if not verdict.passed]
    assert not wrong, "\n\n".join(wrong)


@pytest.mark.parametrize("name", NAMES)
def test_it_is_complete(name: str) -> None:
    lab = lab_of(name)
    assert lab.track in TRACKS and lab.concepts and lab.intro
    assert set(lab.after) <= set(NAMES), f"{name} comes after a lab that does not exist"
    for step in lab.steps:
        assert step.text and step.after, f"{step.id} lacks its text or what is said after it"
        assert len(step.hints) == 3 and all(step.hints), f"{step.id} has {len(step.hints)} hints"
        assert lab.solution(step), f"{step.id} has no solution"
        assert len(lab.mistakes(step)) >= (1 if step.questions else 2), f"{step.id} has too few mistakes"
        assert not step.file or lab.starter(step).is_file(), f"{step.id} has no start/{step.file}"


def test_sockets_does_not_take_a_right_port_for_one_turned_round_where_both_its_bytes_are_alike() -> None:
    lab = read_lab(labs_folder() / "sockets")
    values, _ = lab.values(1)
    diagnose = lab.function("diagnose", lab.step("table"))
    assert diagnose is not None
    right = {"listen": 29456, "open": 5, "waits": 0xD8D8}
    given = {name: str(value) for name, value in right.items()}
    evidence = Evidence([], values, places=[])
    assert "It is no connection" in diagnose(evidence, given | {"open": "6"}, right)
    assert "turned the bytes" in diagnose(evidence, given | {"listen": str(0x1073)}, right)
