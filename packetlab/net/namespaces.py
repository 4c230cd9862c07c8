"""Our end of the holder: asks it for namespaces, sockets and commands. Any thread may ask.

This process keeps no privilege and enters no namespace. It owns the holder's user namespace, which is all the
kernel asks for to configure the networks inside it through sockets that the holder opened.
"""

import contextlib
import errno
import marshal
import os
import resource
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from packetlab.model.errors import NamespaceError, PacketLabError, UsageError
from packetlab.net.diagnosis import why_not
from packetlab.net.script import code_of, command

_MESSAGE = 200_000
_MOST_DESCRIPTORS = 250  # SCM_MAX_FD is 253
_FILES, _FILES_OF_NODE = 128, 3
"""Open files beside those of nodes, and of each node: in the holder its namespaces (network, mount, UTS)."""
_PATIENCE = 20.0  # seconds for an answer of the holder; it answers in well under one


class HolderError(PacketLabError):
    """The holder could not do it; `number` is the errno of what it tried, 0 where it tried nothing."""

    def __init__(self, number: int, reason: str) -> None:
        super().__init__(reason)
        self.number = number


class Namespaces:
    """A running holder. `close` ends it and everything in its namespaces; so does the end of this process."""

    def __init__(self, nodes: int = 1) -> None:
        """Starts the holder for so many nodes; raises NamespaceError where this machine does not let us."""
        _make_room(nodes)
        self._lock = threading.Lock()
        self._asked = 0
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.settimeout(_PATIENCE)
        self._socket = ours
        script = Path(__file__).with_name("holder.py")
        with theirs:
            try:
                code = code_of(script)
                self._process = subprocess.Popen(
                    command(script, theirs.fileno(), str(os.getpid())),
                    pass_fds=(theirs.fileno(),), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, cwd="/",
                )  # fmt: skip
            except OSError as error:
                ours.close()
                raise NamespaceError(
                    f"cannot start the process that would hold the network: {error}",
                    remedy=f"make {sys.executable} and {script} readable and executable for this user",
                ) from None
        try:
            with contextlib.suppress(OSError):  # it ended at once; _begin finds out why
                ours.send(code)
            self._begin()
        except BaseException:
            self.close()
            raise

    def _begin(self) -> None:
        while True:
            try:
                data = self._socket.recv(_MESSAGE)
            except OSError:
                data = b""
            message = marshal.loads(data) if data else ("failed", "start", 0)
            if message[0] == "ready":
                return
            if message[0] == "failed":
                raise why_not(message[1], message[2])
            if message[0] == "map":
                self._map_everyone()
                self._socket.send(marshal.dumps(()))

    def _map_everyone(self) -> None:
        """As root: every id that exists here is itself inside, which only somebody outside may write."""
        for kind in ("uid_map", "gid_map"):
            here = Path(f"/proc/self/{kind}").read_text(encoding="ascii").splitlines()
            identity = [f"{line.split()[0]} {line.split()[0]} {line.split()[2]}\n" for line in here]
            try:
                Path(f"/proc/{self._process.pid}/{kind}").write_text("".join(identity), encoding="ascii")
            except OSError as error:
                raise why_not("map", error.errno or 0) from None

    def ask(self, *request: Any, descriptors: tuple[int, ...] = ()) -> tuple[Any, list[int]]:
        """The holder's answer and the descriptors that came with it; raises HolderError."""
        with self._lock:
            if self._socket.fileno() < 0:
                raise UsageError("this network is down", remedy="use it inside its `with` block")
            self._asked += 1
            message = marshal.dumps((self._asked, *request))
            if len(message) > _MESSAGE:
                raise UsageError("command line, environment or /etc/hosts of a virtual host are longer than 200 kB",
                                 remedy="a shorter command, fewer variables, or fewer addresses")  # fmt: skip
            try:
                socket.send_fds(self._socket, [message], descriptors)
                number = 0
                while number != self._asked:  # else the late answer to a question that was given up
                    number, state, value, received = self._receive()
            except OSError as error:
                reason = error.strerror or str(error)  # no number: it is not the request that failed
                raise HolderError(0, f"the network's holder process does not answer: {reason}") from None
        if state != "ok":
            raise HolderError(value[0], value[1])
        return value, received

    def _receive(self) -> tuple[int, str, Any, list[int]]:
        data, received, flags, _ = socket.recv_fds(self._socket, _MESSAGE, _MOST_DESCRIPTORS)
        if not data:
            raise HolderError(0, "the network's holder process has died, and the network with it")
        for descriptor in received:
            os.set_inheritable(descriptor, False)
        number, state, value = marshal.loads(data)
        cut = bool(flags & socket.MSG_CTRUNC)
        if cut or number != self._asked:
            for descriptor in received:
                os.close(descriptor)
            received = []
        if cut:
            state, value = "error", (errno.EMFILE, os.strerror(errno.EMFILE))
        return number, state, value, received

    def make_nodes(self, settings: list[list[tuple[str, str]]]) -> tuple[list[int], list[socket.socket], list[Any]]:
        """New network namespaces with these sysctls: their descriptors, a netlink socket in each, what was refused."""
        spaces: list[int] = []
        netlinks: list[socket.socket] = []
        refused: list[Any] = []
        for start in range(0, len(settings), 60):
            try:
                answer, received = self.ask("nodes", settings[start : start + 60])
            except HolderError as error:
                raise why_not("network", error.number, str(error)) from None
            refused += answer
            spaces += received[::2]
            netlinks += [
                socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0, fileno=descriptor) for descriptor in received[1::2]
            ]
        return spaces, netlinks, refused

    def open_socket(self, node: int, family: int, kind: int, protocol: int) -> socket.socket:
        """A socket of that node's network, with the default timeout of this process; raises OSError as usual."""
        try:
            _, received = self.ask("socket", node, int(family), int(kind), int(protocol))
        except HolderError as error:
            if error.number:
                raise OSError(error.number, str(error)) from None
            raise
        return socket.socket(family, kind & 0xF, protocol, fileno=received[0])

    def close(self) -> None:
        """Ends the holder and all that runs inside, and waits until they are gone."""
        with self._lock:
            self._socket.close()
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    @property
    def pid(self) -> int:
        """The holder's process id."""
        return self._process.pid



def _make_room(nodes: int) -> None:
    """Raises the limit of open files, ours and with it the holder's, where it is too low for so many nodes."""
    limit, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES + nodes * _FILES_OF_NODE
    if limit in (resource.RLIM_INFINITY, -1) or wanted <= limit:
        return
    if hard != resource.RLIM_INFINITY and wanted > hard:
        raise UsageError(f"{nodes} nodes need {wanted} open files, and this process may have {hard}",
                         remedy=f"fewer hosts and wires, or as root: ulimit -n {wanted}")  # fmt: skip
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
