"""Learners' programs: run inside a host, as processes of their own, with what they print kept within a bound.

`functions_of` lets a lab call single functions of a learner's file: arguments and results travel as JSON lines
(bytes as {"hex": ...}), so an endless loop or a crash there ends that process and not the lab.
"""

import contextlib
import json
import os
import re
import select
import sys
import threading
import time
from pathlib import Path
from typing import Any

from packetlab.lab.verdict import NotYet
from packetlab.net.process import DEVNULL, PIPE, STDOUT
from packetlab.show.safe import safe_text

KEPT = 20_000
"""Bytes of output that are kept: the first and the last."""

LONGEST = 200
"""Characters of an error, and of the line that raised it, that are told."""

_CALLER = '''
import json, sys, importlib.util, io
def plain(v):
    if isinstance(v, (bytes, bytearray)): return {"hex": bytes(v).hex()}
    if isinstance(v, (list, tuple)): return [plain(e) for e in v]
    if isinstance(v, dict): return {k: plain(e) for k, e in v.items()}
    return v
def back(v):
    if isinstance(v, dict) and list(v) == ["hex"]: return bytes.fromhex(v["hex"])
    if isinstance(v, list): return [back(e) for e in v]
    return {k: back(e) for k, e in v.items()} if isinstance(v, dict) else v
out, sys.stdout = sys.stdout, sys.stderr
things = {}
def answer(value): out.write(json.dumps(value) + "\\n"); out.flush()
def tell(error):
    line, trace = 0, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == spec.origin: line = trace.tb_lineno
        trace = trace.tb_next
    try: said = str(error)
    except BaseException: said = "(what it says cannot be shown)"
    if isinstance(error, SyntaxError) and error.filename == spec.origin: line, said = error.lineno or 0, error.msg
    source = lines[line - 1].strip() if 0 < line <= len(lines) else ""
    answer({"error": f"{type(error).__name__}: {said[:LONGEST]}", "line": line, "source": source[:LONGEST]})
spec = importlib.util.spec_from_file_location("learner", sys.argv[1])
lines = []
try:
    # As they are now: the file may be another one by the time that it fails.
    with open(spec.origin, encoding="utf-8", errors="replace") as file: lines = file.read().split("\\n")
    module = importlib.util.module_from_spec(spec); spec.loader.exec_module(module)
    answer({"ok": None})
except BaseException as error:
    tell(error); sys.exit(1)
for line in sys.stdin:
    name, args, keep = json.loads(line)
    try:
        parts = name.split("."); target = things[parts[0]] if parts[0] in things else getattr(module, parts[0])
        for part in parts[1:]: target = getattr(target, part)
        value = target(*back(args)) if callable(target) else target
        if keep: things[keep] = value; value = None
        answer({"ok": plain(value)})
    except BaseException as error:
        tell(error)
'''.replace("LONGEST", str(LONGEST))


_TRACE = "Traceback (most recent call last):"


def failed_at(output: str, name: str) -> str:
    """The line of the file `name` from which the last traceback of an output came; "" where there is none."""
    # A file that Python cannot read has no traceback, but is named in the same way.
    if _TRACE not in output and not re.search(r"(?m)^(Syntax|Indentation|Tab)Error: ", output):
        return ""
    last = output.rpartition(_TRACE)[2].splitlines()
    places = [at for at, line in enumerate(last) if re.match(rf'  File "{re.escape(name)}", line \d+', line)]
    if not places:
        return ""
    number = re.findall(r", line (\d+)", last[places[-1]])[0]
    source = last[places[-1] + 1].strip() if places[-1] + 1 < len(last) else ""
    return f"line {number} of {name}" + (f": {source[:LONGEST]}" if source else "")


def own_path() -> str:
    """A PATH in which our own Python, and packetlab, come first."""
    return f"{Path(sys.executable).parent}:{os.environ.get('PATH', '/usr/bin:/bin')}"


class Program:
    """A command that runs in a host; ended by `close`.

    `piped`: `process.stdin` and `process.stdout` are for the caller, and only what it writes to stderr is kept.
    `file`: the learner's own, whose path is no more than its name in what is said.
    """

    def __init__(self, host: Any, words: list[str], *, piped: bool = False, file: Path | None = None) -> None:
        env = {"PATH": own_path(), "PYTHONDONTWRITEBYTECODE": "1"}
        self.words, self.file = words, file
        self.process = host.popen(words, stdin=PIPE if piped else DEVNULL, stdout=PIPE,
                                  stderr=PIPE if piped else STDOUT, env=env)  # fmt: skip
        self._text = b""
        self._more = threading.Condition()
        self._ended = False
        stream = self.process.stderr if piped else self.process.stdout
        self._thread = threading.Thread(target=self._read, args=(stream,), daemon=True, name="program's output")
        self._thread.start()

    def _read(self, stream: Any) -> None:
        while True:
            try:
                piece = os.read(stream.fileno(), 4096)
            except (OSError, ValueError):
                piece = b""
            with self._more:
                if not piece:
                    self._ended = True
                self._text += piece
                if len(self._text) > 2 * KEPT:
                    self._text = self._text[:KEPT] + b"\n...\n" + self._text[-KEPT:]
                self._more.notify_all()
            if not piece:
                return

    def said(self) -> str:
        """What it has printed until now, safe to show."""
        with self._more:
            text = self._text.decode("utf-8", "replace")
        lines = (text.replace(str(self.file), self.file.name) if self.file else text).splitlines()
        return "".join(safe_text(line) + "\n" for line in lines)

    def wait_for(self, line: str, at_most: float) -> bool:
        """Waits until it has printed that line, has ended, or the time (s) is over; whether the line was printed."""
        deadline = time.monotonic() + at_most
        wanted = line.encode()
        with self._more:
            while wanted not in self._text.splitlines() and not self._ended:
                left = deadline - time.monotonic()
                if left <= 0 or not self._more.wait(left):
                    break
            return wanted in self._text.splitlines()

    def wait(self, at_most: float = 5.0) -> int | None:
        """Its exit code, or None if it still runs after that many seconds."""
        with contextlib.suppress(Exception):
            self.process.wait(at_most)
        if self.process.returncode is not None:
            self._thread.join(1)
        return self.process.returncode  # type: ignore[no-any-return]

    def close(self) -> None:
        """Ends it."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(5)
        self._thread.join(1)
        self.process.__exit__()


class Functions:
    """The functions and classes of a learner's file, by name. A call that fails is a verdict: not yet."""

    def __init__(self, program: Program, path: Path, timeout: float) -> None:
        self._program, self._name, self._timeout = program, path.name, timeout
        self._made = 0
        self._buffer = b""

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments: self.call(name, *arguments)

    def make(self, name: str, *arguments: Any) -> "Functions._Object":
        """An object of a learner's class; its methods can be called."""
        self._made += 1
        label = f"#{self._made}"
        self.call(name, *arguments, keep=label)
        return Functions._Object(self, label)

    class _Object:
        def __init__(self, caller: "Functions", label: str) -> None:
            self._caller, self._label = caller, label

        def __getattr__(self, name: str) -> Any:
            return lambda *arguments: self._caller.call(f"{self._label}.{name}", *arguments)

    def call(self, name: str, *arguments: Any, keep: str = "") -> Any:
        """The result; NotYet where it raised, ended or took too long."""
        shown = name.split(".")[-1]
        try:
            self._program.process.stdin.write((json.dumps([name, _plain(arguments), keep]) + "\n").encode())
        except OSError:
            raise NotYet(message=f"{self._name} ended before {shown} could be called") from None
        return self.answer(shown)

    def answer(self, name: str) -> Any:
        """The next answer of the process."""
        stream = self._program.process.stdout
        deadline = time.monotonic() + self._timeout
        while b"\n" not in self._buffer:
            ready, _, _ = select.select([stream], [], [], max(0, deadline - time.monotonic()))
            piece = os.read(stream.fileno(), 65536) if ready else b""
            if not piece or len(self._buffer) > 1 << 20:
                reason = "ended" if ready else f"did not return within {self._timeout:g} s"
                raise NotYet(message=f"{self._name}: {name} {reason}")
            self._buffer += piece
        line, _, self._buffer = self._buffer.partition(b"\n")
        value = json.loads(line)
        if "error" in value:
            where = f" (line {value['line']}: {safe_text(value['source'])})" if value["line"] else ""
            raise NotYet(message=f"{self._name}: {name} raised {safe_text(value['error'])}{where}")
        return _back(value["ok"])


def functions_of(host: Any, path: Path, timeout: float = 3.0) -> tuple[Program, Functions]:
    """Starts a process that has imported a learner's file and calls its functions."""
    program = Program(host, [sys.executable, "-c", _CALLER, str(path)], piped=True)
    caller = Functions(program, path, timeout)
    try:
        caller.answer("the file")
    except NotYet:
        program.close()
        raise
    return program, caller


def _plain(value: Any) -> Any:
    if isinstance(value, bytes | bytearray):
        return {"hex": bytes(value).hex()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return {key: _plain(each) for key, each in value.items()} if isinstance(value, dict) else value


def _back(value: Any) -> Any:
    if isinstance(value, dict):
        return bytes.fromhex(value["hex"]) if list(value) == ["hex"] else {k: _back(e) for k, e in value.items()}
    return [_back(each) for each in value] if isinstance(value, list) else value
