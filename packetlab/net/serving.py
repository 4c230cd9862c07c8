"""The services of a running network: started when it is up, ended with it, and what they have said.

Small servers run as threads of this process. A program (`run: COMMAND`) is a process in its host; what it prints is
kept within a bound. All small servers are started before the first program. A program that ends at once with an
error ends the start of the network with one sentence: a network that lacks what it declares is not up. One that ends
well has done its work (many servers leave a child behind and go).
"""

import contextlib
import datetime
import functools
import ipaddress
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packetlab.model.errors import UsageError
from packetlab.net.listening import listening
from packetlab.net.process import PIPE, STDOUT, Process
from packetlab.net.services import Service, dhcp_port, name_servers, ports_of, resolvers, root_addresses
from packetlab.show.safe import safe_text

if TYPE_CHECKING:
    from packetlab.net.host import VirtualHost
    from packetlab.net.network import Network
    from packetlab.net.servers.certificates import CertificateAuthority
    from packetlab.net.servers.zones import Zone

KEPT = 16_384
"""Bytes of a program's output that are kept of its beginning, and as many of its end."""
LINES = 400
"""Lines of a service's output that are told."""
LINE_LIMIT = 300
MOST_TOLD = 100_000
"""Characters that are told to another process at once."""
WATCHED = 1.0
"""Seconds for which a program without a port is watched, unless it listens on one before."""
PATIENCE = 10.0
"""Seconds that a program may take until it listens on its port."""
MERCY = 1.0
"""Seconds that programs get to end when the network goes down."""
AUTHORITY = Path(__file__).with_name("authority.pem")
"""In hosts this file is the certificate of the network's authority; outside it says so."""


VALID = datetime.timedelta(days=90)
"""Life of certificates; a network may stay up for long."""
TRUST = ("PACKETLAB_CA", "SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE")
"""What names that file in the environment of commands: for learners, OpenSSL and Python, curl, requests."""


class RunningService:
    """A service that was started: `state` and `output()` say how it is, `stop()` ends it while the network goes on."""

    def __init__(self, host: "VirtualHost", service: Service, services: "Services") -> None:
        self.host, self.service = host, service
        self.servers: list[Any] = []
        self.program: _Program | None = None
        self._services = services
        self._open: list[Any] = []
        """Those of the servers that serve. One list for all DNS zones of a host, which are one server."""
        self._is_stopped = False
        """A program: by us."""

    def stop(self) -> None:
        """Ends it: its connections are cut, its port is closed. For a DNS server, with all its zones.

        A program gets a moment to end by itself. Does nothing to what was stopped before.
        """
        if self.program is not None and not self._is_stopped:
            self.program.end(time.monotonic() + MERCY)
            self._is_stopped = True
            deadline = time.monotonic() + MERCY
            while self._still_listens() and time.monotonic() < deadline:
                time.sleep(0.002)  # the last of its processes is ending
        while self._open:
            self._open.pop().__exit__(None, None, None)

    def _still_listens(self) -> bool:
        return self.service.port in [port for _, port in listening(self.host) or ()]

    def start(self) -> None:
        """Starts it again after `stop`, and waits until it is ready; does nothing while it runs.

        UsageError where it cannot be started. What a program printed before is forgotten.
        """
        if self.program is None:
            if not self._open:
                self.enter()
        elif self._is_stopped:
            before = listening(self.host)
            self.program.forget()
            self.program = _Program(self.host, self.service)
            self._services.watch([(self, before)])
            self._is_stopped = False

    def enter(self) -> None:
        """Has its small servers serve."""
        for server in self.servers:
            server.__enter__()
            self._open.append(server)

    def share(self, other: "RunningService") -> None:
        """Is the same server as another one."""
        self.servers, self._open = other.servers, other._open

    @property
    def state(self) -> str:
        """ "running", "stopped", "done" (a program that ended well), or how it ended."""
        if self._is_stopped if self.program else not self._open:
            return "stopped"
        if self.program is None:
            return "running" if all(one.is_running for one in self.servers) else "ended: see its log"
        code = self.program.process.poll()
        return "running" if code is None else "done" if code == 0 else f"ended: {_how(code)}"

    def output(self) -> list[str]:
        """The last lines of what it has printed or written down, safe to show."""
        if self.program is not None:
            lines: Iterable[str] = self.program.text().splitlines()
        else:
            lines = [line for server in self.servers for line in [*server.log]]
        return [safe_text(line, limit=LINE_LIMIT) for line in [*lines][-LINES:]]

    def described(self) -> dict[str, str]:
        """For JSON."""
        return {"service": self.service.text, "state": self.state}


def _how(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    with contextlib.suppress(ValueError):
        return f"killed by {signal.Signals(-code).name}"
    return f"killed by signal {-code}"


class _Program:
    """A command in a host, and the first and the last of what it prints."""

    def __init__(self, host: "VirtualHost", service: Service) -> None:
        path = f"{Path(sys.executable).parent}:{os.environ.get('PATH', '/usr/bin:/bin')}"
        env = {"PATH": path, "PYTHONUNBUFFERED": "1"}
        words = ["/bin/sh", "-c", service.command]
        self.process: Process = host.popen(words, stdout=PIPE, stderr=STDOUT, env=env, cwd=service.path)
        self._first, self._last, self._is_cut = b"", b"", False
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._read, daemon=True, name=f"{service.text} on {host.name}")
        self._thread.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        while True:
            try:
                piece = os.read(self.process.stdout.fileno(), 4096)
            except (OSError, ValueError):
                return
            if not piece:
                return
            with self._lock:
                room = KEPT - len(self._first)
                self._first += piece[:room]
                self._last += piece[room:]
                if len(self._last) > 2 * KEPT:
                    self._last, self._is_cut = self._last[-KEPT:], True

    def text(self) -> str:
        """What it has printed."""
        with self._lock:
            middle = b"\n...\n" if self._is_cut else b""
            return (self._first + middle + self._last).decode("utf-8", "replace")

    def last_line(self, patience: float) -> str:
        """The last line that says something, once it has ended or after so many seconds; for an error."""
        self._thread.join(patience)
        return next((line.strip() for line in reversed(self.text().splitlines()) if line.strip()), "")

    def end(self, deadline: float) -> None:
        """Asks it and its children to end, and kills what is there at the deadline (by the monotonic clock)."""
        if self.process.poll() is not None and not self._thread.is_alive():
            return
        self.process.signal_group(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(max(0.0, deadline - time.monotonic()))
        self._thread.join(max(0.0, deadline - time.monotonic()))  # a shell ends before what it has started
        self.process.signal_group(signal.SIGKILL)
        self.process.wait()

    def forget(self) -> None:
        """After it has ended, or the network is gone: nothing holds the other end of the pipe any more."""
        self._thread.join(2)
        self.process._close()


class Services:
    """The services of one network. `start` them once it is up; `close` while it is, `forget` when it is gone."""

    def __init__(self, network: "Network") -> None:
        self._network = network
        self._stack = contextlib.ExitStack()
        self.running: list[RunningService] = []

    @functools.cached_property
    def authority(self) -> "CertificateAuthority":
        """The certificate authority of the network, made when it is first needed."""
        from packetlab.net.servers.certificates import CertificateAuthority

        return CertificateAuthority(f"packetlab network {self._network.name}"[:64], lasts=VALID)

    @property
    def needs_authority(self) -> bool:
        """Whether any host speaks TLS."""
        nodes = self._network.topology.nodes.values()
        return any(service.kind == "https" for node in nodes for service in node.services)

    @functools.cached_property
    def _name_servers(self) -> list[tuple[str, list[Any]]]:
        topology = self._network.topology
        return name_servers(topology, (port for pair in topology.ports() for port in pair))

    def look_again(self) -> None:
        """Services were added: what was remembered of them is old."""
        self.__dict__.pop("_name_servers", None)

    def resolvers(self, host: "VirtualHost") -> list[str]:
        """The DNS servers of the network that a host asks."""
        if not self._name_servers:
            return []
        own = [one for port in host.ports for one in port.addresses]
        return resolvers(own, self._name_servers)

    # ------------------------------------------------------------ start and end

    def start(self, wanted: "Sequence[tuple[VirtualHost, Service]]") -> None:
        """Starts services; UsageError where one cannot be started, or ends at once."""
        programs: list[tuple[RunningService, set[tuple[str, int]] | None]] = []
        names: dict[str, RunningService] = {}
        for host, service in wanted:
            if service.kind == "run":
                continue
            one = RunningService(host, service, self)
            if service.kind == "dns" and host.name in names:
                one.share(names[host.name])  # one server, several zones
            else:
                try:
                    self._serve(one, [each for on, each in wanted if on is host])
                except UsageError as error:
                    if str(error).startswith(service.where) and service.where:
                        raise
                    raise service.wrong(str(error), error.remedy) from None
                names.update({host.name: one} if service.kind == "dns" else {})
            self.running.append(one)
        before = {host.name: listening(host) for host, service in wanted if service.kind == "run"}
        for host, service in wanted:
            if service.kind == "run":
                one = RunningService(host, service, self)
                one.program = _Program(host, service)
                self.running.append(one)
                programs.append((one, before[host.name]))
        self.watch(programs)

    def close(self) -> None:
        """Ends all; programs get a moment to do it themselves."""
        ending = [one.program.process for one in self.running if one.program]
        for process in ending:
            process.terminate()
        deadline = time.monotonic() + MERCY
        for process in ending:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - time.monotonic()))
            process.kill()
        self._stack.close()

    def forget(self) -> None:
        """What was kept of programs, once the network is gone."""
        for one in self.running:
            if one.program:
                one.program.forget()
        self.running = []

    def watch(self, programs: list[tuple[RunningService, set[tuple[str, int]] | None]]) -> None:
        """Waits until programs listen, or have ended, or have run for a while."""
        began = time.monotonic()
        waiting = list(programs)
        while waiting:
            left = []
            for one, before in waiting:
                assert one.program is not None
                code = one.program.process.poll()
                if code:
                    raise self._ended(one, code)
                if not self._is_ready(one, before, programs, time.monotonic() - began, code):
                    left.append((one, before))
            waiting = left
            if waiting:
                time.sleep(0.01)

    def _is_ready(self, one: RunningService, before: set[tuple[str, int]] | None, programs: list[Any], since: float,
                  code: int | None) -> bool:  # fmt: skip
        now = listening(one.host)
        port = one.service.port
        if not port:
            # One new socket for each program of the host: which is whose is not known.
            fellows = [other for other, _ in programs if other.host is one.host]
            is_listening = now is not None and before is not None and len(now - before) >= len(fellows)
            return code == 0 or is_listening or since > WATCHED
        if now is None:
            return since > WATCHED
        if port in [number for _, number in now]:
            return True
        if since > PATIENCE:
            raise one.service.wrong(f"{_shown(one)} does not listen on port {port} after {PATIENCE:g} s{_said(one, 0)}",
                                    "let it listen there, or leave the port out")  # fmt: skip
        return False

    @staticmethod
    def _ended(one: RunningService, code: int) -> UsageError:
        return one.service.wrong(f"{_shown(one)} ended at once ({_how(code)}){_said(one, 0.5)}",
                                 f"mend the command, or take it out; it runs in {one.service.path}")  # fmt: skip

    # ------------------------------------------------------------ the small servers

    def _serve(self, one: RunningService, beside: Sequence[Service]) -> None:
        from packetlab.net import servers
        from packetlab.net.servers.behaviours import behaviours
        from packetlab.net.servers.http import from_folder

        host, service = one.host, one.service
        made: list[Any] = []
        if service.kind == "echo":
            made = [servers.TCPEchoServer(host, service.port), servers.UDPEchoServer(host, service.port)]
        elif service.kind in ("http", "https"):
            handler = behaviours(host.name) if service.path is None else from_folder(service.path)
            tls = None
            if service.kind == "https":
                tls = self.authority.identity(*self.names_of(host), lasts=VALID).server_context(alpn=["http/1.1"])
            made = [servers.HTTPServer(host, service.port, handler, tls=tls)]
        elif service.kind == "dns" and service.roots:
            topology = self._network.topology
            roots = [address for root in service.roots for address in root_addresses(topology, service, root)]
            made = [servers.RecursiveServer(host, roots)]
        elif service.kind == "dns":
            zones = [zone for each in beside if each.kind == "dns" for zone in self.zones(each)]
            made = [servers.DNSServer(host, zones)]
        elif service.kind == "dhcp":
            made = [self._dhcp(host, service)]
        one.servers += made
        self._stack.callback(one.stop)
        one.enter()

    def _dhcp(self, host: "VirtualHost", service: Service) -> Any:
        from packetlab.net.servers import DHCPServer

        topology, options = self._network.topology, service.options
        port, address = dhcp_port(topology, host.node, service)
        routers = [str(one.ip) for node in topology.nodes.values() if node.kind in ("router", "nat")
                   for near in ports_of(topology, node) for one in near.addresses
                   if one.version == 4 and one.ip in address.network]  # fmt: skip
        domains = [each.domain for node in topology.nodes.values() for each in node.services
                   if each.kind == "dns" and not each.path and not each.roots]  # fmt: skip
        known = [one for one in resolvers([address], self._name_servers) if ":" not in one]
        return DHCPServer(
            host, str(address.network), address=str(address.ip), first=options["first"], last=options["last"],
            router=options.get("router", next(iter(routers), "")), dns=options["dns"].split() if "dns" in options
            else known, domain=options.get("domain", next(iter(domains), "")), lease=int(options.get("lease", "3600")),
            interface=port.index, reserved=[one for other in self._network for one in other.addresses],
        )  # fmt: skip

    def zones(self, service: Service) -> "list[Zone]":
        """The zones of one DNS service: of its file, or of the network's hosts, with the way back from addresses."""
        from packetlab.application.dns import PTR
        from packetlab.net.servers.zones import Zone, address_record, read_zone

        if service.path is not None:
            try:
                return [read_zone(service.path, service.domain)]
            except (OSError, UnicodeError) as error:
                raise service.wrong(f"cannot read the zone: {error}") from None
            except UsageError as error:
                raise service.wrong(str(error), error.remedy) from None
        forward, back = Zone(service.domain.rstrip(".")), [Zone("in-addr.arpa"), Zone("ip6.arpa")]
        for host in self._network:
            name = f"{host.name.lower()}.{service.domain}".rstrip(".")
            for text in host.addresses:
                address = ipaddress.ip_address(text)
                forward.add(address_record(name, text))
                back[address.version == 6].add(PTR(owner=address.reverse_pointer, target=name))
        return [forward, *(zone for zone in back if zone.records)]

    def names_of(self, host: "VirtualHost") -> list[str]:
        """What a host's certificate is for: its names, those that any zone of the network gives it, its addresses."""
        from packetlab.application.dns import AAAA, A
        from packetlab.model.addresses import ip_text

        found = {host.name: None}
        for node in self._network.topology.nodes.values():
            for service in node.services:
                if service.kind != "dns" or service.roots:
                    continue
                for zone in self.zones(service):
                    for name, rows in zone.records.items():
                        addresses = [ip_text(row.address) for row in rows if isinstance(row, A | AAAA)]
                        if name.isascii() and set(addresses) & set(host.addresses):
                            found[name] = None
        return [*found, *host.addresses]


def told(network: "Network", host: str) -> list[dict[str, Any]]:
    """For other processes: each service of a host (of all hosts: "") with what it has said, cut to fit a message."""
    if host:
        network[host]  # an unknown one is an error
    found = [one for one in network.services if host in ("", one.host.name)]
    share = MOST_TOLD // max(1, len(found))
    rows = []
    for one in found:
        lines = one.output()
        while sum(map(len, lines)) + len(lines) > share:
            lines = lines[len(lines) // 2 + 1 :]
        rows.append({"host": one.host.name, **one.described(), "lines": lines})
    return rows


def _said(one: RunningService, patience: float) -> str:
    said = one.program.last_line(patience) if one.program else ""
    return f": {safe_text(said, limit=200)}" if said else ""


def _shown(one: RunningService) -> str:
    return f"`{safe_text(one.service.command, limit=80)}` on {one.host.name}"
