"""tshark's reading of a capture: every field of the protocols asked for, with its place in the frame.

`-T json -x` prints for each field both what `-T fields` prints and the place of its bytes. With the place, two
readings of one frame are compared field by field and not list by list: a field that only one of the two has
does not shift the others. Everything that makes tshark look at more than one packet at a time is turned off.
"""

import json
import subprocess
from collections.abc import Generator, Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

PREFERENCES = (
    "ip.defragment:FALSE", "ip.check_checksum:FALSE", "ip.use_geoip:FALSE", "ipv6.defragment:FALSE",
    "ipv6.use_geoip:FALSE", "tcp.check_checksum:FALSE", "tcp.desegment_tcp_streams:FALSE",
    "tcp.relative_sequence_numbers:FALSE", "tcp.analyze_sequence_numbers:FALSE", "tcp.reassemble_out_of_order:FALSE",
    "udp.check_checksum:FALSE", "eth.fcs:Never", "dns.desegment_dns_messages:FALSE",
    "http.desegment_headers:FALSE", "http.desegment_body:FALSE", "http.dechunk_body:FALSE",
    "http.decompress_body:FALSE", "http.tcp.port:80,8080,8000,3128,8888",
    "tls.desegment_ssl_records:FALSE", "tls.desegment_ssl_application_data:FALSE",
)  # fmt: skip


@dataclass(slots=True)
class Shown:
    """One field as tshark shows it: text as with `-T fields`, place in bytes."""

    name: str
    text: str
    start: int
    size: int


@dataclass(slots=True)
class Reading:
    """What tshark says of one frame."""

    number: int
    data: bytes
    protocols: str = ""
    """As eth:ethertype:ip:udp:dns."""
    fields: list[Shown] = field(default_factory=list)
    troubled: bool = False
    """tshark calls it malformed or too short."""


@cache
def known_preferences() -> frozenset[str]:
    """Names of the preferences that this tshark has; others would end it with an error."""
    listing = subprocess.run(["tshark", "-G", "defaultprefs"], capture_output=True, text=True).stdout
    return frozenset(line.lstrip("#").partition(":")[0] for line in listing.splitlines() if ":" in line)


@cache
def field_types() -> dict[str, str]:
    """Field name: its FT_ type."""
    listing = subprocess.run(["tshark", "-G", "fields"], capture_output=True, text=True, errors="replace").stdout
    cells = (line.split("\t") for line in listing.splitlines())
    return {row[2]: row[3] for row in cells if row[0] == "F" and len(row) > 3}


def readings(path: Path, protocols: Iterable[str], limit: int | None = None) -> Generator[Reading, None, None]:
    """tshark's reading of each frame of a file (the first `limit` frames), fields of `protocols` only."""
    command = ["tshark", "-n", "-r", str(path), "-T", "json", "-x", "-J", " ".join(["frame", *protocols])]
    for preference in PREFERENCES:
        if preference.partition(":")[0] in known_preferences():
            command += ["-o", preference]
    if limit is not None:
        command += ["-c", str(limit)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, errors="replace"
    ) as child:
        assert child.stdout is not None
        lines: list[str] = []
        for line in child.stdout:
            if line.startswith("  {"):
                lines = ["{"]
            elif line.startswith("  }"):
                lines.append("}")
                yield _reading("".join(lines))
                lines = []
            elif lines:
                lines.append(line)


def _reading(text: str) -> Reading:
    # Keys repeat in tshark's JSON: objects are kept as lists of pairs.
    packet = json.loads(text, object_pairs_hook=lambda pairs: pairs, strict=False)
    layers = dict(dict(packet)["_source"])["layers"]
    found = Reading(0, b"")
    _collect(layers, found)
    return found


def _collect(pairs: list[tuple[str, Any]], found: Reading) -> None:
    raw: Any = None
    for name, value in pairs:
        if name.endswith("_raw") and isinstance(value, list) and len(value) == 5:
            raw = value
            if name == "frame_raw" and not found.data:
                found.data = _octets(value[0]) if raw[2] else b""
            continue
        if name == "frame.number":
            found.number = int(value)
        elif name == "frame.protocols":
            found.protocols = value
        elif name in ("_ws.malformed", "_ws.short") or name.startswith("_ws.unreassembled"):
            found.troubled = True
        inner = isinstance(value, list)
        if raw is not None and not name.endswith("_tree"):
            shown = "" if inner or value is None else str(value)
            if shown or inner or raw[2]:  # else it is there without a byte
                found.fields.append(Shown(name, shown, raw[1], raw[2]))
        elif raw is None and not inner and value and not name.startswith("frame."):
            found.fields.append(Shown(name, str(value), 0, 0))
        raw = None
        if inner and (not value or isinstance(value[0], tuple)):
            _collect(value, found)


def _octets(text: str) -> bytes:
    """The bytes of a frame; none where tshark 4.0 prints no hex, as it does for some damaged files."""
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""
