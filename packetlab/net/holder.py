"""The holder: a small process that owns the namespaces of a virtual network, opens sockets and starts commands there.

It imports next to nothing and is started by script.py, and so is there in about 7 ms. It must be a process of its
own: a user namespace can only be made single-threaded, and only those inside have power over it.

Two processes: the outer one makes the user, mount and PID namespace and then only watches; the inner one is PID 1
of the PID namespace and serves requests. When the packetlab process dies (even by kill -9) its pidfd and its end of
the socket say so, the inner one ends, and the kernel kills all that ran in the PID namespace with it. Namespaces
are held by file descriptors only, so that nothing is left behind.

The user is mapped to itself, not to uid 0, and the capabilities are made ambient: unmodified tools keep the power,
and files belong to the learner. As root, all ids are mapped to themselves, so that tools can still drop privileges.

Requests and answers are marshalled tuples over a SOCK_SEQPACKET pair; descriptors travel as SCM_RIGHTS.
"""

from __future__ import annotations  # so that `typing`, a third of the start time, need not be imported

import _signal  # type: ignore[import-not-found]  # `signal` would import enum
import _socket
import marshal
import os
import select
import struct
import sys
from _ctypes import FUNCFLAG_CDECL, FUNCFLAG_USE_ERRNO, CFuncPtr, _SimpleCData, dlopen, get_errno

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

NEW_NS, NEW_UTS, NEW_USER, NEW_PID, NEW_NET = 0x00020000, 0x04000000, 0x10000000, 0x20000000, 0x40000000
MS_BIND, MS_REC, MS_SLAVE, MS_NOSUID_NODEV_NOEXEC, MNT_DETACH = 0x1000, 0x4000, 0x80000, 0x2 | 0x4 | 0x8, 2
PR_SET_PDEATHSIG, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 1, 47, 2
CAPABILITY_VERSION_3 = 0x20080522
IGNORED = (_signal.SIGINT, _signal.SIGQUIT, _signal.SIGHUP, _signal.SIGTSTP, _signal.SIGTTIN, _signal.SIGTTOU,
           _signal.SIGPIPE)  # fmt: skip
TIOCSCTTY = 0x540E
MESSAGE = 200_000

# The part of ctypes that is needed, made as ctypes makes it: all of it takes 2.5 ms to import.


class Int(_SimpleCData):  # type: ignore[type-arg]
    """C int."""

    _type_ = "i"


class Long(_SimpleCData):  # type: ignore[type-arg]
    """C unsigned long."""

    _type_ = "L"


class Char(_SimpleCData):  # type: ignore[type-arg]
    """C char."""

    _type_ = "c"


class Function(CFuncPtr):
    """A function of the C library; its errno is kept."""

    _flags_ = FUNCFLAG_CDECL | FUNCFLAG_USE_ERRNO
    _restype_ = Int


class Library:
    """The C library, which the interpreter has loaded."""

    _handle = dlopen(None, 0)  # type: ignore[arg-type]

    def __getattr__(self, name: str) -> Function:
        return Function((name, self))  # type: ignore[arg-type]


libc = Library()


def call(name: str, *arguments: Any) -> None:
    """A libc function that returns -1 and sets errno on failure; Python 3.11 has no os.unshare and os.setns."""
    if getattr(libc, name)(*arguments) < 0:
        number = get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def mount(source: bytes, target: bytes, kind: bytes | None, flags: int, data: bytes | None = None) -> None:
    call("mount", source, target, kind, Long(flags), data)


def write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


def read(path: str) -> str:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(descriptor, 65536).decode("ascii", "replace").strip()
    finally:
        os.close(descriptor)


class Channel:
    """The holder's end of the socket: one marshalled tuple and some descriptors per message."""

    def __init__(self, descriptor: int) -> None:
        self.socket = _socket.socket(fileno=descriptor)

    def fileno(self) -> int:
        return self.socket.fileno()

    def send(self, answer: tuple[Any, ...], descriptors: list[int]) -> None:
        rights = struct.pack(f"{len(descriptors)}i", *descriptors)
        ancillary = [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, rights)] if descriptors else []
        self.socket.sendmsg([marshal.dumps(answer)], ancillary)

    def receive(self) -> tuple[tuple[Any, ...] | None, list[int]]:
        data, ancillary, _, _ = self.socket.recvmsg(MESSAGE, _socket.CMSG_SPACE(4 * 8), _socket.MSG_CMSG_CLOEXEC)
        descriptors: list[int] = []
        for level, kind, rights in ancillary:
            if level == _socket.SOL_SOCKET and kind == _socket.SCM_RIGHTS:
                descriptors += struct.unpack(f"{len(rights) // 4}i", rights[: len(rights) // 4 * 4])
        return (marshal.loads(data) if data else None), descriptors


def become_powerful() -> None:
    """Makes every capability inheritable and ambient, so that an exec by an ordinary uid keeps them."""
    header = struct.pack("=Ii", CAPABILITY_VERSION_3, 0)
    data = (Char * 24)()
    call("capget", header, data)
    effective, permitted, _, effective_high, permitted_high, _ = struct.unpack("=6I", bytes(data))
    call("capset", header, struct.pack("=6I", effective, permitted, permitted, effective_high, permitted_high,
                                       permitted_high))  # fmt: skip
    every = permitted | permitted_high << 32
    for capability in range(every.bit_length()):
        if every >> capability & 1:
            libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0)


class Node:
    """One network namespace, and the mount and UTS namespaces that commands in it see once one was started."""

    def __init__(self) -> None:
        call("unshare", NEW_NET)
        self.net = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        self.name = ""
        self.files: dict[str, bytes] = {}
        self.views: list[int] = []

    def enter(self) -> None:
        call("setns", self.net, NEW_NET)

    def look(self, name: str, files: dict[str, bytes]) -> None:
        """Other files for the commands started from now on."""
        self.name, self.files = name, files
        for descriptor in self.views:
            os.close(descriptor)
        self.views = []

    def enter_views(self) -> None:
        """In a child: the mount and UTS namespace made for this node."""
        for descriptor, kind in zip(self.views, (NEW_NS, NEW_UTS), strict=True):
            call("setns", descriptor, kind)

    def make_views(self) -> None:
        """In a child that stays until its namespaces have been opened by the holder."""
        self.enter()
        call("unshare", NEW_NS | NEW_UTS)
        name = self.name.encode()
        call("sethostname", name, len(name))
        # A new /proc and /sys show this PID and network namespace; where the machine hides parts of its own
        # (containers) the kernel refuses, and commands see the old ones.
        for kind, target in ((b"proc", b"/proc"), (b"sysfs", b"/sys")):
            libc.mount(kind, target, kind, Long(MS_NOSUID_NODEV_NOEXEC), None)
        # For a moment, over a folder in which none of the files is.
        mount(b"none", b"/sys", b"tmpfs", 0, b"mode=755")
        for number, (path, data) in enumerate(self.files.items()):
            if os.path.isfile(path):  # noqa: PTH113 - pathlib would double the start time
                copy = f"/sys/{number}"
                descriptor = os.open(copy, os.O_WRONLY | os.O_CREAT, 0o644)
                os.write(descriptor, data)
                os.fchmod(descriptor, 0o644)
                os.close(descriptor)
                mount(copy.encode(), path.encode(), None, MS_BIND)
        call("umount2", b"/sys", MNT_DETACH)

    def open_views(self) -> None:
        """Makes the namespaces in a child, which sends their descriptors: numbers in /proc may be those of outside."""
        here, there = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
        child = os.fork()
        if child == 0:
            channel = Channel(there.detach())
            try:
                self.make_views()
                views = [os.open(f"/proc/self/ns/{kind}", os.O_RDONLY) for kind in ("mnt", "uts")]
                channel.send((), views)
            except OSError as error:
                channel.send((error.errno, str(error)), [])
            finally:
                os._exit(0)
        there.close()
        answer, self.views = Channel(here.detach()).receive()
        if not self.views:
            number, text = answer or (0, "the child that mounts died")
            raise OSError(number, f"cannot prepare the files of {self.name}: {text}")


class Holder:
    """Serves the requests of the packetlab process, as PID 1 of the network's PID namespace."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.nodes: list[Node] = []
        # Between requests it stays in a namespace of nobody: commands compare theirs with that of PID 1 (lab_only.py).
        self.home = Node()
        self.status: dict[int, int] = {}
        self.wake_read, wake_write = os.pipe()
        os.set_blocking(self.wake_read, False)
        os.set_blocking(wake_write, False)
        _signal.signal(_signal.SIGCHLD, lambda number, frame: None)
        _signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)

    def serve(self, parent: int) -> None:
        poll = select.poll()
        for descriptor in (self.channel.fileno(), self.wake_read, parent):
            poll.register(descriptor, select.POLLIN)
        while True:
            ready = {descriptor for descriptor, _ in poll.poll()}
            if self.wake_read in ready:
                os.read(self.wake_read, 4096)
                self.reap()
            if parent in ready:
                return
            if self.channel.fileno() in ready:
                request, descriptors = self.channel.receive()
                if request is None:
                    return
                self.answer(request, descriptors)

    def answer(self, request: tuple[Any, ...], descriptors: list[int]) -> None:
        """The answer carries the number of its request: who has lost patience may ask again."""
        number, name, *arguments = request
        opened: list[int] = []
        try:
            answer = ("ok", getattr(self, "do_" + name)(*arguments, descriptors=descriptors, opened=opened))
        except OSError as error:
            answer = ("error", (error.errno or 0, error.strerror or str(error)))
        except Exception as error:
            answer = ("error", (0, f"{type(error).__name__}: {error}"))
        self.home.enter()
        self.channel.send((number, *answer), opened if answer[0] == "ok" else [])
        for descriptor in (*descriptors, *opened):
            os.close(descriptor)

    def do_nodes(self, settings: list[list[tuple[str, str]]], descriptors: list[int], opened: list[int]) -> list[Any]:
        """New namespaces: two descriptors each, the namespace and a netlink socket in it; what could not be set."""
        refused = []
        for wanted in settings:
            node = Node()
            self.nodes.append(node)
            opened.append(os.dup(node.net))
            opened.append(_socket.socket(_socket.AF_NETLINK, _socket.SOCK_RAW | _socket.SOCK_CLOEXEC, 0).detach())
            refused.append(set_all(wanted))
        return refused

    def do_socket(self, node: int, family: int, kind: int, protocol: int, descriptors: list[int],
                  opened: list[int]) -> None:  # fmt: skip
        self.nodes[node].enter()
        opened.append(_socket.socket(family, kind, protocol).detach())

    def do_sysctl(self, node: int, wanted: list[tuple[str, str]], descriptors: list[int], opened: list[int]) -> Any:
        self.nodes[node].enter()
        return set_all(wanted)

    def do_read(self, node: int, path: str, descriptors: list[int], opened: list[int]) -> str:
        self.nodes[node].enter()
        return read("/proc/sys/" + path)

    def do_look(self, node: int, name: str, files: dict[str, bytes], descriptors: list[int], opened: list[int]) -> None:
        self.nodes[node].look(name, files)

    def do_spawn(self, node: int, command: list[str], environment: dict[str, str], folder: str, terminal: bool,
                 descriptors: list[int], opened: list[int]) -> int:  # fmt: skip
        """Starts a command; `descriptors` are its 0, 1 and 2 and where its wait status will be written.

        It leads a session of its own; with `terminal`, its 0 becomes that session's controlling terminal.
        """
        place = self.nodes[node]
        if not place.views:
            place.open_views()
        readable, writable = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                place.enter()
                place.enter_views()
                os.chdir(folder)
                os.setsid()
                for target, descriptor in enumerate(descriptors[:3]):
                    os.dup2(descriptor, target)
                if terminal:
                    call("ioctl", 0, Long(TIOCSCTTY), 0)
                _signal.set_wakeup_fd(-1)
                for number in (*IGNORED, _signal.SIGCHLD):
                    _signal.signal(number, _signal.SIG_DFL)
                os.execvpe(command[0], command, environment)
            except OSError as error:
                os.write(writable, struct.pack("i", error.errno or 1))
            finally:
                os._exit(127)
        os.close(writable)
        failed = os.read(readable, 4)
        os.close(readable)
        if failed:
            number = struct.unpack("i", failed)[0]
            raise OSError(number, os.strerror(number))
        self.status[child] = descriptors.pop()
        return child

    def do_kill(self, child: int, number: int, descriptors: list[int], opened: list[int]) -> None:
        if child in self.status:
            os.killpg(child, number)

    def do_kill_group(self, child: int, number: int, descriptors: list[int], opened: list[int]) -> None:
        os.killpg(child, number)

    def reap(self) -> None:
        """Collects the dead: commands, whose status is reported, and orphans, which only init can bury."""
        while True:
            try:
                child, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if child == 0:
                return
            report = self.status.pop(child, None)
            if report is not None:
                try:
                    os.write(report, struct.pack("i", os.waitstatus_to_exitcode(status)))
                except BrokenPipeError:  # whoever started it does not wait for it any more
                    pass
                os.close(report)


def set_all(wanted: list[tuple[str, str]]) -> list[tuple[str, str, str]]:
    """Writes sysctls and reads them back: (name, what it is now or why not) for those that are not as wanted.

    Those that this kernel does not have are passed over where the name starts with "?".
    """
    different = []
    for name, value in wanted:
        path = "/proc/sys/" + name.lstrip("?")
        try:
            write(path, value)
            now = read(path)
        except FileNotFoundError:
            if not name.startswith("?"):
                different.append((name, value, "this kernel does not have it"))
            continue
        except OSError as error:
            now = os.strerror(error.errno or 0)
        if now.split() != value.split():
            different.append((name.lstrip("?"), value, now))
    return different


def isolate(channel: Channel, user: int, group: int) -> str:
    """Makes the namespaces; gives the step that failed, or ""."""
    step = "unshare"
    try:
        call("unshare", NEW_USER | NEW_NS | NEW_PID)
        step = "map"
        if user == 0:
            channel.send(("map",), [])
            channel.receive()
        else:
            write("/proc/self/setgroups", "deny")
            write("/proc/self/uid_map", f"{user} {user} 1")
            write("/proc/self/gid_map", f"{group} {group} 1")
        step = "mount"
        mount(b"none", b"/", None, MS_REC | MS_SLAVE)
        step = "capabilities"
        become_powerful()
    except OSError as error:
        channel.send(("failed", step, error.errno), [])
        return step
    return ""


def main() -> None:
    channel = Channel(int(sys.argv[1]))
    for number in IGNORED:
        _signal.signal(number, _signal.SIG_IGN)
    parent = os.pidfd_open(os.getppid())
    if os.getppid() != int(sys.argv[2]) or isolate(channel, os.geteuid(), os.getegid()):
        return
    server = os.fork()
    if server == 0:
        libc.prctl(PR_SET_PDEATHSIG, _signal.SIGKILL, 0, 0, 0)
        channel.send(("ready",), [])
        Holder(channel).serve(parent)
        os._exit(0)
    channel.socket.close()
    # The inner one ends by itself when the parent does; this one makes sure, even if it hangs or was stopped.
    poll = select.poll()
    poll.register(parent, select.POLLIN)
    poll.register(os.pidfd_open(server), select.POLLIN)
    poll.poll()
    os.kill(server, _signal.SIGKILL)
    os.waitpid(server, 0)


if __name__ == "__main__":
    main()
