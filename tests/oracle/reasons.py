"""Why packetlab and tshark may differ: a table of reasons, each with the check that proves it on the packet.

A reason that explains everything explains nothing: the check looks at the field, at both values, at the places
and at the packet. What no check accepts is a difference without a reason, and fails the comparison.
"""

import re
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from packetlab.application.tls import TLSRecord
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



def behind_a_fault(difference: "Difference") -> bool:
    """packetlab reports a fault in or before this header and keeps what it read; tshark shows nothing of it."""
    ours = difference.ours
    return ours is not None and difference.theirs is None and any(
        fault.offset <= ours.end and fault.cause != "quote" for fault in difference.packet.faults
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


def other_dissector(difference: "Difference") -> bool:
    """tshark gave the bytes to another protocol, often because of earlier packets of the connection."""
    ours, words = difference.ours, difference.reading.protocols.split(":")
    if ours is None or difference.theirs is not None or ours.header is not difference.packet.layers[-1]:
        return False
    return ours.name.partition(".")[0] not in words and bool(unknown_protocols(difference))


def in_other_buffer(difference: "Difference") -> bool:
    """tshark unpacked the payload (IPComp) and gives places in the unpacked bytes."""
    return difference.ours is None and "ipcomp" in difference.reading.protocols.split(":")


def mdns_bit(difference: "Difference") -> bool:
    """In multicast DNS the top bit of the class says something else, and tshark shows it apart."""
    ours, shown = difference.ours, difference.theirs
    return (
        ours is not None and shown is not None and "mdns" in difference.reading.protocols.split(":")
        and difference.name in ("dns.resp.class", "dns.qry.class") and ours.value ^ int(shown.text, 0) == 0x8000
    )  # fmt: skip


def loop_in_a_name(difference: "Difference") -> bool:
    ours, shown = difference.ours, difference.theirs
    if ours is None or shown is None or "<loop>" not in str(ours.value):
        return False
    return "loops" in shown.text or shown.text in ("<Root>", "<Name too long>")


def unprintable(difference: "Difference") -> bool:
    """Bytes that are no text: each program spells them in its own way."""
    ours, shown = difference.ours, difference.theirs
    if ours is None or shown is None or not isinstance(ours.value, str):
        return False
    return bool(re.search(r"\\\d{3}", ours.value)) or not (ours.value.isprintable() and ours.value.isascii())


def reserved_bits_too(difference: "Difference") -> bool:
    """tshark shows the reserved bits in the number of the flags, too."""
    ours, shown = difference.ours, difference.theirs
    return (
        difference.name == "tcp.flags" and ours is not None and shown is not None
        and int(shown.text, 0) == ours.value | ours.header.reserved << 9  # type: ignore[attr-defined]
    )  # fmt: skip


def other_name_here(difference: "Difference") -> bool:
    """In these messages tshark gives the same bytes other names."""
    ours, words = difference.ours, difference.reading.protocols.split(":")
    if ours is None or difference.theirs is not None:
        return False
    header: Any = ours.header
    return bool(
        (ours.name.startswith("dns.count.") and header.opcode == 5)  # zones, prerequisites, updates
        or (ours.name.startswith("dns.flags.") and "llmnr" in words)  # conflict, tentative
        or (ours.name.startswith("stp.flags.") and header.version == 0)  # only two flags in 802.1D-1998
        or (ours.name == "sll.etype" and ours.value < 0x600)  # sll.ltype
        or (ours.name == "dns.resp.name" and header.type == 33)  # dns.srv.service, .proto and .name
        or (ours.name == "tcp.options.experimental.data" and header.kind == 254)  # fast open's first form
        or (ours.name == "tcp.seq_raw" and header.is_cut)  # tcp.seq in the quote of an ICMP error
        or (ours.name == "null.family" and ours.value > 0xFFFF)  # null.type: no family of addresses
        or (ours.name == "tls.record.content_type" and ours.value == 23)  # tls.record.opaque_type in TLS 1.3
        or (ours.name == "igmp.max_resp" and header.type == 0x11 and ours.value == 0)  # version 1: igmp.reserved
    )


def other_name_there(difference: "Difference") -> bool:
    """The other half of `other_name_here`, and reserved bits that Wireshark counts with their neighbours."""
    shown = difference.theirs
    return difference.ours is None and shown is not None and (
        shown.name in ("igmp.reserved", "gre.flags.reserved") and not shown.text.strip("0:")
    )  # fmt: skip


def goes_on(difference: "Difference") -> bool:
    """A TLS record that goes on in the next segment: tshark waits for the rest."""
    ours = difference.ours
    if ours is None or difference.theirs is not None or not isinstance(ours.header, TLSRecord):
        return False
    record: Any = ours.header
    return bool(record.length > len(record.encode()) - 5)


def shown_when_not_zero(difference: "Difference") -> bool:
    ours = difference.ours
    if ours is None or difference.theirs is not None:
        return False
    return (ours.name in ("icmp.length", "icmp.mtu") and ours.value == 0) or (
        ours.name.startswith("http.") and ours.value == ""
    )


def offload(difference: "Difference") -> bool:
    """A length of 0 left to the network card: tshark shows the captured length in its place."""
    ours = difference.ours
    return difference.name in ("ip.len", "ipv6.plen") and ours is not None and ours.value == 0


def little_endian_control(difference: "Difference") -> bool:
    """tshark shows LLC's two control bytes as one little-endian number; packetlab keeps two fields."""
    ours, shown = difference.ours, difference.theirs
    return (
        difference.name == "llc.control" and ours is not None and shown is not None and shown.size == 2
        and int(shown.text, 0) & 0xFF == ours.value
    )  # fmt: skip


def not_dispatched(difference: "Difference") -> bool:
    """The last header packetlab read gives the bytes to no protocol: port, family or message type unknown to it.

    tshark guessed by the content, or knows more ports; packetlab keeps the bytes.
    """
    if difference.ours is not None or not in_undecoded(difference):
        return False
    packet, innermost = difference.packet, difference.packet
    while innermost.quoted is not None:
        innermost = innermost.quoted
    del packet
    if not innermost.layers:
        return True
    last: Any = innermost.layers[-1]
    keys = [getattr(last, name) for name in last.next_by]
    taken = [last.table[key] for key in keys if key in last.table]
    payload = innermost.payload
    return not any(kind.accepts is None or kind.accepts(payload, 0, len(payload)) for kind in taken)


def kept_whole(difference: "Difference") -> str:
    """The field of packetlab that keeps as one what tshark looks into."""
    shown = difference.theirs
    if difference.ours is not None or shown is None:
        return ""
    for header, offset in difference.packet.walk():
        found = _keeper(header, field_spans(header, offset), shown.start, shown.start + shown.size)
        if found:
            return found
    return ""


def _keeper(header: Header, spans: Any, start: int, end: int) -> str:
    for span in spans:
        if span.offset <= start and end <= span.end:
            for element in span.elements:
                found = _keeper(element.header, element.fields, start, end)
                if found:
                    return found
                if element.fields[-1].end <= start and end <= element.end and getattr(element.header, "excess", b""):
                    return f"the rest of {type(element.header).__name__}"
            if isinstance(span.value, bytes) and span.spec.variable is not None:
                return f"{type(header).__name__}.{span.spec.name}"
    return ""


def overloaded(difference: "Difference") -> bool:
    """DHCP's option 52: the fields for names hold options, and tshark shows them as those."""
    return difference.name in ("dhcp.server", "dhcp.file") and difference.theirs is None and any(
        getattr(option, "code", 0) == 52
        for header in difference.packet.layers for option in getattr(header, "options", ())
    )  # fmt: skip


def swapped_seconds(difference: "Difference") -> bool:
    """tshark takes large seconds for those of a client that sends them in its own byte order."""
    ours, shown = difference.ours, difference.theirs
    return (
        difference.name == "dhcp.secs" and ours is not None and shown is not None
        and int(shown.text) == int.from_bytes(int(ours.value).to_bytes(2, "big"), "little")
    )  # fmt: skip


def end_as_zero(difference: "Difference") -> bool:
    """tshark shows the type of DHCP's end mark as 0."""
    ours, shown = difference.ours, difference.theirs
    return (
        difference.name == "dhcp.option.type" and ours is not None and ours.value == 255
        and shown is not None and shown.text == "0"
    )  # fmt: skip


REASONS: list[tuple[str, Check]] = [
    ("inside a protocol that packetlab does not declare: tshark goes on, packetlab keeps the bytes", behind_unknown),
    ("the header is cut or broken: tshark drops it, packetlab keeps the fields that are there", tshark_stopped),
    ("packetlab reports a fault there and keeps the bytes; tshark reads on", packetlab_stopped),
    ("packetlab reports a fault and keeps what it read; tshark shows nothing of it", behind_a_fault),
    ("tshark gives the version of an IPv6 header the name ip.version, too", version_of_ipv6),
    ("tshark shows this flag in answers only, packetlab in questions, too", flag_of_a_question),
    ("tshark shows each zero behind the end of the options as one more end", padding_of_options),
    ("tshark shows the same field at the same place twice", shown_twice),
    ("tshark gave the bytes to another protocol", other_dissector),
    ("tshark unpacked the payload and gives places in the unpacked bytes", in_other_buffer),
    ("in multicast DNS tshark shows the top bit of the class apart", mdns_bit),
    ("a domain name that loops, in the words of each", loop_in_a_name),
    ("bytes that are no text, spelled in each program's own way", unprintable),
    ("tshark counts the reserved bits with the flags", reserved_bits_too),
    ("tshark gives this field another name in messages of this kind", other_name_here),
    ("tshark shows a reserved field that is zero, for which packetlab has another name", other_name_there),
    ("tshark shows this field only when it is not zero or empty", shown_when_not_zero),
    ("the length was left to the network card: tshark shows the captured one", offload),
    ("fields of DHCP that hold options (option 52): tshark shows those", overloaded),
    ("tshark shows the type of DHCP's end mark as 0", end_as_zero),
    ("tshark guesses that DHCP's seconds are in little-endian order", swapped_seconds),
    ("tshark shows two control bytes as one little-endian number", little_endian_control),
    ("the TLS record goes on in the next segment, for which tshark waits", goes_on),
    ("packetlab gives these bytes to no protocol (unknown port or type); tshark knows or guesses", not_dispatched),
]
"""(reason, check of a Difference), the first that fits is given."""


def reason_for(difference: "Difference") -> str:
    """The first reason whose check accepts the difference; empty where there is none."""
    found = next((text for text, check in REASONS if check(difference)), "")
    if not found and (keeper := kept_whole(difference)):
        return f"packetlab keeps {keeper} as one run of bytes; tshark looks into it"
    return found
