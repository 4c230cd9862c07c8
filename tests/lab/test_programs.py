"""A learner's program that fails is told with the line that failed: its number and its text, safe and within bounds."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from packetlab.lab.format import labs_folder, read_lab
from packetlab.lab.program import LONGEST, failed_at
from packetlab.lab.run import Running
from packetlab.lab.verdict import NotYet, Verdict
from packetlab.model.errors import NamespaceError
from packetlab.net import probe
from tests.conftest import missing


@pytest.fixture(scope="module")
def arp() -> Iterator[Running]:
    try:
        probe()
    except NamespaceError as error:
        missing(f"virtual networks are not there: {error}")
    with Running(read_lab(labs_folder() / "arp"), 5) as run:
        yield run


def told(run: Running, path: Path, text: str, *arguments: object) -> str:
    """What a call of the file's function `f` fails with."""
    run.begin(run.lab.step("reply"))
    path.write_text(text)
    run.program_file = path
    with pytest.raises(NotYet) as caught:
        run.functions("h1").f(*arguments)
    return caught.value.message


@pytest.mark.parametrize(("text", "message"), [
    ("def f():\n    return nmae\n", "f raised NameError: name 'nmae' is not defined (line 2: return nmae)"),
    ("def g(x):\n    return len(x)\n\ndef f():\n    g(3)\n",
     "f raised TypeError: object of type 'int' has no len() (line 2: return len(x))"),
    ("import struct\ndef f():\n    return struct.pack('!H',\n      'a')\n",
     "f raised error: required argument is not an integer (line 3: return struct.pack('!H',)"),
    ("import json\ndef f():\n    json.loads('{')\n", "(line 3: json.loads('{'))"),
    ("x = 1\ny = z\n", "the file raised NameError: name 'z' is not defined (line 2: y = z)"),
    ("x = 1\ndef f(:\n", "the file raised SyntaxError: invalid syntax (line 2: def f(:)"),
    ("class E(Exception):\n    def __str__(self): 1 / 0\ndef f(): raise E\n",
     "f raised E: (what it says cannot be shown) (line 3: def f(): raise E)"),
    ("def f(): return {1}\n", "f raised TypeError: Object of type set is not JSON serializable"),
    ("def f(): raise ValueError('\\x1b[2J')\n", "f raised ValueError: \\x1b[2J (line 1: def f(): raise"),
])  # fmt: skip
def test_a_function_that_raises_is_told_with_the_last_line_of_the_learner_s_own(
    arp: Running, tmp_path: Path, text: str, message: str
) -> None:
    assert message in told(arp, tmp_path / "mine.py", text)


def test_neither_an_error_nor_a_line_without_an_end_fills_the_screen(arp: Running, tmp_path: Path) -> None:
    said = told(arp, tmp_path / "mine.py", f"def f(): raise ValueError('x' * 99999 + '{'y' * 9999}')\n")
    assert len(said) < 2 * LONGEST + 100 and "(line 1: def f(): raise" in said


def test_a_program_that_ends_with_an_error_is_told_with_its_line_whatever_was_called_from_there(
    arp: Running, tmp_path: Path
) -> None:
    path = tmp_path / "reply.py"
    path.write_text("import json\n\nprint('ready')\n\n\nanswer = json.loads('{')\n")
    arp.begin(arp.lab.step("reply"))
    arp.program_file = path
    verdict = arp.check()
    said = verdict.text()
    assert "  your program failed in line 6 of reply.py: answer = json.loads('{')\n" in said
    assert str(path) not in said and max(map(len, said.splitlines())) <= 80


def test_a_file_that_python_cannot_read_is_told_with_its_line_too(arp: Running, tmp_path: Path) -> None:
    path = tmp_path / "reply.py"
    path.write_text("print('ready')\ndef answer(request:\n    pass\n")
    arp.begin(arp.lab.step("reply"))
    arp.program_file = path
    assert "failed in line 2 of reply.py: def answer(request:" in arp.check().text()


def test_what_a_program_only_prints_is_no_error() -> None:
    assert failed_at('  File "reply.py", line 3\n', "reply.py") == ""
    trace = 'Traceback (most recent call last):\n  File "other.py", line 3, in f\n    x\nNameError: x\n'
    assert failed_at(trace, "reply.py") == ""
    assert "failed" not in Verdict("not yet", "reply", output="nothing").text()
