"""The Tab key: commands, options, labs, steps, hosts and networks, as bash, zsh and fish ask for them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lab.learner import Learner


def proposed(line: str, environment: dict[str, str] | None = None) -> list[str]:
    """What bash would be given for a line whose last word is to be completed."""
    words = line.split(" ")
    asked = dict(environment or os.environ) | {
        "_PACKETLAB_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)
    }  # fmt: skip
    command = [sys.executable, "-c", "from packetlab.cli.main import main; main()"]
    done = subprocess.run(command, capture_output=True, text=True, env=asked, timeout=60)
    assert not done.stderr, done.stderr
    return [row.partition(",")[2] for row in done.stdout.splitlines() if row]


@pytest.mark.parametrize(("line", "among"), [
    ("packetlab p", {"ping", "pcap"}),
    ("packetlab lab sta", {"start"}),
    ("packetlab lab start hub", {"hub-or-switch"}),
    ("packetlab lab watch ar", {"arp"}),
    ("packetlab lab verify arp hub", {"hub-or-switch"}),
    ("packetlab ping --js", {"--json"}),
    ("packetlab explain ethern", {"ethernet"}),
    ("packetlab completion ", {"bash", "zsh", "fish"}),
])  # fmt: skip
def test_names_are_completed(line: str, among: set[str]) -> None:
    assert among <= set(proposed(line))


def test_commands_are_completed_without_importing_them() -> None:
    script = (
        "import sys\nfrom packetlab.cli.main import cli\nfrom click.shell_completion import ShellComplete\n"
        "found = ShellComplete(cli, {}, 'packetlab', 'X').get_completions(['lab'], 's')\n"
        "print(sorted(item.value for item in found)); print('packetlab.cli.lab.session' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["['shell', 'solution', 'start', 'step', 'stop']", "False"]


def test_hosts_steps_and_questions_of_the_running_lab_are_completed_and_nothing_without_one(tmp_path: Path) -> None:
    with Learner(tmp_path) as learner:
        assert proposed("packetlab lab shell ", learner.environment) == []
        learner.must("start", "hub-or-switch")
        assert proposed("packetlab lab shell a", learner.environment) == ["a1", "a2", "a3"]
        assert proposed("packetlab lab step ", learner.environment) == ["guess", "ping", "look", "switch"]
        assert proposed("packetlab lab answer ", learner.environment) == ["switch=", "hub="]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_a_shell_begins_with_where_it_belongs(shell: str) -> None:
    command = [sys.executable, "-m", "packetlab.cli.main", "completion", shell]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("# ") and "_PACKETLAB_COMPLETE" in done.stdout


@pytest.mark.needs("bash")
def test_bash_takes_the_script_and_knows_what_to_call() -> None:
    script = (
        f'eval "$({sys.executable} -m packetlab.cli.main completion bash)"; complete -p packetlab'
    )
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True)
    assert done.returncode == 0 and "_packetlab_completion" in done.stdout, done.stderr
