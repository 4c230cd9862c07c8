"""Mininet as a contestant, where Debian's package is installed: the same star of hosts, in namespaces of its own."""

import subprocess
from typing import Self

PYTHON = "/usr/bin/python3"
"""The Python that the package is for."""

SCRIPT = """
import sys, time
from mininet.log import setLogLevel
from mininet.net import Mininet
from mininet.nodelib import LinuxBridge
setLogLevel("error")
print("ready", flush=True)
for line in sys.stdin:
    started = time.perf_counter()
    net = Mininet(controller=None, autoSetMacs=True)
    switch = net.addSwitch("s1", cls=LinuxBridge)
    for number in range(int(line)):
        net.addLink(net.addHost(f"h{number}", ip=f"10.0.0.{number + 1}/24"), switch)
    net.start()
    print(time.perf_counter() - started, flush=True)
    net.stop()
"""
"""For each number of hosts that comes in: seconds until they are up. Importing Mininet is not timed, nor is ours."""


class Peer:
    """A process that builds stars with Mininet on demand, on nothing that is this machine's.

    Raises RuntimeError where Mininet or its bridge (bridge-utils) is not installed.
    """

    def __init__(self) -> None:
        words = ["unshare", "--user", "--map-root-user", "--net", "--mount", "--pid", "--fork", "--mount-proc"]
        shell = f"PATH=$PATH:/usr/sbin:/sbin; brctl --version >/dev/null && exec {PYTHON} -c '{SCRIPT}'"
        self.process = subprocess.Popen(
            [*words, "sh", "-c", shell],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        self._line()

    def _line(self) -> str:
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            self.process.communicate()
            raise RuntimeError("Mininet or bridge-utils is not installed")
        return line

    def star(self, hosts: int) -> float:
        """Seconds until so many hosts and a bridge are up."""
        assert self.process.stdin
        self.process.stdin.write(f"{hosts}\n")
        self.process.stdin.flush()
        return float(self._line())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.communicate(timeout=30)
