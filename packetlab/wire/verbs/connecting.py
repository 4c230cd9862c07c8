"""Opens a connection by the kernel's TCP, to whichever address of a name answers first: Happy Eyeballs (RFC 8305).

The addresses of a name are tried in the order of `Target`, each with a short head start. One that fails makes room
for the next at once; one that is silent is still waited for while others are tried. The first that connects wins.
"""

import errno
import os
import selectors
import socket
import struct
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Literal, Self

from packetlab.internet.either import error_words
from packetlab.model.addresses import ip_text
from packetlab.model.errors import UnreachableError
from packetlab.model.frame import Frame
from packetlab.wire.host import Host
from packetlab.wire.ip_socket import (
    IP_RECVERR,
    IPV6_RECVERR,
    SO_EE_ORIGIN_LOCAL,
    ask_for_errors,
    family_of,
    socket_address,
    socket_errors,
)
from packetlab.wire.loop import Stop
from packetlab.wire.recorder import FrameSink
from packetlab.wire.resolve import Target, another
from packetlab.wire.verbs.live import KeptFrames
from packetlab.wire.verbs.over_tcp import Stage, StageClock
from packetlab.wire.verbs.watching import Watcher, require

ATTEMPT_DELAY = 0.25
"""Seconds of head start for each address: the Connection Attempt Delay that RFC 8305 section 5 recommends."""
MOST_TRIED = 10
"""Addresses of one name that are tried."""
LOOK = "packetlab interfaces shows addresses and routes"

Outcome = Literal["connected", "refused", "timed out", "unreachable", "given up"]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One address that was tried."""

    address: bytes
    outcome: Outcome
    """"given up": another address was quicker, or somebody asked us to stop."""
    text: str
    """What came of it, as a sentence."""
    duration: int
    """Nanoseconds."""
    remedy: str = ""
    answered_by: str = ""
    """Who sent an ICMP error."""
    source_port: int = 0


@dataclass(slots=True)
class Underway:
    """An attempt that has begun, and the connection that it became."""

    target: Target
    sock: socket.socket
    watcher: Watcher | None
    begun: float
    """Seconds of the monotonic clock."""
    own: int = 0
    """Our port."""

    @property
    def nanoseconds(self) -> int:
        """Since it has begun."""
        return int((time.monotonic() - self.begun) * 1e9)

    def error(self) -> int:
        """0 where it has connected."""
        return self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)

    def attempt(self, outcome: Outcome, text: str, remedy: str = "", who: str = "") -> Attempt:
        """How it has ended."""
        return Attempt(self.target.address, outcome, text, self.nanoseconds, remedy, who, self.own)


class Connecting:
    """Tries the addresses of `target` at `port`. A context manager; closes what it has opened.

    `run` gives stages as they end. Afterwards `connection` is the one that stands, or None, and `failure` sums up.

    timeout  seconds until all attempts must have ended; 0: as long as the kernel tries
    prepare  is given each socket before it connects
    watch    keep the frames
    record   is given them as well; PrivilegeError where that is not allowed
    """

    def __init__(
        self, target: Target, port: int, via: Host, clock: StageClock, *, timeout: float,
        prepare: Callable[[socket.socket], None] | None = None, watch: bool = False, record: FrameSink | None = None,
        stop: Stop | None = None,
    ) -> None:  # fmt: skip
        self.target, self.port, self.timeout = target, port, timeout
        self.attempts: list[Attempt] = []
        """Those that have ended, in that order; the one that stands is the last."""
        self.connection: Underway | None = None
        self.why_no_frames = ""
        self._via, self.clock, self._prepare, self._stop = via, clock, prepare, stop
        self._watch, self._record = watch or record is not None, record
        self._kept = KeptFrames(record)
        self._underway: list[Underway] = []
        addresses = (target.address, *target.others)
        self._waiting = list(addresses[:MOST_TRIED])
        self._untried, self._several = len(addresses) - len(self._waiting), len(self._waiting) > 1
        delays = (ATTEMPT_DELAY, timeout / len(self._waiting)) if timeout else (ATTEMPT_DELAY,)
        self._delay = min(delays)

    # -- trying

    def run(self) -> Generator[Stage, None, None]:
        """All attempts; returns when one stands, all have failed, or somebody asks us to stop."""
        end = time.monotonic() + self.timeout if self.timeout else float("inf")
        turn = 0.0
        while (self._waiting or self._underway) and self.connection is None and not self._stopped:
            if self._underway:
                # Also one that began late, on a busy machine, has its head start.
                ends = {id(one): max(end, one.begun + self._delay) for one in self._underway}
                ready = self._wait(min([*ends.values(), *([turn] if self._waiting else [])]))
                now = time.monotonic()
                for one in list(self._underway):
                    if self.connection is None and (one.sock in ready or now >= ends[id(one)]):
                        yield self._ended(one, one.error() if one.sock in ready else errno.EINPROGRESS)
            if self._waiting and self.connection is None and not (self._underway and time.monotonic() < turn):
                yield from self._begin(self._waiting.pop(0))
                turn = time.monotonic() + self._delay
        winner = ip_text(self.connection.target.address) if self.connection is not None else ""
        for one in list(self._underway):
            self._leave(one, one.attempt("given up", f"{winner} was quicker" if winner else "stopped"))
        if self.connection is not None:
            self.attempts.sort(key=lambda one: one.outcome == "connected")

    @property
    def _stopped(self) -> bool:
        return self._stop is not None and self._stop.asked

    def _begin(self, address: bytes) -> Generator[Stage, None, None]:
        text = ip_text(address)
        if self._underway:
            silent = " and ".join(ip_text(one.target.address) for one in self._underway)
            yield self.clock.stage("connect", f"{silent}: no answer yet; {text} is tried as well")
        begun = time.monotonic()
        try:
            target = self.target if address == self.target.address else another(self.target, address, via=self._via)
        except UnreachableError as error:
            yield self.clock.stage("connect", f"{text}: no route leads there")
            self.attempts.append(Attempt(address, "unreachable", str(error), 0, error.remedy))
            return
        watcher = self._watcher(target) if self._watch else None
        try:
            sock = self._via.socket(family_of(address), socket.SOCK_STREAM)
        except OSError as error:
            if watcher is not None:
                watcher.close()
            cause = f"this host has no sockets for IPv{target.family}: {error.strerror}"
            yield self.clock.stage("connect", f"{text}: {cause}")
            self.attempts.append(Attempt(address, "unreachable", cause, 0, LOOK))
            return
        one = Underway(target, sock, watcher, begun)
        self._underway.append(one)
        sock.setblocking(False)
        ask_for_errors(sock)
        if self._prepare is not None:
            self._prepare(sock)
        if len(self._underway) == 1:
            self.clock.begin()  # what was prepared is no part of the round trip
        code = sock.connect_ex(socket_address(sock, target.address, self.port, target.interface))
        one.own = sock.getsockname()[1]
        if code != errno.EINPROGRESS:
            yield self._ended(one, code)

    def _watcher(self, target: Target) -> Watcher:
        watcher = Watcher(target, self._via, kept=self._kept)
        if watcher.device is None:
            self.why_no_frames = watcher.why_not
            if self._record is not None:
                require(watcher)
        return watcher

    def _wait(self, until: float) -> set[socket.socket]:
        """Which sockets have connected or failed; empty at that time, or when asked to stop."""
        wanted = {one.sock for one in self._underway}
        watchers = {one.watcher.device: one for one in self._underway if one.watcher is not None and one.watcher.device}
        while True:
            with selectors.DefaultSelector() as selector:
                for sock in wanted:
                    selector.register(sock, selectors.EVENT_WRITE)
                for device in watchers:
                    selector.register(device, selectors.EVENT_READ)
                if self._stop is not None:
                    selector.register(self._stop, selectors.EVENT_READ)
                left = None if until == float("inf") else max(0, until - time.monotonic())
                ready: set[object] = {key.fileobj for key, _ in selector.select(left)}
            for device in watchers.keys() & ready:
                self._take(watchers[device])
            if ready - watchers.keys() or (left is not None and time.monotonic() >= until):
                return wanted & ready

    def _take(self, one: Underway) -> None:
        if one.watcher is not None:
            one.watcher.take(one.own, self.port)

    # -- ends

    def _ended(self, one: Underway, code: int) -> Stage:
        """One has connected (0), failed, or had no answer in time (EINPROGRESS)."""
        address = ip_text(one.target.address)
        if not code:
            self._underway.remove(one)
            # From now on an ICMP error is no reason to give up: the kernel sends again.
            six = one.target.family == 6
            one.sock.setsockopt(*((socket.IPPROTO_IPV6, IPV6_RECVERR) if six else (0, IP_RECVERR)), 0)
            size = one.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG)
            late = any(other.begun > one.begun for other in self._underway)
            took = f"{one.nanoseconds / 1e6:.0f} ms after its SYN" if late else "one round trip"
            words = f"SYN, SYN-ACK, ACK: {took}; from our port {one.own}, at most {size} bytes in a segment"
            self.connection = one
            self.attempts.append(one.attempt("connected", "connected"))
            return self.clock.stage("connect", f"{address}: {words}" if self._several else words)
        short, attempt = _failed(one, self.port, code, self.timeout)
        self._leave(one, attempt)
        if self._several:
            short = f"{address}: {short}"
        if self._waiting and not self._underway:
            short += f"; {ip_text(self._waiting[0])} is next"
        return self.clock.stage("connect", short)

    def _leave(self, one: Underway, attempt: Attempt) -> None:
        self._underway.remove(one)
        self.attempts.append(attempt)
        self._take(one)
        _close(one)

    @property
    def who(self) -> str:
        """Who could not be connected to: the name, or the one address that was tried."""
        return self.target.name if self._several else str(self.target)

    @property
    def failure(self) -> Attempt:
        """Why there is no connection: that of the only address, or a summary."""
        failed = [one for one in self.attempts if one.outcome not in ("connected", "given up")]
        if len(failed) == 1 and not self._several:
            return failed[0]
        if not failed:
            return Attempt(self.target.address, "given up", "stopped before the connection was open", 0)
        chosen = next((one for one in failed if one.outcome == "refused"), failed[-1])
        told = "; ".join(f"{ip_text(one.address)}: {one.text}" for one in failed)
        more = f"; {self._untried} more were not tried" if self._untried else ""
        text = f"none of {len(failed)} addresses lets us connect. {told}{more}"
        took = max(one.duration for one in failed)
        return Attempt(chosen.address, chosen.outcome, text, took, failed[0].remedy, chosen.answered_by,
                       chosen.source_port)  # fmt: skip

    def frames(self) -> tuple[Frame, ...]:
        """All that carried the attempts and the connection, once both sides have closed or a moment has passed."""
        one = self.connection
        if one is not None and one.watcher is not None:
            one.watcher.finish(one.own, self.port)
        return tuple(sorted(self._kept.frames, key=lambda frame: frame.time))

    def close(self) -> None:
        """Close all sockets, that of the connection too."""
        for one in (*self._underway, *([self.connection] if self.connection is not None else [])):
            _close(one)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _close(one: Underway) -> None:
    one.sock.close()
    if one.watcher is not None:
        one.watcher.close()


def _failed(one: Underway, port: int, code: int, timeout: float) -> tuple[str, Attempt]:
    """In a few words, and as an Attempt."""
    for said in socket_errors(one.sock):
        # Where the neighbour cannot be found, our own kernel writes itself an ICMP error.
        by_us = said.offender == one.target.source and code == errno.EHOSTUNREACH
        if said.origin != SO_EE_ORIGIN_LOCAL and not by_us:
            name, words = error_words(said.icmp_type, said.icmp_code, six=one.target.family == 6, mtu=said.info)
            who, closed = ip_text(said.offender), code == errno.ECONNREFUSED
            text = f"{who} says by ICMP: {name}: {words}"
            if closed:
                text += "; a closed port would answer with RST, so a firewall rejects it"
            remedy = "allow it in the firewall" if closed else "packetlab traceroute shows how far it comes"
            return f"SYN; ICMP {name}", one.attempt("refused" if closed else "unreachable", text, remedy, who)
    if code == errno.ECONNREFUSED:
        text = f"refused: the machine is there, but no program listens at port {port} (RST)"
        return "SYN; RST: nobody listens", one.attempt("refused", text, "start the server, or check the port number")
    if code in (errno.EINPROGRESS, errno.ETIMEDOUT):
        tries = 1 + tcp_info(one.sock).get("retransmits", 0)
        seconds = min(timeout, round(one.nanoseconds / 1e9, 2))
        waited = f"within {seconds:g} s" if code == errno.EINPROGRESS else "at all"
        text = (f"timed out: {tries} SYN{'s' if tries != 1 else ''}, and no answer {waited}: a firewall swallows "
                "them, or nobody has this address")  # fmt: skip
        remedy = "packetlab ping says whether the machine is there; -W waits longer"
        return "SYN; nothing came back", one.attempt("timed out", text, remedy)
    causes = {
        errno.EHOSTUNREACH: "nobody answered for its address on the last link",
        errno.ENETUNREACH: "no route leads there",
        errno.EADDRNOTAVAIL: "this host has no free address and port for it",
        errno.EADDRINUSE: "this host has the same connection already, or had it a moment ago",
    }
    text = f"the connection cannot be made: {causes.get(code, os.strerror(code))}"
    return "no SYN was answered", one.attempt("unreachable", text, LOOK)


def tcp_info(sock: socket.socket) -> dict[str, int]:
    """Parts of the kernel's TCP_INFO (linux/tcp.h): SYNs or segments sent again, bytes acknowledged."""
    try:
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 192)
    except OSError:
        return {}
    found = {"retransmits": info[2]} if len(info) > 2 else {}
    if len(info) >= 104:
        found["repeated"] = struct.unpack_from("@I", info, 100)[0]
    if len(info) >= 128:
        found["acknowledged"] = struct.unpack_from("@Q", info, 120)[0]
    return found


def names_words(target: Target) -> str:
    """What a name stands for, in words."""
    found = [ip_text(each) for each in (target.address, *target.others)]
    more = f" and {len(found) - 4} more" if len(found) > 4 else ""
    return f"{target.name} is {', '.join(found[:4])}{more}"
