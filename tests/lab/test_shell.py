"""`packetlab lab shell`, and `packetlab net` on a running lab: commands in its hosts."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from packetlab.model.errors import NamespaceError
from packetlab.net import probe
from tests.conftest import missing
from tests.on_terminal import OnTerminal

COMMAND = [sys.executable, "-m", "packetlab.cli.main"]


class StartedLab:
    """hub-or-switch, running for the folder of one test."""

    def __init__(self, folder: Path) -> None:
        self.env = {**os.environ, "XDG_STATE_HOME": str(folder), "SHELL": "/bin/sh", "PS1": "> ", "ENV": ""}

    def packetlab(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*COMMAND, *words], capture_output=True, text=True, timeout=60, env=self.env)

    def on_terminal(self, *words: str) -> OnTerminal:
        return OnTerminal([*COMMAND, *words], self.env)

    def network(self) -> dict[str, object]:
        """As `packetlab net list` describes it; its name differs from the lab's where the same lab runs twice."""
        for found in json.loads(self.packetlab("net", "list", "--json").stdout):
            if f"XDG_STATE_HOME={self.env['XDG_STATE_HOME']}\0" in Path(f"/proc/{found['pid']}/environ").read_text():
                return found  # type: ignore[no-any-return]
        raise AssertionError("the lab is not among the networks")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartedLab]:
    try:
        probe()
    except NamespaceError as error:
        missing(str(error))
    started = StartedLab(tmp_path_factory.mktemp("state"))
    done = started.packetlab("lab", "start", "hub-or-switch", "--seed", "1")
    assert done.returncode == 0, done.stderr
    yield started
    started.packetlab("lab", "stop")


def until(condition: Callable[[], object], seconds: float = 10) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return bool(condition())


def test_a_command_has_our_files_and_its_exit_code_is_ours(lab: StartedLab) -> None:
    done = lab.packetlab("lab", "shell", "a1", "--", "sh", "-c", "hostname; echo bad >&2; exit 7")
    assert (done.returncode, done.stdout, done.stderr) == (7, "a1\n", "bad\n")


@pytest.mark.parametrize(("name", "code"), [("KILL", 137), ("TERM", 143), ("SEGV", 139)])
def test_death_by_a_signal_is_an_exit_code_as_of_a_shell(lab: StartedLab, name: str, code: int) -> None:
    assert lab.packetlab("lab", "shell", "a1", "--", "sh", "-c", f"kill -{name} $$").returncode == code
    with lab.on_terminal("lab", "shell", "a1", "--", "sh", "-c", f"kill -{name} $$") as there:
        assert there.ends() == code


def test_what_cannot_be_run_is_said_and_the_terminal_is_as_before(lab: StartedLab) -> None:
    with lab.on_terminal("lab", "shell", "a1", "--", "no-such-program") as there:
        assert there.ends() == 2 and "no such program" in there.seen
        assert there.settings() == there.before
    assert "no node 'z9'" in lab.packetlab("lab", "shell", "z9", "--", "true").stderr


def test_ctrl_c_ends_a_command_and_not_the_shell_of_a_host(lab: StartedLab) -> None:
    with lab.on_terminal("lab", "shell", "a1") as there:
        there.until("> ")
        there.type("sleep 1000 || echo code $?\n")
        there.until("code $?")
        time.sleep(0.3)
        there.type("\x03")
        there.until("> ")
        there.type("echo I am $(hostname); exit 4\n")
        there.until("I am a1")
        assert there.ends() == 4
        assert there.settings() == there.before


def test_ctrl_c_reaches_a_command_that_has_our_files(lab: StartedLab) -> None:
    script = "import time\ntry: print('there', flush=True); time.sleep(60)\nexcept KeyboardInterrupt: print('Ctrl-C')"
    with subprocess.Popen([*COMMAND, "lab", "shell", "a1", "--", sys.executable, "-c", script], text=True, env=lab.env,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as command:  # fmt: skip
        assert command.stdout and command.stdout.readline() == "there\n"
        command.send_signal(signal.SIGINT)
        assert command.communicate(timeout=20)[0] == "Ctrl-C\n" and command.returncode == 0


def test_ctrl_z_stops_a_command_that_has_our_files_with_us(lab: StartedLab) -> None:
    script = "while :; do echo $((i = i + 1)); sleep 0.02; done"
    with subprocess.Popen([*COMMAND, "lab", "shell", "a1", "--", "sh", "-c", script], stdout=subprocess.PIPE,
                          env=lab.env) as command:  # fmt: skip
        assert command.stdout and command.stdout.readline()
        command.send_signal(signal.SIGTSTP)
        assert os.WIFSTOPPED(os.waitpid(command.pid, os.WUNTRACED)[1])
        os.set_blocking(command.stdout.fileno(), False)
        assert until(lambda: time.sleep(0.2) or command.stdout.read() is None)  # type: ignore[union-attr, func-returns-value]
        os.set_blocking(command.stdout.fileno(), True)
        command.send_signal(signal.SIGCONT)
        assert command.stdout.readline()
        command.terminate()
        command.stdout.read()
        assert command.wait(20) == 128 + signal.SIGTERM


def test_job_control_works_in_the_shell_of_a_host(lab: StartedLab) -> None:
    with lab.on_terminal("lab", "shell", "a1", "--", "sh", "-m", "-i") as there:
        there.until("> ")
        there.type("sleep 1000\n")
        there.until("sleep 1000")
        time.sleep(0.3)
        there.type("\x1a")
        there.until("Stopped")
        there.type("fg\n")
        there.until("sleep 1000")
        time.sleep(0.3)
        there.type("\x03")
        there.until("> ")
        there.type("exit 0\n")
        assert there.ends() == 0


def test_the_window_has_its_size_there_too_and_changes_with_ours(lab: StartedLab) -> None:
    script = "trap 'stty size' WINCH; stty size; while :; do sleep 0.1; done"
    with lab.on_terminal("lab", "shell", "a1", "--", "sh", "-c", script) as there:
        there.until("24 80")
        there.resize(30, 100)
        there.until("30 100")


def test_all_output_comes_also_the_last(lab: StartedLab) -> None:
    with lab.on_terminal("lab", "shell", "a1", "--", "sh", "-c", "seq 1 20000; sleep 1000 & echo last") as there:
        there.until("20000\r\nlast")
        assert there.ends() == 0
    lab.packetlab("lab", "shell", "a1", "--", "pkill", "sleep")


def test_a_flood_of_keys_for_a_command_that_reads_none_blocks_nobody(lab: StartedLab) -> None:
    with lab.on_terminal("lab", "shell", "a1", "--", "sh", "-c", "stty raw; echo on; sleep 1; exit 5") as there:
        there.until("on")
        os.set_blocking(there.ours, False)
        for _ in range(200):
            try:
                there.type("x" * 1000)
            except BlockingIOError:
                break
        os.set_blocking(there.ours, True)
        assert there.ends() == 5


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_that_ends_the_relay_leaves_the_terminal_as_before(lab: StartedLab, number: int) -> None:
    with lab.on_terminal("lab", "shell", "a1", "--", "sh", "-c", "sleep 63; true") as there:
        assert until(there.is_raw) and until(lambda: _runs("sleep 63"))
        there.process.send_signal(number)
        assert there.ends() in (-number, 128 + number)
        assert there.settings() == there.before
    assert until(lambda: not _runs("sleep 63"))


def test_commands_end_when_the_one_who_asked_is_killed(lab: StartedLab) -> None:
    words = ["sh", "-c", "trap '' HUP; sleep 64; true"]
    with subprocess.Popen([*COMMAND, "lab", "shell", "a1", "--", *words], env=lab.env) as command:
        assert until(lambda: _runs("sleep 64"))
        command.kill()
    assert until(lambda: not _runs("sleep 64"))


def test_commands_of_the_lab_work_from_the_shell_of_a_host(lab: StartedLab) -> None:
    shown = lab.packetlab("lab", "shell", "a1", "--", "packetlab", "lab", "step", "--json")
    assert json.loads(shown.stdout)["lab"] == "hub-or-switch"


@pytest.mark.needs("ping")
def test_the_network_of_a_lab_is_one_of_packetlab_net(lab: StartedLab, tmp_path: Path) -> None:
    found = lab.network()
    name = str(found["name"])
    assert name.startswith("hub-or-switch") and found["lab"] == "hub-or-switch"
    seen = tmp_path / "seen.pcapng"
    words = ["net", "capture", "a2", "icmp", "-c", "2", "-w", str(seen), "--net", name]
    with subprocess.Popen([*COMMAND, *words], env=lab.env, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as watching:  # fmt: skip
        assert watching.stderr and "listening" in watching.stderr.readline()
        assert lab.packetlab("net", "exec", "a1", "--net", name, "--", "ping", "-c", "1", "a2").returncode == 0
        shown, _ = watching.communicate(timeout=30)
    assert shown.count("ICMP") == 2 and seen.stat().st_size > 100
    shell = lab.packetlab("net", "exec", "hub", "--net", name, "--", "true")
    assert shell.returncode == 2 and "it has no shell" in shell.stderr


def test_the_network_of_a_lab_is_not_taken_down_by_packetlab_net(lab: StartedLab) -> None:
    refused = lab.packetlab("net", "down", str(lab.network()["name"]))
    assert refused.returncode == 2 and "packetlab lab stop" in refused.stderr
    assert lab.packetlab("lab", "step").returncode == 0


def test_the_terminal_is_as_before_when_the_lab_is_killed_while_a_shell_is_open(tmp_path: Path) -> None:
    lab = StartedLab(tmp_path)
    if lab.packetlab("lab", "start", "hub-or-switch", "--seed", "1").returncode == 3:
        missing("this machine does not allow virtual networks")
    pid = int(str(lab.network()["pid"]))
    other_screen = r"printf '\033[?1049h\033[?25lvisible'; sleep 1000"
    with lab.on_terminal("lab", "shell", "a1", "--", "sh", "-c", other_screen) as there:
        there.until("visible")
        assert there.is_raw()
        os.kill(pid, signal.SIGKILL)
        assert there.ends() == 2
        assert there.settings() == there.before
        assert "\x1b[?1049l" in there.seen and "\x1b[?25h" in there.seen and "the lab does not answer" in there.seen


def _runs(words: str) -> bool:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if path.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace").strip() == words:
                return True
        except OSError:
            pass
    return False
