"""Lets code in this process use a host's network, unchanged: its sockets are opened in the host.

`socket.socket` takes its descriptors from the host while a `with` block is active in this context: this thread and
those started in the block, for as long as they live; work that is given to an executor in it; in asyncio this task
and those that it starts. Names of the network's hosts are resolved from the topology, all others are unknown: nothing
can leave for the real network. Code that does not go through Python's `socket` module (libcurl, other programs) is
not reached; such programs are started with `host.run`.
"""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from packetlab.net.host import VirtualHost

_HOST: "ContextVar[VirtualHost | None]" = ContextVar("packetlab_host", default=None)
_make, _start, _submit = socket.socket.__init__, threading.Thread.start, ThreadPoolExecutor.submit
_resolve = socket.getaddrinfo
_BY_NAME = {"connect": 0, "connect_ex": 0, "bind": 0, "sendto": -1}
"""Methods that resolve the name in an address, which stands there among the arguments."""
_lock = threading.Lock()
_users = 0
"""Blocks and threads that are inside of any host now: while there are some, the functions below are in place."""
_replaced: list[tuple[Any, str, Any]] = []


# ---------------------------------------------------------------- sockets and names


def _made_inside(self: socket.socket, family: int = -1, type: int = -1, proto: int = -1,  # noqa: A002 - as Python
                 fileno: int | None = None) -> None:  # fmt: skip
    host = _HOST.get()
    if host is None or fileno is not None or family == socket.AF_UNIX:
        _make(self, family, type, proto, fileno)
        return
    family = socket.AF_INET if family == -1 else family
    kind = socket.SOCK_STREAM if type == -1 else type
    outside = _HOST.set(None)  # the socket that the holder sends is one of ours
    try:
        opened = host.socket(family, kind, max(proto, 0)).detach()
    finally:
        _HOST.reset(outside)
    _make(self, family, kind, max(proto, 0), opened)


def _resolved_inside(host: Any, port: Any, family: int = 0, type: int = 0, proto: int = 0,  # noqa: A002 - as Python
                     flags: int = 0) -> Any:  # fmt: skip
    current = _HOST.get()
    name = host.decode() if isinstance(host, bytes) else host
    if current is None or name is None or name in ("", "localhost"):
        return _resolve(host, port, family, type, proto, flags)
    own = current._network.topology.nodes
    found = []
    for address in current._network[name].addresses if name in own else [name]:
        with contextlib.suppress(socket.gaierror):
            found += _resolve(address, port, family, type, proto, flags | socket.AI_NUMERICHOST)
    if not found:
        raise socket.gaierror(socket.EAI_NONAME, f"{name} is no host of this virtual network")
    return found


def _named_inside(method: str, place: int) -> Any:
    plain = getattr(socket.socket, method)

    def call(self: socket.socket, *arguments: Any) -> Any:
        address = arguments[place]
        is_ip = self.family in (socket.AF_INET, socket.AF_INET6)
        if _HOST.get() and is_ip and address and address[0][:1] not in ("", "<"):
            known = _resolved_inside(address[0], address[1], self.family)[0][4][0]
            given = [*arguments]
            given[place] = (known, *address[1:])
            arguments = tuple(given)
        return plain(self, *arguments)

    return call


def _addresses(name: str) -> list[str]:
    return [row[4][0] for row in _resolved_inside(name, None, socket.AF_INET, socket.SOCK_STREAM)]


def _owner(host: "VirtualHost", address: str) -> str:
    """The name of the host of that address (or name)."""
    numbers = {row[4][0] for row in _resolved_inside(address, None, 0, socket.SOCK_STREAM)}
    for other in host._network:
        if numbers & {*other.addresses}:
            return other.name
    raise socket.herror(1, f"{address} is no address of this virtual network")


def _by_address(address: str) -> tuple[str, list[str], list[str]]:
    host = _HOST.get()
    assert host is not None
    name = _owner(host, address)
    return name, [], host._network[name].addresses


def _name_info(address: Any, flags: int) -> tuple[str, str]:
    host = _HOST.get()
    assert host is not None
    name = address[0]
    if not flags & socket.NI_NUMERICHOST:
        with contextlib.suppress(socket.herror):
            name = _owner(host, address[0])
    return name, str(address[1])


def _host_name() -> str:
    host = _HOST.get()
    assert host is not None
    return host.name


_LOOKUPS: dict[str, Callable[..., Any]] = {
    "gethostbyname": lambda name: _addresses(name)[0],
    "gethostbyname_ex": lambda name: (name, [], _addresses(name)),
    "gethostbyaddr": _by_address,
    "getnameinfo": _name_info,
    "gethostname": _host_name,
}


def _only_inside(plain: Callable[..., Any], replacement: Callable[..., Any]) -> Callable[..., Any]:
    """A function that is `replacement` inside of a host."""
    return lambda *arguments: (plain if _HOST.get() is None else replacement)(*arguments)


# ---------------------------------------------------------------- threads


def _run_in(host: "VirtualHost", function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    with inside(host):
        return function(*arguments, **named)


def _started_inside(self: threading.Thread) -> None:
    host = _HOST.get()
    # A thread of an executor serves whoever gives it work; each piece of work knows where it belongs.
    if host is not None and getattr(self, "_target", None) is not _WORKER:
        run = self.run
        self.run = lambda: _run_in(host, run)  # type: ignore[method-assign]
    _start(self)


def _submitted_inside(self: ThreadPoolExecutor, function: Callable[..., Any], /, *arguments: Any,
                      **named: Any) -> "Future[Any]":  # fmt: skip
    host = _HOST.get()
    if host is None:
        return _submit(self, function, *arguments, **named)
    return _submit(self, _run_in, host, function, *arguments, **named)


_WORKER = ThreadPoolExecutor.submit.__globals__.get("_worker")


# ---------------------------------------------------------------- the block


def _replace(owner: Any, name: str, function: Any) -> None:
    """What was inherited only is not there of its own: it is found again once ours is deleted."""
    _replaced.append((owner, name, vars(owner).get(name)))
    setattr(owner, name, function)


def _enter() -> None:
    global _users
    with _lock:
        _users += 1
        if _users > 1:
            return
        _replace(socket.socket, "__init__", _made_inside)
        _replace(socket, "getaddrinfo", _resolved_inside)
        for method, place in _BY_NAME.items():
            _replace(socket.socket, method, _named_inside(method, place))
        for name, replacement in _LOOKUPS.items():
            _replace(socket, name, _only_inside(getattr(socket, name), replacement))
        _replace(threading.Thread, "start", _started_inside)
        _replace(ThreadPoolExecutor, "submit", _submitted_inside)


def _leave() -> None:
    global _users
    with _lock:
        _users -= 1
        while not _users and _replaced:
            owner, name, before = _replaced.pop()
            if before is None:
                delattr(owner, name)
            else:
                setattr(owner, name, before)


@contextlib.contextmanager
def inside(host: "VirtualHost") -> Iterator[None]:
    """Sockets made within the block, in this context, are the host's."""
    token = _HOST.set(host)
    _enter()
    try:
        yield
    finally:
        _leave()
        _HOST.reset(token)
