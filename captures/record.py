"""Records the sample captures of this folder anew, in packetlab's own virtual networks: no root, no outside traffic.

    python captures/record.py                    all of them
    python captures/record.py ping handshake     some
    python captures/record.py --to /tmp/x dns    somewhere else
    python captures/record.py --list             what there is

Each capture is a `Scene` (scenes/): a network, the interfaces to listen at, what happens, and what to look for.
The note beside each capture (NAME.md) is written from the scene and from the packets that were recorded, so that
the packet numbers in it are right; the same remarks stand in the pcapng as comments of the packets.
"""

import argparse
import sys
import textwrap
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import packetlab.protocols  # noqa: F401
from packetlab.capture import CaptureReader, CaptureWriter
from packetlab.model.errors import PacketLabError
from packetlab.model.frame import Frame
from packetlab.net import Network
from packetlab.wire.tap import Tap, TapPoint

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from scenes import SCENES  # noqa: E402
from scenes.scene import Scene, numbers_of  # noqa: E402

LARGEST = 50_000
QUIET = 0.15
"""Seconds without a frame after which a scene is over."""


def record(scene: Scene, folder: Path) -> Path:
    """Play the scene, and write its capture and its note."""
    frames = played(scene)
    marked = list(frames)
    for look in scene.looks:
        chosen = numbers_of(look, frames)
        if not chosen:
            raise PacketLabError(f"{scene.name}: no packet shows this: {look.what} ({look.filter})")
        first = marked[chosen[0] - 1]
        marked[chosen[0] - 1] = replace(first, comment=f"{first.comment} {look.what}".strip())
    path = folder / f"{scene.name}.pcapng"
    with CaptureWriter(path, comments=[scene.title, f"python captures/record.py {scene.name}"]) as writer:
        for frame in marked:
            writer.write(frame)
    if path.stat().st_size > LARGEST:
        raise PacketLabError(f"{path.name} is {path.stat().st_size} bytes long; a sample has at most {LARGEST}")
    (folder / f"{scene.name}.md").write_text(note(scene, frames))
    return path


def played(scene: Scene) -> list[Frame]:
    """The frames that were seen at the scene's places, in order, until nothing more came."""
    with Network.from_spec(scene.network, name=scene.name) as network:
        scene.before(network)
        points = [TapPoint(f"{node} {interface}", network[node], interface) for node, interface in scene.places]
        with Tap(points) as tap:
            scene.play(network)
            frames: list[Frame] = []
            ended = time.monotonic() + 3
            while time.monotonic() < ended:
                more = tap.take(lambda seen: bool(seen), QUIET)
                frames += more
                if not more:
                    break
    kept = sorted((frame for frame in frames if scene.keep(frame)), key=lambda frame: frame.time)
    return [replace(frame, number=number) for number, frame in enumerate(kept, 1)]


def note(scene: Scene, frames: Sequence[Frame]) -> str:
    """What the capture shows, what to look for and where, and how it was made."""
    lines = [f"# {scene.name}.pcapng: {scene.title}", "", *_filled(scene.text), "", "## What to look for", ""]
    for look in scene.looks:
        lines += _filled(f"* **{_spoken(numbers_of(look, frames))}**: {look.what} `{look.filter}`", "  ")
    places = " and ".join(" ".join(place) for place in scene.places)
    lines += ["", "## How it was made", "", f"    python captures/record.py {scene.name}", ""]
    lines += _filled(f"{len(frames)} packets, recorded at {places} in this network:")
    lines += ["", *("    " + line for line in scene.network.strip().splitlines()), ""]
    return "\n".join(lines)


def _filled(text: str, indent: str = "") -> list[str]:
    return textwrap.wrap(text, 100, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _spoken(numbers: Sequence[int]) -> str:
    """[1, 2, 3, 7] as "packets 1-3, 7"; long lists end with how many there are."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    words = [f"{run[0]}-{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs]
    text = ", ".join(words[:6]) + (f" ... ({len(numbers)} in all)" if len(words) > 6 else "")
    return ("packet " if len(numbers) == 1 else "packets ") + text


def damaged(folder: Path) -> None:
    """Make the damaged files from sound ones in the same folder."""
    from scenes.damage import DAMAGES

    lines = ["# Damaged files", "", *_filled(
        "Made from sound captures of this folder by changing bytes, as disks, transfers and killed programs do. "
        "packetlab reads past each damaged place, and says where it is and what was lost; "
        "`packetlab pcap repair` writes what is sound."
    ), ""]  # fmt: skip
    for one in DAMAGES:
        source = folder / one.source if (folder / one.source).exists() else HERE / one.source
        path = folder / one.name
        path.write_bytes(one.change(source.read_bytes()))
        with CaptureReader(path) as reader:
            count = sum(1 for _ in reader)
            found = list(reader.damage)
        lines += [
            f"## {one.name}",
            "",
            *_filled(f"{one.what} Made from {one.source}; {count} packets can be read."),
            "",
        ]
        lines += [line for damage in found for line in _filled(f"* {damage}", "  ")] + [""]
    lines += ["## How they were made", "", "    python captures/record.py damaged", ""]
    (folder / "damaged.md").write_text("\n".join(lines))


def index() -> str:
    """README.md: what there is."""
    lines = ["# Captures", "", *_filled(
        "Sample captures that packetlab recorded in its own virtual networks: real traffic of Linux hosts, small, and "
        "each with a note that says what it shows, what to look for (with packet numbers) and how it was made. Look at "
        "one with `packetlab show captures/ping.pcapng`, or ask what deserves attention: `packetlab pcap findings`. "
        "The remarks of a note stand in the file as comments of its packets, so that Wireshark shows them too."
    ), "", "| capture | what it shows |", "|---|---|"]  # fmt: skip
    lines += [f"| [{scene.name}]({scene.name}.md) | {scene.title} |" for scene in SCENES.values()]
    lines += ["| [damaged_*](damaged.md) | files that are cut, overwritten, full of garbage |", ""]
    lines += _filled("`python captures/record.py` records them anew, as an ordinary user; `--list` names them.")
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description="Record the sample captures anew.")
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--to", type=Path, default=HERE, metavar="FOLDER")
    parser.add_argument("--list", action="store_true", help="list what there is")
    options = parser.parse_args()
    if options.list:
        for scene in SCENES.values():
            print(f"{scene.name:18} {scene.title}")
        print(f"{'damaged':18} Files with damage")
        return 0
    unknown = [name for name in options.names if name not in SCENES and name != "damaged"]
    if unknown:
        parser.error(f"there is no {unknown[0]}; see --list")
    options.to.mkdir(parents=True, exist_ok=True)
    try:
        for name in options.names or [*SCENES, "damaged"]:
            if name == "damaged":
                damaged(options.to)
            else:
                path = record(SCENES[name], options.to)
                print(f"{path.name}: {path.stat().st_size} bytes")
        if not options.names:
            (options.to / "README.md").write_text(index())
    except PacketLabError as error:
        print(f"{error}" + (f"\n{error.remedy}" if error.remedy else ""), file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
