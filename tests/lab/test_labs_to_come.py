"""Labs of system design and congestion control are written in the format as it is: three of them, small but real.

They are in labs/ beside this file, outside the package, as a teacher's own would be. Proved of them is what is proved
of those in the package, and what they alone need: a learner's program that serves in a later step, services that end
while the lab runs, availability and round trips out of the frames.
"""

import json
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from packetlab.cli.within import within
from packetlab.lab.attempts import make_attempt, solve
from packetlab.lab.authoring import SEEDS, matrix, record
from packetlab.lab.evidence import Evidence
from packetlab.lab.format import TRACKS, Lab, all_labs, read_lab
from packetlab.lab.run import Running
from packetlab.model.errors import NamespaceError, UsageError
from packetlab.net import probe
from tests.conftest import missing
from tests.lab.learner import Learner

LABS = Path(__file__).with_name("labs")
NAMES = sorted(path.parent.name for path in LABS.glob("*/lab.md"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the labs, as recording writes captures beside them."""
    try:
        probe()
    except NamespaceError as error:
        missing(f"virtual networks are not there: {error}")
    return shutil.copytree(LABS, tmp_path_factory.mktemp("labs"), dirs_exist_ok=True)


@pytest.fixture
def balancing(folder: Path) -> Iterator[Running]:
    with Running(read_lab(folder / "lb-basic"), 5) as run:
        yield run


def settled(run: Running) -> Evidence:
    """All that was sent until now."""
    run.settle()
    return run.look()


def test_there_are_three() -> None:
    assert NAMES == ["fast-retransmit", "lb-basic", "nines"]


@pytest.mark.parametrize("name", NAMES)
def test_it_is_read_by_the_format_as_it_is_and_complete(name: str) -> None:
    lab = read_lab(LABS / name)
    assert lab.track in TRACKS and lab.concepts and lab.intro
    for step in lab.steps:
        assert step.text and step.after and len(step.hints) == 3 and all(step.hints), step.id
        assert lab.solution(step) and len(lab.mistakes(step)) >= (1 if step.questions else 2), step.id
        assert not step.file or lab.starter(step).is_file(), step.id


@pytest.mark.parametrize("name", NAMES)
def test_solutions_pass_on_three_seeds_the_start_and_mistakes_do_not_nor_anything_with_a_spoilt_sniffer(
    folder: Path, name: str
) -> None:
    lab = read_lab(folder / name)
    record(lab, 7, within=within)
    outcomes = list(matrix(lab, within=within))
    wrong = [outcome for outcome in outcomes if not outcome.ok]
    assert not wrong, "\n\n".join(f"{each.step}, {each.what}:\n{each.detail}" for each in wrong)
    proved = {outcome.what for outcome in outcomes}
    assert proved >= {*(f"solution, seed {seed}" for seed in SEEDS), "untouched", "blind", "canaries alone",
                      "blind midway", "dropping", "replay"}  # fmt: skip
    mistakes = {path.stem.partition("--")[2] for step in lab.steps for path in lab.mistakes(step)}
    assert proved >= {f"mistake {each}" for each in mistakes}


def test_a_folder_of_ones_own_labs_is_run_by_path_and_listed_where_the_environment_names_it(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learner = Learner(tmp_path / "state")
    assert "all steps pass" in learner.must("run", str(folder / "nines"), "--solution").stdout
    monkeypatch.setenv("PACKETLAB_LABS", str(folder))
    learner.environment["PACKETLAB_LABS"] = str(folder)
    assert [lab.id for lab in all_labs()] == ["fast-retransmit", "lb-basic", "nines"]
    assert "all steps pass" in learner.must("run", "nines", "--solution").stdout
    assert [row["id"] for row in json.loads(learner.must("list", "--json").stdout)] == [lab.id for lab in all_labs()]


# ------------------------------------------------------------ what a learner wrote serves in later steps


def written(lab: Lab, folder: Path, says: str) -> Path:
    """A balancer that works, and says whose it is."""
    step = lab.step("balancer")
    solution = lab.solution(step)
    assert solution is not None
    path = folder / step.file
    path.write_text(solution.read_text().replace("listener =", f"print({says!r})\nlistener =", 1))
    return path


def test_a_program_that_passed_serves_in_a_later_step_and_until_then_that_of_the_solution(
    balancing: Running, tmp_path: Path
) -> None:
    run, lab = balancing, balancing.lab
    use, balancer = lab.step("use"), lab.step("balancer")

    def served() -> tuple[str, list[int]]:
        run.begin(use)
        statuses = [run.fetch("c", "http://{lb.c.ip}:{port}/") for _ in range(3)]
        verdict = run.check()
        assert verdict.passed, verdict.text()
        return verdict.output, statuses

    assert served() == ("", [200] * 3)
    assert solve(run, balancer, written(lab, tmp_path, "this is mine")).passed
    assert served() == ("this is mine\n", [200] * 3)
    wrong = tmp_path / "wrong.py"
    wrong.write_text("raise SystemExit('wrong')\n")
    assert not solve(run, balancer, wrong).passed
    assert served() == ("this is mine\n", [200] * 3), "what does not pass is not taken"


def test_a_learner_stops_and_comes_back_and_their_balancer_still_serves(folder: Path, tmp_path: Path) -> None:
    with Learner(tmp_path / "state") as learner:
        lab = read_lab(folder / "lb-basic")
        for seed in ("3", "4"):
            learner.must("start", str(folder / "lb-basic"), "--seed", seed)
            if seed == "3":
                learner.must("step", "balancer")
                now = json.loads(learner.must("step", "--json").stdout)
                shutil.copy(written(lab, tmp_path, "this is mine"), now["file"])
                learner.must("check")
            learner.must("step", "use")
            not_yet = learner.says("check")
            assert not_yet.returncode == 1 and "| this is mine" in not_yet.stdout, not_yet.stdout
            learner.must("stop")


def test_what_no_build_step_has_written_cannot_be_run(balancing: Running) -> None:
    balancing.begin(balancing.lab.step("use"))
    with pytest.raises(UsageError, match="there is no program to run") as raised:
        balancing.program("lb")
    assert "of=STEP" in raised.value.remedy
    with pytest.raises(UsageError, match="use has no program"):
        balancing.program("lb", of="use")
    with pytest.raises(UsageError, match="has no step 'nothing'"):
        balancing.program("lb", of="nothing")


def test_a_program_is_waited_for_until_it_listens_and_not_where_it_has_ended(
    balancing: Running, tmp_path: Path
) -> None:
    run = balancing
    run.begin(run.lab.step("balancer"))
    run.program_file = tmp_path / "program.py"
    run.program_file.write_text("import socket, sys, time\ntime.sleep(0.3)\n"
                                "s = socket.create_server(('', int(sys.argv[1])))\ntime.sleep(60)\n")  # fmt: skip
    run.program("lb", "{port}", port="{port}")
    assert run.fetch("c", "http://{lb.c.ip}:{port}/", timeout=0.05) == 0, "it listens, and says nothing"
    seen = settled(run).at("c").connections("tcp.dstport == {port}")
    assert [bool(one.accepted) for one in seen] == [True]
    run.program_file.write_text("raise SystemExit(3)\n")
    start = time.monotonic()
    ended = run.program("lb", port=9999)
    assert ended.wait() == 3 and time.monotonic() - start < 2.5


# ------------------------------------------------------------ requests


def test_a_fetch_gives_the_status_or_0_where_none_came(balancing: Running) -> None:
    run = balancing
    run.begin(run.lab.step("balancer"))
    answers = {"/status/204": 204, "/status/503": 503, "/echo?a=b": 200, "/cut": 0, "/reset": 0, "/nonsense": 0}
    assert {path: run.fetch("lb", f"http://{{s1.ip}}{path}") for path in answers} == answers
    assert run.fetch("lb", "http://{s1.ip}:81/") == 0
    assert run.fetch("lb", "http://{s1.ip}/never", timeout=0.05) == 0
    asked = settled(run).at("s1").connections()
    assert asked[2].asked.startswith(b"GET /echo?a=b HTTP/1.1\r\nHost: ")
    assert [one.status for one in asked] == [204, 503, 200, 200, 200, 0, 0, 0]  # /cut and /reset begin well
    assert [bool(one.refused) for one in asked] == [False] * 6 + [True, False]


def test_many_may_ask_at_once(balancing: Running) -> None:
    run = balancing
    run.begin(run.lab.step("balancer"))
    with ThreadPoolExecutor(40) as pool:
        asked = [pool.submit(run.fetch, "lb", "http://{s1.ip}/delay/0.2", timeout=15) for _ in range(40)]
        assert [each.result() for each in asked] == [200] * 40
    found = settled(run).at("s1").connections()
    assert len({one.client_port for one in found}) == 40 and {one.status for one in found} == {200}
    first = min(one.back.segments[0].seen.time for one in found)
    assert sum(one.hello.time < first for one in found) > 1, "they waited for each other"


def test_a_service_that_is_stopped_refuses_until_it_is_started_again(balancing: Running) -> None:
    run = balancing
    run.begin(run.lab.step("balancer"))
    service = run.service("s2")
    statuses = []
    for act in (service.stop, service.start):
        act()
        statuses.append(run.fetch("lb", "http://{s2.ip}/"))
    assert statuses == [0, 200]
    assert [bool(one.refused) for one in settled(run).at("s2").connections()] == [True, False]


def test_a_service_is_as_a_step_left_it_when_the_next_one_begins(balancing: Running) -> None:
    # What the README says: begin_ puts back what a step needs.
    run = balancing
    run.begin(run.lab.step("balancer"))
    run.service("s1").stop()
    make_attempt(run, run.lab.step("use"), LABS / "lb-basic" / "mistakes" / "use--once.do")
    run.begin(run.lab.step("use"))
    assert run.service("s1").state == "stopped"


def test_behind_a_wire_that_loses_all_a_host_is_silent_and_its_capture_can_still_be_trusted(folder: Path) -> None:
    lab = read_lab(folder / "fast-retransmit")
    with Running(lab, 5) as run:
        run.begin(lab.step("lost"))
        for loss, heard in (("100%", []), ("0%", ["out"])):
            run.net.wire("c", "s").change(loss=loss)
            with run["c"].socket() as sock:
                sock.settimeout(0.2 if loss == "100%" else 15)
                assert (sock.connect_ex((run.value("s.c.ip"), int(run.value("port")))) == 0) is bool(heard)
            assert [seen.direction for seen in settled(run).at("s", "c").all("tcp.flags.syn == 1 && tcp.flags.ack == 1")
                    ] == heard  # fmt: skip
        frames, blind = run.recording.finish()
        assert frames and not blind
