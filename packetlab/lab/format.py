"""Reading labs: `lab.md` (front matter, prose, one section per step), and the files beside it.

labs/README.md describes the format for those who write labs. What is wrong with a lab is said with file, line and
remedy, before any network is made. Values are put into the texts once an attempt has a seed (see values.py); the
check of a lab at reading uses seed 0.
"""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

from packetlab.lab.values import PLACE, Values
from packetlab.model.errors import UsageError
from packetlab.net.spec import Item, compose, read_spec
from packetlab.net.topology import Topology

KINDS = ("predict", "do", "observe", "build", "fix")
KEYS = ("id", "title", "track", "concepts", "minutes", "after", "needs", "values", "net", "steps")
STEP_KEYS = ("kind", "ask", "of", "file")
ANSWER_KINDS = ("number", "mac", "ip", "word", "yes or no", "one of")
TRACKS = ("link", "transport", "names", "system")
STEP_WORDS = ("next", "again")
"""What `packetlab lab step` understands beside ids and numbers."""
_QUESTION = re.compile(r"\(([^)]*)\)\s*(.+)", re.DOTALL)
_HEADING = re.compile(r"(#{1,3})\s+(.*)")
_LARGEST = 1 << 20
_OPEN, _CLOSE = "\ue000", "\ue001"
"""Stand for the braces around a value's name while YAML is read; private characters of Unicode."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a predict or observe step asks."""

    name: str
    kind: str
    text: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One step as declared and described."""

    id: str
    kind: str
    title: str
    text: str
    hints: tuple[str, ...]
    after: str
    """Said once it is passed: what was seen, what to try next."""
    questions: tuple[Question, ...]
    of: str
    """observe: the step whose frames are looked at; "" for its own."""
    file: str
    """build: the file that the learner writes."""

    @property
    def function(self) -> str:
        """Its name in the names of functions."""
        return self.id.replace("-", "_")


@dataclass(frozen=True)
class Lab:
    """One lab as read from its folder."""

    folder: Path
    id: str
    title: str
    track: str
    concepts: tuple[int, ...]
    minutes: int
    after: tuple[str, ...]
    needs: tuple[str, ...]
    """Programs without which it cannot be done."""
    intro: str
    steps: tuple[Step, ...]
    front: str = field(repr=False)
    """The front matter, values not yet in their places; its first line is the second of the file."""
    declared: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """The declared values: (kind, where)."""

    @property
    def file(self) -> str:
        """The name of lab.md in errors."""
        return self.shown("lab.md")

    def shown(self, name: str) -> str:
        """The name of a file of the lab in errors."""
        return shown_file(self.folder, name)

    def step(self, name: str) -> Step:
        """The step of that id, or number counted from 1."""
        for number, step in enumerate(self.steps, 1):
            if name in (step.id, str(number)):
                return step
        raise UsageError(f"{self.id} has no step {name!r}", remedy=f"there are: {', '.join(s.id for s in self.steps)}")

    def values(self, seed: int) -> tuple[Values, Topology]:
        """The values and the topology of an attempt."""
        values = Values(seed, {n: kind for n, (kind, _) in self.declared.items()},
                        {n: where for n, (_, where) in self.declared.items()})  # fmt: skip
        tree = compose(values.fill(self.front), self.file, 2).mapping("the front matter")
        topology = Topology()
        read_spec(tree["net"], topology, source=self.file, folder=self.folder)
        links = {name: len(topology.links_of(name)) for name in topology.nodes}
        chance = values.random("MAC addresses")
        for node in topology.nodes.values():
            # Whoever guesses the usual 02:00:00:00:00:01 shall be wrong.
            drawn = bytes([2, *(chance.randrange(16, 250) for _ in range(5))])
            if links[node.name] and not node.is_bridge and not node.mac:
                node.mac = drawn
        values.learn(topology)
        return values, topology

    @cached_property
    def code(self) -> ModuleType:
        """lab.py, imported."""
        return load_code(self.folder / "lab.py", f"packetlab_lab_{self.id.replace('-', '_')}")

    def function(self, kind: str, step: Step | None = None) -> Callable[..., Any] | None:
        """`setup`, or check_<step> and its like; None where lab.py has none."""
        found = getattr(self.code, f"{kind}_{step.function}" if step else kind, None)
        return found if callable(found) else None

    def solution(self, step: Step) -> Path | None:
        """The file of the reference solution."""
        return next(iter(sorted((self.folder / "solutions").glob(f"{step.id}.*"))), None)

    def mistakes(self, step: Step) -> list[Path]:
        """The files of known wrong attempts."""
        return sorted((self.folder / "mistakes").glob(f"{step.id}--*.*"))

    def starter(self, step: Step) -> Path:
        """build: what the learner begins with."""
        return self.folder / "start" / step.file


def load_code(path: Path, name: str) -> ModuleType:
    """A Python file of a lab as a module; UsageError with file and line where it cannot be imported."""
    import importlib.util

    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise UsageError(f"{path} is missing", remedy="`packetlab lab new` writes all files of a lab")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        raise UsageError(f"{path}, line {error.lineno}: {error.msg}", remedy="mend the Python") from None
    except Exception as error:
        line = error.__traceback__.tb_next if error.__traceback__ else None
        raise UsageError(f"{path}, line {_last_line(line)}: {type(error).__name__}: {error}") from None
    return module


def _last_line(trace: Any) -> int:
    number = 0
    while trace is not None:
        number, trace = trace.tb_lineno, trace.tb_next
    return number


def labs_folder() -> Path:
    """Where the labs are: $PACKETLAB_LABS, in the installed package, or in the source tree beside it."""
    given = os.environ.get("PACKETLAB_LABS")
    return Path(given) if given else _own_labs()


def _own_labs() -> Path:
    """Those that come with packetlab, wherever the environment points."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "data" / "labs"
    return installed if installed.is_dir() else package.parent / "labs"


def shown_file(folder: Path, name: str) -> str:
    """A lab's file in errors: labs/ID/NAME where it is one of packetlab's own, else its path, seen from here."""
    if folder.parent == _own_labs().resolve():
        return f"labs/{folder.name}/{name}"
    try:
        return str(folder.relative_to(Path.cwd()) / name)
    except (ValueError, OSError):  # it is elsewhere; there is no "here" any more
        return str(folder / name)


def lab_names(folder: Path | None = None) -> list[str]:
    """The ids of all labs."""
    folder = folder or labs_folder()
    return sorted(path.parent.name for path in folder.glob("*/lab.md"))


def all_labs(folder: Path | None = None) -> list[Lab]:
    """All labs, those that others need first."""
    folder = folder or labs_folder()
    labs = {name: read_lab(folder / name) for name in lab_names(folder)}
    order: dict[str, Lab] = {}

    def put(name: str, above: tuple[str, ...]) -> None:
        if name in order or name not in labs or name in above:
            return
        for earlier in labs[name].after:
            put(earlier, (*above, name))
        order[name] = labs[name]

    for name in sorted(labs, key=lambda n: (TRACKS.index(labs[n].track), min(labs[n].concepts, default=99), n)):
        put(name, ())
    return list(order.values())


def find_lab(name: str, folder: Path | None = None) -> Lab:
    """The lab of that id, or in the folder with that path (./ID, or "."); UsageError with the nearest names."""
    is_path, there = "/" in name or name in (".", ".."), (Path(name) / "lab.md").is_file()
    if is_path and there:
        return read_lab(Path(name))
    if is_path:
        raise UsageError(f"there is no lab in {name}", remedy="a lab is a folder with lab.md; `packetlab lab new "
                         f"{name}` writes one")  # fmt: skip
    folder = folder or labs_folder()
    names = lab_names(folder)
    if name not in names:
        import difflib

        near = [*([f"./{name}"] if there else []), *difflib.get_close_matches(name, names, n=3)]
        hint = f"did you mean {' or '.join(near)}?" if near else "`packetlab lab list` shows all labs"
        raise UsageError(f"there is no lab {name!r}", remedy=hint)
    return read_lab(folder / name)


def read_lab(folder: Path) -> Lab:
    """The lab in `folder`; UsageError with file, line and remedy for the first thing that is wrong with it."""
    folder = folder.resolve()
    file = shown_file(folder, "lab.md")
    try:
        text = (folder / "lab.md").read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise UsageError(f"cannot read {file}: {error}") from None
    if len(text) > _LARGEST:
        raise UsageError(f"{file} is larger than a lab can be (1 MiB)")
    opening, _, rest = text.partition("\n")
    front, end, prose = rest.partition("\n---\n")
    if opening.strip() != "---" or not end:
        raise UsageError(f"{file}, line 1: the front matter is missing", remedy="begin with ---, keys, and --- again")
    # The declared values must be known before the rest can be read as YAML: {lan.h1}/24 is none.
    declared = _declared_values(front, file)
    values = Values(0, {name: kind for name, (kind, _) in declared.items()},
                    {name: where for name, (_, where) in declared.items()})  # fmt: skip
    _check_net(front, values, file)
    tree = compose(values.fill(_shielded(front)), file, 2).mapping("the front matter")
    _known(tree, KEYS, "a lab", file)
    for key in ("id", "title", "concepts", "minutes", "net", "steps"):
        if key not in tree:
            raise UsageError(f"{file}, line 1: {key!r} is missing in the front matter", remedy=f"add {key}: ...")
    name = tree["id"].text("id")
    if name != folder.name:
        raise UsageError(f"{tree['id'].where}the id {name!r} is not the folder's name", remedy=f"id: {folder.name}")
    track = tree["track"].text("track") if "track" in tree else "link"
    if track not in TRACKS:
        raise UsageError(f"{tree['track'].where}there is no track {track!r}", remedy=f"there are: {', '.join(TRACKS)}")
    first_line = front.count("\n") + 4
    intro, sections = _sections(prose, first_line, file)
    steps = tuple(_steps(tree["steps"], sections, file))
    lab = Lab(
        folder, name, tree["title"].text("title"), track,
        tuple(_number(item) for item in tree["concepts"].items("concepts")), _number(tree["minutes"]),
        _words(tree, "after"), _words(tree, "needs"), intro, steps, front, declared,
    )  # fmt: skip
    known, _ = lab.values(0)
    _check_places(prose, known, file, first_line)
    return lab


def _shielded(front: str) -> str:
    """Places of values outside the topology, in a form that YAML takes for text: each attempt fills them anew."""
    return "\n".join(line if key == "net" else PLACE.sub(f"{_OPEN}\\1{_CLOSE}", line)
                     for _, key, line in _by_key(front))  # fmt: skip


def _by_key(front: str) -> Iterator[tuple[int, str, str]]:
    """(number in lab.md, key of the front matter to which it belongs, line) of each line."""
    key = ""
    for number, line in enumerate(front.split("\n"), 2):
        if line[:1] not in ("", " ", "\t", "#"):
            key = line.partition(":")[0]
        yield number, key, line


def _check_places(prose: str, known: Values, file: str, first_line: int) -> None:
    for number, line in enumerate(prose.split("\n"), first_line):
        known.fill(line, f"{file}, line {number}: ", strict=True)


def _check_net(front: str, known: Values, file: str) -> None:
    """The block under `net:` may use declared values alone: what comes of the topology is not known there."""
    for number, key, line in _by_key(front):
        if key == "net":
            known.fill(line, f"{file}, line {number}: ", strict=True)


def _declared_values(front: str, file: str) -> dict[str, tuple[str, str]]:
    """The block under `values:`: one `name: kind` on each line."""
    found: dict[str, tuple[str, str]] = {}
    for number, key, line in _by_key(front):
        bare = line.split(" #")[0].rstrip()
        if key == "values" and line.startswith((" ", "\t")) and bare and not bare.lstrip().startswith("#"):
            name, colon, kind = bare.strip().partition(":")
            where = f"{file}, line {number}: "
            if not colon or not re.fullmatch(r"[a-z][a-z0-9_-]*", name):
                raise UsageError(f"{where}{bare.strip()!r} declares no value", remedy="as lan: network")
            found[name] = (kind.strip(), where)
    return found


def _known(tree: Mapping[str, Item], keys: tuple[str, ...], what: str, file: str) -> None:
    for key, item in tree.items():
        if key not in keys:
            raise UsageError(f"{item.where}{key!r} is no key of {what}", remedy=f"there are: {', '.join(keys)}")


def _number(item: Item) -> int:
    text = item.text("a number")
    if not text.isdecimal():
        raise UsageError(f"{item.where}{text!r} is not a number")
    return int(text)


def _words(tree: Mapping[str, Item], key: str) -> tuple[str, ...]:
    return tuple(item.text(key) for item in tree[key].items(key)) if key in tree else ()


@dataclass(slots=True)
class _Section:
    title: str
    where: str
    text: str
    hints: list[str]
    after: str


def _sections(prose: str, first_line: int, file: str) -> tuple[str, dict[str, _Section]]:
    """The introduction, and by step id what "## id: title" opens, with its "### hint" and "### after" parts."""
    intro: list[str] = []
    found: dict[str, _Section] = {}
    section: _Section | None = None
    parts: list[tuple[str, list[str]]] = [("text", intro)]
    fenced = False

    def close() -> None:
        for name, lines in parts if section else ():
            body = "\n".join(lines).strip()
            assert section is not None
            if name == "hint":
                section.hints.append(body)
            else:
                setattr(section, name, body)

    for number, line in enumerate(prose.split("\n"), first_line):
        fenced ^= line.startswith("```")
        heading = None if fenced else _HEADING.fullmatch(line.rstrip())
        where = f"{file}, line {number}: "
        if heading and len(heading[1]) == 2:
            close()
            name, colon, title = heading[2].partition(":")
            if not colon or name in found:
                raise UsageError(f"{where}{line!r} opens no step", remedy="as ## step-id: Title, each id once")
            section = found[name] = _Section(title.strip(), where, "", [], "")
            parts = [("text", [])]
        elif heading and len(heading[1]) == 3 and section:
            word = heading[2].strip().lower()
            if word not in ("hint", "after"):
                raise UsageError(f"{where}a step has no part {heading[2]!r}", remedy="there are: ### hint, ### after")
            parts.append((word, []))
        else:
            parts[-1][1].append(line)
    close()
    return "\n".join(intro).strip(), found


def _steps(declared: Item, sections: dict[str, _Section], file: str) -> Iterator[Step]:
    table = declared.mapping("steps")
    if not table:
        raise UsageError(f"{declared.where}there are no steps", remedy="as steps: {look: {kind: predict}}")
    for name, item in table.items():
        remedy = "" if re.fullmatch(r"[a-z][a-z0-9-]*", name) else "a small letter, then small letters, digits, -"
        if name in STEP_WORDS:
            remedy = f"another id, as {name}-one; `packetlab lab step {name}` means something else"
        if remedy:
            raise UsageError(f"{item.where}{name!r} cannot be the id of a step", remedy=remedy)
    for name, section in sections.items():
        if name not in table:
            raise UsageError(f"{section.where}the step {name!r} is not declared", remedy="add it under steps:")
    earlier: list[str] = []
    for name, item in table.items():
        keys = item.mapping(f"the step {name}")
        _known(keys, STEP_KEYS, "a step", file)
        kind = keys["kind"].text("kind") if "kind" in keys else ""
        if kind not in KINDS:
            raise UsageError(f"{item.where}{name} has no kind of step", remedy=f"kind: one of {', '.join(KINDS)}")
        if name not in sections:
            raise UsageError(f"{item.where}the step {name} has no text", remedy=f"add a section ## {name}: Title")
        questions = tuple(_questions(keys.get("ask")))
        if (kind in ("predict", "observe")) != bool(questions):
            what = "asks nothing" if not questions else "cannot ask: only predict and observe do"
            raise UsageError(f"{item.where}{name} {what}", remedy="as ask: {count: (number) How many ...?}")
        of = keys["of"].text("of") if "of" in keys else ""
        if of and of not in earlier:
            raise UsageError(f"{keys['of'].where}there is no earlier step {of!r}", remedy="name one before it")
        program = keys["file"].text("file") if "file" in keys else ""
        if (kind == "build") != bool(program) or "/" in program:
            raise UsageError(f"{item.where}build steps, and only they, name a file", remedy="as file: reply.py")
        section = sections[name]
        if len(section.hints) > 3:
            raise UsageError(f"{section.where}{name} has {len(section.hints)} hints", remedy="three at most")
        yield Step(name, kind, section.title, section.text, tuple(section.hints), section.after, questions, of, program)
        earlier.append(name)


def _questions(item: Item | None) -> Iterator[Question]:
    for name, asked in item.mapping("ask").items() if item else ():
        text = asked.text("a question").replace(_OPEN, "{").replace(_CLOSE, "}")
        match = _QUESTION.fullmatch(text)
        kind = match[1].strip() if match else ""
        choices: tuple[str, ...] = ()
        if kind.startswith("one of "):
            choices = tuple(each.strip() for each in kind[7:].split(","))
            kind = "one of"
        if not match or kind not in ANSWER_KINDS or (kind == "one of" and not choices):
            remedy = f"begin with its kind: ({') ('.join(ANSWER_KINDS)} a, b, c) How many ...?"
            raise UsageError(f"{asked.where}{text!r} is no question", remedy=remedy)
        yield Question(name, kind, match[2].strip(), choices)
