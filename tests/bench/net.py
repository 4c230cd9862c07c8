"""Virtual networks and labs: how fast they come up, what a wire carries and how exact it is, how long a lab takes."""

import os
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence

from packetlab.cli.within import within
from packetlab.lab.attempts import missing_programs
from packetlab.lab.authoring import run_solutions
from packetlab.lab.format import lab_names, labs_folder, read_lab
from packetlab.net import Network
from packetlab.net.host import VirtualHost
from tests.bench import mininet
from tests.bench.rounds import Row
from tests.conftest import find_program

ETHERTYPE = 0x88B6
"""IEEE 802 local experimental EtherType 2."""
DELAY = 0.010


def star(hosts: int) -> Network:
    """So many hosts and a switch."""
    network = Network()
    network.switch("sw")
    for number in range(hosts):
        network.host(f"h{number}", f"10.0.0.{number + 1}/24")
        network.link(f"h{number}", "sw")
    return network


def seconds_up(hosts: int) -> float:
    network = star(hosts)
    started = time.perf_counter()
    with network:
        return time.perf_counter() - started


class Script:
    """A shell in namespaces of its own, with its own /run/netns, that runs `ip netns` scripts."""

    def __init__(self) -> None:
        words = ["unshare", "--user", "--map-root-user", "--mount", "--net", "sh"]
        self.shell = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.seconds(["PATH=$PATH:/usr/sbin:/sbin", "set -e", "mount -t tmpfs none /run"])

    def seconds(self, lines: Sequence[str]) -> float:
        """How long these commands take."""
        assert self.shell.stdin and self.shell.stdout
        started = time.perf_counter()
        self.shell.stdin.write("\n".join([*lines, "echo done"]) + "\n")
        self.shell.stdin.flush()
        if self.shell.stdout.readline() != "done\n":
            raise RuntimeError("the script with ip netns ended early")
        return time.perf_counter() - started

    def star(self, hosts: int) -> float:
        """The same as star() above, as far as links and addresses go, and taken down again, which is not timed."""
        lines = ["ip netns add sw", "ip -n sw link add br0 type bridge", "ip -n sw link set br0 up"]
        for number in range(hosts):
            lines += [
                f"ip netns add h{number}",
                f"ip link add eth0 netns h{number} type veth peer name p{number} netns sw",
                f"ip -n h{number} link set lo up",
                f"ip -n h{number} address add 10.0.0.{number + 1}/24 dev eth0",
                f"ip -n h{number} link set eth0 up",
                f"ip -n sw link set p{number} master br0 up",
            ]
        took = self.seconds(lines)
        self.seconds([f"ip netns delete {name}" for name in ("sw", *(f"h{number}" for number in range(hosts)))])
        return took

    def close(self) -> None:
        self.shell.communicate("exit\n", timeout=10)


def building(rounds: int = 15) -> Iterator[Row]:
    """Four hosts and a switch, against the script; 64 hosts."""
    ours = theirs = float("inf")
    script = Script() if find_program("ip") else None
    for _ in range(rounds):
        ours = min(ours, seconds_up(4))
        if script:
            theirs = min(theirs, script.star(4))
    yield Row("4 hosts and a switch", "", ours, 0.0, below=0.060)
    if script:
        script.close()
        yield Row("4 hosts and a switch", "ip netns script", ours, theirs, at_least=2)
    best = min(seconds_up(64) for _ in range(max(1, rounds // 3)))
    yield Row("64 hosts and a switch", "", best, 0.0, below=1.0)


def building_with_mininet(rounds: int = 5) -> Iterator[Row]:
    """The same against Mininet, where it is installed."""
    try:
        peer = mininet.Peer()
    except (RuntimeError, OSError):
        return
    with peer:
        for hosts in (4, 64):
            ours = theirs = float("inf")
            for _ in range(rounds if hosts == 4 else 1):
                ours, theirs = min(ours, seconds_up(hosts)), min(theirs, peer.star(hosts))
            yield Row(f"{hosts} hosts and a switch", "Mininet", ours, theirs, at_least=2)


def _wired(**wire: str) -> Network:
    network = Network()
    network.host("a", "10.0.0.1/24")
    network.host("b", "10.0.0.2/24")
    network.link("a", "b", **wire)
    return network


def _packet_socket(host: VirtualHost, protocol: int = ETHERTYPE) -> socket.socket:
    opened = host.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 << 20)
    try:
        opened.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)  # SO_RCVBUFFORCE
    except OSError:
        pass  # fewer frames fit in then, and fewer are counted
    opened.setsockopt(socket.SOL_SOCKET, 35, 1)  # SO_TIMESTAMPNS
    opened.settimeout(1)
    opened.bind(("eth0", protocol))
    return opened


def _times(sock: socket.socket, most: int) -> dict[int, float]:
    """When each frame of ours, by its number, passed: by the kernel's clock."""
    found: dict[int, float] = {}
    try:
        while len(found) < most:
            data, messages, _, _ = sock.recvmsg(2000, 100)
            if data[12:14] == ETHERTYPE.to_bytes(2, "big"):
                whole, part = struct.unpack("@qq", messages[0][2][:16])
                found[int.from_bytes(data[14:18], "big")] = whole + part / 1e9
    except TimeoutError:
        pass  # an ordinary user's buffers hold some thousand frames only
    return found


def through(frames: int, size: int, delay: str, interval: float = 0) -> tuple[dict[int, float], dict[int, float]]:
    """Sends numbered frames over a wire: when each was sent, and when it came out."""
    network = _wired(delay=delay)
    with network, _packet_socket(network["a"]) as source, _packet_socket(network["b"]) as target:
        head = bytes.fromhex((network["b"].mac() + network["a"].mac()).replace(":", "")) + struct.pack(">H", ETHERTYPE)
        with _packet_socket(network["a"], 3) as tap:  # ETH_P_ALL: only these see what leaves
            for number in range(frames):
                source.send((head + struct.pack(">I", number)).ljust(size, b"\0"))
                if interval:
                    time.sleep(interval)
            return _times(tap, frames), _times(target, frames)


def seconds_per_frame(frames: int) -> float:
    """A burst of full frames goes in faster than the wire can carry it: from the first that enters to the last out."""
    sent, came = through(frames, 1514, "1ms")
    return (max(came.values()) - min(sent.values()) - 0.001) / len(came)


def lateness() -> float:
    """The median distance between the delay that was asked and the one that there was, in seconds."""
    sent, came = through(200, 64, f"{DELAY * 1000:g}ms", 0.003)
    return statistics.median(abs(came[number] - sent[number] - DELAY) for number in came.keys() & sent.keys())


def wire(frames: int = 8000, rounds: int = 5) -> Iterator[Row]:
    """What a wire carries, as seconds for each frame against 1 / 30,000 s, and how late it is."""
    best = min(seconds_per_frame(frames) for _ in range(rounds))
    yield Row(f"a wire, per frame ({1 / best:,.0f}/s)", "30,000 frames/s", best, 1 / 30_000, at_most=1)
    late = min(lateness() for _ in range(2))
    yield Row(f"its delay, off the asked {DELAY * 1000:g} ms", "median", late, 0.0, below=0.001)


def labs(rounds: int = 3, names: Sequence[str] = ()) -> Iterator[Row]:
    """The reference solution of each lab, all of it, fastest of some rounds; and the median over the labs."""
    times = {}
    for name in names or lab_names():
        lab = read_lab(labs_folder() / name)
        if missing_programs(lab):
            continue
        times[name] = float("inf")
        for seed in range(1, rounds + 1):
            started = time.perf_counter()
            verdicts = run_solutions(lab, seed, within=within)
            times[name] = min(times[name], time.perf_counter() - started)
            if not all(verdict.passed for verdict in verdicts):
                raise RuntimeError(f"the solution of {name} does not pass: {verdicts[-1].text()}")
    for name, took in times.items():
        yield Row(f"lab {name}", "", took, 0.0)
    if times:
        yield Row(f"median of {len(times)} labs", "", statistics.median(times.values()), 0.0, below=0.5)


def commands(rounds: int = 2) -> Iterator[Row]:
    """The same as a learner's command, with the start of Python: the median over the labs."""
    times = {}
    with tempfile.TemporaryDirectory() as folder:
        # A user's Python keeps its bytecode; where it does not, compiling all modules would be most of the time.
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        environment["PYTHONPYCACHEPREFIX"] = folder
        for name in lab_names():
            if missing_programs(read_lab(labs_folder() / name)):
                continue
            command = [sys.executable, "-m", "packetlab.cli.main", "lab", "run", name, "--solution"]
            for _ in range(rounds):
                started = time.perf_counter()
                subprocess.run(command, stdout=subprocess.DEVNULL, check=True, env=environment)
                took = time.perf_counter() - started
                times[name] = min(times.get(name, took), took)
    if times:
        yield Row("packetlab lab run ID --solution", "", statistics.median(times.values()), 0.0, below=0.5)


ROWS = [building, building_with_mininet, wire, labs, commands]
