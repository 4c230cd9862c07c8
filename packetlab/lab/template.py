"""The files of a new lab, ready to be filled in: one predict and one do step that run as they are."""

import re
from pathlib import Path

from packetlab.model.errors import UsageError

FILES = {
    "lab.md": """---
id: {id}
title: What this is about?
track: link
concepts: [1]
minutes: 10
values:
  lan: network
net:
  hosts:
    h1: {lan.h1}/24
    h2: {lan.h2}/24
  switches: [sw]
  links:
    - h1 -- sw
    - h2 -- sw
steps:
  guess:
    kind: predict
    ask:
      requests: (number) How many echo requests will h2 see?
  ping: {kind: do}
---
Why one should care.

## guess: Before any packet flows
h1 pings h2 three times. How many echo requests will h2 see?
### hint
### hint
### hint
### after
What happened, and what to try next.

## ping: Your turn
Ping h2 from h1.
### hint
### hint
### hint
### after
""",
    "lab.py": '''"""One line that says what this lab shows."""


def traffic_guess(lab):
    lab.ping("h1", "{h2.ip}", count=3)


def answers_guess(ev):
    return {"requests": ev.at("h2").count("icmp.type == 8", why="echo requests at h2")}


def check_ping(ev):
    ev.at("h1").mistake("icmp.type == 8 && ip.src == {h2.ip}", "You pinged from h2: it should be the other way round.")
    ev.at("h1").mistake("icmp.type == 8 && ip.dst == {h1.ip}", "You pinged h1 itself.")
    ev.at("h2").some("icmp.type == 8 && ip.src == {h1.ip}", why="h2 hears h1's request")
''',
    "solutions/guess.answer": "requests: 3\n",
    "solutions/ping.do": "h1$ packetlab ping -c 1 {h2.ip}\n",
    "mistakes/guess--both-ways.answer": "# gets: you said 6\nrequests: 6\n",
    "mistakes/ping--other-way.do": "# gets: the other way round\nh2$ packetlab ping -c 1 {h1.ip}\n",
    "mistakes/ping--nobody.do": "# gets: nothing at all\nh1$ true\n",
}


def new_lab(folder: Path, name: str) -> list[Path]:
    """Writes a new lab into `folder`; UsageError where it exists or cannot be written."""
    if not re.fullmatch(r"[a-z][a-z0-9-]*", name):
        raise UsageError(f"{name!r} cannot be the id of a lab", remedy="use small letters, digits and hyphens")
    if (folder / name).exists():
        raise UsageError(f"{folder / name} exists", remedy="choose another name")
    written = []
    for file, text in FILES.items():
        path = folder / name / file
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text.replace("{id}", name), encoding="utf-8")
        except OSError as error:
            raise UsageError(f"cannot write {path}: {error.strerror}", remedy=f"packetlab lab new ./{name}") from None
        written.append(path)
    return written
