"""Commands of reference solutions within the lab's process: starting Python anew takes longer than most labs.

Each does what the command of that name does with the options that solutions use; anything else is left to the
command itself. Lab may not import the command line, so the options stand here once more; tests compare the two.
"""

import re
import shlex
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from typing import Any

from packetlab.lab.run import Running
from packetlab.model.errors import PacketLabError

_SUM = re.compile(r"\$\(\((\d+) - (\d+)\)\)")


def shortcut(run: Running, host: str, command: str) -> object | None:
    """`packetlab ping` and its like within this process: starting Python anew takes longer than most labs."""
    command = _SUM.sub(lambda match: str(int(match[1]) - int(match[2])), run.fill(command).replace("\\\n", " "))
    words = shlex.split(command, comments=True)
    if any(each in command for each in ";&|<>$`") or words[:1] != ["packetlab"]:
        return None
    made = _SHORTCUTS.get(words[1]) if len(words) > 1 else None
    return made(run, host, words) if made else None


def _send(run: Running, host: str, words: list[str]) -> object | None:
    """`packetlab send -I NAME -W 0 'Ethernet(...) / ...'`, which waits for no answer."""
    from packetlab.show.expression import read_packet
    from packetlab.wire.packet_socket import PacketDevice

    options = dict(zip(words[2:-1:2], words[3:-1:2], strict=False))
    if len(words) % 2 == 0 or options.keys() != {"-I", "-W"} or options["-W"] != "0":
        return None
    try:
        packet = read_packet(words[-1])
        if packet.layers and not packet.layers[0].name.startswith(("eth", "ieee")):
            return None
        with PacketDevice(options["-I"], run[host], protocol=0) as device:
            return device.send(packet.encapsulate())
    except PacketLabError:
        return None  # the command says it


def _ping(run: Running, host: str, words: list[str]) -> object | None:
    names = {"-c": ("count", int), "-s": ("size", int), "-i": ("interval", float), "-W": ("timeout", float),
             "--ttl": ("ttl", int), "-I": ("interface", str)}  # fmt: skip
    options, rest = _options(words, names)
    if len(rest) != 1:
        return None
    options["interval"] = min(options.get("interval", 0.01), 0.01)
    try:
        return run.ping(host, rest[0], **{"count": 4, **options}) or True
    except PacketLabError:
        return True  # as the command would have said; the verdict is about the frames


def _udp(run: Running, host: str, words: list[str]) -> object | None:
    from packetlab.show.typed import data_bytes, datagrams
    from packetlab.wire.verbs.udp import udp, udp_series

    names = {"--source-port": ("source_port", int), "-W": ("timeout", float), "--size": ("size", int),
             "--ttl": ("ttl", int), "-c": ("count", int), "--count": ("count", int), "-i": ("interval", float),
             "--grow": ("grow", None), "--number": ("number", None)}  # fmt: skip
    options, rest = _options(words, names)
    if not _is_call(rest):
        return None
    size, count, grow = options.pop("size", None), options.pop("count", 0), options.pop("grow", False)
    number, text = options.pop("number", False), rest[2] if len(rest) > 2 else "hello" if size is None else ""
    try:
        if not count:
            return udp(rest[0], int(rest[1]), data_bytes(text, size=size), via=run[host], **options)
        data = datagrams("".join(rest[2:]) if grow else text, count, size=size, grow=grow, number=number)
        return udp_series(rest[0], int(rest[1]), data, via=run[host], **options)
    except PacketLabError:
        return True


def _tcp(run: Running, host: str, words: list[str]) -> object | None:
    from packetlab.show.typed import data_bytes
    from packetlab.wire.verbs.tcp import tcp

    names = {"--source-port": ("source_port", int), "-W": ("timeout", float), "--size": ("size", int),
             "--mss": ("maximum_segment_size", int), "--congestion": ("congestion", str), "--rst": ("reset", None),
             "--keep-open": ("keep_open", None), "--no-delay": ("no_delay", None)}  # fmt: skip
    options, rest = _options(words, names)
    if not _is_call(rest) or rest[2:] == ["-"]:
        return None
    try:
        data = data_bytes("".join(rest[2:]), size=options.pop("size", None))
        return tcp(rest[0], int(rest[1]), data, via=run[host], **options)
    except PacketLabError:
        return True


def _is_call(words: list[str]) -> bool:
    """HOST PORT [DATA], and the host is given by address: names of a lab are known to commands alone."""
    if len(words) not in (2, 3) or not words[1].isdecimal():
        return False
    try:
        ip_address(words[0])
    except ValueError:
        return False
    return True


def _handshake(run: Running, host: str, words: list[str]) -> object | None:
    from packetlab.wire.verbs.handshake import handshake

    options, rest = _options(words, {"--source-port": ("source_port", int), "-W": ("timeout", float)})
    if len(rest) != 2 or not rest[1].isdecimal():
        return None
    try:
        return handshake(rest[0], int(rest[1]), via=run[host], **options)
    except PacketLabError:
        return True


def _options(
    words: list[str], names: Mapping[str, tuple[str, Callable[[str], Any] | None]]
) -> tuple[dict[str, Any], list[str]]:
    """The options of a command and its other words; no words where an option is none of `names`. None: a flag."""
    options: dict[str, Any] = {}
    rest: list[str] = []
    left = words[2:]
    while left:
        word = left.pop(0)
        name, kind = names.get(word, ("", None))
        if name and kind is None:
            options[name] = True
        elif kind is not None and left:
            options[name] = kind(left.pop(0))
        elif word.startswith("-") and word != "-":
            return {}, []
        else:
            rest.append(word)
    return options, rest


_SHORTCUTS: dict[str, Callable[[Running, str, list[str]], object | None]] = {
    "ping": _ping, "send": _send, "udp": _udp, "tcp": _tcp, "handshake": _handshake,
}  # fmt: skip
