"""IGMP: hosts tell the routers of their link which IPv4 multicast groups they want (RFC 9776 and before).

Version 3 can also name the senders it wants or does not want. Queries of all versions have the same type; those
of version 3 are longer than 8 bytes.
"""

from typing import Any

from packetlab.internet.ipv4 import IPv4
from packetlab.model.fields import auto, field, ipv4, items, octets, preset, u1, u3, u4, u8, u16
from packetlab.model.header import ANY, Header


def _version_3(data: bytes, pos: int, end: int) -> Any:
    return MembershipQuery3 if end - pos >= 12 and data[pos] == 0x11 else None


class IGMP(
    Header, ref="RFC 9776 section 4", rides={IPv4: 2}, family="type", variant=_version_3, name="igmp",
    wireshark="igmp",
):  # fmt: skip
    """Keeps routers informed who on a link listens to which group."""

    type: u8 = auto.key(
        "kind of message", base="hex", wireshark="igmp.type",
        values={0x11: "membership query: who listens?", 0x12: "report (version 1): I listen",
                0x16: "report (version 2): I listen", 0x17: "leave: I do not listen any more",
                0x22: "report (version 3): my groups and senders"},
    )  # fmt: skip


def _checksum() -> Any:
    return auto.checksum("finds damage to the message", over="message", wireshark="igmp.checksum")


class OtherIGMP(IGMP, key=ANY, name="igmp_other"):
    """A message of a type packetlab does not know better."""

    code: u8 = preset("depends on the type", 0, unnamed="depends on the type")
    checksum: u16 = _checksum()


def _response_time() -> Any:
    return preset(
        "the longest time to wait before answering, in tenths of a second; in version 3, from 128 up, a small "
        "floating-point number", 100, wireshark="igmp.max_resp",
    )  # fmt: skip


class GroupSource(Header, ref="RFC 9776 section 4", name="igmp.source"):
    """One sender of a group."""

    address: ipv4 = field("a sender", wireshark="igmp.saddr")


# Declared before MembershipQuery, which then takes its place in the family; IGMP hands over by `variant`.
class MembershipQuery3(IGMP, key=0x11, ref="RFC 9776 section 4.1", name="igmp_query3"):
    """A router asks who listens to a group, perhaps only to some of its senders (version 3)."""

    max_response: u8 = _response_time()
    checksum: u16 = _checksum()
    group: ipv4 = preset("the group asked about; zero: all groups", bytes(4), wireshark="igmp.maddr")
    reserved: u4 = preset("zero", 0, unnamed="Wireshark shows it without a name")
    suppress: u1 = preset("other routers need not restart their timers", 0, wireshark="igmp.s")
    robustness: u3 = preset("how often everything is said, in case some of it is lost", 2, wireshark="igmp.qrv")
    query_interval: u8 = preset("how often the router asks, in seconds", 125, wireshark="igmp.qqic")
    source_count: u16 = auto.count("senders that follow", of="sources", wireshark="igmp.num_src")
    sources: tuple[GroupSource, ...] = items("the senders asked about", GroupSource, count="source_count",
                                             unnamed="Wireshark names each")  # fmt: skip


class MembershipQuery(IGMP, key=0x11, ref="RFC 2236 section 2", name="igmp_query"):
    """A router asks who listens to a group, or to any."""

    max_response: u8 = _response_time()
    checksum: u16 = _checksum()
    group: ipv4 = preset("the group asked about; zero: all groups", bytes(4), wireshark="igmp.maddr")


class MembershipReport1(IGMP, key=0x12, ref="RFC 1112 appendix I", name="igmp_report1"):
    """A host listens to a group (version 1)."""

    unused: u8 = preset("not used", 0, wireshark="igmp.reserved")
    checksum: u16 = _checksum()
    group: ipv4 = field("the group", wireshark="igmp.maddr")


class MembershipReport2(IGMP, key=0x16, ref="RFC 2236 section 2", name="igmp_report2"):
    """A host listens to a group (version 2)."""

    unused: u8 = preset("not used", 0, wireshark="igmp.max_resp")
    checksum: u16 = _checksum()
    group: ipv4 = field("the group", wireshark="igmp.maddr")


class LeaveGroup(IGMP, key=0x17, ref="RFC 2236 section 2", name="igmp_leave"):
    """A host does not listen to a group any more."""

    unused: u8 = preset("not used", 0, wireshark="igmp.max_resp")
    checksum: u16 = _checksum()
    group: ipv4 = field("the group", wireshark="igmp.maddr")


class GroupRecord(Header, ref="RFC 9776 section 4.2", name="igmp.record"):
    """What a host wants of one group."""

    type: u8 = field(
        "kind of record", wireshark="igmp.record_type",
        values={1: "only these senders", 2: "all but these senders", 3: "from now on only these",
                4: "from now on all but these", 5: "these senders too", 6: "not these senders any more"},
    )  # fmt: skip
    auxiliary_length: u8 = auto.length("of further data, in words of 32 bits", counts="fields:auxiliary", unit=4,
                                       wireshark="igmp.aux_data_len")  # fmt: skip
    source_count: u16 = auto.count("senders that follow", of="sources", wireshark="igmp.num_src")
    group: ipv4 = field("the group", wireshark="igmp.maddr")
    sources: tuple[GroupSource, ...] = items("the senders in question", GroupSource, count="source_count",
                                             unnamed="Wireshark names each")  # fmt: skip
    auxiliary: bytes = octets("further data; none is defined", size=lambda header: header.auxiliary_length * 4,
                              wireshark="igmp.aux_data")  # fmt: skip


class MembershipReport3(IGMP, key=0x22, ref="RFC 9776 section 4.2", name="igmp_report3"):
    """What a host wants of groups and their senders (version 3)."""

    reserved: u8 = preset("zero", 0, wireshark="igmp.reserved")
    checksum: u16 = _checksum()
    flags: u16 = preset("zero", 0, base="hex", wireshark="igmp.reserved")
    record_count: u16 = auto.count("records that follow", of="records", wireshark="igmp.num_grp_recs")
    records: tuple[GroupRecord, ...] = items("one for each group", GroupRecord, count="record_count",
                                             unnamed="Wireshark names what is inside")  # fmt: skip
