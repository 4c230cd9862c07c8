"""A lab that a learner has started: one background process that holds the network and answers commands.

It is started and asked by client.py. The network, its captures and the control socket live and die with that
process. What must outlast it (progress, captures, the files that the learner writes) is written by storage.py as it
happens. Where this machine allows no namespaces, the same session runs in replay mode.
"""

import signal
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from packetlab.lab import storage
from packetlab.lab.client import session_name
from packetlab.lab.format import Lab, Step, read_lab
from packetlab.lab.recording import numbered
from packetlab.lab.replay import recorded_seed, replay, replay_frames
from packetlab.lab.run import Running
from packetlab.lab.values import new_seed
from packetlab.lab.verdict import Seen, Verdict
from packetlab.model.errors import NamespaceError, UsageError
from packetlab.model.frame import Frame
from packetlab.net import shared
from packetlab.net.control_server import Client, ControlServer, Last, Taken
from packetlab.net.remote import address

IDLE = 12 * 3600
"""Seconds without a command after which a forgotten lab ends."""
ROOM = 74
"""Columns of a diagram: what the window of lab watch has on a terminal of 80."""
MOST_LIVE = 5000
"""Frames of an attempt that `lab watch` gets; the newest."""
MOST_LINES = 2000
"""Frames in one answer to `lab frames`; the last."""
LIVE_AT_ONCE = 500
"""Frames in one answer to it."""


def _as_row(frame: Frame) -> list[Any]:
    return [frame.time, frame.interface, frame.direction, frame.link_type, frame.wire_length, frame.data.hex()]


def _work_file(lab: Lab, step: Step) -> Path:
    return storage.state_folder() / "work" / lab.id / step.file


class Session:
    """Answers the commands of one learner about one lab."""

    def __init__(self, lab: Lab, seed: int | None = None, *, force_replay: bool = False) -> None:
        self.lab = lab
        self.run: Running | None = None
        self.why_replay = "Replay was asked for." if force_replay else ""
        self._lock = threading.RLock()
        self._ended = threading.Event()
        self._last = time.monotonic()
        self.hints: dict[str, int] = {}
        self.attempt = 0
        """How many attempts have begun; a watcher sees by it that frames were put aside."""
        self._finished: tuple[int, list[Frame]] = (0, [])
        """The last attempt that was judged, and its frames in order of arrival."""
        self.shown: list[Any] = []
        """The frames of the last verdict, until there are new ones."""
        self._shown_capture = ""
        done = storage.passed_steps(lab)
        self.index = next((i for i, step in enumerate(lab.steps) if step.id not in done), 0)
        if self.step.of:
            self.index = lab.steps.index(lab.step(self.step.of))  # it needs frames of this session
        try:
            self.control = ControlServer(session_name(), self._answer)
        except Taken:
            raise UsageError("a lab is running already", remedy="packetlab lab stop") from None
        self.network_name = ""
        """What `packetlab net` calls the lab's network."""
        try:
            self._build(seed)
            self._begin()
        except BaseException:
            self.close()
            raise
        self.control.start()

    def _build(self, seed: int | None) -> None:
        self.seed = new_seed() if seed is None else seed
        if not self.why_replay:
            run = Running(self.lab, self.seed)
            try:
                self.run = run.__enter__()
            except NamespaceError as error:
                self.why_replay = f"This machine cannot make networks: {error}. Try: {error.remedy}."
            else:
                self.values = run.values
                self.diagram = run.net.diagram(ROOM)
                self._share()
                self.control.listen_in([host for host in run.net if not host.node.is_bridge])
                return
        from packetlab.net.diagram import draw

        self.seed = recorded_seed(self.lab)
        self.values, topology = self.lab.values(self.seed)
        self.diagram = draw(topology, ROOM)

    def _share(self) -> None:
        """Lets `packetlab net` find the network: under the lab's id, unless a network has that name already."""
        names = [self.lab.id, *(f"{self.lab.id}-{number}" for number in range(2, 10))]
        for name in names if not self.network_name else ():
            try:
                self.control.listen_as(address(name))
            except Taken:
                continue
            self.network_name = name
            return

    @property
    def step(self) -> Step:
        """The current one."""
        return self.lab.steps[self.index]

    @property
    def _is_done(self) -> bool:
        return len(storage.passed_steps(self.lab)) == len(self.lab.steps)

    @property
    def work_file(self) -> Path | None:
        """build: the learner's file."""
        return _work_file(self.lab, self.step) if self.step.file else None

    def _begin(self) -> None:
        self.attempt += 1
        path = self.work_file
        if path and not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self.lab.starter(self.step).read_bytes())
        if self.run:
            done = storage.passed_steps(self.lab)
            self.run.files = {step.id: _work_file(self.lab, step) for step in self.lab.steps
                              if step.file and step.id in done}  # fmt: skip
            self.run.program_file = path
            self.run.begin(self.step)

    def serve(self) -> None:
        """Until it is stopped, or forgotten."""
        signal.signal(signal.SIGTERM, lambda number, frame: self._ended.set())
        while not self._ended.wait(60):
            if time.monotonic() - self._last > IDLE:
                break
        self.close()

    def close(self) -> None:
        """Takes the network down."""
        with self._lock:
            if self.run:
                self.run.close()
                self.run = None
        self.control.close()

    # -- commands

    def _answer(self, request: dict[str, Any], client: Client) -> Any:
        self._last = time.monotonic()
        arguments = {key: value for key, value in request.items() if key != "do"}
        name = str(request["do"])
        if name in shared.REQUESTS:
            return self._answer_about_network(request, client)
        if name == "down":
            raise UsageError(f"{self.network_name} is the network of the running lab", remedy="packetlab lab stop")
        with self._lock:
            return getattr(self, "do_" + name)(**arguments)

    def _answer_about_network(self, request: dict[str, Any], client: Client) -> Any:
        if self.run is None:
            raise UsageError(f"there are no hosts in replay mode: {self.why_replay}")
        net, host = self.run.net, str(request.get("host", ""))
        if request["do"] == "run" and net[host].node.is_bridge:
            raise UsageError(f"{host} is a {net[host].kind}; it has no shell", remedy="choose a host")
        answer = shared.answer(net, request, client)
        if request["do"] == "describe":
            return answer | {"name": self.network_name, "source": str(self.lab.folder), "lab": self.lab.id}
        return answer

    def do_status(self) -> dict[str, Any]:
        """Where the learner is."""
        step = self.step
        automatic = bool(self.run) and step.kind in ("do", "fix") and self.lab.function("traffic", step) is None
        return {
            "lab": self.lab.id, "title": self.lab.title, "seed": self.seed, "replay": self.why_replay,
            "step": step.id, "number": self.index + 1, "of": len(self.lab.steps), "kind": step.kind,
            "step_title": step.title, "text": self.values.fill(step.text), "intro": self.values.fill(self.lab.intro),
            "questions": [{"name": q.name, "kind": q.kind, "text": self.values.fill(q.text),
                           "choices": list(q.choices)} for q in step.questions],
            "file": str(self.work_file or ""), "diagram": self.diagram, "passed": storage.passed_steps(self.lab),
            "steps": [{"id": each.id, "title": each.title, "kind": each.kind} for each in self.lab.steps],
            "hosts": [host.name for host in self.run.net if not host.node.is_bridge] if self.run else [],
            "automatic": automatic, "onward": storage.onward(self.lab) if self._is_done else "",
            "hints": [self.values.fill(hint) for hint in step.hints[: self.hints.get(step.id, 0)]],
        }  # fmt: skip

    def do_step(self, name: str = "") -> dict[str, Any]:
        """Goes to a step by id or number, "next" or "again"."""
        if name == "next":
            self.index = min(self.index + 1, len(self.lab.steps) - 1)
        elif name and name != "again":
            self.index = self.lab.steps.index(self.lab.step(name))
        if name:
            self._begin()
        return self.do_status()

    def do_check(self, given: Mapping[str, str] | None = None, quiet: bool = False, width: int = 80) -> dict[str, Any]:
        """Judges; a pass is remembered, and the next step begins. `width` is for the verdict's text."""
        step = self.step
        if self.run is None:
            verdict = replay(self.lab, step, given or {}, self.why_replay)
        else:
            verdict = self.run.check(given)
            if not quiet or verdict.passed:
                self.shown = self.run.last_frames
                self._finished = (self.attempt, self.run.frames())
                verdict.capture = ""
                if self.shown:
                    verdict.capture = storage.save_capture(self.lab.id, step.id, self.seed, self.shown)
                self._shown_capture = verdict.capture
        return self._told(step, verdict, quiet, width)

    def _told(self, step: Step, verdict: Verdict, quiet: bool, width: int) -> dict[str, Any]:
        answer = verdict.as_dict() | {"text": verdict.text(width), "after": verdict.after, "next": "", "done": False,
                                      "onward": "", "aside": False}  # fmt: skip
        if verdict.passed:
            storage.remember(self.lab.id, step.id, self.seed)
            answer["done"] = self._is_done
        onward = verdict.passed or (verdict.kind == "skipped" and not quiet)
        if onward and self.index + 1 < len(self.lab.steps):
            self.index += 1
            answer["next"] = self.step.id
            self._begin()
        elif onward:
            answer["onward"] = storage.onward(self.lab)
        elif not quiet and not verdict.passed and self.run:
            answer["aside"] = bool(self.run.last_frames) and not step.of  # those of an earlier step stay
            self._begin()
        return answer

    def do_hint(self) -> dict[str, Any]:
        """The next hint."""
        step = self.step
        level = min(self.hints.get(step.id, 0) + 1, len(step.hints))
        self.hints[step.id] = level
        text = self.values.fill(step.hints[level - 1]) if level else ""
        return {"step": step.id, "level": level, "of": len(step.hints), "text": text}

    def do_solution(self) -> dict[str, Any]:
        """The reference solution, with this attempt's values."""
        path = self.lab.solution(self.step)
        text = path.read_text(encoding="utf-8") if path else ""
        return {"step": self.step.id, "name": path.name if path else "",
                "text": text if self.step.file else self.values.fill(text)}  # fmt: skip

    def do_frames(self, since: int = 0, host: str = "", condition: str = "") -> dict[str, Any]:
        """The frames of this attempt (before the first, those of the last verdict): lines for people."""
        from packetlab.analysis.filter import parse

        frames = self._frames()
        old = not frames
        frames = frames or self.shown
        test = parse(self.values.fill(condition)) if condition else None
        seen = [Seen(frame, frame.interface) for frame in frames[since:]]
        zero = frames[0].time if frames else 0
        fit = [each for each in seen if (not host or each.place.split()[0] == host)
               and (test is None or test.matches(each.packet, each.frame))]  # fmt: skip
        lines = [each.line(zero) for each in fit[-MOST_LINES:]]
        capture = self._shown_capture if old else ""
        if frames and not old:
            capture = storage.save_capture(self.lab.id, self.step.of or self.step.id, self.seed, frames)
        return {"lines": lines, "fit": len(fit), "count": len(frames), "old": old, "capture": capture,
                "step": self.step.id}  # fmt: skip

    def _frames(self, *, arrival: bool = False) -> list[Frame]:
        """What a learner may look at now: this attempt's frames, behind those of an earlier step that this is about.

        In order of time, with numbers; with `arrival` in the order in which they came.
        """
        step = self.step
        if self.run is None:
            # The frames of a step that predicts would tell what will come.
            return replay_frames(self.lab, step) if step.kind == "observe" else []
        earlier = self.run.frames_of[step.of][0] if step.of in self.run.frames_of else []
        if arrival:
            return [*earlier, *self.run.frames()]
        now = numbered(self.run.frames())
        return [*earlier, *(replace(frame, number=frame.number + len(earlier)) for frame in now)]

    def do_live(self, since: int = 0, attempt: int = 0) -> dict[str, Any]:
        """The frames of an attempt in order of arrival, from the `since`th; of a newer one, once those are all told."""
        judged, frames = self._finished
        if attempt != judged or attempt == self.attempt or since >= len(frames):
            frames = self._frames(arrival=True)
            if attempt != self.attempt or since > len(frames):
                since = 0
            attempt = self.attempt
        since = max(since, len(frames) - MOST_LIVE)
        return {"attempt": attempt, "step": self.step.id, "since": since, "count": len(frames),
                "frames": [_as_row(frame) for frame in frames[since : since + LIVE_AT_ONCE]]}  # fmt: skip

    def do_reset(self, seed: int | None = None) -> dict[str, Any]:
        """A new network with new values; the step stays."""
        if self.run:
            self.control.listen_in([])
            self.run.close()
            self.run = None
        self.lab = read_lab(self.lab.folder)
        self.index = min(self.index, len(self.lab.steps) - 1)
        self._build(seed)
        self._begin()
        return self.do_status()

    def do_stop(self) -> Last:
        """What there is to say at the end, which comes once it was said."""
        told = {"lab": self.lab.id, "passed": storage.passed_steps(self.lab), "of": len(self.lab.steps)}
        return Last(told, self._ended.set)
