"""DNS: names to addresses and more, questions and answers in one format (RFC 1035), with EDNS (RFC 6891).

A message is a header, questions, and three lists of resource records. Each type of record is a class of its own;
types that are not known keep their data as bytes. Positions count from the message's first byte, because names
point back to earlier ones.
"""

from typing import Any

from packetlab.application.domain_name import CharacterStrings, DomainName
from packetlab.model.fields import (
    NeedMore,
    auto,
    field,
    ipv4,
    ipv6,
    items,
    octets,
    preset,
    u1,
    u4,
    u8,
    u15,
    u16,
    u32,
    variable,
)  # fmt: skip
from packetlab.model.header import Header
from packetlab.transport.tcp import TCP
from packetlab.transport.udp import UDP

TYPES = {
    1: "A", 2: "NS", 5: "CNAME", 6: "SOA", 12: "PTR", 13: "HINFO", 15: "MX", 16: "TXT", 28: "AAAA", 33: "SRV",
    35: "NAPTR", 39: "DNAME", 41: "OPT", 43: "DS", 46: "RRSIG", 47: "NSEC", 48: "DNSKEY", 50: "NSEC3", 52: "TLSA",
    64: "SVCB", 65: "HTTPS", 99: "SPF", 249: "TKEY", 250: "TSIG", 251: "IXFR", 252: "AXFR", 255: "ANY", 257: "CAA",
}  # fmt: skip
TYPE_NUMBERS = {name: number for number, name in TYPES.items()}
CLASSES = {1: "IN: Internet", 3: "CH: Chaos", 4: "HS: Hesiod", 254: "NONE", 255: "ANY", 0x8001: "IN, cache flush"}
OPCODES = {0: "standard query", 1: "inverse query", 2: "server status", 4: "notify", 5: "update"}
RESPONSE_CODES = {
    0: "no error", 1: "format error: the server could not read the question",
    2: "server failure: it could not find out", 3: "no such name (NXDOMAIN)", 4: "not implemented", 5: "refused",
    6: "name exists", 7: "record set exists", 8: "no such record set", 9: "not authoritative", 10: "not in zone",
}  # fmt: skip
NO_NAME = "Wireshark shows it inside the record"


class Question(Header, ref="RFC 1035 section 4.1.2", name="dns.question"):
    """What is asked: a name, and which kind of record of it."""

    qname: str = variable("the name in question", DomainName(), wireshark="dns.qry.name")
    qtype: u16 = preset("which kind of record", 1, wireshark="dns.qry.type", values=TYPES)
    qclass: u16 = preset("always Internet", 1, base="hex", wireshark="dns.qry.class", values=CLASSES)


def _by_type(data: bytes, pos: int, end: int) -> Any:
    """The class of the record at `pos`: its type stands behind its name."""
    try:
        _, at = DomainName().take(data, pos, end, None, [])
    except NeedMore:
        return None
    if at + 2 > end:
        return None
    return Record.members.get(int.from_bytes(data[at : at + 2], "big"), OtherRecord)


class Record(Header, ref="RFC 1035 section 4.1.3", family="type", name="dns.record", variant=_by_type):
    """One fact about a name."""

    owner: str = variable("the name this is about", DomainName(), wireshark="dns.resp.name")
    type: u16 = auto.key("which kind of fact", wireshark="dns.resp.type", values=TYPES)


class ResourceRecord(Record, name="dns.resource_record"):
    """A fact with the time that it may be remembered."""

    record_class: u16 = preset("always Internet", 1, base="hex", wireshark="dns.resp.class", values=CLASSES)
    ttl: u32 = preset("how long it may be remembered", 300, unit="s", wireshark="dns.resp.ttl")
    data_length: u16 = auto.length("of what follows", counts="after", wireshark="dns.resp.len", unit=1)


class OtherRecord(ResourceRecord, name="dns.other"):
    """A record of a type that packetlab does not know (RFC 3597)."""

    data: bytes = octets("what it says", unnamed=NO_NAME)


class A(ResourceRecord, key=1, name="dns.a", ref="RFC 1035 section 3.4.1"):
    """The name's IPv4 address."""

    address: ipv4 = field("the address", wireshark="dns.a")


class AAAA(ResourceRecord, key=28, name="dns.aaaa", ref="RFC 3596 section 2.1"):
    """The name's IPv6 address."""

    address: ipv6 = field("the address", wireshark="dns.aaaa")


class NS(ResourceRecord, key=2, name="dns.ns", ref="RFC 1035 section 3.3.11"):
    """A server that knows this zone."""

    server: str = variable("the server", DomainName(), wireshark="dns.ns")


class CNAME(ResourceRecord, key=5, name="dns.cname", ref="RFC 1035 section 3.3.1"):
    """The name is another name for this one."""

    target: str = variable("the real name", DomainName(), wireshark="dns.cname")


class SOA(ResourceRecord, key=6, name="dns.soa", ref="RFC 1035 section 3.3.13"):
    """Where a zone begins, and how its copies are kept fresh."""

    primary: str = variable("the server where changes are made", DomainName(), wireshark="dns.soa.mname")
    mailbox: str = variable("who is responsible; the first dot stands for @", DomainName(), wireshark="dns.soa.rname")
    serial: u32 = preset("grows with every change", 1, wireshark="dns.soa.serial_number")
    refresh: u32 = preset("how often copies ask for changes", 3600, unit="s", wireshark="dns.soa.refresh_interval")
    retry: u32 = preset("and when asking failed", 600, unit="s", wireshark="dns.soa.retry_interval")
    expire: u32 = preset("when a copy that cannot ask is no good any more", 86400, unit="s",
                         wireshark="dns.soa.expire_limit")  # fmt: skip
    minimum: u32 = preset("how long `no such name` may be remembered", 300, unit="s", wireshark="dns.soa.minimum_ttl",
                          ref="RFC 2308")  # fmt: skip


class PTR(ResourceRecord, key=12, name="dns.ptr", ref="RFC 1035 section 3.3.12"):
    """The name that belongs to an address."""

    target: str = variable("that name", DomainName(), wireshark="dns.ptr.domain_name")


class MX(ResourceRecord, key=15, name="dns.mx", ref="RFC 1035 section 3.3.9"):
    """A server that takes mail for this name."""

    preference: u16 = preset("lower is tried first", 10, wireshark="dns.mx.preference")
    exchange: str = variable("the server", DomainName(), wireshark="dns.mx.mail_exchange")


class TXT(ResourceRecord, key=16, name="dns.txt", ref="RFC 1035 section 3.3.14"):
    """Text for machines to read: sender policies, proofs of ownership."""

    strings: tuple[bytes, ...] = variable("the text, in pieces of up to 255 bytes", CharacterStrings(),
                                          wireshark="dns.txt")  # fmt: skip


class SRV(ResourceRecord, key=33, name="dns.srv", ref="RFC 2782"):
    """Host and port of a service."""

    priority: u16 = preset("lower is tried first", 0, wireshark="dns.srv.priority")
    weight: u16 = preset("share among those of one priority", 0, wireshark="dns.srv.weight")
    port: u16 = field("the port", wireshark="dns.srv.port")
    target: str = variable("the host", DomainName(), wireshark="dns.srv.target")


class DNAME(ResourceRecord, key=39, name="dns.dname", ref="RFC 6672"):
    """Everything below this name is found below another."""

    target: str = variable("that other name", DomainName(), unnamed=NO_NAME)


class DS(ResourceRecord, key=43, name="dns.ds", ref="RFC 4034 section 5.1"):
    """The parent's fingerprint of the zone's key."""

    key_tag: u16 = field("which key", base="hex", wireshark="dns.ds.key_id")
    algorithm: u8 = field("of the key", wireshark="dns.ds.algorithm")
    digest_type: u8 = field("how the fingerprint is made", wireshark="dns.ds.digest_type")
    digest: bytes = octets("the fingerprint", wireshark="dns.ds.digest")


class RRSIG(ResourceRecord, key=46, name="dns.rrsig", ref="RFC 4034 section 3.1"):
    """A signature over records of one name and type."""

    type_covered: u16 = field("which records", wireshark="dns.rrsig.type_covered", values=TYPES)
    algorithm: u8 = field("how it was made", wireshark="dns.rrsig.algorithm")
    labels: u8 = field("labels of the name that was signed", wireshark="dns.rrsig.labels")
    original_ttl: u32 = field("the TTL that was signed", unit="s", wireshark="dns.rrsig.original_ttl")
    expiration: u32 = field("good until", unit="s since 1970", wireshark="dns.rrsig.signature_expiration")
    inception: u32 = field("good from", unit="s since 1970", wireshark="dns.rrsig.signature_inception")
    key_tag: u16 = field("which key", wireshark="dns.rrsig.key_tag")
    signer: str = variable("the zone that signed", DomainName(), wireshark="dns.rrsig.signers_name")
    signature: bytes = octets("the signature", wireshark="dns.rrsig.signature")


class NSEC(ResourceRecord, key=47, name="dns.nsec", ref="RFC 4034 section 4.1"):
    """Proves that there is no name between this one and the next."""

    next_name: str = variable("the next name that exists", DomainName(), wireshark="dns.nsec.next_domain_name")
    type_bitmap: bytes = octets("which types of records this name has", unnamed=NO_NAME)


class DNSKEY(ResourceRecord, key=48, name="dns.dnskey", ref="RFC 4034 section 2.1"):
    """A key with which the zone signs."""

    flags: u16 = preset("256 signs the zone, 257 signs the keys", 257, wireshark="dns.dnskey.flags", base="hex")
    protocol: u8 = preset("always 3", 3, wireshark="dns.dnskey.protocol")
    algorithm: u8 = field("of the key", wireshark="dns.dnskey.algorithm")
    public_key: bytes = octets("the key", wireshark="dns.dnskey.public_key")


class TLSA(ResourceRecord, key=52, name="dns.tlsa", ref="RFC 6698 section 2.1"):
    """Which certificate a TLS server shows."""

    usage: u8 = field("how it limits trust", wireshark="dns.tlsa.certificate_usage")
    selector: u8 = field("whole certificate or key", wireshark="dns.tlsa.selector")
    matching_type: u8 = field("as it is, or hashed", wireshark="dns.tlsa.matching_type")
    data: bytes = octets("what to compare", wireshark="dns.tlsa.certificate_association_data")


class ServiceBinding(ResourceRecord, key=(64, 65), name="dns.svcb", ref="RFC 9460"):
    """How to reach a service best: other name, ports, protocols, hints."""

    priority: u16 = preset("lower is tried first; 0 is an alias", 1, wireshark="dns.svcb.svcpriority")
    target: str = variable("the host; . is the name itself", DomainName(), wireshark="dns.svcb.targetname")
    parameters: bytes = octets("keys and values", unnamed=NO_NAME)


class CAA(ResourceRecord, key=257, name="dns.caa", ref="RFC 8659"):
    """Who may issue certificates for this name."""

    flags: u8 = preset("128: do not issue unless you understand this", 0, wireshark="dns.caa.flags")
    tag_length: u8 = auto.length("of the tag", counts="fields:tag", wireshark="dns.caa.tag_length")
    tag: bytes = octets("issue, issuewild or iodef", size="tag_length", wireshark="dns.caa.tag",
                        show=lambda tag: tag.decode("latin-1"))  # fmt: skip
    value: bytes = octets("for instance the authority's name", wireshark="dns.caa.value",
                          show=lambda value: value.decode("latin-1"))  # fmt: skip


class EDNSOption(Header, ref="RFC 6891 section 6.1.2", name="dns.edns_option"):
    """One option of EDNS."""

    code: u16 = field("which option", wireshark="dns.opt.code",
                      values={3: "server identifier", 8: "client subnet", 10: "cookie", 11: "TCP keepalive",
                              12: "padding", 15: "extended error"})  # fmt: skip
    length: u16 = auto.length("of its data", counts="after", wireshark="dns.opt.len", unit=1)
    data: bytes = octets("what it says", wireshark="dns.opt.data")


class OPT(Record, key=41, name="dns.opt", ref="RFC 6891 section 6.1.2"):
    """No record at all, but an extension of the header: sizes, flags, options (EDNS)."""

    udp_size: u16 = preset("the largest answer the sender takes over UDP", 1232, unit="bytes",
                           wireshark="dns.rr.udp_payload_size")  # fmt: skip
    extended_rcode: u8 = preset("upper bits of the response code", 0, wireshark="dns.resp.ext_rcode")
    version: u8 = preset("of EDNS: 0 so far", 0, wireshark="dns.resp.edns0_version")
    dnssec_ok: u1 = preset("the sender can check signatures", 0, wireshark="dns.resp.z.do")
    reserved: u15 = preset("zero", 0, wireshark="dns.resp.z.reserved")
    data_length: u16 = auto.length("of the options", counts="after", wireshark="dns.resp.len", unit=1)
    options: tuple[EDNSOption, ...] = items("extras", EDNSOption, unnamed="Wireshark names their fields")


class DNS(Header, ref="RFC 1035 section 4.1.1", rides={UDP: (53, 5353, 5355)}, rebase=True, wireshark="dns"):
    """Asks what is known of a name, and answers."""

    identifier: u16 = preset("the answer repeats the question's", 0, base="hex", wireshark="dns.id")
    response: u1 = preset("this is an answer", 0, wireshark="dns.flags.response")
    opcode: u4 = preset("what is wanted", 0, wireshark="dns.flags.opcode", values=OPCODES)
    authoritative: u1 = preset("the server itself holds the zone", 0, wireshark="dns.flags.authoritative")
    truncated: u1 = preset("it did not fit; ask again over TCP", 0, wireshark="dns.flags.truncated")
    recursion_desired: u1 = preset("please find out for me", 1, wireshark="dns.flags.recdesired")
    recursion_available: u1 = preset("I do find out for others", 0, wireshark="dns.flags.recavail")
    reserved: u1 = preset("must be zero", 0, wireshark="dns.flags.z")
    authentic_data: u1 = preset("the server checked the signatures", 0, wireshark="dns.flags.authenticated")
    checking_disabled: u1 = preset("do not check signatures for me", 0, wireshark="dns.flags.checkdisable")
    response_code: u4 = preset("how it went", 0, wireshark="dns.flags.rcode", values=RESPONSE_CODES)
    question_count: u16 = auto.count("questions that follow", of="questions", wireshark="dns.count.queries")
    answer_count: u16 = auto.count("answers that follow", of="answers", wireshark="dns.count.answers")
    authority_count: u16 = auto.count("records about who knows", of="authorities", wireshark="dns.count.auth_rr")
    additional_count: u16 = auto.count("records that may help", of="additionals", wireshark="dns.count.add_rr")
    questions: tuple[Question, ...] = items("what is asked", Question, count="question_count",
                                            unnamed="Wireshark names their fields")  # fmt: skip
    answers: tuple[Record, ...] = items("what is known", Record, count="answer_count",
                                        unnamed="Wireshark names their fields")  # fmt: skip
    authorities: tuple[Record, ...] = items("who knows", Record, count="authority_count",
                                            unnamed="Wireshark names their fields")  # fmt: skip
    additionals: tuple[Record, ...] = items("what may help", Record, count="additional_count",
                                            unnamed="Wireshark names their fields")  # fmt: skip


class DNSLength(Header, ref="RFC 1035 section 4.2.2", rides={TCP: 53}, body=DNS, name="dns.length"):
    """Over TCP, each message stands behind its length."""

    length: u16 = auto.length("of the message that follows", counts="body", wireshark="dns.length", unit=1)


def query(name: str, kind: str | int = "A", *, identifier: int, recursion: bool = True, edns: bool = True) -> DNS:
    """A question for records of `kind` ("AAAA", 28) of a name; `edns` offers larger answers (RFC 6891)."""
    number = TYPE_NUMBERS[kind.upper()] if isinstance(kind, str) else kind
    extra = (OPT(owner="."),) if edns else ()
    return DNS(identifier=identifier, recursion_desired=int(recursion), questions=(Question(qname=name, qtype=number),),
               additionals=extra)  # fmt: skip
