"""A running network that other processes of the same user can join: what `packetlab net up` leaves behind.

The process that built the network listens (control_server.py) on this machine and inside each host. Sockets opened
in a host are handed to the client, which then captures or sends with them as with its own; commands get the
client's own standard streams. The network dies with its process, all commands in it are killed, nothing is left.
"""

import os
import select
import signal
import threading
from collections.abc import Callable
from typing import Any

from packetlab.model.errors import UsageError
from packetlab.net.background import in_background
from packetlab.net.control_server import Client, ControlServer, Last, Taken
from packetlab.net.network import Network
from packetlab.net.remote import address
from packetlab.net.remote_command import run_for
from packetlab.net.serving import told

REQUESTS = ("describe", "socket", "run", "log", "wait")
"""What is asked of every network, whoever holds it. The answer to "wait" is that its connection ends with it."""


def answer(network: Network, request: dict[str, Any], client: Client) -> Any:
    """The answer to one of REQUESTS."""
    if request["do"] == "socket":
        return network[request["host"]].socket(*request["kind"])
    if request["do"] == "run":
        return run_for(client, network[request["host"]], request)
    if request["do"] == "log":
        return told(network, request.get("host", ""))
    if request["do"] == "wait":
        while client.hear() is not None:
            pass
        return None
    nodes = [{"name": node.name, "kind": node.kind, "addresses": node.addresses,
              "services": [one.described() for one in network.services if one.host is node],
              "interfaces": [[port.name, port.peer, port.mac.hex(":")] for port in node.ports]}
             for node in network]  # fmt: skip
    return {"pid": os.getpid(), "nodes": nodes, "diagram": network.diagram(), "lab": "",
            "authority": network.certificate}  # fmt: skip


def hold_in_background(network: Network, name: str, source: str = "") -> int:
    """Builds the network in a process of its own that serves it; its pid, once it is up.

    Errors of building it are raised here.
    """
    where = address(name)

    def main(ready: Callable[[], None]) -> None:
        ended = threading.Event()

        def answered(request: dict[str, Any], client: Client) -> Any:
            if request["do"] in REQUESTS:
                found = answer(network, request, client)
                return found | {"name": name, "source": source} if request["do"] == "describe" else found
            if request["do"] == "down":
                return Last(True, ended.set)
            raise UsageError(f"a network cannot {request['do']!r}")

        try:
            control = ControlServer(where, answered)
        except Taken:
            raise UsageError(f"a network {name!r} is up already", remedy=f"end it with: packetlab net down {name}, "
                             "or choose another --name") from None  # fmt: skip
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: ended.set())
        with network:
            threading.Thread(target=_wait_for_end, args=(network.pid, ended), daemon=True).start()
            control.listen_in(list(network))
            control.start()
            ready()
            ended.wait()
            control.close()

    return in_background(main)


def _wait_for_end(holder: int, ended: threading.Event) -> None:
    """Where the holder dies, the network has died with it, and so shall we."""
    pidfd = os.pidfd_open(holder)
    select.select([pidfd], [], [])
    os.close(pidfd)
    ended.set()
