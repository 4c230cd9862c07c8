"""Why packetlab and tshark may differ: a table of reasons, each with the check that proves it on the packet.

A reason that explains everything explains nothing: the check looks at the field, at both values, at the places
and at the packet. What no check accepts is a difference without a reason, and fails the comparison.
"""

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from packetlab.model.header import Header
from packetlab.model.packet import Packet
from packetlab.model.trace import field_spans
from tests.oracle.ours import equal, fields_of
from tests.oracle.tshark import field_types

if TYPE_CHECKING:
    from tests.oracle.tshark_fields import Difference

Check = Callable[["Difference"], bool]

NO_PROTOCOLS = {"ethertype", "data", "frame", "raw", "text", "data-text-lines", "media"}
"""Words of frame.protocols that stand for no header of their own."""


@cache
def known_protocols() -> frozenset[str]:
    """The words of frame.protocols for which packetlab declares a header."""
    known = set(NO_PROTOCOLS)
    for cls in Header.subclasses:
        if cls.__module__.startswith("packetlab."):
            known |= {cls.wireshark} | {spec.wireshark.partition(".")[0] for spec in cls.fields}
            known |= {".".join(spec.wireshark.split(".")[:2]) for spec in cls.fields if spec.wireshark.count(".") > 1}
    return frozenset(known)


def unknown_protocols(difference: "Difference") -> list[str]:
    """Protocols of this frame, as tshark sees it, that packetlab does not declare."""
    return [word for word in difference.reading.protocols.split(":") if word not in known_protocols()]


def undecoded(packet: Packet) -> list[tuple[int, int]]:
    """The parts of a frame that packetlab left as bytes: payload, trailers, and what quoted packets left."""
    found = []
    bounds = packet.bounds()
    if packet.quoted is not None:
        found += undecoded(packet.quoted)
    elif bounds:
        found.append((bounds[-1][1], bounds[-1][2]))
    for index, data in packet.trailers:
        found.append((bounds[index][2], bounds[index][2] + len(data)))
    return found


def in_undecoded(difference: "Difference") -> bool:
    """Whether tshark's field lies in bytes that packetlab left as bytes."""
    shown = difference.theirs
    return shown is not None and any(
        start <= shown.start and shown.start + shown.size <= end for start, end in undecoded(difference.packet)
    )


def behind_unknown(difference: "Difference") -> bool:
    return difference.ours is None and in_undecoded(difference) and bool(unknown_protocols(difference))


def is_malformed(difference: "Difference") -> bool:
    return difference.reading.troubled


def has_fault(difference: "Difference") -> bool:
    return bool(difference.packet.faults)


def tshark_stopped(difference: "Difference") -> bool:
    """tshark gave up at a cut or broken header; packetlab keeps the fields that are there."""
    return difference.theirs is None and is_malformed(difference)


def packetlab_stopped(difference: "Difference") -> bool:
    """packetlab found a fault at or before the field's header, and reads no further."""
    shown = difference.theirs
    return difference.ours is None and shown is not None and has_fault(difference) and (
        in_undecoded(difference) or any(fault.offset <= shown.start + shown.size for fault in difference.packet.faults)
    )  # fmt: skip



def version_of_ipv6(difference: "Difference") -> bool:
    """tshark gives the version of an IPv6 header both as ipv6.version and as ip.version."""
    shown = difference.theirs
    return difference.ours is None and difference.name == "ip.version" and shown is not None and any(
        ours.name == "ipv6.version" and ours.start <= shown.start < ours.end for ours in fields_of(difference.packet)
    )  # fmt: skip


ANSWERS_ONLY = {"dns.flags.authoritative", "dns.flags.recavail", "dns.flags.rcode", "dns.flags.authenticated"}


def flag_of_a_question(difference: "Difference") -> bool:
    """tshark shows some DNS flags in answers only; their bits are in questions, too."""
    ours = difference.ours
    return difference.theirs is None and ours is not None and ours.name in ANSWERS_ONLY and not ours.header.response  # type: ignore[attr-defined]


def padding_of_options(difference: "Difference") -> bool:
    """tshark shows each zero behind the end of the options as one more end."""
    shown = difference.theirs
    if difference.ours is not None or shown is None or difference.name not in ("tcp.option_kind", "ip.opt.type"):
        return False
    if shown.text != "0":
        return False
    data = difference.packet.data or b""
    return data[shown.start] == 0 and any(
        type(element.header).__name__ in ("EndOfOptions", "IPv4EndOfOptions") and element.end <= shown.start < body
        for header, (start, body, _) in zip(difference.packet.layers, difference.packet.bounds(), strict=True)
        for span in field_spans(header, start)
        for element in span.elements
    )


def shown_twice(difference: "Difference") -> bool:
    """tshark shows some fields more than once; packetlab has it, with the same value, at the same place."""
    shown = difference.theirs
    return difference.ours is None and shown is not None and any(
        ours.name == shown.name and ours.start < shown.start + max(1, shown.size) and shown.start < ours.end
        and equal(ours, shown.text, field_types().get(shown.name, ""))
        for ours in fields_of(difference.packet)
    )  # fmt: skip


REASONS: list[tuple[str, Check]] = [
    ("inside a protocol that packetlab does not declare: tshark goes on, packetlab keeps the bytes", behind_unknown),
    ("the header is cut or broken: tshark drops it, packetlab keeps the fields that are there", tshark_stopped),
    ("packetlab reports a fault there and keeps the bytes; tshark reads on", packetlab_stopped),
    ("tshark gives the version of an IPv6 header the name ip.version, too", version_of_ipv6),
    ("tshark shows this flag in answers only, packetlab in questions, too", flag_of_a_question),
    ("tshark shows each zero behind the end of the options as one more end", padding_of_options),
    ("tshark shows the same field at the same place twice", shown_twice),
]
"""(reason, check of a Difference), the first that fits is given."""


def reason_for(difference: "Difference") -> str:
    """The first reason whose check accepts the difference; empty where there is none."""
    return next((text for text, check in REASONS if check(difference)), "")
