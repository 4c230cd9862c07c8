"""`packetlab net`: a network that stays up for other commands, and leaves nothing behind."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from packetlab.cli.net import COMMANDS
from packetlab.net import Network
from packetlab.net.impairment import Impairment
from packetlab.net.remote import running
from packetlab.net.services import PORTS
from packetlab.net.spec import OPTIONS, SECTIONS
from packetlab.net.topology import ALLOWANCES
from tests.on_terminal import OnTerminal

COMMAND = [sys.executable, "-m", "packetlab.cli.main", "net"]

SPEC = """\
hosts:
  client: 10.0.0.1/24
  server: 10.0.0.2/24
links:
  - client -- server
"""


def packetlab(*words: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *words], capture_output=True, text=True, timeout=60, **options)  # type: ignore[call-overload,no-any-return]


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
    with subprocess.Popen([*COMMAND, "capture", "server", "icmp", "-c", "2", "-w", str(out), "--net", name], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE) as watching:  # fmt: skip
        assert watching.stderr is not None and "listening" in watching.stderr.readline()
        packetlab("exec", "client", "--net", name, "--", "ping", "-c", "1", "server")
        shown, _ = watching.communicate(timeout=30)
    assert watching.returncode == 0 and shown.count("ICMP") == 2 and out.stat().st_size > 100


def test_a_shell_in_a_host_has_a_terminal_of_its_own(name: str) -> None:
    env = os.environ | {"SHELL": "/bin/sh", "PS1": "> ", "ENV": ""}
    with OnTerminal([*COMMAND, "shell", "client", "--net", name], env) as there:
        there.until("> ")
        there.type("test -t 0 && echo in $(hostname) on a $(echo terminal)\n")
        there.until("in client on a terminal")
        there.type("exit 3\n")
        assert there.ends() == 3
        assert there.settings() == there.before


def test_ctrl_c_is_for_the_command(name: str) -> None:
    with subprocess.Popen([*COMMAND, "exec", "client", "--net", name, "--", "sh", "-c",
                           "trap 'echo heard; exit 8' INT; echo there; while :; do sleep 0.05; done"], text=True,
                          stdout=subprocess.PIPE, stdin=subprocess.DEVNULL) as command:  # fmt: skip
        assert command.stdout is not None and command.stdout.readline() == "there\n"
        command.send_signal(signal.SIGINT)
        assert command.communicate(timeout=20)[0] == "heard\n" and command.returncode == 8


def test_commands_work_from_inside_a_host_too(name: str) -> None:
    command = [*COMMAND, "exec", "server", "--net", name, "--", "hostname"]
    inside = packetlab("exec", "client", "--net", name, "--", *command)
    assert inside.stdout == "server\n", inside.stderr


def test_down_alone_does_not_choose_among_several(name: str, tmp_path: Path) -> None:
    other = f"{name}-other"
    assert packetlab("up", str(tmp_path / "office.yaml"), "--name", other).returncode == 0
    refused = packetlab("down")
    assert refused.returncode == 2 and "packetlab net down NAME" in refused.stderr
    assert packetlab("down", other).stdout == f"{other} is down\n"


def test_killed_while_it_works_nothing_is_left(name: str) -> None:
    described = json.loads(packetlab("show", "--net", name, "--json").stdout)
    with subprocess.Popen([*COMMAND, "exec", "client", "--net", name, "--", "sleep", "61"], text=True,
                          stderr=subprocess.PIPE) as sleeping:  # fmt: skip
        assert until(lambda: _commands("sleep 61"))
        os.kill(described["pid"], signal.SIGKILL)
        said = sleeping.communicate(timeout=20)[1]
    assert sleeping.returncode != 0 and f"the network '{name}' does not answer" in said and "the lab" not in said
    assert until(lambda: name not in running()) and until(lambda: not _commands("sleep 61"))


def test_where_its_holder_is_killed_the_network_is_no_longer_up(name: str) -> None:
    described = json.loads(packetlab("show", "--net", name, "--json").stdout)
    with subprocess.Popen([*COMMAND, "capture", "client", "--net", name], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True) as watching:  # fmt: skip
        assert watching.stderr is not None and "listening" in watching.stderr.readline()
        os.kill(_holder(described["pid"]), signal.SIGKILL)
        said = watching.communicate(timeout=20)[1]
    assert "the network has ended" in said and "0 packets shown" in said
    assert until(lambda: name not in running(), 20)
    gone = packetlab("exec", "client", "--net", name, "--", "true")
    assert gone.returncode == 2 and f"no network '{name}' is up" in gone.stderr


def _holder(pid: int) -> int:
    """The innermost of the two processes in which a network is held: PID 1 of its commands."""
    for _ in range(2):
        pid = int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])
    return pid


@pytest.mark.parametrize("words", [["capture", "server"], ["capture", "server", "-i", "client"], ["ladder", "server"]])
def test_a_capture_ends_with_its_network(name: str, words: list[str]) -> None:
    with subprocess.Popen([*COMMAND, *words, "--net", name], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True) as watching:  # fmt: skip
        assert watching.stderr is not None and "listening" in watching.stderr.readline()
        assert packetlab("down", name).returncode == 0
        said = watching.communicate(timeout=20)[1]
    assert "the network has ended" in said and "went down" not in said


def test_an_interface_may_be_named_by_its_neighbour_and_one_that_is_not_there_is_told_with_what_is(name: str) -> None:
    done = packetlab("capture", "server", "-i", "client", "-t", "0.01", "--net", name)
    assert "listening on eth0" in done.stderr
    wrong = packetlab("capture", "server", "-i", "a-very-long-name-of-an-interface", "--net", name)
    assert wrong.returncode == 2 and "there are: lo, eth0 (to client)" in wrong.stderr


def test_what_to_type_next_names_the_network_where_there_are_several(name: str, tmp_path: Path) -> None:
    other = f"{name}-other"
    done = packetlab("up", str(tmp_path / "office.yaml"), "--name", other)
    packetlab("down", other)
    words = " ".join(done.stdout.split())
    assert f"packetlab net shell --net {other} client" in words and f"packetlab net down {other}" in words


def test_the_list_of_networks_fits_eighty_columns(tmp_path: Path) -> None:
    called = f"test-{os.getpid()}-{time.monotonic_ns()}"
    (tmp_path / "many.yaml").write_text(f"hosts: [{', '.join(f'host-{number}' for number in range(20))}]")
    assert packetlab("up", str(tmp_path / "many.yaml"), "--name", called).returncode == 0
    listed = packetlab("list").stdout
    packetlab("down", called)
    assert "host-19" in listed and max(map(len, listed.splitlines())) <= 80


def test_help_tells_every_part_of_a_file_and_fits_eighty_columns(tmp_path: Path) -> None:
    for words in (["--help"], *([command, "--help"] for command in COMMANDS)):
        told = packetlab(*words, env=os.environ | {"COLUMNS": "80"}).stdout
        assert max(map(len, told.splitlines())) <= 80, words
    told = packetlab("up", "--help", env=os.environ | {"COLUMNS": "80"}).stdout
    every = [*OPTIONS, *SECTIONS, *ALLOWANCES, *PORTS, *(one.name for one in fields(Impairment))]
    assert [word for word in every if not re.search(rf"\b{word}\b", told)] == []
    start = told.index("  hosts:\n")
    (tmp_path / "site").mkdir()
    (tmp_path / "server.py").write_text("")
    example = tmp_path / "example.yaml"
    example.write_text(textwrap.dedent(told[start : told.index("\n\n", start)]))
    Network.from_spec(example)


@pytest.mark.parametrize("name_of_file", ["absent.yaml", "unreadable.yaml", "folder.yaml", "a name (1).yaml"])
def test_a_file_that_cannot_be_used_is_told_in_one_sentence_with_a_remedy(tmp_path: Path, name_of_file: str) -> None:
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "a name (1).yaml").write_text(SPEC)
    (tmp_path / "unreadable.yaml").write_bytes(b"\xff")
    wrong = packetlab("up", str(tmp_path / name_of_file))
    assert wrong.returncode == 2 and wrong.stdout == ""
    cause, remedy = wrong.stderr.splitlines()
    assert cause.startswith("packetlab: ") and remedy.startswith("  try: ")


def test_ctrl_c_while_a_service_is_waited_for_ends_all(tmp_path: Path) -> None:
    called = f"test-{os.getpid()}-{time.monotonic_ns()}"
    (tmp_path / "slow.yaml").write_text('hosts: {a: {services: ["run 8080: exec sleep 62"]}}')
    command = [*COMMAND, "up", str(tmp_path / "slow.yaml"), "--name", called]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as starting:
        assert until(lambda: _commands("sleep 62"), 20)
        starting.send_signal(signal.SIGINT)
        said = starting.communicate(timeout=20)[1]
    assert "Traceback" not in said and starting.returncode != 0
    # Its patience with the service would be 10 s.
    assert until(lambda: called not in running() and not _commands("sleep 62"), 5)


@pytest.mark.parametrize("after", [0.0, 0.01, 0.03, 0.06])
def test_killed_while_it_is_built_nothing_is_left(tmp_path: Path, after: float) -> None:
    called = f"test-{os.getpid()}-{time.monotonic_ns()}"
    (tmp_path / "office.yaml").write_text(SPEC)
    command = [*COMMAND, "up", str(tmp_path / "office.yaml"), "--name", called]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as starting:
        assert until(lambda: _in_background(command), 20)
        time.sleep(after)
        for pid in _in_background(command):
            os.kill(pid, signal.SIGKILL)
        said = starting.communicate(timeout=20)[1]
    assert "Traceback" not in said
    assert until(lambda: called not in running() and not _in_background(command))


def _in_background(command: list[str]) -> list[int]:
    """The process that holds a network: its command line is that of the command, which leads no session of it."""
    found = []
    for pid in map(int, _commands(" ".join(command))):
        with contextlib.suppress(ProcessLookupError):
            if os.getsid(pid) not in (pid, os.getsid(0)):
                found.append(pid)
    return found


def _commands(words: str) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if path.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace").strip() == words:
                found.append(path.parent.name)
        except OSError:
            pass
    return found
