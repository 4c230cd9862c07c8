"""tcp: one connection by the kernel: opened, data sent, what comes back, and who closed it in which way.

The kernel does the talking; here stands only the loop around its socket. `Talk` holds what is known of the
connection, and ends with one of the words of `ENDINGS`, each explained by cause and remedy.
"""

import errno
import os
import re
import selectors
import socket
import struct
import time
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import BinaryIO, Literal

from packetlab.model.addresses import ip_text
from packetlab.model.errors import UsageError
from packetlab.model.frame import Frame
from packetlab.wire.host import Host, LocalHost
from packetlab.wire.loop import Stop
from packetlab.wire.recorder import FrameSink
from packetlab.wire.resolve import Target, resolve
from packetlab.wire.verbs.connecting import LOOK, Attempt, Connecting, Underway, names_words, tcp_info
from packetlab.wire.verbs.listening import bind_source
from packetlab.wire.verbs.live import Live
from packetlab.wire.verbs.over_tcp import Stage, StageClock

MOST_KEPT = 1 << 20
"""Bytes of what comes back that a result keeps; more are only counted."""
MOST_RECEIVED = 1 << 30
"""Bytes after which we take no more and cut the connection."""
PIECE = 65_536

Ending = Literal[
    "closed", "silent", "stalled", "reset", "refused", "timed out", "unreachable", "cut", "stopped", "full"
]  # fmt: skip
Event = Stage | bytes
"""A stage that is over, or a piece of what came back."""


@dataclass(frozen=True, slots=True)
class TCPResult:
    """What became of a connection."""

    target: Target
    port: int
    source_port: int
    stages: tuple[Stage, ...]
    sent: int
    """Bytes of data that the kernel took from us."""
    acknowledged: int
    """Of these, what the peer's kernel has confirmed."""
    received: int
    """Bytes that came back."""
    data: bytes
    """Their beginning, at most MOST_KEPT."""
    ending: Ending
    text: str
    """How it ended, as a sentence."""
    remedy: str = ""
    closed_first: Literal["", "us", "peer"] = ""
    """Who sent the first FIN."""
    answered_by: str = ""
    """Who sent an ICMP error."""
    maximum_segment_size: int = 0
    congestion: str = ""
    repeated: int = 0
    """Segments that our kernel had to send again."""
    frames: tuple[Frame, ...] = ()
    """Those that carried it, where they were asked for and packet sockets are allowed."""
    why_no_frames: str = ""
    tried: tuple[Attempt, ...] = ()
    """The addresses of the name that were tried, in the order in which that ended."""

    @property
    def connected(self) -> bool:
        """The handshake was completed."""
        return self.ending not in ("refused", "timed out", "unreachable") and bool(self.maximum_segment_size)

    @property
    def ok(self) -> bool:
        """It opened, and ended as it should, or with an answer: nobody refused, cut off or fell silent."""
        return self.ending in ("closed", "cut") or (
            self.ending in ("silent", "stopped") and self.connected and bool(self.received)
        )


def tcp(host: str, port: int, data: bytes | BinaryIO = b"", **options: object) -> TCPResult:
    """Open a connection to a port, send `data` (bytes, or a file that is read to its end), take what comes back.

    Where the name has several addresses, the next is tried when one fails or is slow (RFC 8305).

    Options: via (Host), family (4, 6), timeout (seconds to wait for the connection, and then for any sign of life
    from the peer; 0: for ever), source_port, maximum_segment_size, congestion, no_delay, keep_open (no half-close
    once all is sent), reset (end with RST), crlf (a file's line ends become CR LF), watch (keep the frames), record
    (a sink for the frames), stop.
    Errors: UsageError, UnreachableError where nothing can be sent at all, PrivilegeError.
    """
    return tcp_live(host, port, data, **options).result  # type: ignore[arg-type]


def tcp_live(
    host: str,
    port: int,
    data: bytes | BinaryIO = b"",
    *,
    via: Host | None = None,
    family: int = 0,
    timeout: float = 5.0,
    source_port: int = 0,
    maximum_segment_size: int | None = None,
    congestion: str = "",
    no_delay: bool = False,
    keep_open: bool = False,
    reset: bool = False,
    crlf: bool = False,
    watch: bool = False,
    record: FrameSink | None = None,
    stop: Stop | None = None,
) -> Live[Event, TCPResult]:
    """As `tcp`, giving each stage and each piece of what comes back when it happens."""
    if not 0 < port < 65_536:
        raise UsageError(f"there is no port {port}", remedy="ports go from 1 to 65535")
    source = via or LocalHost()
    clock = StageClock()
    target = resolve(host, family=family, via=source)

    def prepare(sock: socket.socket) -> None:
        _prepare(sock, source_port, maximum_segment_size, congestion, no_delay)

    def running() -> Generator[Event, None, TCPResult]:
        if ip_text(target.address) != target.name.partition("%")[0]:
            yield clock.stage("name", names_words(target))
        with Connecting(
            target, port, source, clock, timeout=timeout, prepare=prepare, watch=watch, record=record, stop=stop
        ) as connecting:
            yield from connecting.run()
            if connecting.connection is None:
                return _no_connection(connecting, stop is not None and stop.asked)
            talk = Talk(connecting, connecting.connection, timeout, clock, stop)
            yield from talk.exchange(data, half_close=not keep_open and not reset, reset=reset, crlf=crlf)
            return talk.result()

    return Live(running(), target)


def _no_connection(connecting: Connecting, stopped: bool) -> TCPResult:
    failed = connecting.failure
    if stopped or failed.outcome == "given up" or failed.outcome == "connected":
        ending: Ending = "stopped"
        text, remedy = "stopped before the connection was open", ""
    else:
        ending, text, remedy = failed.outcome, failed.text, failed.remedy
    return TCPResult(
        connecting.target, connecting.port, failed.source_port, tuple(connecting.clock.stages), 0, 0, 0, b"", ending,
        text, remedy, answered_by=failed.answered_by, frames=connecting.frames(),
        why_no_frames=connecting.why_no_frames, tried=tuple(connecting.attempts),
    )  # fmt: skip


def _prepare(sock: socket.socket, source_port: int, mss: int | None, congestion: str, no_delay: bool) -> None:
    if source_port:
        # A port that an earlier connection left in TIME_WAIT may be used for another one.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bind_source(sock, source_port)
    if mss:
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, mss)
        except OSError:
            raise UsageError(f"the kernel takes no segments of {mss} bytes", remedy="88 to 32767 do") from None
    if congestion:
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, congestion.encode())
        except (OSError, ValueError):
            known = "/proc/sys/net/ipv4/tcp_available_congestion_control"
            raise UsageError(f"this kernel does not offer us the congestion control {congestion[:20]!r}",
                             remedy=f"cat {known}; modprobe tcp_{congestion[:20]} may add it") from None  # fmt: skip
    if no_delay:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def peers_word(code: int) -> tuple[Ending, str, str]:
    """How an error of the socket ends a connection that was open: ending, sentence, remedy."""
    if code in (errno.ECONNRESET, errno.EPIPE):
        return (
            "reset",
            "the peer cut the connection off (RST): its program ended or closed without reading all that we sent, or "
            "its machine knows no such connection",
            "its log may say why; send less, or wait for its answer before you send more",
        )
    if code == errno.ETIMEDOUT:
        return ("stalled", "the kernel has sent the same segments again and again, and nobody acknowledged them",
                "is the peer still there? packetlab ping says")  # fmt: skip
    return "unreachable", f"the connection broke: {os.strerror(code)}", LOOK


@dataclass(slots=True)
class Talk:
    """A connection under way."""

    connecting: Connecting
    connection: Underway
    timeout: float
    clock: StageClock
    stop: Stop | None
    sent: int = 0
    confirmed: int = 0
    """Bytes that the peer had acknowledged when we last looked."""
    received: int = 0
    kept: bytearray = field(default_factory=bytearray)
    ending: Ending | Literal[""] = ""
    text: str = ""
    remedy: str = ""
    closed_first: Literal["", "us", "peer"] = ""

    @property
    def sock(self) -> socket.socket:
        """The kernel's end of it."""
        return self.connection.sock

    # -- talking

    def exchange(
        self, data: bytes | BinaryIO, *, half_close: bool, reset: bool, crlf: bool
    ) -> Generator[Event, None, None]:
        """Send and receive until the end."""
        pending, source = (memoryview(data), None) if isinstance(data, bytes) else (memoryview(b""), data)
        all_sent = peer_closed = False
        before = b""
        alive = time.monotonic()
        while not self.ending:
            if not pending and source is None and not all_sent:
                all_sent, alive = True, time.monotonic()
                if half_close:
                    self._half_close()
                yield self.clock.stage("sent", f"{_bytes(self.sent)} handed to the kernel"
                                       + (", then FIN: that was all" if half_close else ""))  # fmt: skip
                if self.ending:
                    break
            if peer_closed and all_sent:
                self._closed()
                break
            # A person who types may take their time.
            deadline = None if source is not None and not pending else self._deadline(alive)
            wanted = (0 if peer_closed else selectors.EVENT_READ) | (selectors.EVENT_WRITE if pending else 0)
            ready = self._wait(wanted, deadline, source if not pending else None)
            if self.stop is not None and self.stop.asked:
                self._end("stopped", "stopped")
            elif not ready:
                alive = time.monotonic()
                self._silence(bool(pending), all_sent, half_close)
            if source is not None and source in ready:
                piece = os.read(source.fileno(), PIECE)
                source = source if piece else None
                pending = memoryview(_with_crlf(piece, before) if crlf else piece)
                before = piece[-1:]
            if pending and self.sock in ready:
                taken = self._send(pending)
                pending, alive = pending[taken:], time.monotonic() if taken else alive
                if not pending:
                    continue  # our FIN, if one is due, need not wait for what has come
            if self.sock in ready and not peer_closed and (came := self._receive()) is not None:
                alive = time.monotonic()
                if not self.received and came:
                    typed = not isinstance(data, bytes)
                    yield self.clock.stage("first byte", "the peer begins to speak" if typed else
                                           "the peer thought, and one round trip passed")  # fmt: skip
                if came:
                    self.received += len(came)
                    self.kept += came[: MOST_KEPT - len(self.kept)]
                    yield came
                else:
                    peer_closed, source = True, None
                    self.closed_first = self.closed_first or "peer"
                    yield self.clock.stage("peer's FIN", f"it has no more to say, after {_bytes(self.received)}")
            if self.received > MOST_RECEIVED:
                self._end("full", f"more than {MOST_RECEIVED} bytes came back: enough")
            if reset and all_sent and (self.received or peer_closed or self._is("silent")):
                self._end("cut", "we cut the connection off with RST, as asked")

    def _half_close(self) -> None:
        try:
            self.sock.shutdown(socket.SHUT_WR)
            self.closed_first = self.closed_first or "us"
        except OSError as error:
            code = error.errno or 0
            if code == errno.ENOTCONN:  # the peer's RST was quicker; what it was is kept aside
                code = self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) or errno.ECONNRESET
            self._end(*peers_word(code))

    def _send(self, pending: memoryview) -> int:
        try:
            taken = self.sock.send(pending[: 4 * PIECE])
        except BlockingIOError:
            return 0
        except OSError as error:
            self._end(*peers_word(error.errno or 0))
            return 0
        self.sent += taken
        return taken

    def _receive(self) -> bytes | None:
        """What has come; b"" where the peer has closed; None where there is nothing, or the connection is gone."""
        try:
            return self.sock.recv(PIECE)
        except BlockingIOError:
            return None
        except OSError as error:
            if not self.ending:
                self._end(*peers_word(error.errno or 0))
            return None

    def _closed(self) -> None:
        if self.closed_first == "us":
            text = "closed in good order: our FIN, then the peer's"
        else:
            text = "the peer closed first (FIN), then we did"
        self._end("closed", text)

    def _silence(self, pending: bool, all_sent: bool, half_close: bool) -> None:
        """`timeout` seconds have passed without anything but, perhaps, acknowledgments."""
        waited = f"for {self.timeout:g} s"
        before, self.confirmed = self.confirmed, self._acknowledged()
        if self.confirmed > before:
            return
        if pending or self.confirmed < self.sent:
            self._end("stalled", f"the peer took no more data {waited}: its window is closed because its program does "
                      "not read, or nothing comes through; we cut the connection off (RST)",
                      "-W 0 waits for ever; --frames shows the window")  # fmt: skip
        elif all_sent and half_close:
            remedy = "--keep-open sends no FIN, which may stop it; -W waits longer"
            self._end("silent", f"all was sent and acknowledged, but the peer has said nothing more {waited}, and it "
                      "has not closed its side; we leave", "" if self.received else remedy)  # fmt: skip
        else:
            self._end("silent", f"the peer was silent {waited}, so we close (FIN)",
                      "" if self.received else "-W waits longer; does it wait for a line end, \\n?")  # fmt: skip

    # -- what it needs

    def _wait(self, events: int, deadline: float | None, source: BinaryIO | None = None) -> set[object]:
        """The socket, or the file, once there is something to do; nothing at the deadline, or when asked to stop."""
        watcher = self.connection.watcher
        device = watcher.device if watcher is not None else None
        while True:
            left = None if deadline is None else deadline - time.monotonic()
            # poll, not epoll: standard input may be a plain file.
            with selectors.PollSelector() as selector:
                if events:
                    selector.register(self.sock, events)
                for each in (source, self.stop, device):
                    if each is not None:
                        selector.register(each, selectors.EVENT_READ)
                ready = {key.fileobj for key, _ in selector.select(None if left is None else max(left, 0))}
            if watcher is not None and device in ready:
                watcher.take(self.connection.own, self.connecting.port)
                ready.discard(device)
            if ready or (left is not None and left <= 0):
                return set(ready)

    def _deadline(self, since: float | None = None) -> float | None:
        return (time.monotonic() if since is None else since) + self.timeout if self.timeout else None

    def _is(self, ending: Ending) -> bool:
        return self.ending == ending

    def _end(self, ending: Ending, text: str, remedy: str = "") -> None:
        self.ending, self.text, self.remedy = ending, text, remedy

    def _acknowledged(self) -> int:
        # The kernel's count begins with our SYN and ends with our FIN.
        return min(self.sent, max(0, tcp_info(self.sock).get("acknowledged", 0) - 1))

    def result(self) -> TCPResult:
        """Close, in the way that fits the ending, and sum up."""
        assert self.ending
        one, info, acknowledged = self.connection, tcp_info(self.sock), self._acknowledged()
        unfinished = self.ending in ("stopped", "stalled", "full") and acknowledged < self.sent
        if self.ending in ("cut", "stalled", "full") or unfinished:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("@ii", 1, 0))  # close sends RST
        elif not self.closed_first and self.ending in ("silent", "stopped"):
            self.closed_first = "us"
        maximum_segment_size = self.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG)
        congestion = self.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16).rstrip(b"\0")
        self.sock.close()
        return TCPResult(
            one.target, self.connecting.port, one.own, tuple(self.clock.stages), self.sent, acknowledged, self.received,
            bytes(self.kept), self.ending, self.text, self.remedy, self.closed_first, "", maximum_segment_size,
            congestion.decode("ascii", "replace"), info.get("repeated", 0), self.connecting.frames(),
            self.connecting.why_no_frames, tuple(self.connecting.attempts),
        )  # fmt: skip


def _with_crlf(piece: bytes, before: bytes) -> bytes:
    """A piece of text with CR LF where it has LF alone; `before` is the byte in front of it."""
    made = re.sub(rb"(?<!\r)\n", b"\r\n", piece)
    return made[1:] if before == b"\r" and piece[:1] == b"\n" else made


def _bytes(count: int) -> str:
    return f"{count} byte{'s' if count != 1 else ''}"
