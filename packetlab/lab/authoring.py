"""For those who write labs: the matrix that proves a lab's checks, and the recording of its captures.

Proven are the solution (passes, on several seeds), the untouched start (does not pass), every known mistake (does
not pass, and gets its own message) and the sniffers: blind, losing frames, blind from some moment on, or showing
nothing but canaries - with none of these may anything pass.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packetlab.lab.answers import Unanswered
from packetlab.lab.attempts import expected_message, make_attempt, solve
from packetlab.lab.format import Lab, Step
from packetlab.lab.recording import is_canary, numbered
from packetlab.lab.replay import REPLAYED, capture_of, recorded_seed, replay, replay_evidence
from packetlab.lab.run import Running, Within
from packetlab.lab.verdict import Inconclusive, NotYet, Verdict
from packetlab.model.errors import PacketLabError
from packetlab.model.frame import Frame

SEEDS = (1, 2, 3)
SNIFFERS = ("blind", "canaries alone", "blind midway", "dropping")


@dataclass(frozen=True, slots=True)
class Outcome:
    """One cell of the matrix."""

    lab: str
    step: str
    what: str
    """ "solution, seed 1", "untouched", "mistake wrong-end", "blind", ..."""
    ok: bool
    detail: str = ""


def run_solutions(
    lab: Lab, seed: int, *, within: Within | None = None, keep: Callable[[Running, Step], object] | None = None
) -> list[Verdict]:
    """Solves all steps in order on one network; stops at the first that is not passed."""
    verdicts = []
    with Running(lab, seed, within=within) as run:
        for step in lab.steps:
            verdicts.append(solve(run, step))
            if keep:
                keep(run, step)
            if not verdicts[-1].passed:
                break
    return verdicts


def matrix(
    lab: Lab, seeds: tuple[int, ...] = SEEDS, *, within: Within | None = None, short: bool = False
) -> Iterator[Outcome]:
    """Every cell, as it is found. `short`: one seed, and the two worst sniffers."""
    for seed in () if short else seeds:
        yield from _solutions(lab, seed, within)
    yield from _wrong_attempts(lab, seeds[0], within)
    yield from _bad_sniffers(lab, seeds[0], SNIFFERS[:2] if short else SNIFFERS, within)
    yield from _replays(lab)


def _solutions(lab: Lab, seed: int, within: Within | None) -> Iterator[Outcome]:
    try:
        verdicts = run_solutions(lab, seed, within=within)
    except PacketLabError as error:
        yield Outcome(lab.id, "all", f"solution, seed {seed}", False, f"{error} {error.remedy}")
        return
    for verdict in verdicts:
        detail = "" if verdict.passed else verdict.text()
        yield Outcome(lab.id, verdict.step, f"solution, seed {seed}", verdict.passed, detail)


def untouched(run: Running, step: Step) -> Verdict:
    """A check before the learner has done anything: no answer, no traffic, the file as it was given."""
    run.begin(step)
    run.program_file = run.lab.starter(step) if step.file else None
    try:
        return run.check({})
    except Unanswered as error:
        return Verdict("not yet", step.id, seed=run.seed, message=str(error))


def _wrong_attempts(lab: Lab, seed: int, within: Within | None) -> Iterator[Outcome]:
    """The untouched start and the mistakes of each step, then its solution, so that the next step can begin."""
    with Running(lab, seed, within=within) as run:
        for step in lab.steps:
            try:
                verdict = untouched(run, step)
                yield Outcome(lab.id, step.id, "untouched", verdict.kind == "not yet", verdict.text())
                paths = lab.mistakes(step)
                least = 1 if step.questions else 2
                if len(paths) < least:
                    detail = f"{len(paths)} mistakes for {step.id}; {least} at least"
                    yield Outcome(lab.id, step.id, "number of mistakes", False, detail)
                for path in paths:
                    message = run.fill(expected_message(lab, path))
                    verdict = solve(run, step, path)
                    text = " ".join(verdict.text(100_000).split())
                    ok = verdict.kind == "not yet" and " ".join(message.split()) in text
                    what = f"mistake {path.stem.partition('--')[2]}"
                    yield Outcome(lab.id, step.id, what, ok, "" if ok else f"wanted: {message}\n{verdict.text()}")
                verdict = solve(run, step)
                yield Outcome(lab.id, step.id, "solution after mistakes", verdict.passed, verdict.text())
            except PacketLabError as error:
                yield Outcome(lab.id, step.id, "runs", False, f"{error} {error.remedy}")
                return


class _Sniffer:
    """Spoils what the sniffers saw, once `on` is set."""

    def __init__(self, kind: str) -> None:
        self.kind, self.on = kind, False
        self.canaries = 0

    def __call__(self, frames: list[Frame]) -> list[Frame]:
        if not self.on:
            return frames
        if self.kind == "blind":
            return []
        if self.kind == "canaries alone":
            return [frame for frame in frames if is_canary(frame)]
        return frames  # "dropping": the count of lost frames does it


def _bad_sniffers(lab: Lab, seed: int, kinds: tuple[str, ...], within: Within | None) -> Iterator[Outcome]:
    """Each step is solved, but what the sniffers saw is spoilt while it is judged."""
    for kind in kinds:
        sniffer = _Sniffer("blind" if kind == "blind midway" else kind)
        with Running(lab, seed, disturb=sniffer, within=within) as run:
            for step in lab.steps:
                if step.of:
                    continue  # it looks at frames that were judged before
                path = lab.solution(step)
                if path is None:
                    continue
                sniffer.on = kind != "blind midway"
                run.begin(step)
                sniffer.on = False if kind == "blind midway" else sniffer.on
                try:
                    given = make_attempt(run, step, path)
                    sniffer.on = True
                    if kind == "dropping":
                        run.recording.lost += 1
                    verdict = run.check(given)
                except PacketLabError as error:
                    yield Outcome(lab.id, step.id, kind, False, str(error))
                    continue
                yield Outcome(lab.id, step.id, kind, not verdict.passed, verdict.text())


def _replays(lab: Lab) -> Iterator[Outcome]:
    for step in lab.steps:
        if step.kind not in REPLAYED:
            continue
        if not capture_of(lab, step).is_file():
            yield Outcome(lab.id, step.id, "replay", False, f"no capture; run: packetlab lab record {lab.id}")
            continue
        try:
            verdict = replay(lab, step, answers_for_replay(lab, step))
        except (PacketLabError, NotYet, Inconclusive) as error:
            yield Outcome(lab.id, step.id, "replay", False, str(error))
            continue
        yield Outcome(lab.id, step.id, "replay", verdict.passed, verdict.text())


def answers_for_replay(lab: Lab, step: Step) -> dict[str, str]:
    """The reference answers with the values of the recorded run; where they are code, what the lab itself computes."""
    from packetlab.lab.attempts import read_answers

    path = lab.solution(step)
    if path is not None and path.suffix == ".answer":
        values, _ = lab.values(recorded_seed(lab))
        return read_answers(values.fill(path.read_text(encoding="utf-8")), step)
    right = lab.function("answers", step)
    found = right(replay_evidence(lab, step, {})) if right else {}
    return {name: _as_typed(value) for name, value in found.items()}


def _as_typed(value: Any) -> str:
    if isinstance(value, tuple):  # a range of numbers
        return str(value[0])
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value.hex(":") if isinstance(value, bytes) else str(value)


def record(lab: Lab, seed: int, *, within: Within | None = None) -> list[Path]:
    """Runs the reference solution and writes what replay mode needs. PacketLabError where it does not pass."""
    from packetlab.capture.writer import CaptureWriter

    recorded: dict[str, list[Frame]] = {}

    def keep(run: Running, step: Step) -> None:
        if step.id in run.frames_of and not step.of:
            recorded[step.id] = numbered(run.frames_of[step.id][0])

    verdicts = run_solutions(lab, seed, within=within, keep=keep)
    if not verdicts[-1].passed:
        raise PacketLabError(f"the reference solution does not pass:\n{verdicts[-1].text()}",
                             remedy="mend it; the captures are as they were")  # fmt: skip
    folder = lab.folder / "captures"
    folder.mkdir(exist_ok=True)
    for old in folder.glob("*.pcapng"):
        old.unlink()
    for step_id, frames in recorded.items():
        words = [f"packetlab lab {lab.id}, step {step_id}, seed {seed}: the reference solution"]
        with CaptureWriter(folder / f"{step_id}.pcapng", comments=words) as writer:
            writer.write_all(frames)
    (folder / "seed").write_text(f"{seed}\n", encoding="ascii")
    return [folder / f"{step_id}.pcapng" for step_id in recorded]


def repeat(
    lab: Lab, times: int, *, within: Within | None = None
) -> Iterator[tuple[int, float, list[Verdict]]]:
    """The solution on so many seeds: (seed, seconds, verdicts)."""
    for seed in range(1, times + 1):
        start = time.perf_counter()
        verdicts = run_solutions(lab, seed, within=within)
        yield seed, time.perf_counter() - start, verdicts
