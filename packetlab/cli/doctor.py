"""`packetlab doctor`: try every capability for real, and say what works and the exact fix for what does not."""

import click

from packetlab.cli.common import json_option, print_json, say


@click.command(short_help="what this machine allows")
@json_option
def doctor(as_json: bool) -> int:
    """Try what packetlab needs: virtual networks and what happens in them, live capture, programs that labs use.

    Nothing is guessed from settings; each is done once. The exit code is 1 where labs cannot run here.
    """
    import platform
    import sys

    from packetlab.model.errors import NamespaceError
    from packetlab.net.capabilities import Capability, probe
    from packetlab.net.host import has_program
    from packetlab.wire.privileges import REMEDY, privileges

    found: list[Capability] = []
    try:
        found += probe()
    except NamespaceError as error:
        found.append(Capability("virtual network", False, str(error), error.remedy))
    except OSError as error:
        found.append(Capability("virtual network", False, str(error), "labs need Linux; replay mode works anywhere"))
    labs_work = all(each.works for each in found)
    allowed = privileges(None)
    live = Capability("capture on this machine's own interfaces", allowed.packet, "",
                      "" if allowed.packet else REMEDY)  # fmt: skip
    found.append(live)
    ping = allowed.raw or allowed.icmp
    found.append(Capability("ping from this machine", ping, "", "" if ping else
                            'sudo sysctl net.ipv4.ping_group_range="0 2147483647"'))  # fmt: skip
    uses = {"ip": "some labs show it", "curl": "asks web servers by name", "nginx": "a real web server"}
    for program, why in uses.items():
        there = has_program(program)
        remedy = "" if there else f"optional; install the package {'iproute2' if program == 'ip' else program}"
        found.append(Capability(f"program {program} ({why})", there, "", remedy))
    if as_json:
        print_json({"labs_work": labs_work, "python": sys.version.split()[0], "system": platform.platform(),
                    "capabilities": [{"name": each.name, "works": each.works, "detail": each.detail,
                                      "remedy": each.remedy} for each in found]})  # fmt: skip
        return 0 if labs_work else 1
    for each in found:
        detail = f": {each.detail}" if each.detail else ""
        say(f"{'ok ' if each.works else 'no '} {each.name}{detail}", hang=4)
        if each.remedy:
            say(f"    try: {each.remedy}", hang=9)
    say("Labs work here." if labs_work else
        "Labs run in replay mode here: predict and observe steps, on captures that come with them.")  # fmt: skip
    return 0 if labs_work else 1
