"""Lets code in this process use a host's network, unchanged: its sockets are opened in the host.

`socket.socket` takes its descriptors from the host while a `with` block is active in this context (a thread, or an
asyncio task and those that it starts). Names of the network's hosts are resolved from the topology, all others are
unknown: nothing can leave for the real network. Code that does not go through Python's `socket` module (libcurl,
other programs) is not reached; such programs are started with `host.run`. A thread started inside is outside.
"""

import contextlib
import socket
from collections.abc import Iterator
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from packetlab.net.host import VirtualHost

_HOST: "ContextVar[VirtualHost | None]" = ContextVar("packetlab_host", default=None)
_make, _resolve = socket.socket.__init__, socket.getaddrinfo
_BY_NAME = {"connect": 0, "connect_ex": 0, "bind": 0, "sendto": -1}
"""Methods that resolve the name in an address, which stands there among the arguments."""
_users: "list[VirtualHost]" = []


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
    name = host.decode() if isinstance(host, bytes) else host
    current = _HOST.get()
    # asyncio resolves in a thread of its own, which is outside: there the names of all networks in use are known.
    networks = {id(user._network): user._network for user in ([current] if current else _users)}
    for network in networks.values():
        if name in network.topology.nodes:
            found = []
            for address in network[name].addresses:
                with contextlib.suppress(socket.gaierror):
                    found += _resolve(address, port, family, type, proto, flags | socket.AI_NUMERICHOST)
            if found:
                return found
    if current is None or name is None or name in ("", "localhost"):
        return _resolve(host, port, family, type, proto, flags)
    try:
        return _resolve(host, port, family, type, proto, flags | socket.AI_NUMERICHOST)
    except socket.gaierror:
        raise socket.gaierror(socket.EAI_NONAME, f"{name} is no host of this virtual network") from None


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


@contextlib.contextmanager
def inside(host: "VirtualHost") -> Iterator[None]:
    """Sockets made within the block, in this context, are the host's."""
    token = _HOST.set(host)
    _users.append(host)
    if len(_users) == 1:
        socket.socket.__init__ = _made_inside  # type: ignore[method-assign]
        socket.getaddrinfo = _resolved_inside
        for method, place in _BY_NAME.items():
            setattr(socket.socket, method, _named_inside(method, place))
    try:
        yield
    finally:
        _users.remove(host)
        if not _users:
            socket.socket.__init__ = _make  # type: ignore[method-assign]
            socket.getaddrinfo = _resolve
            for method in _BY_NAME:
                delattr(socket.socket, method)  # what it hid, the method of the C base, is there again
        _HOST.reset(token)
