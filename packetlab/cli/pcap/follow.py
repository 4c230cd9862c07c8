"""`packetlab pcap follow FILE`: what the two sides of a TCP connection said, in order, gaps shown in place."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from packetlab.cli.common import json_option, print_json
from packetlab.cli.pcap.summary import size
from packetlab.model.errors import UsageError

if TYPE_CHECKING:
    from packetlab.analysis.streams import Stream, StreamChunk

WIDTH = 16


@click.command(short_help="what a TCP connection carried, both sides in order")
@click.argument("file")
@click.option("--stream", "index", type=click.IntRange(min=0), metavar="N", help="Which connection (tcp.stream).")
@click.option("-Y", "--filter", "condition", metavar="FILTER", help="Connections of which a packet fits a filter.")
@click.option("--as", "form", type=click.Choice(["text", "hex", "raw"]), default="text", show_default=True,
              help="Lines of text, a hex dump, or the bytes themselves.")  # fmt: skip
@click.option("--direction", type=click.Choice(["both", "client", "server"]), default="both", show_default=True,
              help="Whose bytes.")  # fmt: skip
@click.option("-o", "--output", metavar="FILE", help="Write to a file instead (not over FILE itself).")
@json_option
def follow(
    file: str, index: int | None, condition: str | None, form: str, direction: str, output: str | None, as_json: bool
) -> int:
    """What was said in a TCP connection of FILE (pcap or pcapng, also compressed).

    Without --stream: of the only connection there is, or a list of them. Segments are put in order, what came twice
    counts once, and bytes that the capture lacks are shown as a gap.

    \b
    packetlab pcap follow web.pcapng
    packetlab pcap follow web.pcapng --stream 3
    packetlab pcap follow web.pcapng --stream 3 --direction server --as raw -o body.bin
    """
    from packetlab.analysis.filter import parse
    from packetlab.analysis.streams import follow as chunks_of
    from packetlab.analysis.streams import streams
    from packetlab.capture.edit import refuse_overwriting

    where = parse(condition) if condition else None
    if index is None:
        found = streams(file, where)
        if len(found) != 1 or file == "-":
            return _list(found, as_json, file)
        index = found[0].index
    if output:
        refuse_overwriting(output, [file])
    side = {"both": None, "client": 0, "server": 1}[direction]
    described = streams(file, only=(index,)) if file != "-" else []
    if file != "-" and not described:
        raise UsageError(f"there is no TCP connection {index} in {file}",
                         remedy=f"packetlab pcap follow {file} lists them")  # fmt: skip
    chunks = (chunk for chunk in chunks_of(file, index) if side is None or chunk.direction == side)
    if as_json:
        with _opened(output) as target:
            _json(described, chunks, lambda text: target.write(text.encode("ascii")))
    elif form == "raw":
        with _opened(output) as target:
            for chunk in chunks:
                target.write(chunk.data)
    else:
        with _opened(output) as target:
            coloured = output is None and sys.stdout.isatty()
            _shown(described, chunks, form, lambda text: target.write(text.encode("utf-8", "replace")), coloured)
    lacks = any(sum(stream.missing) for stream in described)
    if lacks and form == "raw" and not as_json:
        click.echo("bytes are missing in the capture; they were left out", err=True)
    return 1 if lacks else 0


def _opened(output: str | None) -> Any:
    """Standard output, or a new file (UsageError where it cannot be written)."""
    if not output:
        return _Standard(sys.stdout.buffer)
    try:
        return Path(output).open("wb")
    except OSError as error:
        raise UsageError(f"{output} cannot be written: {error.strerror}",
                         remedy="give another file with -o, in a folder that exists") from error  # fmt: skip


class _Standard:
    """Standard output as a file that is not closed."""

    def __init__(self, stream: BinaryIO) -> None:
        self.write = stream.write
        self._flush = stream.flush

    def __enter__(self) -> "_Standard":
        return self

    def __exit__(self, *_: object) -> None:
        self._flush()


def _list(found: "list[Stream]", as_json: bool, file: str) -> int:
    if as_json:
        print_json({"streams": [_described(stream) for stream in found]})
        return 0 if found else 1
    if not found:
        click.echo("no TCP connection with packets that fit", err=True)
        return 1
    click.echo(f"{len(found)} TCP connections; follow one with: packetlab pcap follow {file} --stream N")
    for stream in found:
        gaps = f", {size(sum(stream.missing))} missing" if sum(stream.missing) else ""
        amounts = f"{size(stream.sizes[0])} > {size(stream.sizes[1])} <{gaps}, {stream.how}"
        line = f"{stream.index:5}  {stream.client} -> {stream.server}  {amounts}"
        if len(line) > 80:
            line = f"{stream.index:5}  {stream.client} -> {stream.server}\n       {amounts}"
        click.echo(line)
    return 0


def _described(stream: "Stream") -> dict[str, Any]:
    return {
        "stream": stream.index, "client": stream.client, "server": stream.server, "handshake": stream.handshake,
        "first_packet": stream.first, "start_ns": stream.time, "end_ns": stream.last_time, "end": stream.how,
        "client_bytes": stream.sizes[0], "server_bytes": stream.sizes[1],
        "client_missing": stream.missing[0], "server_missing": stream.missing[1],
    }  # fmt: skip


def _json(described: "list[Stream]", chunks: Any, write: Callable[[str], object]) -> None:
    """One document, written as it is read; bytes as hex."""
    head = json.dumps(_described(described[0])) if described else "{}"
    write(f'{{"connection": {head}, "chunks": [')
    separator = "\n"
    for chunk in chunks:
        one = {"from": ("client", "server")[chunk.direction], "packet": chunk.number, "time_ns": chunk.time,
               "offset": chunk.offset}  # fmt: skip
        one |= {"missing": chunk.missing} if chunk.missing else {"hex": chunk.data.hex()}
        write(separator + json.dumps(one))
        separator = ",\n"
    write("\n]}\n")


def _shown(described: "list[Stream]", chunks: Any, form: str, write: Callable[[str], object], coloured: bool) -> None:
    for stream in described:
        write(f"{stream.client} (client) and {stream.server} (server), {stream.how}\n")
    last = -1
    for chunk in chunks:
        lines = _text(chunk) if form == "text" and not chunk.missing else _hex(chunk)
        if chunk.direction != last:
            write(f"\n{('client', 'server')[chunk.direction]}, packet {chunk.number}:\n")
            last = chunk.direction
        for line in lines:
            write((click.style(line, fg=("red", "blue")[chunk.direction]) if coloured else line) + "\n")


def _text(chunk: "StreamChunk") -> list[str]:
    """Lines with everything spelled out that a terminal would obey."""
    from packetlab.show.safe import safe_text

    lines = chunk.data.split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    return ["  " + safe_text(line.removesuffix(b"\r")) for line in lines]


def _hex(chunk: "StreamChunk") -> list[str]:
    if chunk.missing:
        return [f"  [{chunk.missing} bytes are missing in the capture]"]
    rows = []
    for at in range(0, len(chunk.data), WIDTH):
        part = chunk.data[at : at + WIDTH]
        letters = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in part)
        rows.append(f"  {chunk.offset + at:08x}  {part.hex(' ', 1):47}  {letters}")
    return rows
