"""`packetlab http`: get a page, and see what carried it and where the time went."""

from typing import TYPE_CHECKING, Any

import click

from packetlab.cli.common import (
    duration,
    family_options,
    json_option,
    print_frames,
    print_json,
    recording,
    say,
    tried_data,
    write_option,
)
from packetlab.model.errors import UsageError

if TYPE_CHECKING:
    from packetlab.wire.verbs.http import HTTPResult

PREVIEW = 600
"""Characters of a body that are shown."""


@click.command(short_help="get a page, stage by stage")
@click.argument("url")
@click.option("-X", "--request", "method", default="", metavar="METHOD", help="GET, POST, ... (GET, or POST with -d).")
@click.option("-I", "--head", is_flag=True, help="Only the head (HEAD).")
@click.option("-d", "--data", default="", help="A body to send.")
@click.option("-H", "--header", "headers", multiple=True, metavar="'NAME: VALUE'", help="A header field; repeatable.")
@click.option("-L", "--location", "follow", is_flag=True, help="Follow up to 10 redirects.")
@click.option("--frames", is_flag=True, help="Show the frames that carried it, as a ladder.")
@click.option("--insecure", is_flag=True, help="https: do not look at the certificate.")
@click.option("-W", "--timeout", type=click.FloatRange(0, min_open=True), default=10.0, show_default=True,
              help="Seconds of silence before giving up.")  # fmt: skip
@family_options
@write_option
@json_option
def http(
    url: str, method: str, head: bool, data: str, headers: tuple[str, ...], follow: bool, frames: bool, insecure: bool,
    timeout: float, family: int, write: str | None, as_json: bool,
) -> int:  # fmt: skip
    """Send a request to URL and show the response, the time of each stage, and with --frames what carried it.

    Where the name has several addresses, the next is tried when one fails or is silent for 250 ms; -4 and -6 choose.
    The exit code is 1 for a status of 400 and up, and where nobody answered.
    """
    from packetlab.wire.verbs.http import http as verb

    fields = {}
    for header in headers:
        name, colon, value = header.partition(":")
        if not colon or not name.strip() or "\n" in header or "\r" in header:
            raise UsageError(f"{header[:60]!r} is no header field", remedy="write 'Name: value'")
        fields[name.strip()] = value.strip()
    chosen = method.upper() or ("HEAD" if head else "POST" if data else "GET")
    with recording(write) as record:
        result = verb(url, method=chosen, headers=fields, data=data.encode(), follow=follow, timeout=timeout,
                      family=family, verify=not insecure, record=record)  # fmt: skip
    if as_json:
        print_json(_data(result))
    else:
        _print(result, frames)
    return 0 if result.ok else 1


def _print(result: "HTTPResult", frames: bool) -> None:
    from packetlab.show import safe_text

    for url in result.redirected_from:
        say(f"redirected from {safe_text(url)}")
    say(f"{result.request.method} {safe_text(result.request.target)} from {result.target} port {result.port}")
    for stage in result.stages:
        say(f"  {stage.name:<11}{duration(stage.duration):>10}  {safe_text(stage.text)}", hang=25)
    say(f"  {'in all':<11}{duration(sum(one.duration for one in result.stages)):>10}")
    say(" ".join(safe_text(word) for word in result.response.start))
    for name, value in result.response.headers:
        say(f"{safe_text(name)}: {safe_text(value)}")
    body = result.response.body
    if body:
        more = f" and {len(body) - PREVIEW} bytes more" if len(body) > PREVIEW else ""
        say("")
        for line in body[:PREVIEW].decode("utf-8", "replace").splitlines():
            say(safe_text(line))
        if more:
            say(f"...{more}")
    for fault in result.response.faults:
        say(f"but {fault}")
    if frames:
        print_frames(result.frames, result.why_no_frames)


def _data(result: "HTTPResult") -> dict[str, Any]:
    from packetlab.show import frame_dict

    return {
        "url": result.url, "target": str(result.target), "port": result.port, "ok": result.ok,
        "status": result.response.status, "start": list(result.response.start), "headers": result.response.headers,
        "body": result.response.body.decode("utf-8", "replace"), "faults": result.response.faults,
        "redirected_from": list(result.redirected_from),
        "stages": [{"name": one.name, "ns": one.duration, "text": one.text} for one in result.stages],
        "tried": tried_data(result.tried), "frames": [frame_dict(frame) for frame in result.frames],
    }  # fmt: skip
