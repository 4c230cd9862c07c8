"""Replay mode: predict and observe steps on the capture that the reference solution produced.

For machines that allow no namespaces. labs/ID/captures holds one capture for each step and the seed of that run, so
that addresses in texts are those in the frames. Steps that need hosts are skipped, and say why.
"""

from collections.abc import Mapping
from pathlib import Path

from packetlab.lab.evidence import Evidence
from packetlab.lab.format import Lab, Step
from packetlab.lab.recording import interfaces_of, numbered, peers_of
from packetlab.lab.run import judge
from packetlab.lab.verdict import Verdict
from packetlab.model.errors import UsageError
from packetlab.model.frame import Frame

REPLAYED = ("predict", "observe")


def recorded_seed(lab: Lab) -> int:
    """The seed of the shipped captures; UsageError where there are none."""
    try:
        return int((lab.folder / "captures" / "seed").read_text(encoding="ascii"))
    except (OSError, ValueError):
        raise UsageError(f"the lab {lab.id} ships no capture", remedy=f"packetlab lab record {lab.id}") from None


def capture_of(lab: Lab, step: Step) -> Path:
    """The shipped capture with the frames that a step looks at."""
    return lab.folder / "captures" / f"{step.of or step.id}.pcapng"


def replay_frames(lab: Lab, step: Step) -> list[Frame]:
    """The shipped frames of a step."""
    from packetlab.capture import CaptureReader

    with CaptureReader(capture_of(lab, step)) as reader:
        return numbered(reader)


def replay(lab: Lab, step: Step, given: Mapping[str, str], why: str = "") -> Verdict:
    """Judges answers on the shipped capture. `why` says why there is no network."""
    import packetlab.protocols  # noqa: F401

    seed = recorded_seed(lab)
    verdict = Verdict("skipped", step.id, seed=seed, message=why)
    if step.kind not in REPLAYED or not capture_of(lab, step).is_file():
        verdict.message = f"a {step.kind} step needs a running network. {why}".strip()
        return verdict
    verdict.message = ""
    judge(lab, step, replay_evidence(lab, step, given), verdict)
    return verdict


def replay_evidence(lab: Lab, step: Step, given: Mapping[str, str]) -> Evidence:
    """What the shipped capture shows of a step."""
    values, topology = lab.values(recorded_seed(lab))
    frames = replay_frames(lab, step)
    span = (frames[0].time, frames[-1].time) if frames else (0, 0)
    return Evidence(frames, values, places=interfaces_of(topology), peers=peers_of(topology), span=span, given=given)
