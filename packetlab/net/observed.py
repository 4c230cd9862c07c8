"""A network under observation: send this, expect that. What the pytest fixture `packetnet` gives.

Every interface of every host is listened to from the start. `expect` reads a host's frames in order, each once: a
frame that was expected, and all before it, are not looked at by the next `expect` there. So a test reads like the
dialogue that it checks. `expect(..., absent=True)` ends with a marked frame that is sent past the interface: only
when that was seen and nothing was dropped, the silence is known to be silence.

A failure is an AssertionError whose text says what was expected, which packet came nearest and in which field it
differs, and shows what was seen as a short ladder, in lines that fit 80 columns behind pytest's margin.
"""

import contextlib
import secrets
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import packetlab.protocols  # noqa: F401 - so that all protocols are decoded
from packetlab.model.addresses import ip_text
from packetlab.model.errors import PacketLabError, UsageError
from packetlab.model.frame import Frame
from packetlab.model.header import Header
from packetlab.model.packet import Packet, decapsulate
from packetlab.net.network import Network
from packetlab.net.pattern import Pattern
from packetlab.wire.ip_socket import IPDevice
from packetlab.wire.packet_socket import PacketDevice
from packetlab.wire.tap import Tap, TapPoint

WIDTH = 72
"""Columns of a message: 80 less what pytest writes before each line."""
SHOWN = 12
"""Packets in the ladder of a failure."""
KEPT = 100_000
"""Frames kept of each host; a test that sees more is told so."""

_MARK = b"\x06packe\x06tlabs\x88\xb5packetlab mark "
_PATIENCE = 2.0


class ObservedNetwork(Network):
    """A Network that listens at all its hosts; `with` it, or start() and close()."""

    capture_file: Path | None = None
    """Where the frames of a failed expectation are written, if anywhere."""

    def _build(self) -> None:
        super()._build()
        self._frames: dict[str, list[Packet]] = {}
        self._read: dict[str, int] = {}
        self._lost = 0
        self._devices: dict[tuple[str, str], PacketDevice] = {}
        points = []
        for host in self:
            if not host.node.is_bridge:
                self._frames[host.name], self._read[host.name] = [], 0
                points += [TapPoint(f"{host.name} {port.name}", host, port.name) for port in host.ports]
        self._tap = self._stack.enter_context(Tap(points))
        self._stack.callback(self._close_devices)

    def _close_devices(self) -> None:
        for device in self._devices.values():
            device.close()

    def inside(self, host: str) -> contextlib.AbstractContextManager[None]:
        """Sockets that this thread makes in the `with` block are the host's: run unchanged code there.

        Names of hosts resolve; nothing reaches the real network. See inside.py for what it cannot reach.
        """
        from packetlab.net.inside import inside

        __tracebackhide__ = True
        self._running()
        try:
            return inside(self[host])
        except UsageError as error:
            raise with_remedy(error, "code cannot run there") from None

    # -- send

    def send(self, host: str, packet: Packet | Header | bytes, *, interface: str = "") -> None:
        """Sends a packet from a host: a frame (beginning with Ethernet, or bytes) leaves as it is.

        One that begins with IPv4 or IPv6 is routed by the host's kernel, which finds the neighbour's MAC address.
        `interface`: its name, or the neighbour at the other end; the first one, or what the route says.
        UnreachableError where the kernel refuses it.
        """
        __tracebackhide__ = True
        self._running()
        try:
            self._send(host, Packet((packet,)) if isinstance(packet, Header) else packet, interface)
        except PacketLabError as error:
            raise with_remedy(error, "it cannot be sent") from None

    def _send(self, host: str, made: Packet | bytes, interface: str) -> None:
        if not isinstance(made, Packet | bytes | bytearray):
            raise UsageError("it is no packet, header or bytes", remedy=f"it is {repr(made)[:60]}")
        first = made.layers[0].name if isinstance(made, Packet) and made.layers else ""
        if isinstance(made, Packet) and first in ("ipv4", "ipv6"):
            address = bytes(made.layers[0].dst)  # type: ignore[attr-defined]
            name = self[host].port(interface).name if interface else ""
            with IPDevice(address, 253, self[host], interface=name) as device:
                device.send(made)
            return
        self._device(host, self[host].port(interface).name).send(made)

    def _device(self, host: str, interface: str) -> PacketDevice:
        if (host, interface) not in self._devices:
            self._devices[host, interface] = PacketDevice(interface, self[host], protocol=0, buffer=4096)
        return self._devices[host, interface]

    # -- expect

    def seen(self, host: str) -> list[Packet]:
        """All that passed the interfaces of a host until now, in order; `packet.frame` says when and where."""
        self._collect()
        return list(self._of(host))

    def expect(
        self,
        host: str,
        wanted: "str | Packet | Header | Callable[[Packet], object]",
        *,
        within: float | None = None,
        absent: bool = False,
        direction: str = "",
    ) -> Packet | None:
        """Waits until a host sees a packet that is wanted, and gives it; AssertionError where it does not come.

        `wanted`: a display filter ("icmp.type == 3"), a packet or header whose given fields must be equal (fields
        left at their default are not compared), or a function of the packet.
        `within`: seconds; 1 by default. The packet may have come before the call.
        `absent`: it must not come; waits `within` seconds (0.1) and gives None.
        `direction`: only "in" (it came to the host) or "out" (it left).
        """
        __tracebackhide__ = True
        if direction not in ("", "in", "out"):
            raise UsageError(f'the direction is "in" or "out", not {direction!r}')
        try:
            self._of(host)
            pattern = Pattern(wanted)
        except UsageError as error:
            raise with_remedy(error, "it cannot be expected") from None
        limit = (0.1 if absent else 1.0) if within is None else within
        found = self._wait(host, pattern, direction, limit)
        if found is None and absent:
            problem = self._blind(host)
            found = self._wait(host, pattern, direction, 0)
            if found is None and problem:
                raise AssertionError(f"nothing can be said about {host}: {problem}")
        if found is not None:
            packet, place = found
            if absent:
                words = [f"{host} saw what should not come", *_hanging("wanted none:", pattern.text)]
                raise AssertionError(self._message(words, host, place))
            self._read[host] = place + 1
            return packet
        if absent:
            return None
        words = [f"{host} did not see it within {limit:g} s", *_hanging("expected:", pattern.text)]
        raise AssertionError(self._message(words + self._nearest(host, pattern, direction), host, None))

    def _of(self, host: str) -> list[Packet]:
        self._running()
        if self[host].name not in self._frames:
            raise UsageError(f"{host} is a {self[host].kind}; only hosts and routers are listened to",
                             remedy="expect it at a host beside it")  # fmt: skip
        return self._frames[host]

    def _collect(self, until: Callable[[list[Frame]], bool] | None = None, timeout: float = 0) -> None:
        for frame in self._tap.take(until, timeout):
            host = frame.interface.split()[0]
            if frame.data.startswith(_MARK) or len(self._frames[host]) >= KEPT:
                self._lost += not frame.data.startswith(_MARK)
                continue
            packet = decapsulate(frame.data, frame.link_type, wire_length=frame.wire_length)
            packet.frame = frame
            self._frames[host].append(packet)
        self._lost += self._tap.lost
        self._tap.lost = 0

    def _wait(self, host: str, pattern: Pattern, direction: str, limit: float) -> tuple[Packet, int] | None:
        deadline = time.monotonic() + limit
        looked = self._read[host]
        while True:
            self._collect()
            frames = self._frames[host]
            for place in range(looked, len(frames)):
                if self._counts(frames[place], direction) and pattern.matches(frames[place]):
                    return frames[place], place
            looked = len(frames)
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            self._collect(bool, left)

    @staticmethod
    def _counts(packet: Packet, direction: str) -> bool:
        return not direction or (packet.frame is not None and packet.frame.direction == direction)

    def _blind(self, host: str) -> str:
        """Sends a marked frame past every interface of a host; why its capture cannot be trusted, or ""."""
        nonce = secrets.token_hex(8).encode()
        waiting = set()
        for port in self[host].ports:
            label = f"{host} {port.name}"
            try:
                self._opposite(host, port.peer).send((_MARK + nonce + b" " + label.encode()).ljust(60, b"\0"))
            except PacketLabError:
                continue  # the cable is pulled: nothing can come there
            waiting.add(label)

        def complete(frames: list[Frame]) -> bool:
            return waiting <= {frame.interface for frame in frames if nonce in frame.data and frame.direction == "in"}

        seen: list[bool] = []
        self._collect(lambda frames: seen.append(complete(frames)) or seen[-1], _PATIENCE)  # type: ignore[func-returns-value]
        if not seen[-1]:
            return "a marked frame that was sent past it was not seen"
        return f"{self._lost} frames were dropped, they came too fast" if self._lost else ""

    def _opposite(self, name: str, peer: str) -> PacketDevice:
        for wire in self._wires:
            if {wire.near, wire.far} == {name, peer}:
                end = "near" if wire.near == name else "far"
                return self._devices.setdefault((wire.name, end), PacketDevice(end, wire, protocol=0, buffer=4096))
        return self._device(peer, self[peer].port(name).name)

    # -- words

    def _nearest(self, host: str, pattern: Pattern, direction: str) -> list[str]:
        from packetlab.show.summary import summary

        unread = self._frames[host][self._read[host] :]
        others = [packet for packet in unread if pattern.matches(packet)]
        if others:
            return _hanging("but:", f"it passed in the other direction, {summary(others[0])}")
        packets = [packet for packet in unread if self._counts(packet, direction)]
        nearest = max(packets, key=lambda packet: (pattern.nearness(packet), _depth(packet)), default=None)
        if nearest is None or not pattern.nearness(nearest):  # then one that has the field, though not the value
            nearest = next((packet for packet in packets if pattern.has_field(packet)), None)
        if nearest is None:
            return []
        missing, has = pattern.difference(nearest)
        words = _hanging("nearest:", summary(nearest))
        return words + _hanging("differs in:", missing + (f"; {has}" if has else ""))

    def _message(self, words: list[str], host: str, place: int | None) -> str:
        from packetlab.show.ladder import ladder

        packets = self._frames[host][self._read[host] :]
        if place is not None:
            packets = self._frames[host][max(self._read[host], place - SHOWN + 1) : place + 1]
        packets = [packet for packet in packets if not _is_membership(packet)] or packets
        skipped = len(packets) - SHOWN
        packets = packets[-SHOWN:]
        frames = [packet.frame for packet in packets if packet.frame]
        if not frames:
            words.append(f"seen at {host}: nothing")
        else:
            earlier = f" (the last {SHOWN} of {SHOWN + skipped})" if skipped > 0 else ""
            words.append(f"seen at {host}{earlier}:")
            names = {
                ip_text(address.ip.packed): node.name
                for node in self for port in node.ports for address in port.addresses
            }  # fmt: skip
            words += [f"  {line}".rstrip() for line in str(ladder(frames, names=names).block(WIDTH - 2)).splitlines()]
        if self._lost:
            words.append(f"{self._lost} frames were dropped, they came too fast")
        if self.capture_file:
            self.save(self.capture_file)
            words.append(f"all frames: {self.capture_file}")
        return "\n".join(words)

    def save(self, path: "str | Path") -> None:
        """Writes all that was seen, everywhere, as a pcapng file."""
        from packetlab.capture.writer import CaptureWriter

        self._collect()
        everything = [packet.frame for packets in self._frames.values() for packet in packets if packet.frame]
        with CaptureWriter(path) as writer:
            writer.write_all(sorted(everything, key=lambda frame: frame.time))


def with_remedy(error: PacketLabError, opening: str) -> PacketLabError:
    """An error to be raised anew where a test's own line shall be shown: pytest prints no remedy but in its text."""
    lines = [line for text in (opening, str(error), error.remedy) for line in text.splitlines()]
    folded = [part for line in lines for part in ([line] if len(line) < WIDTH else textwrap.wrap(line, WIDTH))]
    again = type(error).__new__(type(error))
    PacketLabError.__init__(again, "\n".join(folded))
    return again


def _depth(packet: Packet) -> int:
    """Of packets that are equally near, one that carries data is more likely to be meant than a bare header."""
    return len(packet.layers) + bool(packet.payload)


def _is_membership(packet: Packet) -> bool:
    """Whether it is an MLD report (RFC 3810): every IPv6 host sends some by itself, which would fill a ladder."""
    data = packet.data or b""
    return data[12:14] == b"\x86\xdd" and data[20:21] == b"\0" and data[62:63] in (b"\x83", b"\x84", b"\x8f")


def _hanging(title: str, text: str) -> list[str]:
    lines = text.splitlines() or [""]
    return [line for number, each in enumerate(lines) for line in textwrap.wrap(
        each, WIDTH, initial_indent=f"{title:<12} " if not number else " " * 13, subsequent_indent=" " * 13,
        break_on_hyphens=False)]  # fmt: skip
