"""How the screen of `packetlab lab watch` looks: its style sheet, the colours of protocols, the text of its help."""

import re

WIDE = 156
"""Columns from which on what there is to read stands on the left, and on the right what happens: twice what a window
needs for a diagram, or for a command's output."""
STYLE = """\
#title { dock: top; height: 1; background: $primary; color: $text; text-style: bold; padding: 0 1; }
Screen { overflow: hidden; layers: below beside above; }
#step { height: 1fr; min-height: 5; border: round $primary; padding: 0 0 0 1; scrollbar-gutter: stable;
        scrollbar-size-vertical: 1; }
#told { height: auto; max-height: 45%; border: round $warning; padding: 0 1; display: none; }
#told.good { border: round $success; }
#frames { height: auto; min-height: 4; max-height: 45%; border: round $secondary; overflow-x: hidden; }
.-busy #frames { max-height: 27%; }
.-full #told { max-height: 32%; }
.-full #frames { max-height: 4; }
#output { height: auto; max-height: 25%; min-height: 4; border: round $accent; display: none; padding: 0 1; }
.-wide #step, .-wide #told, .-wide #frames, .-wide #output { width: 50%; }
.-wide #frames, .-wide #output { layer: beside; offset-x: 100%; }
.-wide #told, .-wide #output { max-height: 50%; }
.-wide #frames { height: 1fr; max-height: 100%; margin: 1 0; }
.-wide.-output #frames { margin: 1 0 0 0; }
.-wide #output { margin: 0 0 1 0; }
#line { layer: above; dock: bottom; margin-bottom: 1; border: round $accent; display: none; }
#step:focus, #told:focus, #frames:focus, #output:focus { border: heavy $primary; }
.box { max-height: 90%; max-width: 100; width: 96%; height: auto; border: round $primary; background: $surface;
       padding: 0 1; scrollbar-gutter: stable; }
ModalScreen { align: center middle; }
Footer { background: $panel; }
"""

COLOURS = {"ARP": "yellow", "ICMP": "green", "ICMPv6": "green", "TCP": "cyan", "UDP": "magenta",
           "DNS": "magenta", "TLS": "bright_blue",
           "HTTPRequest": "bright_cyan", "HTTPResponse": "bright_cyan"}  # fmt: skip
HELP = """\
This screen follows a lab. At the top is the step: what to do, and what to look for. Below it (beside it, where the
terminal is wide) every frame appears as it passes an interface: when (in milliseconds since the first frame), where,
in which direction (`->` leaves that host, `<-` comes in), and what it is. So a frame from h1 to h2 is there twice:
once at each of them.

- **r** types a command on a host, as `h1$ ping -c 1 h2`; Down brings the commands that the step shows, Up those that
  you typed before. What it prints comes in a window of its own. Escape stops a command that still runs, and
  pressed again closes that window. A command to which one types (`packetlab tcp s 80 -`, `python3`) gets the
  whole terminal; Ctrl-D ends it.
- **s** opens a shell on a host; `exit` brings you back. **e** opens your file, in steps that have one.
- **c** checks the step; steps without questions are also checked by themselves, as soon as frames have come, and
  steps with a file as soon as you save it.
- **a** answers the questions of a step.
- **Enter** takes the frame under the cursor apart: its layers, what each field means, its bytes. Tab goes from
  window to window.
- **f** shows only frames for which a display filter holds, as `arp` or `icmp && ip.src == 10.0.0.1`.
- **h** gives a hint, **o** the solution, **n** and **p** go to the next and the previous step.
- **q** leaves. The lab goes on: `packetlab lab watch` comes back to it, `packetlab lab stop` ends it.
"""

_LONG = re.compile(r"\b([0-9a-f]{1,4}):[0-9a-f:]{6,}:([0-9a-f]{1,4})\b")
_PAIR = re.compile(r"\b\d+\.\d+\.(\d+\.\d+) > \d+\.\d+\.(\d+\.\d+)\b")
_MAC = re.compile(r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}")


def fitted(line: str, columns: int) -> str:
    """A frame's line; where it has no room, what is known anyway gives way, so that what was said is seen.

    First addresses of IPv6 keep their ends only, then eth0 goes, then addresses of IPv4 keep their last two numbers.
    """
    if len(line) > columns:
        line = _LONG.sub(lambda found: found[0] if _MAC.fullmatch(found[0]) else f"{found[1]}:…:{found[2]}", line)
    if len(line) > columns:
        line = line.replace(" eth0 ", " ", 1)
    return line if len(line) <= columns else _PAIR.sub(r"…\1 > …\2", line)
