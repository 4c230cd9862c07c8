"""What all tests share: where the captures are, which outside programs are there, and an ordinary user.

A test that lacks a program or the captures is skipped with a reason; where CI=true, that is a failure.
"""

import os
import pickle
import re
import shutil
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent
IN_CI = os.environ.get("CI", "").lower() in ("1", "true", "yes")
NOBODY = 65534

# These machines are shared and slow at times: how long one example takes says nothing.
settings.register_profile("packetlab", deadline=None)
settings.load_profile("packetlab")


def missing(reason: str) -> None:
    """Skip the test, or fail it where everything must be there."""
    if IN_CI:
        pytest.fail(f"{reason} (CI=true: nothing may be missing)", pytrace=False)
    pytest.skip(reason)


def corpora_path() -> Path:
    """The folder of captures beside the project's root, or where $PACKETLAB_CORPORA says."""
    return Path(os.environ.get("PACKETLAB_CORPORA") or ROOT.parent / "shared" / "corpora")


@pytest.fixture(scope="session")
def corpora() -> Path:
    """The captures that nobody here wrote."""
    path = corpora_path()
    if not (path / "MANIFEST.tsv").is_file():
        missing(f"the captures are not at {path}; $PACKETLAB_CORPORA can say where they are")
    return path


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs(*programs): outside programs without which the test cannot run")
    config.addinivalue_line("markers", "slow: takes more than some seconds")


@pytest.fixture(autouse=True)
def _programs(request: pytest.FixtureRequest) -> None:
    for marker in request.node.iter_markers("needs"):
        for program in marker.args:
            if not find_program(program):
                missing(f"needs the program {program}")


LACKING = re.compile(r"\b(not installed|program|could not import|missing|not there|corpora)\b", re.IGNORECASE)
"""Reasons of skipped tests that lack something which CI must have."""


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    outcome: Any = yield
    report = outcome.get_result()
    if IN_CI and report.skipped and not hasattr(report, "wasxfail"):
        reason = str(report.longrepr[2]) if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if LACKING.search(reason):
            report.outcome, report.longrepr = "failed", f"{reason} - where CI=true nothing may be missing"


def find_program(name: str) -> str | None:
    """Where a program is; an ordinary user's PATH often lacks the folders of the administrator's programs."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin:/usr/local/sbin")


class OrdinaryUser:
    """Runs commands and functions without any privilege, whoever runs the suite."""

    def __init__(self) -> None:
        self.changes = os.geteuid() == 0
        self.python_works: bool | None = None

    def run(self, command: Sequence[str], **options: Any) -> subprocess.CompletedProcess[str]:
        """As `subprocess.run`, with text captured; skips where that user cannot start this Python."""
        if self.changes:
            options |= {"user": NOBODY, "group": NOBODY, "extra_groups": []}
            if command[0] == sys.executable:
                self._probe()
        options.setdefault("cwd", "/" if self.changes else None)
        options.setdefault("timeout", 60)
        return subprocess.run(command, capture_output=True, text=True, **options)

    def _probe(self) -> None:
        if self.python_works is None:
            try:
                tried = subprocess.run(
                    [sys.executable, "-c", "import packetlab.protocols, click"], user=NOBODY, group=NOBODY,
                    extra_groups=[], cwd="/", capture_output=True, timeout=60,
                )  # fmt: skip
                self.python_works = tried.returncode == 0
            except OSError:
                self.python_works = False
        if not self.python_works:
            missing("an ordinary user cannot start this Python and import packetlab with it")

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """What `function(*arguments)` returns in a child process of that user; its exception is raised here."""
        readable, writable = os.pipe()
        child = os.fork()
        if child == 0:
            code = 1
            try:
                os.close(readable)
                if self.changes:
                    os.setgroups([])
                    os.setgid(NOBODY)
                    os.setuid(NOBODY)
                try:
                    answer = (True, function(*arguments))
                except BaseException:
                    answer = (False, traceback.format_exc())
                with os.fdopen(writable, "wb") as pipe:
                    pickle.dump(answer, pipe)
                code = 0
            finally:
                os._exit(code)
        os.close(writable)
        with os.fdopen(readable, "rb") as pipe:
            data = pipe.read()
        os.waitpid(child, 0)
        if not data:
            raise RuntimeError("the child process ended without an answer")
        good, value = pickle.loads(data)
        if not good:
            raise AssertionError("in the child process of an ordinary user:\n" + value)
        return value


@pytest.fixture(scope="session")
def ordinary_user() -> OrdinaryUser:
    """`.run(command)` and `.call(function)` without any privilege."""
    return OrdinaryUser()
