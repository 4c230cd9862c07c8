"""An exchange as a sequence diagram: a lifeline for each host, an arrow for each packet, time running down.

Two hosts get the words on the arrow; with more of them the words stand at the right and the hosts are
lettered; more than fit side by side become a list. Times count from the first packet, sequence numbers from
the start of each connection.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from packetlab.model.frame import Frame
from packetlab.model.packet import Packet, decapsulate
from packetlab.show.block import Block, Piece, View
from packetlab.show.relative import RelativeNumbers
from packetlab.show.safe import cells, fit, safe_text
from packetlab.show.summary import body_size, endpoints, summary
from packetlab.transport.tcp import TCP

TIME_WIDTH = 10
WORDS_WIDTH = 44
"""Columns kept for the words at the right of three lifelines or more."""
NARROWEST_GAP = 3

_PORTS = re.compile(r"^(TCP|UDP) (\d+) -> (\d+) ")


@dataclass(frozen=True, slots=True)
class Step:
    """One arrow."""

    time: int
    source: str
    target: str
    words: str
    damaged: bool


def ladder(
    frames: Iterable[Frame], *, names: Mapping[str, str] | None = None, start: int | None = None, limit: int = 1000
) -> View:
    """The sequence diagram of frames, in their order.

    `names` gives addresses the names of hosts; `start` is the time (ns) that counts as zero, the first
    frame's otherwise; at most `limit` packets are drawn.
    """
    steps, ports, more = _steps(frames, names or {}, limit)
    zero = start if start is not None else steps[0].time if steps else 0
    hosts = list(dict.fromkeys(host for step in steps for host in (step.source, step.target)))

    def make(width: int) -> Block:
        block = Block(width)
        if not steps:
            block.line(("no packets", "note"))
        elif len(hosts) == 2:
            _two(block, steps, [_with_port(host, ports) for host in hosts], hosts, zero)
        elif len(hosts) > 2 and (block.width - TIME_WIDTH - WORDS_WIDTH - 3) // NARROWEST_GAP >= len(hosts) - 1:
            _many(block, steps, hosts, zero)
        else:
            for step in steps:
                block.line(
                    (_time(step, zero), "note"),
                    (f" {step.source} → {step.target}  ", "name"),
                    (step.words, _style(step)),
                )
        if more:
            block.line((f"… and {more} more packets", "note"))
        return block

    return View(make)


def _steps(
    frames: Iterable[Frame], names: Mapping[str, str], limit: int
) -> tuple[list[Step], dict[str, set[str]], int]:
    import packetlab.protocols  # noqa: F401 - who draws frames need not know what is in them

    relative = RelativeNumbers()
    packets: list[tuple[Frame, Packet]] = []
    more = 0
    for frame in frames:
        if len(packets) >= limit:
            more += 1
            continue
        packets.append((frame, decapsulate(frame.data, frame.link_type, wire_length=frame.wire_length)))
    ports: dict[str, set[str]] = {}
    made = []
    for frame, packet in packets:
        numbers = relative.of(packet)
        words = summary(packet, relative=numbers)
        if numbers is not None and not words.startswith("TCP "):
            size = body_size(packet, packet.index(TCP))
            words += f" seq={numbers[0]} ack={numbers[1]} len={size}"
        source, target = hosts_of(packet)
        source, target = safe_text(names.get(source, source)), safe_text(names.get(target, target))
        found = _PORTS.match(words)
        if found:
            if source == target:  # one host talks to itself: its two ends are two lifelines
                source, target = f"{source}:{found[2]}", f"{target}:{found[3]}"
            else:
                ports.setdefault(source, set()).add(found[2])
                ports.setdefault(target, set()).add(found[3])
        made.append(Step(frame.time, source, target, words, "(damaged)" in words))
    if all(len(found) == 1 for found in ports.values()):
        made = [Step(s.time, s.source, s.target, _without_ports(s.words), s.damaged) for s in made]
    return made, ports, more


def hosts_of(packet: Packet) -> tuple[str, str]:
    """The two lifelines between which a packet goes; an ARP message goes between the IP addresses it is about."""
    for header in packet.layers:
        if header.name == "arp" and not header.is_cut:
            from packetlab.show.view import field_text

            texts = {spec.name: field_text(spec, getattr(header, spec.name))[0] for spec in header.fields}
            sender = next((text for name, text in texts.items() if name.startswith(("sender_ip", "sender_proto"))), "")
            target = next((text for name, text in texts.items() if name.startswith(("target_ip", "target_proto"))), "")
            if sender and target and sender != target:
                return sender, target
    source, destination = endpoints(packet)
    return source or "?", destination or "?"


def _without_ports(words: str) -> str:
    words = re.sub(r"^TCP \d+ -> \d+ \[([^\]]*)\]", r"\1", words)
    return re.sub(r"^UDP \d+ -> \d+ ", "UDP ", words)


def _with_port(host: str, ports: dict[str, set[str]]) -> str:
    mine = ports.get(host, set())
    if len(mine) != 1 or any(len(found) != 1 for found in ports.values()):
        return host
    return f"[{host}]:{next(iter(mine))}" if ":" in host else f"{host}:{next(iter(mine))}"


def _time(step: Step, zero: int) -> str:
    return f"{(step.time - zero) / 1e9:{TIME_WIDTH}.6f}"


def _style(step: Step) -> str:
    return "bad" if step.damaged or "RST" in step.words.split("]")[0].split() else ""


def _two(block: Block, steps: list[Step], titles: list[str], hosts: list[str], zero: int) -> None:
    inner = block.width - TIME_WIDTH - 4
    left, right = titles
    room = inner // 2
    left, right = fit(left, min(cells(left), room)), fit(right, min(cells(right), room))
    gap = max(1, inner + 2 - cells(left) - cells(right))
    block.line((" " * (TIME_WIDTH + 1), ""), (left, "layer0"), (" " * gap, ""), (right, "layer1"))
    for step in steps:
        words = fit(step.words, min(cells(step.words), inner - 6))
        rest = inner - cells(words) - 5
        pieces: list[Piece] = [(_time(step, zero), "note"), (" │", "note")]
        if step.source == hosts[0]:
            pieces += [("── ", "layer0"), (words, _style(step)), (f" {'─' * rest}▶", "layer0")]
        else:
            pieces += [("◀─ ", "layer1"), (words, _style(step)), (f" {'─' * (rest + 1)}", "layer1")]
        block.line(*pieces, ("│", "note"))


def _letter(number: int) -> str:
    return chr(ord("A") + number)


def _many(block: Block, steps: list[Step], hosts: list[str], zero: int) -> None:
    gap = min(14, (block.width - TIME_WIDTH - WORDS_WIDTH - 3) // (len(hosts) - 1))
    for number, host in enumerate(hosts):
        block.line((f"  {_letter(number)} ", f"layer{number % 6}"), (host, ""))
    head: list[Piece] = [(" " * (TIME_WIDTH + 1), "")]
    for number in range(len(hosts)):
        head.append((_letter(number), f"layer{number % 6}"))
        if number < len(hosts) - 1:
            head.append((" " * (gap - 1), ""))
    block.line(*head)
    room = block.width - TIME_WIDTH - 1 - gap * (len(hosts) - 1) - 3
    for step in steps:
        first, last = hosts.index(step.source), hosts.index(step.target)
        low, high = sorted((first, last))
        line = list("│" + (" " * (gap - 1) + "│") * (len(hosts) - 1))
        for at in range(low * gap + 1, high * gap):
            line[at] = "─"
        if first < last:
            line[high * gap - 1] = "▶"
        elif last < first:
            line[low * gap + 1] = "◀"
        words = fit(step.words, min(cells(step.words), room))
        block.line(
            (_time(step, zero), "note"),
            (" ", ""),
            ("".join(line), f"layer{first % 6}"),
            ("  ", ""),
            (words, _style(step)),
        )
