"""A shell, or one command, on a host of the running lab."""

from collections.abc import Sequence

from packetlab.lab.client import control
from packetlab.net.remote import RemoteHost


def run_in_host(host: str, command: Sequence[str]) -> int:
    """Runs a command (a shell, without one) on a host of the running lab with our terminal; its exit code."""
    return RemoteHost(control(), host).shell(command)
