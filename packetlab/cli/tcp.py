"""`packetlab tcp`: a connection, what is sent and comes back, who closes it; `--listen` echoes what others send."""

import codecs
import sys
from typing import TYPE_CHECKING, Any

import click

from packetlab.cli.common import (
    duration,
    family_options,
    json_option,
    plural,
    print_frames,
    print_json,
    print_line,
    recording,
    say,
    tried_data,
    write_option,
)
from packetlab.cli.ports import ANY_PORT, PORT
from packetlab.model.errors import UsageError

if TYPE_CHECKING:
    from packetlab.wire.host import Host
    from packetlab.wire.loop import Stop
    from packetlab.wire.verbs.over_tcp import Stage
    from packetlab.wire.verbs.tcp import TCPResult

PREVIEW = 600
"""Characters of what comes back that are shown."""
PREVIEW_TYPED = 1 << 20
"""The same, where somebody types at standard input."""
LARGEST = 64 << 20
"""Bytes of --size."""


@click.command(short_help="open a connection and talk; or echo")
@click.argument("host", required=False)
@click.argument("port", type=PORT, required=False)
@click.argument("data", required=False)
@click.option("--size", type=click.IntRange(0, LARGEST), metavar="N", help="Send N bytes: DATA (or x) over and over.")
@click.option("--hex", "as_hex", is_flag=True, help="DATA is hex digits.")
@click.option("--crlf", is_flag=True, help="Standard input: end lines with \\r\\n, as HTTP and SMTP want it.")
@click.option("--keep-open", is_flag=True, help="No FIN when all is sent: wait until the peer closes or falls silent.")
@click.option("--rst", "reset", is_flag=True, help="Cut the connection off (RST) after the first answer.")
@click.option("-W", "--timeout", type=click.FloatRange(0), default=5.0, show_default=True,
              help="Seconds to wait for the connection, and then for a sign of life; 0: for ever.")  # fmt: skip
@click.option("--source-port", type=ANY_PORT, default=0, help="Our port; 0 is any free one.")
@click.option("--mss", "maximum_segment_size", type=click.IntRange(min=1), metavar="N",
              help="Segments with at most N bytes (TCP_MAXSEG).")  # fmt: skip
@click.option("--congestion", default="", metavar="NAME", help="Congestion control: cubic, reno, bbr, ...")
@click.option("--no-delay", is_flag=True, help="Small segments at once: no Nagle's algorithm (TCP_NODELAY).")
@click.option("--frames", is_flag=True, help="Show the frames that carried it, as a ladder.")
@click.option("-l", "--listen", type=ANY_PORT, is_flag=False, flag_value=0, metavar="[PORT]",
              help="Echo what comes to PORT (any free one).")  # fmt: skip
@click.option("-c", "--count", type=click.IntRange(min=1), help="With --listen: stop after so many connections.")
@click.option("-t", "--time", "seconds", type=float, help="With --listen: stop after so many seconds.")
@family_options
@write_option
@json_option
@click.pass_obj
def tcp(
    via: "Host | None", /, host: str | None, port: int | None, data: str | None, size: int | None, as_hex: bool,
    crlf: bool, frames: bool, listen: int | None, count: int | None, seconds: float | None, write: str | None,
    as_json: bool, **options: Any,
) -> int:  # fmt: skip
    """Connect to a TCP port of HOST, send DATA, say "that was all" (FIN), and show what comes back and who closes.

    \b
    packetlab tcp 192.0.2.7 7 hello
    packetlab tcp example.com 80 'GET / HTTP/1.0\\r\\n\\r\\n'
    packetlab tcp 192.0.2.7 9 --size 100000 --frames
    packetlab tcp mail.example.com 25 - --crlf      type; Ctrl-D ends
    packetlab tcp --listen 4000 -c 1                echo one connection

    Where HOST has several addresses, the next is tried when one fails or is silent for 250 ms; -4 and -6 choose.
    DATA may hold \\n \\r \\t \\0 \\e \\xff; - is standard input. The kernel talks TCP here; `packetlab handshake` does
    it by hand. The exit code is 1 where the connection is refused, cut off or silent.
    """
    import packetlab.show  # noqa: F401 - now, not while the peer waits for us
    from packetlab.show.typed import data_bytes
    from packetlab.wire.loop import interruptible
    from packetlab.wire.verbs.tcp import tcp_live

    if listen is not None:
        if write is not None:
            raise UsageError("--listen records nothing", remedy="packetlab capture does")
        with interruptible() as stop:
            return _listen(via, listen, count, seconds, as_json, stop)
    if host is None or port is None:
        raise UsageError("a host and a port are needed", remedy="packetlab tcp HOST PORT [DATA]")
    if data == "-" and size is not None:
        raise UsageError("--size does not go with standard input", remedy="give DATA, or leave out --size")
    if crlf and data != "-":
        raise UsageError("--crlf is for standard input", remedy=r"give - for DATA, or write \r\n in it")
    typed = data == "-"
    given = sys.stdin.buffer if typed else data_bytes(data or "", as_hex=as_hex, size=size)
    with interruptible() as stop, recording(write) as record:
        live = tcp_live(host, port, given, via=via, crlf=crlf, watch=frames, record=record, stop=stop, **options)
        shown = None if as_json else _Shown(PREVIEW_TYPED if typed else PREVIEW)
        if shown is not None:
            say(f"{live.target} port {port}")
        for event in live:
            if shown is not None:
                shown.data(event) if isinstance(event, bytes) else shown.stage(event)
    result = live.result
    if as_json:
        print_json(_data(result))
    else:
        assert shown is not None
        shown.end()
        _summary(result)
        if frames:
            print_frames(result.frames, result.why_no_frames)
    return 0 if result.ok else 1


class _Shown:
    """The terminal: stages and what comes back, as much of it as is to be shown."""

    def __init__(self, limit: int) -> None:
        self._left, self._hidden, self._open = limit, 0, False
        self._broken = False
        """A line of theirs was ended for one of ours; its own end says nothing new."""
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
        self._held = ""

    def stage(self, stage: "Stage") -> None:
        """One line."""
        self._newline()
        say(f"  {stage.name:<11}{duration(stage.duration):>10}  {stage.text}", hang=25)

    def data(self, data: bytes) -> None:
        """Lines as they come."""
        shown, rest = data[: self._left], data[self._left :]
        self._left -= len(shown)
        self._hidden += len(rest)
        self._print(self._held + self._decoder.decode(shown))
        sys.stdout.flush()

    def _print(self, text: str) -> None:
        """Safe to show; a \\r that ends it is held back, as its \\n may follow."""
        from packetlab.show import safe_text

        if self._broken and text:
            text, self._broken = text.removeprefix("\r").removeprefix("\n"), False
        self._held = "\r" if text.endswith("\r") else ""
        *lines, rest = text.removesuffix("\r").split("\n")
        for line in lines:
            sys.stdout.write(safe_text(line.removesuffix("\r")) + "\n")
        sys.stdout.write(safe_text(rest))
        self._open = bool(rest) or (self._open and not lines)

    def end(self) -> None:
        """Says what was left out."""
        self._print(self._held + self._decoder.decode(b"", final=True))
        self._newline()
        if self._hidden:
            say(f"... and {plural(self._hidden, 'byte')} more")

    def _newline(self) -> None:
        if self._open:
            sys.stdout.write("\n")
            self._open, self._broken = False, True


def _summary(result: "TCPResult") -> None:
    from packetlab.show import safe_text

    say(safe_text(result.text))
    if result.remedy:
        say(f"  try: {result.remedy}", hang=7)
    if not result.connected:
        return
    counts = f"{plural(result.sent, 'byte')} sent"
    if result.acknowledged != result.sent:
        counts += f" ({result.acknowledged} of them acknowledged)"
    counts += f", {result.received} came back"
    if result.repeated:
        counts += f"; {plural(result.repeated, 'segment')} had to be sent again"
    took = sum(stage.duration for stage in result.stages)
    say(f"{counts}; {duration(took)} in all")


def _data(result: "TCPResult") -> dict[str, Any]:
    from packetlab.model.addresses import ip_text
    from packetlab.show import frame_dict

    return {
        "host": result.target.name, "address": ip_text(result.target.address), "port": result.port,
        "source_port": result.source_port, "ok": result.ok, "ending": result.ending, "text": result.text,
        "remedy": result.remedy, "closed_first": result.closed_first, "answered_by": result.answered_by or None,
        "sent": result.sent, "acknowledged": result.acknowledged, "received": result.received,
        "data": result.data.hex(), "maximum_segment_size": result.maximum_segment_size or None,
        "congestion": result.congestion or None, "sent_again": result.repeated,
        "tried": tried_data(result.tried),
        "stages": [{"name": one.name, "ns": one.duration, "text": one.text} for one in result.stages],
        "frames": [frame_dict(frame) for frame in result.frames],
    }  # fmt: skip


def _listen(via: "Host | None", port: int, count: int | None, seconds: float | None, as_json: bool,
            stop: "Stop") -> int:  # fmt: skip
    from packetlab.show import safe_text
    from packetlab.wire.verbs.tcp_echo import tcp_echo

    seen = 0
    for heard in tcp_echo(port, via=via, count=count, seconds=seconds, stop=stop):
        if heard.kind == "listening":
            click.echo(f"echoing on TCP port {heard.port}; Ctrl-C ends", err=True)
            continue
        seen += heard.kind == "opened"
        if as_json:
            print_line({"address": heard.address, "port": heard.port, "event": heard.kind, "data": heard.data.hex()})
            continue
        words = {"opened": "connected", "closed": "closed (FIN)", "reset": "cut off (RST)"}
        text = words.get(heard.kind) or f"{plural(len(heard.data), 'byte')}  {safe_text(heard.data, limit=60)}"
        say(f"{heard.address} port {heard.port}: {text}")
    return 0 if seen else 1
