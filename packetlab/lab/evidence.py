"""What a check can ask: the frames that every interface saw during an attempt, and the state of hosts now.

Frames come first, state after them. Each question that does not hold ends the check with a verdict that quotes the
frames; each question to an interface whose capture cannot be trusted (a canary was not seen, frames were dropped)
makes the verdict inconclusive. Filters are display filters; {values} in filters and words are filled in.
"""

import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from packetlab.lab.values import Values
from packetlab.lab.verdict import Inconclusive, NotYet, Seen, Statement
from packetlab.model.addresses import ip_bytes, ip_text
from packetlab.model.errors import UsageError
from packetlab.model.frame import Frame

if TYPE_CHECKING:
    from packetlab.analysis.filter import Filter
    from packetlab.lab.connections import Connection
    from packetlab.net.host import VirtualHost
    from packetlab.net.network import Network

Moment = Seen | int | None
"""A frame, or nanoseconds since 1970."""


@lru_cache(256)
def _parsed(text: str) -> "Filter":
    from packetlab.analysis.filter import parse

    return parse(text)


def _time(moment: Moment) -> int | None:
    return moment.time if isinstance(moment, Seen) else moment


class Evidence:
    """All that one attempt at a step left behind."""

    def __init__(
        self,
        frames: Sequence[Frame | Seen],
        values: Values,
        *,
        places: Iterable[str],
        peers: Mapping[tuple[str, str], str] | None = None,
        blind: Mapping[str, str] | None = None,
        span: tuple[int, int] = (0, 0),
        net: "Network | None" = None,
        given: Mapping[str, str] | None = None,
        output: str = "",
        notes: dict[str, Any] | None = None,
    ) -> None:
        self.values, self.net = values, net
        self.given = dict(given or {})
        """The learner's answers, as typed."""
        self.output = output
        """What the learner's program printed."""
        self.notes = notes if notes is not None else {}
        """What begin_ and traffic_ functions noted: `lab.notes["x"] = ...`."""
        self.start, self.end = span
        """Nanoseconds since 1970: when the first and the last canaries passed."""
        self.statements: list[Statement] = []
        self.frames = [each if isinstance(each, Seen) else Seen(each, each.interface) for each in frames]
        self.places = list(places)
        """Every interface, as "h1 eth0"."""
        self._peers = peers or {}
        self.blind = dict(blind or {})

    # -- values

    def value(self, name: str) -> str:
        """A value by its name: "lan.h1", "h2.mac", "token"."""
        return self.values.text(name)

    def fill(self, text: str) -> str:
        """The text with {values} filled in."""
        return self.values.fill(text)

    # -- frames

    def at(self, host: str, interface: str = "") -> "View":
        """What a host's interfaces saw; or one, by its name or by the neighbour that its cable leads to."""
        name = self._peers.get((host, interface), interface)
        places = [each for each in self.places if each.split()[0] == host and (not name or each.split()[1] == name)]
        if not places:
            raise UsageError(f"nothing is captured at {host} {interface}", remedy=f"there are: {self.places}")
        for place in places:
            if place in self.blind:
                raise Inconclusive(f"the capture at {place} cannot be trusted: {self.blind[place]}")
        return View(self, f"{host} {name}".strip(), [seen for seen in self.frames if seen.place in places])

    def everywhere(self) -> "View":
        """What all interfaces saw together; a frame that passed two is there twice."""
        for place, reason in self.blind.items():
            raise Inconclusive(f"the capture at {place} cannot be trusted: {reason}")
        return View(self, "any interface", self.frames)

    # -- statements

    def expect(self, holds: bool, expected: str, seen: str, why: str = "", frames: Iterable[Seen] = ()) -> None:
        """A statement of the check's own: quote the frames that it is about."""
        quoted = tuple(frames)
        statement = Statement(bool(holds), self.fill(expected), self.fill(seen), self.fill(why), quoted)
        if not holds:
            raise NotYet(statement)
        self.statements.append(statement)

    def mistake(self, message: str, *frames: Seen) -> None:
        """Ends the check: not yet, for a known reason, which `message` names."""
        text = self.fill(message)
        statement = Statement(False, "", "", "", frames) if frames else None
        raise NotYet(statement, text)

    # -- state, after packets

    def host(self, name: str) -> "VirtualHost":
        """A running host; inconclusive in replay mode, which has none."""
        if self.net is None:
            raise Inconclusive("this asks for the state of a host, and a replayed capture has none")
        return self.net[name]

    def neighbour(self, host: str, address: str) -> str:
        """The MAC address that a host's ARP or NDP cache holds for an address now; "" for none."""
        wanted = ip_bytes(self.fill(address))
        for row in self.host(host).neighbours():
            if row.address == wanted and row.mac and any(row.mac):
                return row.mac.hex(":")
        return ""

    def counters(self, host: str) -> dict[str, int]:
        """The kernel's counters of a host now: "Udp.InCsumErrors", "Ip.InHdrErrors", "TcpExt.SyncookiesSent"."""
        found: dict[str, int] = {}
        for file in ("/proc/net/snmp", "/proc/net/netstat"):
            lines = self.host(host).run(["cat", file]).stdout.splitlines()
            for names, numbers in zip(lines[::2], lines[1::2], strict=False):
                group, _, rest = names.partition(":")
                for name, number in zip(rest.split(), numbers.split()[1:], strict=False):
                    found[f"{group}.{name}"] = int(number)
        return found

    def sockets(self, host: str, protocol: str = "tcp") -> list[tuple[str, int, str, int, str]]:
        """The kernel's sockets now: (address, port, peer address, peer port, state); state as "LISTEN".

        `protocol` is "tcp" or "udp"; "tcp6" and "udp6" are those that a program opened for IPv6, which may have peers
        of IPv4 (::ffff:10.0.0.2).
        """
        states = ("", "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT", "CLOSE",
                  "CLOSE_WAIT", "LAST_ACK", "LISTEN", "CLOSING", "NEW_SYN_RECV")  # fmt: skip
        found = []
        for line in self.host(host).run(["cat", f"/proc/net/{protocol}"]).stdout.splitlines()[1:]:
            words = line.split()
            ends = []
            for word in words[1:3]:
                address, _, port = word.partition(":")
                # Words of 32 bits, each in the order of this machine (net/ipv4/tcp_ipv4.c).
                packed = b"".join(int(address[at : at + 8], 16).to_bytes(4, sys.byteorder)
                                  for at in range(0, len(address), 8))  # fmt: skip
                ends += [ip_text(packed), int(port, 16)]
            state = int(words[3], 16)
            found.append((*ends, states[state] if state < len(states) else words[3]))
        return found  # type: ignore[return-value]


def _frames(number: int) -> str:
    return "1 frame" if number == 1 else f"{number} frames"


class View:
    """The frames that some interfaces saw."""

    def __init__(self, evidence: Evidence, place: str, frames: Sequence[Seen]) -> None:
        self.evidence, self.place, self.frames = evidence, place, frames

    def all(self, filter: str = "", *, after: Moment = None, before: Moment = None,  # noqa: A002 - as one says it
            window: tuple[Moment, Moment] | None = None) -> list[Seen]:  # fmt: skip
        """The frames for which a display filter holds, in order of time. States nothing."""
        if window is not None:
            after, before = window
        low, high = _time(after), _time(before)
        text = self.evidence.fill(filter)
        test = _parsed(text) if text else None
        # The same moment may belong to two frames: position in the capture decides where both are frames of it.
        first = after.number if isinstance(after, Seen) else 0
        last = before.number if isinstance(before, Seen) else 1 << 60
        return [
            seen for seen in self.frames
            if (low is None or seen.time >= low) and (high is None or seen.time <= high)
            and first < seen.number < last and (test is None or seen.fits(test))
        ]  # fmt: skip

    def connections(self, filter: str = "", **when: Any) -> "list[Connection]":  # noqa: A002
        """The TCP connections whose SYN a filter holds for, in the order of their SYNs; each with its frames.

        States nothing: give `expect` the frames that count, as `one.hello`.
        """
        from packetlab.lab.connections import connections

        return connections(self.all(filter, **when), self.frames)

    def _state(self, ok: bool, wanted: str, filter: str, found: list[Seen], why: str,  # noqa: A002
               shown: Sequence[Seen] | None = None) -> None:  # fmt: skip
        number = len(found)
        count, there = (_frames(each) for each in (number, len(self.frames)))
        seen = count if number else f"none among {there} there" if self.frames else "nothing at all in this attempt"
        try:
            self.evidence.expect(ok, f"at {self.place}: {wanted} with {filter or 'anything'}", seen, why,
                                 found if shown is None else shown)  # fmt: skip
        except NotYet as reason:
            if not self.evidence.frames:
                reason.message = "Nothing was sent yet: in this attempt no frame was seen anywhere."
            elif not self.frames:
                reason.message = f"No frame at all was seen at {self.place} in this attempt."
            raise

    def some(self, filter: str, *, at_least: int = 1, why: str = "", **when: Any) -> list[Seen]:  # noqa: A002
        """At least so many frames; gives them."""
        found = self.all(filter, **when)
        wanted = "a frame" if at_least == 1 else f"at least {at_least} frames"
        ok = len(found) >= at_least
        self._state(ok, wanted, filter, found, why, None if found else self.frames[:4])
        return found

    def first(self, filter: str, *, why: str = "", **when: Any) -> Seen:  # noqa: A002
        """The first of at least one."""
        found = self.all(filter, **when)
        self._state(bool(found), "a frame", filter, found[:1], why, found[:1] or self.frames[:4])
        return found[0]

    def last(self, filter: str, *, why: str = "", **when: Any) -> Seen:  # noqa: A002
        """The last of at least one."""
        found = self.all(filter, **when)
        self._state(bool(found), "a frame", filter, found[-1:], why, found[-1:] or self.frames[:4])
        return found[-1]

    def exactly(self, number: int, filter: str, *, why: str = "", **when: Any) -> list[Seen]:  # noqa: A002
        """So many frames, no more and no less."""
        found = self.all(filter, **when)
        wanted = f"exactly {_frames(number)}" if number else "no frame"
        self._state(len(found) == number, wanted, filter, found, why, None if found or not number else self.frames[:4])
        return found

    def one(self, filter: str, *, why: str = "", **when: Any) -> Seen:  # noqa: A002
        """Exactly one frame; gives it."""
        return self.exactly(1, filter, why=why, **when)[0]

    def none(self, filter: str, *, why: str = "", **when: Any) -> None:  # noqa: A002
        """No frame. Canaries went past this place before and after, so it was listening."""
        self.exactly(0, filter, why=why, **when)

    def count(self, filter: str, *, why: str = "", **when: Any) -> int:  # noqa: A002
        """How many frames there are; stated, so that the verdict quotes them."""
        found = self.all(filter, **when)
        words = f"at {self.place}: {_frames(len(found))} with {self.evidence.fill(filter)}"
        self.evidence.statements.append(Statement(True, words, "", self.evidence.fill(why) or words, tuple(found)))
        return len(found)

    def mistake(self, filter: str, message: str, **when: Any) -> None:  # noqa: A002
        """If such a frame is there, a known mistake was made: ends the check with its name."""
        found = self.all(filter, **when)
        if found:
            text = self.evidence.fill(message)
            raise NotYet(Statement(False, "", "", "", tuple(found)), text)
