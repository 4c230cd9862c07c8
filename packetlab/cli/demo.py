"""`packetlab demo`: the walk through the layers, printed as it is played."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from packetlab.cli.common import json_option, print_json
from packetlab.model.errors import CaptureError, NamespaceError


@click.command("demo")
@click.option("--full", is_flag=True, help="Show every field of the chosen packets, explained.")
@click.option("--memory", is_flag=True, help="Do not build a virtual network; use a wire in memory.")
@click.option("-w", "target", type=click.Path(dir_okay=False), default="packetlab-demo.pcapng", show_default=True,
              help="Where the commented capture is left.")  # fmt: skip
@click.option("--no-capture", is_flag=True, help="Leave no capture behind.")
@json_option
def demo(full: bool, memory: bool, target: str, no_capture: bool, as_json: bool) -> None:
    """Walk through ARP, ping, TCP, UDP, DNS and HTTP on a small network of its own.

    Builds a client, a router and a server as real hosts of this machine's kernel, without root, and shows at each
    step the frames that every interface saw and what each layer added. Nothing leaves this machine.
    """
    from packetlab.lab.demo import Stage, commented, walk
    from packetlab.lab.demo_stages import MemoryStage, stage

    excuse = ""
    chosen: Stage
    try:
        chosen = MemoryStage() if memory else stage()
    except NamespaceError as error:
        excuse = f"{error}. What to do: {error.remedy}" if error.remedy else str(error)
        chosen = MemoryStage()
    scenes = []
    with chosen as ready:
        if not as_json:
            _print(_opening(ready.what, excuse))
        for scene in walk(ready):
            scenes.append(scene)
            if not as_json:
                _print(_pages(scene, full))
    saved = "" if no_capture else _save(commented(scenes), target, chosen.what)
    if as_json:
        steps = [_plain(scene) for scene in scenes]
        print_json({"network": chosen.what, "excuse": excuse, "capture": saved, "steps": steps})
    else:
        _print(_closing(saved, len(scenes)))


def _print(views: Any) -> None:
    from packetlab.show import print_to_terminal

    print_to_terminal(*views)


def _opening(what: str, excuse: str) -> Iterator[Any]:
    from packetlab.lab.demo import CLIENT, ROUTER_INSIDE, ROUTER_OUTSIDE, SERVER
    from packetlab.show import text_view

    yield text_view(("packetlab demo", "head"), (" - one page per layer", "note"))
    yield text_view((what, ""))
    if excuse:
        yield text_view(("Why: ", "bad"), (excuse, ""))
    yield text_view(("", ""))
    yield text_view(("  client ────────────── router ────────────── server", "name"))
    yield text_view((f"  {CLIENT}      {ROUTER_INSIDE}  {ROUTER_OUTSIDE}      {SERVER}", "note"))


def _pages(scene: Any, full: bool) -> Iterator[Any]:
    from packetlab.lab.demo import PLACES
    from packetlab.model.packet import decapsulate
    from packetlab.show import RelativeNumbers, layers, summary, text_view

    act = scene.act
    yield text_view(("", ""))
    yield text_view((f"{scene.number}. {act.title}", "head"))
    yield text_view((act.text, ""))
    start = scene.frames[0].time if scene.frames else 0
    shown: dict[tuple[str, ...], str] = {}
    for place in PLACES:
        frames, relative, lines = scene.at(place), RelativeNumbers(), []
        for frame in frames:
            packet = decapsulate(frame.data, frame.link_type)
            lines.append(summary(packet, relative=relative.of(packet)))
        same = shown.setdefault(tuple(lines), place)
        if same != place and lines:
            yield text_view((f"  {place}", "name"), (f"  the same {len(lines)} as {same}", "note"))
            continue
        yield text_view((f"  {place}", "name"), ("" if frames else "  saw nothing", "note"))
        for frame, words in zip(frames, lines, strict=True):
            arrow = "→" if frame.direction == "out" else "←"
            yield text_view((f"  {(frame.time - start) / 1e6:8.3f} ms {arrow} ", "note"), (words, ""), hang=16)
    found = scene.chosen
    if found is not None:
        frame, packet = found
        yield text_view(("", ""))
        yield text_view((f"  What each layer added, at {frame.interface}:", "name"))
        yield layers(packet, frame) if full else _stack(packet)
        yield from _differences(scene, packet)
    yield text_view((act.after, ""))


def _stack(packet: Any) -> Any:
    """One line per layer: name, bytes, a bar for its share, the fields that matter most."""
    from packetlab.lab.demo import added
    from packetlab.show import safe_text, stacked, text_view
    from packetlab.show.block import layer_style

    lines = []
    for number, part in enumerate(added(packet)):
        bar = "█" * max(1, round(part.share * 16))
        facts = _facts(part.header) if part.header is not None else safe_text(packet.payload, limit=36)
        lines.append(
            text_view((f"  {part.layer:<14}", layer_style(number)), (f"{part.size:>4} B ", ""),
                      (f"{bar:<16} ", layer_style(number)), (facts, "note"), hang=38)
        )
    return stacked(lines)


# The fields that tell most about a header at a glance, where it has them.
_TELLING = (
    "sender_protocol", "target_protocol", "src", "dst", "ttl", "hop_limit", "src_port", "dst_port", "flags",
    "operation", "type", "identifier", "sequence", "identification", "method", "target", "status",
)  # fmt: skip


def _facts(header: Any) -> str:
    from packetlab.show import safe_text
    from packetlab.show.view import field_text

    names = {spec.name for spec in header.fields}
    found = []
    for name in [name for name in _TELLING if name in names][:4]:
        text, meaning = field_text(header.spec(name), getattr(header, name))
        found.append(f"{name} {meaning if name == 'flags' and meaning else text}")
    return safe_text(", ".join(found), limit=200)


def _differences(scene: Any, before: Any) -> Iterator[Any]:
    """What the router changed in the chosen packet, where the far side saw it too."""
    from packetlab.lab.demo import changed_on_the_way
    from packetlab.model.packet import decapsulate
    from packetlab.show import text_view
    from packetlab.show.view import field_text

    for frame in scene.at("server eth0"):
        after = decapsulate(frame.data, frame.link_type)
        if [type(one) for one in after.layers] != [type(one) for one in before.layers]:
            continue
        changed = changed_on_the_way(before, after)
        if not changed or after.payload != before.payload:
            return
        yield text_view(("  The same packet at the server; the router changed:", "name"))
        for name, old, new in changed:
            spec = _spec(before, name)
            words = f"{field_text(spec, old)[0]} → {field_text(spec, new)[0]}"
            yield text_view((f"    {name:<16}", ""), (words, "note"))
        return


def _spec(packet: Any, name: str) -> Any:
    layer, _, field = name.rpartition(".")
    for header in packet.layers:
        if header.name == layer:
            return header.spec(field)
    raise KeyError(name)


def _save(frames: list[Any], target: str, what: str) -> str:
    from packetlab.capture import CaptureWriter

    try:
        with CaptureWriter(target, comments=[f"packetlab demo: {what}"]) as writer:
            writer.write_all(frames)
    except (CaptureError, OSError) as error:
        raise CaptureError(
            f"the demo ran, but its capture could not be written: {error}",
            remedy="packetlab demo -w FILE writes it elsewhere, --no-capture does without",
        ) from None
    return str(Path(target))


def _closing(saved: str, count: int) -> Iterator[Any]:
    from packetlab.show import text_view

    yield text_view(("", ""))
    yield text_view((f"{count} steps. ", "head"), ("The network is gone again; nothing was left behind", ""),
                    (f" but {saved}, with every frame and a comment at each step." if saved else ".", ""))  # fmt: skip
    if saved:
        yield text_view((f"  packetlab show {saved}                 all frames", "note"))
        yield text_view((f"  packetlab show {saved} -n 1 --explain  one of them, in plain English", "note"))


def _plain(scene: Any) -> dict[str, Any]:
    from packetlab.lab.demo import PLACES, added
    from packetlab.model.packet import decapsulate
    from packetlab.show import summary

    found = scene.chosen
    return {
        "step": scene.number,
        "key": scene.act.key,
        "title": scene.act.title,
        "frames": {
            place: [
                {"time_ns": frame.time, "direction": frame.direction, "bytes": frame.data.hex(),
                 "summary": summary(decapsulate(frame.data, frame.link_type))}
                for frame in scene.at(place)
            ]
            for place in PLACES
        },
        "added": [
            {"layer": part.layer, "bytes": part.size, "share": round(part.share, 4)} for part in added(found[1])
        ] if found else [],
    }  # fmt: skip
