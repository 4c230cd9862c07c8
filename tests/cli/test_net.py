"""`packetlab net`: a network that stays up for other commands, and leaves nothing behind."""

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from packetlab.net.remote import running

SPEC = """\
hosts:
  client: 10.0.0.1/24
  server: 10.0.0.2/24
links:
  - client -- server
"""


def packetlab(*words: str, **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "packetlab.cli.main", "net", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, **options)  # type: ignore[call-overload,no-any-return]


def until(condition: object, seconds: float = 10) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():  # type: ignore[operator]
            return True
        time.sleep(0.02)
    return False


@pytest.fixture
def name(tmp_path: Path) -> Iterator[str]:
    called = f"test-{os.getpid()}-{time.monotonic_ns()}"
    (tmp_path / "office.yaml").write_text(SPEC)
    done = packetlab("up", str(tmp_path / "office.yaml"), "--name", called)
    assert done.returncode == 0, done.stderr
    assert "client" in done.stdout and "packetlab net down" in done.stdout
    yield called
    packetlab("down", called)
    assert called not in running()


@pytest.mark.needs("ping")
def test_commands_run_in_a_host_with_our_streams_and_their_exit_code(name: str) -> None:
    done = packetlab("exec", "client", "--net", name, "--", "ping", "-c", "1", "server")
    assert done.returncode == 0 and "1 received" in done.stdout
    assert packetlab("exec", "client", "--net", name, "--", "sh", "-c", "exit 7").returncode == 7
    assert packetlab("exec", "client", "--net", name, "--", "cat", input="through\n").stdout == "through\n"


def test_what_is_not_there_is_named_with_what_is(name: str, tmp_path: Path) -> None:
    missing = packetlab("exec", "nobody", "--net", name, "--", "true")
    assert missing.returncode == 2 and "client, server" in missing.stderr
    again = packetlab("up", str(tmp_path / "office.yaml"), "--name", name)
    assert again.returncode == 2 and "already" in again.stderr
    nowhere = packetlab("show", "--net", "no-such-network")
    assert nowhere.returncode == 2 and "Traceback" not in nowhere.stderr


def test_it_is_listed_and_drawn(name: str) -> None:
    listed = json.loads(packetlab("list", "--json").stdout)
    assert name in [one["name"] for one in listed]
    assert "10.0.0.2/24" in packetlab("show", "--net", name).stdout


@pytest.mark.needs("ping")
def test_packets_at_a_host_are_shown_and_recorded(name: str, tmp_path: Path) -> None:
    out = tmp_path / "seen.pcapng"
    command = [sys.executable, "-m", "packetlab.cli.main", "net"]
    with subprocess.Popen([*command, "capture", "server", "icmp", "-c", "2", "-w", str(out), "--net", name], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE) as watching:  # fmt: skip
        assert watching.stderr is not None and "listening" in watching.stderr.readline()
        packetlab("exec", "client", "--net", name, "--", "ping", "-c", "1", "server")
        shown, _ = watching.communicate(timeout=30)
    assert watching.returncode == 0 and shown.count("ICMP") == 2 and out.stat().st_size > 100


def test_a_shell_in_a_host_has_a_terminal_of_its_own(name: str) -> None:
    child, master = pty.fork()
    if child == 0:
        os.environ["SHELL"] = "/bin/sh"
        os.execv(sys.executable, [sys.executable, "-m", "packetlab.cli.main", "net", "shell", "client", "--net", name])
    seen, asked, end = b"", False, time.monotonic() + 20
    while time.monotonic() < end and b"in client on a terminal" not in seen:
        ready, _, _ = select.select([master], [], [], 0.2)
        if ready:
            try:
                seen += os.read(master, 4096)
            except OSError:
                break
        if not asked and seen:
            os.write(master, b"test -t 0 && echo in $(hostname) on a $(echo terminal)\n")
            asked = True
    os.write(master, b"exit 3\n")
    _, status = os.waitpid(child, 0)
    os.close(master)
    assert b"in client on a terminal" in seen and os.waitstatus_to_exitcode(status) == 3


def test_killed_at_any_moment_nothing_is_left(name: str) -> None:
    described = json.loads(packetlab("show", "--net", name, "--json").stdout)
    with subprocess.Popen([sys.executable, "-m", "packetlab.cli.main", "net", "exec", "client", "--net", name, "--",
                           "sleep", "61"]) as sleeping:  # fmt: skip
        assert until(lambda: _commands("sleep 61"))
        os.kill(described["pid"], signal.SIGKILL)
        assert sleeping.wait(20) != 0
    assert until(lambda: name not in running()) and until(lambda: not _commands("sleep 61"))


def _commands(words: str) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if path.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace").strip() == words:
                found.append(path.parent.name)
        except OSError:
            pass
    return found
