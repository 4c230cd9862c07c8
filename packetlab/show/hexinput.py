"""Hex as people paste it, as bytes: plain, with colons or 0x, or a dump of tcpdump, xxd, Wireshark or ours.

In a dump each line has an offset first and perhaps the characters behind; both are left out.
"""

import re

from packetlab.model.errors import UsageError
from packetlab.model.header import Header
from packetlab.show.safe import safe_text

_OFFSET = re.compile(r"^\s*(?:0x)?([0-9a-fA-F]{4,8})(:\s*|\s\s+|\s)(?=[0-9a-fA-F]{2})")
_GROUP = re.compile(r"\s{0,2}((?:[0-9a-fA-F]{2}){1,4})(?=\s|$)")
PER_LINE = 16
FEWEST_DIGITS = 16
"""A shorter word of hex digits is taken for a name."""


def looks_like_hex(text: str) -> bool:
    """Whether a word of the command line is meant as bytes and not as a name."""
    digits = re.sub(r"0x|[\s:,-]", "", text)
    return len(digits) >= FEWEST_DIGITS and re.fullmatch(r"[0-9a-fA-F]+", digits) is not None


def bytes_from_hex(text: str) -> bytes:
    """The bytes; UsageError where it is no hex."""
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    dump = _dump(lines)
    if dump is not None:
        return dump
    digits = re.sub(r"0x|\\x|[\s:,.-]", "", text)
    bad = re.search(r"[^0-9a-fA-F]", digits)
    if bad:
        raise UsageError(
            f"{safe_text(bad[0])!r} is no hex digit",
            remedy="paste hex only, such as 45 00 00 1c or a dump of tcpdump -x",
        )
    if not digits:
        raise UsageError("there is no hex to read", remedy="paste hex, such as 45 00 00 1c, or name a protocol: tcp")
    if len(digits) % 2:
        raise UsageError(f"{len(digits)} hex digits are no whole number of bytes", remedy="two digits make one byte")
    return bytes.fromhex(digits)


def _dump(lines: list[str]) -> bytes | None:
    """The bytes of a dump with offsets; None where the lines are no dump. Lines of other text are skipped."""
    data = b""
    seen = 0
    for line in lines:
        found = _OFFSET.match(line)
        if not found or int(found[1], 16) != len(data):
            if seen and found and int(found[1], 16) == 0:
                break  # the next packet of the dump
            continue
        seen += 1
        at, row = found.end(), b""
        while len(row) < PER_LINE:
            group = _GROUP.match(line, at)
            if not group:
                break
            row += bytes.fromhex(group[1])
            at = group.end()
        data += row[:PER_LINE]
    return data if seen else None


def first_of(data: bytes, name: str | None) -> type[Header]:
    """The outermost header: by name, or by what the bytes look like.

    UsageError where there is no protocol of that name.
    """
    if name:
        from packetlab.show.names import find

        for subject in find(name):
            if subject.field is None:
                return subject.header
        raise UsageError(f"{safe_text(name)!r} is no protocol but a field", remedy="name a protocol, such as ipv4")
    from packetlab.link.ethernet import Ethernet
    from packetlab.model.header import Header as Base

    version = data[0] >> 4 if data else 0
    known = {cls.name: cls for cls in Base.subclasses}
    if version == 4 and len(data) >= 20 and data[0] & 15 >= 5:
        total = int.from_bytes(data[2:4], "big")
        if 20 <= total <= len(data):
            return known.get("ipv4", Ethernet)
    if version == 6 and len(data) >= 40 and int.from_bytes(data[4:6], "big") + 40 <= len(data) and "ipv6" in known:
        return known["ipv6"]
    return Ethernet
