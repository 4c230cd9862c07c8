"""A running network that other processes of the same user can join: what `packetlab net up` leaves behind.

The process that built the network serves it on a socket with an abstract name: nothing in the file system, gone with
the process. Whoever connects must be the same user (the kernel says who it is). Requests are one JSON message each;
file descriptors ride along: sockets opened in a host are handed to the client, which then captures or sends with
them as with its own, and commands get the client's own standard streams. The network dies with its process, all
commands in it are killed, nothing is left.
"""

import array
import contextlib
import json
import os
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from packetlab.model.errors import PacketLabError, UsageError
from packetlab.net.network import Network
from packetlab.net.process import Process

MAX_MESSAGE = 1 << 20
MAX_CLIENTS = 64
_CREDENTIALS = struct.Struct("iII")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,40}")
_TAKE_TERMINAL = "import fcntl,os,sys,termios; fcntl.ioctl(0,termios.TIOCSCTTY,1); os.execvp(sys.argv[1],sys.argv[1:])"


def _address(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} is no name for a network", remedy="use letters, digits, dots and dashes")
    return f"\0packetlab-net-{os.getuid()}-{name}"


def running() -> list[str]:
    """The names of this user's networks that are up."""
    prefix = f"@packetlab-net-{os.getuid()}-"
    found = set()
    for line in Path("/proc/net/unix").read_text().splitlines()[1:]:
        path = line.split()[-1]
        if path.startswith(prefix):
            found.add(path.removeprefix(prefix))
    return sorted(found)


def _already(name: str) -> UsageError:
    return UsageError(
        f"a network {name!r} is up already", remedy=f"end it with: packetlab net down {name}, or choose another --name"
    )


def _send(sock: socket.socket, message: Mapping[str, Any], descriptors: Sequence[int] = ()) -> None:
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))] if descriptors else []
    sock.sendmsg([json.dumps(message).encode()], rights)


def _receive(sock: socket.socket) -> tuple[dict[str, Any] | None, list[int]]:
    """(message, descriptors); None at the end of the connection or for what is no message."""
    data, notes, _, _ = sock.recvmsg(MAX_MESSAGE, socket.CMSG_SPACE(8 * 4), socket.MSG_CMSG_CLOEXEC)
    descriptors = array.array("i")
    for level, kind, note in notes:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            descriptors.frombytes(note[: len(note) - len(note) % 4])
    try:
        message = json.loads(data) if data else None
    except ValueError:
        message = None
    return (message if isinstance(message, dict) else None), descriptors.tolist()


class NetworkService:
    """Serves a running network under a name until `stop`, or a client asks for its end."""

    def __init__(self, network: Network, name: str, source: str = "") -> None:
        self.network, self.name, self.source = network, name, source
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._clients = 0
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            self._listener.bind(_address(name))
        except OSError:
            self._listener.close()
            raise _already(name) from None
        self._listener.listen(MAX_CLIENTS)

    def serve(self) -> None:
        """Answer until the end."""
        with self._listener:
            while not self._ended.is_set():
                ready, _, _ = select.select([self._listener], [], [], 0.25)
                if not ready:
                    continue
                client, _ = self._listener.accept()
                raw = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
                if _CREDENTIALS.unpack(raw)[1] not in (os.getuid(), 0) or self._clients >= MAX_CLIENTS:
                    client.close()
                    continue
                with self._lock:
                    self._clients += 1
                threading.Thread(target=self._client, args=(client,), daemon=True).start()

    def stop(self) -> None:
        """End `serve`."""
        self._ended.set()

    def _client(self, client: socket.socket) -> None:
        try:
            with client:
                while True:
                    asked, descriptors = _receive(client)
                    try:
                        if asked is None:
                            return
                        self._answer(client, asked, descriptors)
                    except PacketLabError as error:
                        _send(client, {"error": str(error), "remedy": error.remedy})
                    except (KeyError, TypeError, ValueError) as error:
                        _send(client, {"error": f"no such request: {error!r}", "remedy": ""})
                    finally:
                        for descriptor in descriptors:
                            os.close(descriptor)
        except OSError:
            pass  # the client went away
        finally:
            with self._lock:
                self._clients -= 1

    def _answer(self, client: socket.socket, asked: dict[str, Any], descriptors: list[int]) -> None:
        what = asked["do"]
        if what == "describe":
            nodes = [{"name": node.name, "kind": node.kind, "addresses": node.addresses,
                      "interfaces": [[port.name, port.peer, port.mac.hex(":")] for port in node.ports]}
                     for node in self.network]  # fmt: skip
            _send(client, {"name": self.name, "source": self.source, "pid": os.getpid(), "nodes": nodes,
                           "diagram": self.network.diagram()})  # fmt: skip
        elif what == "socket":
            with self.network[asked["host"]].socket(*asked["kind"]) as opened:
                _send(client, {"opened": True}, [opened.fileno()])
        elif what == "run" and len(descriptors) == 3:
            self._run(client, asked, descriptors)
        elif what == "down":
            _send(client, {"ended": True})
            self.stop()
        else:
            raise ValueError(what)

    def _run(self, client: socket.socket, asked: dict[str, Any], descriptors: list[int]) -> None:
        """A command, on the client's streams; signals come as messages, the exit code goes back."""
        command = [str(word) for word in asked["command"]]
        if asked.get("terminal"):
            command = [sys.executable, "-I", "-S", "-c", _TAKE_TERMINAL, *command]
        process: Process = self.network[asked["host"]].popen(
            command, stdin=descriptors[0], stdout=descriptors[1], stderr=descriptors[2], env=asked.get("env"),
            cwd=asked.get("cwd"),
        )  # fmt: skip
        with process:
            for number, descriptor in enumerate(descriptors):
                os.close(descriptor)
                descriptors[number] = os.open(os.devnull, os.O_RDONLY)  # the client's ends are the command's alone
            _send(client, {"started": True})
            client.setblocking(True)
            while process.poll() is None:
                ready, _, _ = select.select([client], [], [], 0.01)
                if ready:
                    said, more = _receive(client)
                    for descriptor in more:
                        os.close(descriptor)
                    if said is None:
                        process.kill()  # nobody waits for it any more
                        return
                    process.send_signal(int(said.get("signal", signal.SIGTERM)))
            _send(client, {"code": process.returncode})


class RemoteHost:
    """A host of a network that another process holds. Implements wire.Host."""

    def __init__(self, network: "RemoteNetwork", name: str) -> None:
        self._network, self.name = network, name

    def socket(self, family: int = socket.AF_INET, type: int = socket.SOCK_STREAM,  # noqa: A002
               proto: int = 0) -> socket.socket:  # fmt: skip
        """A socket in this host's network."""
        _, descriptors = self._network.ask({"do": "socket", "host": self.name, "kind": [int(family), int(type), proto]})
        return socket.socket(family, type, proto, fileno=descriptors[0])

    def run(self, command: Sequence[str], *, terminal: bool = False,
            streams: Sequence[int] = (0, 1, 2)) -> int:  # fmt: skip
        """Runs a command on our own standard streams to its end; its exit code. Ctrl-C is passed on."""
        with self._network.connect() as link:
            _send(link, {"do": "run", "host": self.name, "command": list(command), "terminal": terminal,
                         "env": dict(os.environ), "cwd": str(Path.cwd())}, list(streams))  # fmt: skip
            _checked(_receive(link)[0])
            while True:
                try:
                    said = _checked(_receive(link)[0])
                    code = int(said["code"])
                    return code if code >= 0 else 128 - code
                except KeyboardInterrupt:
                    _send(link, {"signal": int(signal.SIGINT)})

    def shell(self, command: Sequence[str] = ()) -> int:
        """Gives our terminal to a shell (or another command) in this host until it ends; its exit code."""
        from packetlab.net.terminal import relayed

        wanted = list(command) or [os.environ.get("SHELL") or "/bin/sh"]
        if not os.isatty(0):
            return self.run(wanted)
        return relayed(lambda slave: self.run(wanted, terminal=True, streams=(slave, slave, slave)))


class RemoteNetwork:
    """A network of this user that another process holds; `name` "" is the only one there is."""

    def __init__(self, name: str = "") -> None:
        known = running()
        if not name:
            if len(known) != 1:
                raise UsageError(
                    f"there are {len(known)} networks up: {', '.join(known)}" if known else "no network is up",
                    remedy="say which with --net NAME" if known else "start one with: packetlab net up FILE",
                )
            name = known[0]
        if name not in known:
            there = f"there are: {', '.join(known)}" if known else "start one with: packetlab net up FILE"
            raise UsageError(f"no network {name!r} is up", remedy=there)
        self.name = name

    def connect(self) -> socket.socket:
        """A connection to whoever holds it."""
        link = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            link.connect(_address(self.name))
        except OSError as error:
            link.close()
            raise UsageError(f"the network {self.name!r} does not answer: {error.strerror}") from None
        return link

    def ask(self, message: Mapping[str, Any]) -> tuple[dict[str, Any], list[int]]:
        """One request and its answer."""
        with self.connect() as link:
            _send(link, message)
            said, descriptors = _receive(link)
        return _checked(said), descriptors

    def describe(self) -> dict[str, Any]:
        """Its nodes, addresses, interfaces and diagram."""
        return self.ask({"do": "describe"})[0]

    def __getitem__(self, name: str) -> RemoteHost:
        known = [str(node["name"]) for node in self.describe()["nodes"]]
        if name not in known:
            raise UsageError(f"there is no host {name!r} in {self.name}", remedy=f"there are: {', '.join(known)}")
        return RemoteHost(self, name)

    def down(self) -> None:
        """Ends it, and waits until it is gone."""
        with self.connect() as link:
            _send(link, {"do": "down"})
            _checked(_receive(link)[0])
            with contextlib.suppress(OSError):
                _receive(link)  # closed when the process ends


def _checked(said: dict[str, Any] | None) -> dict[str, Any]:
    if said is None:
        raise UsageError("the network ended")
    if "error" in said:
        raise UsageError(said["error"], remedy=said.get("remedy", ""))
    return said


def hold_in_background(network: Network, name: str, source: str = "") -> int:
    """Builds the network in a process of its own that serves it; its pid, once it is up.

    Errors of building it are raised here.
    """
    if name in running():
        raise _already(name)
    readable, writable = os.pipe()
    script = "from packetlab.net.shared import _hold; _hold()"
    order = json.dumps({"source": source, "name": name, "title": network.name})
    with subprocess.Popen(
        [sys.executable, "-c", script, str(writable), order], pass_fds=(writable,), stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    ) as process:  # fmt: skip
        os.close(writable)
        with os.fdopen(readable, "rb") as pipe:
            said = json.loads(pipe.read() or b"{}")
        if "error" in said or not said:
            raise PacketLabError(said.get("error", "the process that holds the network died"),
                                 remedy=said.get("remedy", ""))  # fmt: skip
        process.returncode = 0  # it goes on without us
        return process.pid


def _hold() -> None:
    """The process behind `hold_in_background`."""
    writable, order = int(sys.argv[1]), json.loads(sys.argv[2])
    try:
        network = Network.from_spec(Path(order["source"]))
        service = NetworkService(network, order["name"], order["source"])
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: service.stop())
        network.start()
    except PacketLabError as error:
        os.write(writable, json.dumps({"error": str(error), "remedy": error.remedy}).encode())
        raise SystemExit(1) from None
    os.write(writable, b'{"up": true}')
    os.close(writable)
    with network:
        service.serve()
