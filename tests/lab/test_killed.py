"""A lab whose process is killed at any moment leaves nothing but progress and captures."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from packetlab.model.errors import NamespaceError
from packetlab.net import probe
from tests.conftest import missing

COMMAND = [sys.executable, "-m", "packetlab.cli.main", "lab"]


@pytest.fixture(autouse=True)
def _networks(tmp_path: Path) -> Iterator[None]:
    try:
        probe()
    except NamespaceError as error:
        missing(str(error))
    yield
    for pid in processes(tmp_path):  # a test has failed
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def packetlab(folder: Path, *words: str, code: int = 0) -> str:
    done = subprocess.run([*COMMAND, *words], capture_output=True, text=True, timeout=60, env=environment(folder))
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


def environment(folder: Path) -> dict[str, str]:
    return os.environ | {"XDG_STATE_HOME": str(folder)}


def processes(folder: Path) -> dict[int, str]:
    """Those that were started for this folder, by the environment that they inherit: pid and command."""
    found = {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if f"XDG_STATE_HOME={folder}\0".encode() in (path / "environ").read_bytes():
                found[int(path.name)] = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            pass
    return found


def networks(folders: Iterable[Path]) -> set[str]:
    """The network namespaces that the processes with these folders in /proc are in or hold open."""
    found = set()
    for folder in folders:
        try:
            links = [folder / "ns" / "net", *(folder / "fd").iterdir()]
        except OSError:
            continue
        for link in links:
            with contextlib.suppress(OSError):
                found.add(os.readlink(link))  # noqa: PTH115 - the target is no path
    return {target for target in found if target.startswith("net:[")}


def networks_of(folder: Path) -> set[str]:
    """Those of this folder's lab."""
    own = os.readlink("/proc/self/ns/net")  # noqa: PTH115
    return networks(Path(f"/proc/{pid}") for pid in processes(folder)) - {own}


def until(condition: Callable[[], object], seconds: float = 10) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return bool(condition())


def daemon(folder: Path, starter: int) -> int:
    """The lab's process: of the same command line as the one that starts it, in a session of its own."""
    for pid, command in processes(folder).items():
        try:
            if "lab start" in command and os.getsid(pid) not in (pid, os.getsid(starter)):
                return pid
        except ProcessLookupError:
            pass
    return 0


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).parts[1] for path in folder.rglob("*") if path.is_file()}


def assert_nothing_is_left(folder: Path, mounts: str, seen: set[str]) -> None:
    assert until(lambda: not processes(folder), 20), processes(folder)
    assert Path("/proc/self/mountinfo").read_text() == mounts
    assert files(folder) <= {"progress.jsonl", "captures"}
    assert until(lambda: not seen & networks(Path("/proc").glob("[0-9]*"))), "a network namespace is left"


@pytest.mark.parametrize("after", [0.0, 0.02, 0.05, 0.1, 0.2])
def test_killed_while_it_starts_nothing_is_left(tmp_path: Path, after: float) -> None:
    mounts = Path("/proc/self/mountinfo").read_text()
    with subprocess.Popen([*COMMAND, "start", "hub-or-switch"], env=environment(tmp_path), stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, text=True) as starting:  # fmt: skip
        assert until(lambda: daemon(tmp_path, starting.pid), 20)
        pid = daemon(tmp_path, starting.pid)
        time.sleep(after)
        mine = networks_of(tmp_path)
        os.kill(pid, signal.SIGKILL)
        _, error = starting.communicate(timeout=20)
    assert "Traceback" not in error
    assert_nothing_is_left(tmp_path, mounts, mine)


def test_killed_while_it_works_nothing_is_left_but_progress_and_captures(tmp_path: Path) -> None:
    mounts = Path("/proc/self/mountinfo").read_text()
    packetlab(tmp_path, "start", "hub-or-switch", "--seed", "1")
    pid = daemon(tmp_path, os.getpid())
    with subprocess.Popen([*COMMAND, "shell", "a1", "--", "sh", "-c", "sleep 65 & setsid sleep 65 & sleep 65"],
                          env=environment(tmp_path), stderr=subprocess.DEVNULL) as command:  # fmt: skip
        assert until(lambda: sum("sleep 65" in each for each in processes(tmp_path).values()) >= 4)
        packetlab(tmp_path, "answer", "switch=0", "hub=4")
        mine = networks_of(tmp_path)
        assert mine
        os.kill(pid, signal.SIGKILL)
        assert command.wait(20) != 0
    assert_nothing_is_left(tmp_path, mounts, mine)
    assert "captures" in files(tmp_path)
    assert "no lab is running" in packetlab(tmp_path, "step", code=2)


def test_the_one_who_starts_a_lab_is_killed_and_no_lab_runs_that_nobody_knows_of(tmp_path: Path) -> None:
    mounts = Path("/proc/self/mountinfo").read_text()
    with subprocess.Popen([*COMMAND, "start", "hub-or-switch"], env=environment(tmp_path), stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as starting:  # fmt: skip
        assert until(lambda: daemon(tmp_path, starting.pid))
        starting.kill()
    if until(lambda: not processes(tmp_path), 3):
        assert "no lab is running" in packetlab(tmp_path, "step", code=2)
    else:  # it was ready just before
        packetlab(tmp_path, "stop")
    assert_nothing_is_left(tmp_path, mounts, set())


def test_when_stop_returns_all_is_gone(tmp_path: Path) -> None:
    mounts = Path("/proc/self/mountinfo").read_text()
    for _ in range(2):
        packetlab(tmp_path, "start", "hub-or-switch")
        packetlab(tmp_path, "stop")
        left = {pid for pid in processes(tmp_path) if _state(pid) not in ("Z", "X")}
        assert not left
    assert_nothing_is_left(tmp_path, mounts, set())


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""
