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
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from packetlab.lab.format import Lab, Step, load_code
from packetlab.lab.run import Running
from packetlab.lab.verdict import Verdict
from packetlab.model.errors import PacketLabError, UsageError

_DO = re.compile(r"([A-Za-z0-9-]+)([$&])\s+(.+)")
_SUM = re.compile(r"\$\(\((\d+) - (\d+)\)\)")
_GETS = re.compile(r"#\s*gets:\s*(.+)")


def expected_message(path: Path) -> str:
    """What the verdict on a mistake must contain."""
    match = _GETS.search(path.read_text(encoding="utf-8"))
    if match is None:
        raise UsageError(f"{path.parent.name}/{path.name} does not say what it gets", remedy="add: # gets: words")
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


def make_attempt(run: Running, step: Step, path: Path) -> dict[str, str]:
    """Does what the file says on the running lab; gives the answers, for predict and observe steps."""
    text = path.read_text(encoding="utf-8")
    where = f"labs/{run.lab.id}/{path.parent.name}/{path.name}"
    if path.suffix == ".answer":
        return read_answers(run.fill(text), step)
    if path.suffix == ".do":
        for host, behind, command in read_do(text, where):
            if behind:
                run.start(host, command)
                continue
            short = _shortcut(run, host, command)
            if short is None:
                run.run(host, command, timeout=30)
        return {}
    if step.kind == "build":
        run.program_file = _edited(run, step, text, where) if path.suffix == ".edit" else path
        return {}
    code = load_code(path, f"attempt_{path.stem}".replace("-", "_"))
    if step.questions:
        return {name: str(value) for name, value in code.answer(run, run.look()).items()}
    code.do(run)
    return {}


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


def _shortcut(run: Running, host: str, command: str) -> object | None:
    """`packetlab ping` and its like within this process: starting Python anew takes longer than most labs."""
    command = _SUM.sub(lambda match: str(int(match[1]) - int(match[2])), run.fill(command).replace("\\\n", " "))
    words = shlex.split(command, comments=True)
    if any(each in command for each in ";&|<>$`") or words[:1] != ["packetlab"]:
        return None
    made = _SHORTCUTS.get(words[1]) if len(words) > 1 else None
    return made(run, host, words) if made else None


def _send(run: Running, host: str, words: list[str]) -> object | None:
    """`packetlab send -I NAME -W 0 'Ethernet(...) / ...'`, which waits for no answer."""
    from packetlab.show.expression import read_packet
    from packetlab.wire.packet_socket import PacketDevice

    options = dict(zip(words[2:-1:2], words[3:-1:2], strict=False))
    if len(words) % 2 == 0 or options.keys() != {"-I", "-W"} or options["-W"] != "0":
        return None
    try:
        packet = read_packet(words[-1])
        if packet.layers and not packet.layers[0].name.startswith(("eth", "ieee")):
            return None
        with PacketDevice(options["-I"], run[host], protocol=0) as device:
            return device.send(packet.encapsulate())
    except PacketLabError:
        return None  # the command says it


def _ping(run: Running, host: str, words: list[str]) -> object | None:
    names = {"-c": ("count", int), "-s": ("size", int), "-i": ("interval", float), "-W": ("timeout", float),
             "--ttl": ("ttl", int), "-I": ("interface", str)}  # fmt: skip
    options, rest = _options(words, names)
    if len(rest) != 1:
        return None
    options["interval"] = min(options.get("interval", 0.01), 0.01)
    try:
        return run.ping(host, rest[0], **{"count": 4, **options}) or True
    except PacketLabError:
        return True  # as the command would have said; the verdict is about the frames


def _udp(run: Running, host: str, words: list[str]) -> object | None:
    from packetlab.show.typed import data_bytes, datagrams
    from packetlab.wire.verbs.udp import udp, udp_series

    names = {"--source-port": ("source_port", int), "-W": ("timeout", float), "--size": ("size", int),
             "--ttl": ("ttl", int), "-c": ("count", int), "--count": ("count", int), "-i": ("interval", float),
             "--grow": ("grow", None), "--number": ("number", None)}  # fmt: skip
    options, rest = _options(words, names)
    if not _is_call(rest):
        return None
    size, count, grow = options.pop("size", None), options.pop("count", 0), options.pop("grow", False)
    number, text = options.pop("number", False), rest[2] if len(rest) > 2 else "hello" if size is None else ""
    try:
        if not count:
            return udp(rest[0], int(rest[1]), data_bytes(text, size=size), via=run[host], **options)
        data = datagrams("".join(rest[2:]) if grow else text, count, size=size, grow=grow, number=number)
        return udp_series(rest[0], int(rest[1]), data, via=run[host], **options)
    except PacketLabError:
        return True


def _tcp(run: Running, host: str, words: list[str]) -> object | None:
    from packetlab.show.typed import data_bytes
    from packetlab.wire.verbs.tcp import tcp

    names = {"--source-port": ("source_port", int), "-W": ("timeout", float), "--size": ("size", int),
             "--mss": ("maximum_segment_size", int), "--congestion": ("congestion", str), "--rst": ("reset", None),
             "--keep-open": ("keep_open", None), "--no-delay": ("no_delay", None)}  # fmt: skip
    options, rest = _options(words, names)
    if not _is_call(rest) or rest[2:] == ["-"]:
        return None
    try:
        data = data_bytes("".join(rest[2:]), size=options.pop("size", None))
        return tcp(rest[0], int(rest[1]), data, via=run[host], **options)
    except PacketLabError:
        return True


def _is_call(words: list[str]) -> bool:
    """HOST PORT [DATA], and the host is given by address: names of a lab are known to commands alone."""
    if len(words) not in (2, 3) or not words[1].isdecimal():
        return False
    try:
        ip_address(words[0])
    except ValueError:
        return False
    return True


def _handshake(run: Running, host: str, words: list[str]) -> object | None:
    from packetlab.wire.verbs.handshake import handshake

    options, rest = _options(words, {"--source-port": ("source_port", int), "-W": ("timeout", float)})
    if len(rest) != 2 or not rest[1].isdecimal():
        return None
    try:
        return handshake(rest[0], int(rest[1]), via=run[host], **options)
    except PacketLabError:
        return True


def _options(
    words: list[str], names: Mapping[str, tuple[str, Callable[[str], Any] | None]]
) -> tuple[dict[str, Any], list[str]]:
    """The options of a command and its other words; no words where an option is none of `names`. None: a flag."""
    options: dict[str, Any] = {}
    rest: list[str] = []
    left = words[2:]
    while left:
        word = left.pop(0)
        name, kind = names.get(word, ("", None))
        if name and kind is None:
            options[name] = True
        elif kind is not None and left:
            options[name] = kind(left.pop(0))
        elif word.startswith("-") and word != "-":
            return {}, []
        else:
            rest.append(word)
    return options, rest


_SHORTCUTS: dict[str, Callable[[Running, str, list[str]], object | None]] = {
    "ping": _ping, "send": _send, "udp": _udp, "tcp": _tcp, "handshake": _handshake,
}  # fmt: skip


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
        raise UsageError(f"labs/{run.lab.id}/solutions has nothing for {step.id}", remedy="write one; see labs/README")
    run.begin(step)
    return run.check(make_attempt(run, step, path))


def missing_programs(lab: Lab) -> list[str]:
    """Programs that a lab needs and this machine lacks."""
    import shutil

    return [name for name in lab.needs if not shutil.which(name, path=None) and not shutil.which(
        name, path="/usr/local/sbin:/usr/sbin:/sbin")]  # fmt: skip
