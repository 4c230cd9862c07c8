"""Network address translation by the kernel's nf_tables, programmed over netlink: needs no nft or iptables.

Rules are lists of small expressions that work on registers (load the interface, compare, translate). All go out as
one transaction, which the kernel takes as a whole or not at all. Numbers are those of linux/netfilter/nf_tables.h;
unlike rtnetlink, all integers in attributes are big endian.
"""

import socket
import struct
from collections.abc import Sequence

from packetlab.model.addresses import ip_bytes
from packetlab.wire.netlink import CREATE as _CREATE
from packetlab.wire.netlink import Netlink, Request, attribute, attribute_text

NETLINK_NETFILTER = 12
_SUBSYSTEM = 10 << 8
_NEW_TABLE, _NEW_CHAIN, _NEW_RULE = _SUBSYSTEM, _SUBSYSTEM + 3, _SUBSYSTEM + 6
_BEGIN, _END = 0x10, 0x11
_APPEND = 0x800
_NESTED = 0x8000
_IPV4, _IPV6 = 2, 10
_PREROUTING, _POSTROUTING = 0, 4
_DESTINATION_NAT, _SOURCE_NAT = -100, 100  # the usual priorities of such chains
_META_IN, _META_OUT, _META_PROTOCOL = 4, 5, 16
_TABLE = "packetlab"


def _header(family: int, resource: int = 0) -> bytes:
    """struct nfgenmsg."""
    return struct.pack("!BBH", family, 0, resource)


def _number(kind: int, value: int) -> bytes:
    return attribute(kind, struct.pack("!i", value))


def _nest(kind: int, *parts: bytes) -> bytes:
    return attribute(kind | _NESTED, b"".join(parts))


def _expression(name: str, *parts: bytes) -> bytes:
    return _nest(1, attribute_text(1, name), _nest(2, *parts))


def _meta_is(key: int, value: bytes) -> bytes:
    """Goes on only if this property of the packet (into register 1) has that value."""
    return _expression("meta", _number(1, 1), _number(2, key)) + _compare(value)


def _compare(value: bytes) -> bytes:
    return _expression("cmp", _number(1, 1), _number(2, 0), _nest(3, attribute(1, value)))


def _destination_port_is(port: int) -> bytes:
    load = _expression("payload", _number(1, 1), _number(2, 2), _number(3, 2), _number(4, 2))
    return load + _compare(port.to_bytes(2, "big"))


def _immediate(register: int, value: bytes) -> bytes:
    return _expression("immediate", _number(1, register), _nest(2, attribute(1, value)))


def _chain(family: int, name: str, hook: int, priority: int) -> Request:
    body = _header(family) + attribute_text(1, _TABLE) + attribute_text(3, name)
    body += _nest(4, _number(1, hook), _number(2, priority)) + attribute_text(7, "nat")
    return Request(_NEW_CHAIN, _CREATE, body, f"make the chain {name}")


def _rule(family: int, chain: str, expressions: bytes, what: str) -> Request:
    body = _header(family) + attribute_text(1, _TABLE) + attribute_text(2, chain) + _nest(4, expressions)
    return Request(_NEW_RULE, _CREATE | _APPEND, body, what)


def translation(outside: int, forward: Sequence[tuple[str, int, str, int]]) -> list[Request]:
    """What makes a router a NAT box: masquerade what leaves at the interface `outside`, forward ports that come there.

    `forward`: (protocol, outside port, inside address, inside port). IPv6 is forwarded if asked for, but never
    masqueraded, as it has addresses enough.
    """
    index = struct.pack("=I", outside)
    requests = []
    families = [_IPV4] + ([_IPV6] if any(":" in rule[2] for rule in forward) else [])
    for family in families:
        requests += [
            Request(_NEW_TABLE, _CREATE, _header(family) + attribute_text(1, _TABLE), "make the NAT table"),
            _chain(family, "inbound", _PREROUTING, _DESTINATION_NAT),
            _chain(family, "outbound", _POSTROUTING, _SOURCE_NAT),
        ]
    masquerade = _meta_is(_META_OUT, index) + _expression("masq")
    requests.append(_rule(_IPV4, "outbound", masquerade, "masquerade"))
    for protocol, port, address, inside_port in forward:
        target = ip_bytes(address)
        family = _IPV4 if len(target) == 4 else _IPV6
        number = socket.IPPROTO_TCP if protocol == "tcp" else socket.IPPROTO_UDP
        expressions = (
            _meta_is(_META_IN, index) + _meta_is(_META_PROTOCOL, bytes([number])) + _destination_port_is(port)
            + _immediate(1, target) + _immediate(2, inside_port.to_bytes(2, "big"))
            + _expression("nat", _number(1, 1), _number(2, family), _number(3, 1), _number(5, 2))
        )  # fmt: skip
        requests.append(_rule(family, "inbound", expressions, f"forward {protocol} port {port} to {address}"))
    return requests


def apply(opened: socket.socket, requests: Sequence[Request]) -> None:
    """Sends the requests as one transaction over a NETLINK_NETFILTER socket; raises NetlinkError, and closes it."""
    with Netlink(opened) as netlink:
        netlink.transaction(
            Request(_BEGIN, 0, _header(0, _SUBSYSTEM >> 8)), requests, Request(_END, 0, _header(0, _SUBSYSTEM >> 8))
        )
