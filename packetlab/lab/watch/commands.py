"""What a learner types in the screen: a command on a host, written as the step's text writes it.

    a1$ ping -c 2 a2                          a command on a1
    packetlab lab shell a1 -- ping -c 2 a2    the same
    packetlab lab hint                        a command of packetlab, on this machine
"""

import re
import shlex
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from packetlab.model.errors import UsageError

_SHELL = re.compile(r"packetlab\s+lab\s+shell\s+(\S+)(?:\s+--)?(?:\s+(.*))?")

_PROMPT = re.compile(r"([\w.-]+)\$(?:\s+(.*))?")

_TALKERS = ("nc", "ncat", "telnet", "ftp")
"""Programs that send what one types, whatever their arguments."""
_READERS = ("python3", "python", "sh", "bash", "cat", "bc")
"""Programs that do so without arguments."""


@dataclass(frozen=True, slots=True)
class Typed:
    """A command as it was understood. `host` is "" for this machine; `command` is "" for an interactive shell."""

    host: str
    command: str

    @property
    def is_conversation(self) -> bool:
        """Whether it waits for what somebody types: it reads standard input, and nothing is put in there."""
        try:
            words = list(shlex.shlex(self.command, posix=True, punctuation_chars=True))
        except ValueError:
            return False  # the shell will say what is wrong
        if not words or any(word in ("|", "<", "<<", "&") for word in words):
            return False
        takes = words[0] in _TALKERS or (words[0] in _READERS and len(words) == 1)
        return takes or (words[0] == "packetlab" and "-" in words)

    @property
    def words(self) -> list[str]:
        """What to run: through a shell in a host, on this machine packetlab itself and nothing else."""
        if self.host:
            return ["/bin/sh", "-c", self.command]
        return [sys.executable, "-m", "packetlab.cli.main", *shlex.split(self.command)[1:]]


def understood(line: str, hosts: Sequence[str], usual: str = "") -> Typed:
    """Which host a line means: as it says, else the `usual` one (where the last command ran)."""
    text = line.strip()
    if match := _SHELL.fullmatch(text):
        return Typed(_known(match[1], hosts), match[2] or "")
    if text.startswith("packetlab lab"):
        try:
            shlex.split(text)
        except ValueError as error:
            raise UsageError(f"{text!r} cannot be read: {error}") from None
        return Typed("", text)
    if match := _PROMPT.fullmatch(text):
        host = _known(match[1], hosts)
        if not match[2]:
            raise UsageError("which command?", remedy=f"as {host}$ ping -c 1 HOST; Escape for none")
        return Typed(host, match[2])
    first, _, rest = text.partition(" ")
    if first in hosts and rest:
        return Typed(first, rest.strip())
    if not usual:
        raise UsageError("on which host?", remedy=f"as {hosts[0]}$ {text}" if hosts else "packetlab lab start LAB")
    return Typed(usual, text)


def _known(name: str, hosts: Sequence[str]) -> str:
    if name not in hosts:
        raise UsageError(f"there is no host {name!r}", remedy=f"there are: {', '.join(hosts)}")
    return name


def _commands(text: str) -> Iterator[str]:
    """What is indented; a command of several lines (one ends in a backslash, or within quotes) on one."""
    command = ""
    for line in text.splitlines():
        if not line.startswith("    "):
            command = ""
            continue
        command = f"{command} {line.strip()}".strip()
        try:
            shlex.split(command)
        except ValueError:
            command = command.removesuffix("\\").rstrip()
            continue
        yield command
        command = ""


def commands_in(text: str, hosts: Sequence[str]) -> Iterator[str]:
    """The commands that a step's text shows, as lines to type here; after `packetlab lab shell a1` they are a1's.

    What is shown behind a command that waits for it, up to the next of packetlab or `exit`, is to be typed there.
    """
    host, talks = "", False
    for command in _commands(text):
        match = _SHELL.fullmatch(command)
        talks = talks and not command.startswith("packetlab ") and command != "exit"
        if match and match[1] in hosts:
            if match[2]:
                yield f"{match[1]}$ {match[2]}"
            else:
                host = match[1]
        elif command == "exit":
            host = ""
        elif host and not talks and not command.startswith("packetlab lab"):
            yield f"{host}$ {command}"
            talks = Typed(host, command).is_conversation
