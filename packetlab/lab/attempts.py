"""Running a file that makes an attempt at a step: a reference solution, or a known mistake.

    *.answer    predict, observe: `name: value` per line (or one bare value)
    *.do        do, fix: `HOST$ command` per line; `HOST& command` goes on in the background until the step is over;
                a line that begins with blanks belongs to the command above it
    *.edit      build: the reference solution with other lines in some places; see edits.py
    *.py        build: the learner's file itself; do, fix: `def do(lab)`; predict, observe: `def answer(lab, ev)`

A comment `# gets: words` in a mistake says what the verdict must contain.
"""

import re
import shlex
import subprocess
from pathlib import Path

from packetlab.lab.format import Lab, Step, load_code
from packetlab.lab.run import Running
from packetlab.lab.verdict import Verdict
from packetlab.model.errors import PacketLabError, UsageError

PATIENCE = 30
"""Seconds that a command of an attempt may take."""
_DO = re.compile(r"([A-Za-z0-9-]+)([$&])\s+(.+)")
_DIFFERENCE = re.compile(r"\$\(\(([1-9]\d*) - ([1-9]\d*)\)\)")
_WORD = rf"(?:[\w.:/%=+,@-]|'[^'$]*'|{_DIFFERENCE.pattern})+"
"""What is the same to the shell and to us."""
_PLAIN = re.compile(rf"{_WORD}(?: +{_WORD})*")
_GETS = re.compile(r"#\s*gets:\s*(.+)")


def expected_message(lab: Lab, path: Path) -> str:
    """What the verdict on a mistake must contain."""
    match = _GETS.search(path.read_text(encoding="utf-8"))
    if match is None:
        where = lab.shown(f"{path.parent.name}/{path.name}")
        raise UsageError(f"{where} does not say what it gets", remedy="add: # gets: words")
    return match[1].strip()


def read_do(text: str, where: str) -> list[tuple[str, bool, str]]:
    """(host, in the background, command) for each line."""
    found: list[tuple[str, bool, str]] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        if line[0] == " " and found:
            host, behind, command = found[-1]
            found[-1] = (host, behind, f"{command}\n{line.rstrip()}")
            continue
        match = _DO.fullmatch(line.rstrip())
        if match is None:
            raise UsageError(f"{where}, line {number}: {line!r} is no command", remedy="as h1$ ping -c 1 {h2.ip}")
        found.append((match[1], match[2] == "&", match[3]))
    return found


def plain_words(command: str) -> list[str]:
    """The words of a command, if all it needs of a shell are '...', $((9 - 1)) and lines that go on; else none."""
    command = command.replace("\\\n", "")
    if not _PLAIN.fullmatch(command):
        return []
    return shlex.split(_DIFFERENCE.sub(lambda match: str(int(match[1]) - int(match[2])), command))


def make_attempt(run: Running, step: Step, path: Path) -> dict[str, str]:
    """Does what the file says on the running lab; gives the answers, for predict and observe steps."""
    text = path.read_text(encoding="utf-8")
    where = run.lab.shown(f"{path.parent.name}/{path.name}")
    if path.suffix == ".answer":
        return read_answers(run.fill(text), step)
    if path.suffix == ".do":
        for host, behind, command in read_do(text, where):
            if behind:
                run.start(host, command)
                continue
            words = plain_words(run.fill(command))
            if not (words and run.within and run.within(run[host], words)):
                _run_to_its_end(run, host, command, where)
        return {}
    if step.kind == "build":
        run.program_file = _edited(run, step, text, where) if path.suffix == ".edit" else path
        return {}
    code = load_code(path, f"attempt_{path.stem}".replace("-", "_"))
    if step.questions:
        return {name: str(value) for name, value in code.answer(run, run.look()).items()}
    code.do(run)
    return {}


def _run_to_its_end(run: Running, host: str, command: str, where: str) -> None:
    try:
        run.run(host, command, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        raise PacketLabError(
            f"{where}: {run.fill(command)!r} has not ended within {PATIENCE} s",
            remedy=f"give it an end, as ping -c 1; or let it go on in the background: {host}& ...",
        ) from None


def _edited(run: Running, step: Step, edit: str, where: str) -> Path:
    """The reference solution with an edit made, in a file that is gone with the step."""
    import tempfile

    from packetlab.lab.edits import edited

    solution = run.lab.solution(step)
    if solution is None:
        raise UsageError(f"{where}: there is no solution that could be edited")
    folder = run.serve(tempfile.TemporaryDirectory(prefix="packetlab-"))
    path = Path(folder) / step.file
    path.write_text(edited(solution.read_text(encoding="utf-8"), edit, where), encoding="utf-8")
    return path


def read_answers(text: str, step: Step) -> dict[str, str]:
    """`name: value` lines, or one bare value for a step with one question."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if len(lines) == 1 and len(step.questions) == 1 and not lines[0].startswith(step.questions[0].name + ":"):
        return {step.questions[0].name: lines[0]}
    found = {}
    for line in lines:
        name, _, value = line.partition(":")
        found[name.strip()] = value.strip()
    return found


def solve(run: Running, step: Step, path: Path | None = None) -> Verdict:
    """Begins a step, makes the attempt of a file (the reference solution by default) and judges it."""
    path = path or run.lab.solution(step)
    if path is None:
        name = f"solutions/{step.id}.{'answer' if step.questions else 'py' if step.file else 'do'}"
        raise UsageError(f"there is no solution of {step.id}", remedy=f"write {run.lab.shown(name)}")
    run.begin(step)
    return run.check(make_attempt(run, step, path))


def missing_programs(lab: Lab) -> list[str]:
    """Programs that a lab needs and this machine lacks."""
    from packetlab.net.host import has_program

    return [name for name in lab.needs if not has_program(name)]


def require_programs(lab: Lab) -> None:
    """UsageError where this machine lacks a program that the lab needs."""
    if lacking := missing_programs(lab):
        raise UsageError(f"this lab needs programs that are not installed: {', '.join(lacking)}",
                         remedy=f"install {' '.join(lacking)} with your system's package manager")  # fmt: skip
