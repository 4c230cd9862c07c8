"""An attempt at a lab on a running network: begin a step, act, check, until all steps are passed.

The engine's one way through a step, used by the learner's session, by `lab run --solution`, by the tests and by the
recording of captures: begin_<step>, canaries, the learner's (or a solution's) traffic, traffic_<step>, canaries,
answers_<step> and check_<step> on the evidence. What a lab's own functions are given is `Running`.
"""

import contextlib
import random
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, TypeVar

from packetlab.lab import answers
from packetlab.lab.evidence import Evidence
from packetlab.lab.format import Lab, Step
from packetlab.lab.program import Program, failed_at, functions_of, own_path
from packetlab.lab.recording import Disturb, Recording
from packetlab.lab.verdict import Inconclusive, NotYet, Seen, Verdict
from packetlab.model.errors import PacketLabError, UsageError
from packetlab.model.frame import Frame

T = TypeVar("T")
PATIENCE = 3.0
Within = Callable[[Any, list[str]], bool]
"""Runs the words of a command in a host, without a process of its own; False: it cannot, and has done nothing."""


class Running:
    """A lab whose network is up: what setup, begin_, traffic_ functions and solutions work with."""

    def __init__(
        self, lab: Lab, seed: int, *, disturb: Disturb | None = None, within: Within | None = None
    ) -> None:  # fmt: skip
        import packetlab.protocols  # noqa: F401
        from packetlab.net.network import Network

        self.lab, self.seed = lab, seed
        self.values, topology = lab.values(seed)
        self.net = Network(lab.id)
        self.net.topology = topology
        self.notes: dict[str, Any] = {}
        """For what begin_ and traffic_ functions want to tell checks; kept until the network goes down."""
        self.program_file: Path | None = None
        """build: the learner's file."""
        self.files: dict[str, Path] = {}
        """The learner's files of the build steps that were passed, by step."""
        self.frames_of: dict[str, tuple[list[Frame], dict[str, str], tuple[int, int]]] = {}
        """The evidence of the steps that were passed, for steps that look at them again."""
        self._stack = contextlib.ExitStack()
        self._for_step = contextlib.ExitStack()
        self._programs: list[Program] = []
        self._disturb = disturb
        self.within = within
        """How the commands of solutions are run where that is possible: starting a process takes longer."""
        self.step: Step | None = None
        self.last_frames: list[Frame] = []
        """What the last verdict looked at; none where there was nothing to judge."""

    def __enter__(self) -> "Running":
        try:
            self._stack.enter_context(self.net)
            self.recording = self._stack.enter_context(Recording(self.net, self._disturb))
            if setup := self.lab.function("setup"):
                setup(self)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Takes all down."""
        self._for_step.close()
        self._stack.close()

    # -- for labs

    def __getitem__(self, name: str) -> Any:
        """A host of the network."""
        return self.net[name]

    def value(self, name: str) -> str:
        """A value by its name: "lan.h1", "h2.mac"."""
        return self.values.text(name)

    def fill(self, text: str) -> str:
        """The text with {values} filled in."""
        return self.values.fill(text)

    def random(self, what: str = "") -> random.Random:
        """Chance from the seed, the same for the same `what`."""
        return self.values.random(what)

    def serve(self, server: AbstractContextManager[T]) -> T:
        """Keeps a server (or any context) open: from setup until the end, from elsewhere until the step is over."""
        return (self._stack if self.step is None else self._for_step).enter_context(server)

    def run(self, host: str, command: str | list[str], **options: Any) -> "subprocess.CompletedProcess[str]":
        """Runs a command in a host to its end; {values} in it are filled in. `python3` is the one we run on."""
        words = ["/bin/sh", "-c", self.fill(command)] if isinstance(command, str) else [*map(self.fill, command)]
        options.setdefault("env", {"PATH": own_path()})
        return self.net[host].run(words, **options)

    def start(self, host: str, command: str | list[str]) -> Program:
        """Starts a command in a host; it is ended with the step."""
        words = ["/bin/sh", "-c", self.fill(command)] if isinstance(command, str) else [*map(self.fill, command)]
        return self._keep(Program(self.net[host], words))

    def service(self, host: str, declared: str = "") -> Any:
        """A service of the topology, to `stop()` and `start()` while the lab runs; see Network.service."""
        return self.net.service(host, declared)

    def fetch(self, host: str, url: str, *, timeout: float = PATIENCE) -> int:
        """The status of the answer to a GET from a host, on a connection of its own; 0: refused, cut off or silent.

        `url` has an address, no name: "http://{s.ip}:{port}/status/204". The body is read, and in the frames.
        """
        import http.client
        import socket
        from urllib.parse import urlsplit

        parts = urlsplit(self.fill(url))
        address, port = parts.hostname or "", parts.port or 80
        client = http.client.HTTPConnection(address, port)
        try:
            with self.net[host].socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as client.sock:
                client.sock.settimeout(timeout)
                client.sock.connect((address, port))
                client.request("GET", f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}")
                answer = client.getresponse()
                answer.read()
                return answer.status
        except (OSError, http.client.HTTPException):
            return 0

    def program(self, host: str, *arguments: str, ready: str = "ready", port: str | int = 0, of: str = "") -> Program:
        """build: runs the learner's file in a host until the step is over.

        Waits until it prints a line `ready` ("": does not wait), or, with `port`, until it listens there (TCP or
        UDP); in both cases no longer than it lives. `of` names an earlier build step: its file, in any step, as it
        was passed; the reference solution where it was not.
        """
        import sys

        file = self._file_of(self.lab.step(of)) if of else self.program_file
        if file is None:
            raise UsageError("there is no program to run", remedy="only build steps have one; or give of=STEP")
        words = [sys.executable, "-u", str(file), *map(self.fill, arguments)]
        program = self._keep(Program(self.net[host], words, file=file))
        if port:
            wanted = int(self.fill(str(port)))
            self.until(lambda: program.process.poll() is not None or self._listens(host, wanted), PATIENCE)
        elif ready:
            program.wait_for(ready, PATIENCE)
        return program

    def _file_of(self, step: Step) -> Path:
        found = self.files.get(step.id)
        if found is None or not found.is_file():
            found = self.lab.solution(step)
        if found is None or not step.file:
            raise UsageError(f"{step.id} has no program", remedy="of= names a build step with a solution")
        return found

    def _listens(self, host: str, port: int) -> bool:
        from packetlab.net.listening import listening

        return port in [number for _, number in listening(self.net[host]) or ()]

    def functions(self, host: str = "") -> Any:
        """build: the learner's functions, called in a process of its own: lab.functions().checksum(b"..")."""
        if self.program_file is None:
            raise UsageError("there is no program to call", remedy="only build steps have one")
        where = self.net[host] if host else self.net.hosts[0]
        program, caller = functions_of(where, self.program_file)
        self._keep(program)
        return caller

    def _keep(self, program: Program) -> Program:
        self._programs.append(program)
        self._for_step.callback(program.close)
        return program

    def ping(self, host: str, target: str, count: int = 1, **options: Any) -> Any:
        """Pings from a host (see packetlab.ping), with 2 ms between the requests unless `interval` says more."""
        from packetlab.wire.verbs.ping import ping

        options.setdefault("interval", 0.002)
        return ping(self.fill(target), count=count, via=self.net[host], **options)

    def device(self, host: str, interface: str = "") -> Any:
        """A packet socket of a host, to send frames made by hand: lab.device("h1").send(Ethernet(...) / ...)."""
        from packetlab.wire.packet_socket import PacketDevice

        port = self.net[host].port(interface)
        return self._for_step.enter_context(PacketDevice(port.name, self.net[host]))

    def until(self, condition: Callable[[], T], at_most: float = 2.0) -> T:
        """Waits until `condition()` is true, at most so many seconds; gives its last value.

        Where it is not true in time, it is asked once more after `settle`: a slow machine is no reason for a verdict.
        """
        if self._disturb:
            at_most = min(at_most, 0.3)  # what the sniffers would have shown may never be there
        deadline = time.monotonic() + at_most
        while not (value := condition()):
            if time.monotonic() >= deadline:
                self.settle()
                return condition()
            time.sleep(0.002)
        return value

    def settle(self) -> None:
        """Waits until all that was sent before is in `look()`: a marked frame past every interface, and its capture.

        But for what is still in the relay of a wire, which no mark goes through: `until_seen` waits for that.
        """
        if not self._disturb:
            self.recording.mark()

    def until_seen(self, host: str, filter: str, number: int = 1, at_most: float = 2.0) -> bool:  # noqa: A002
        """Waits until a host has seen so many frames of a kind in this attempt."""
        if self._disturb:
            at_most = min(at_most, 0.05)  # a spoilt sniffer may never see it
        return self.until(lambda: len(self.look().at(host).all(filter)) >= number, at_most)

    def look(self) -> Evidence:
        """The frames until now, without canaries: for waiting, not for verdicts. Those of the earlier step, if `of`.

        What was sent a moment ago may not be there yet: `until_seen` waits for it, `settle` for all.
        """
        if self.step and self.step.of in self.frames_of:
            frames, _, span = self.frames_of[self.step.of]
            return self._evidence(frames, {}, span)
        return self._evidence(self.recording.seen(), {}, (self.recording.span[0], 0))

    def _evidence(self, frames: Sequence[Frame | Seen], blind: Mapping[str, str], span: tuple[int, int],
                  given: Mapping[str, str] | None = None) -> Evidence:  # fmt: skip
        return Evidence(
            frames, self.values, places=self.recording.places, peers=self.recording.peers, blind=blind, span=span,
            net=self.net, given=given, notes=self.notes, output="".join(program.said() for program in self._programs),
        )  # fmt: skip

    # -- steps

    def begin(self, step: Step) -> None:
        """A new attempt at a step: what was captured until now is put aside."""
        self._end_step()
        self.step = step
        if begin := self.lab.function("begin", step):
            begin(self)
        self.recording.begin()

    def _end_step(self) -> None:
        stack, self._for_step = self._for_step, contextlib.ExitStack()
        stack.close()
        self._programs = []

    def frames(self) -> list[Frame]:
        """Of this attempt, until now."""
        return list(self.recording.poll())

    def check(self, given: Mapping[str, str] | None = None) -> Verdict:
        """Judges the attempt, which goes on: what comes later is looked at, too, if it is judged once more."""
        step = self.step
        if step is None:
            raise UsageError("no step was begun", remedy="begin(step), then check()")
        traffic = self.lab.function("traffic", step)
        verdict = Verdict("pass", step.id, seed=self.seed)
        evidence: Evidence | None = None
        try:
            if step.questions:  # nothing is sent for an answer that is none: the frames would tell
                answers.understood(step, given or {})
            if traffic:
                with _told(self.lab, "traffic", step):
                    traffic(self)
            frames, blind = self.recording.finish()
            span = self.recording.span
            if step.of:
                if step.of not in self.frames_of:
                    raise NotYet(message=f"pass the step {step.of} first: this one looks at its frames")
                frames, blind, span = self.frames_of[step.of]
            evidence = self._evidence(frames, blind, span, given)
            verdict.output = evidence.output
            verdict.failed_at = failed_at(evidence.output, step.file) if step.file else ""
            judge(self.lab, step, evidence, verdict)
        except NotYet as reason:
            verdict.kind, verdict.message = "not yet", reason.message
        except Inconclusive as reason:
            verdict.kind, verdict.message = "inconclusive", str(reason)
        if step.file and self.program_file and verdict.passed:
            self.files[step.id] = self.program_file
        if evidence and verdict.passed:
            self.frames_of[step.id] = (frames, blind, span)
        self.last_frames = frames if evidence else []
        return verdict


@contextlib.contextmanager
def _told(lab: Lab, kind: str, step: Step) -> Iterator[None]:
    """An error of a lab's own code, with its place."""
    try:
        yield
    except (NotYet, Inconclusive, PacketLabError):
        raise
    except Exception as error:
        trace = error.__traceback__
        line = 0
        while trace is not None:
            if trace.tb_frame.f_code.co_filename == str(lab.folder / "lab.py"):
                line = trace.tb_lineno
            trace = trace.tb_next
        cause = f"{lab.shown('lab.py')}, line {line}: {kind}_{step.function} failed: {type(error).__name__}: {error}"
        raise PacketLabError(cause, remedy="this is a fault of the lab, not yours") from error


def _lacks(lab: Lab, function: str) -> UsageError:
    return UsageError(f"{lab.shown('lab.py')} lacks {function}(ev)", remedy="labs/README.md says what it is to do")


def judge(lab: Lab, step: Step, evidence: Evidence, verdict: Verdict) -> None:
    """Answers, then the check, on one attempt's evidence; fills in the verdict.

    PacketLabError where lab.py lacks a function or one of them fails; UsageError for an answer that is none.
    """
    verdict.kind = "pass"
    try:
        if step.questions:
            given = answers.understood(step, evidence.given)
            evidence.given = answers.in_full(step, evidence.given, given)
            right = lab.function("answers", step)
            if right is None:
                raise _lacks(lab, f"answers_{step.function}")
            with _told(lab, "answers", step):
                answers.compare(step, given, right(evidence), evidence, lab.function("diagnose", step))
        check = lab.function("check", step)
        if check is None and not step.questions:
            raise _lacks(lab, f"check_{step.function}")
        if check:
            with _told(lab, "check", step):
                check(evidence)
        if evidence.blind:
            place, reason = next(iter(evidence.blind.items()))
            raise Inconclusive(f"the capture at {place} cannot be trusted: {reason}")
        if not any(statement.frames for statement in evidence.statements):
            raise Inconclusive("no frame was seen that could show anything")
        verdict.after = evidence.fill(step.after)
    except NotYet as reason:
        verdict.kind, verdict.message = "not yet", evidence.fill(reason.message)
        if reason.statement:
            verdict.statements = [*evidence.statements, reason.statement]
            return
    except Inconclusive as reason:
        verdict.kind, verdict.message = "inconclusive", str(reason)
    verdict.statements = list(evidence.statements)


