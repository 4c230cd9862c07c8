"""What an address is: any IPv4, IPv6 or MAC address or prefix, as facts in the order in which people ask.

No I/O and no printing: `describe(text)` answers with plain data, which the command shows.
"""

from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from packetlab.internet.ranges import GROUP_MACS, Range, ranges_inside, ranges_of
from packetlab.model.addresses import ipv4_text, ipv6_text, mac_bytes, mac_text
from packetlab.model.errors import UsageError

_SCOPES = {
    1: "this interface only", 2: "this link", 3: "this realm", 4: "administered locally", 5: "this site",
    8: "this organisation", 14: "the whole Internet",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Address:
    """Facts about one address or prefix."""

    text: str
    """As the standard writes it."""
    family: str
    """IPv4, IPv6 or MAC."""
    kind: str
    meaning: str
    ref: str
    ranges: tuple[tuple[str, str], ...] = ()
    """(prefix, kind) of each range around it, smallest first."""
    facts: tuple[tuple[str, str], ...] = ()
    bits: tuple[tuple[str, str], ...] = ()
    """(bytes as people write them, the same as bits)."""
    inside: tuple[tuple[str, str], ...] = field(default=())
    """For a prefix: special ranges that are a part of it."""


def describe(text: str) -> Address:
    """Facts about an IPv4, IPv6 or MAC address, or a prefix such as 10.0.0.0/8.

    UsageError where the text is none of these.
    """
    word = text.strip()
    bare, _, zone = word.partition("%")
    if "/" in word:
        address, _, length = word.partition("/")
        try:
            network = ip_network(f"{address.partition('%')[0]}/{length}", strict=False)
        except ValueError as error:
            raise UsageError(
                f"{text!r} is no prefix: {_plainly(error)}", remedy="write 192.0.2.0/24 or 2001:db8::/32"
            ) from None
        return _prefix(network, ip_address(address.partition("%")[0]))
    try:
        number = ip_address(bare)
    except ValueError:
        pass
    else:
        return _ip(number, zone)
    try:
        return _mac(mac_bytes(word))
    except UsageError:
        raise UsageError(
            f"{text!r} is no IPv4, IPv6 or MAC address and no prefix",
            remedy="write 192.0.2.1, 2001:db8::1, 10.0.0.0/8 or 02:00:00:00:00:01",
        ) from None


def _plainly(error: ValueError) -> str:
    return str(error).partition(" at ")[0].replace("'", "")


def _range_words(rows: list[Range]) -> tuple[tuple[str, str], ...]:
    return tuple((str(row.prefix), row.kind) for row in rows if row.prefix.prefixlen or len(rows) == 1)


def _ip(number: IPv4Address | IPv6Address, zone: str) -> Address:
    rows = list(ranges_of(ip_network(int(number)) if number.version == 4 else IPv6Network(number.packed)))
    row = rows[0]
    facts: list[tuple[str, str]] = []
    reachable = "yes" if row.is_global else "no: packets from or to it do not cross the Internet"
    facts.append(("On the Internet", reachable))
    if zone:
        facts.append(("Zone", f"{zone}: the interface on whose link it is meant (RFC 4007); not in the packet"))
    facts += _ipv4_facts(number) if isinstance(number, IPv4Address) else _ipv6_facts(number)
    facts.append(("Reverse name", number.reverse_pointer))
    facts.append(("As a number", f"{int(number)} = {int(number):#x}"))
    data = number.packed
    text = ipv4_text(data) if number.version == 4 else ipv6_text(data)
    bits = (
        tuple((str(byte), f"{byte:08b}") for byte in data)
        if number.version == 4
        else tuple((data[at : at + 2].hex(), f"{data[at]:08b} {data[at + 1]:08b}") for at in range(0, 16, 2))
    )
    return Address(text + (f"%{zone}" if zone else ""), f"IPv{number.version}", row.kind, row.text, row.ref,
                   _range_words(rows), tuple(facts), bits)  # fmt: skip


def _ipv4_facts(number: IPv4Address) -> list[tuple[str, str]]:
    data, found = number.packed, []
    if number.is_multicast:
        card = bytes([0x01, 0x00, 0x5E, data[1] & 0x7F, data[2], data[3]])
        found.append(("Ethernet group", f"{mac_text(card)}: the low 23 bits go into the MAC address (RFC 1112)"))
    first = data[0]
    old = "A" if first < 128 else "B" if first < 192 else "C" if first < 224 else "D" if first < 240 else "E"
    found.append(("Class", f"{old}, in the classes that ruled until 1993; prefixes have replaced them (RFC 4632)"))
    found.append(("In IPv6", f"::ffff:{number} where a program shows it as an IPv6 address"))
    return found


def _ipv6_facts(number: IPv6Address) -> list[tuple[str, str]]:
    data, found = number.packed, []
    found.append(("In full", number.exploded))
    if number.is_multicast:
        scope, flags = data[1] & 15, data[1] >> 4
        found.append(("Scope", f"{scope}: {_SCOPES.get(scope, 'reserved or unassigned')} (RFC 7346)"))
        named = [name for mask, name in ((1, "transient, not assigned by IANA"), (2, "made from a prefix"),
                                         (4, "a rendezvous point is inside")) if flags & mask]  # fmt: skip
        found.append(("Flags", f"{flags:04b}: {', '.join(named) or 'assigned by IANA'}"))
        found.append(("Ethernet group", f"{mac_text(bytes([0x33, 0x33]) + data[12:])}: the low 32 bits (RFC 2464)"))
        return found
    if any(data[:15]):
        solicited = bytes.fromhex("ff0200000000000000000001ff") + data[13:]
        found.append(("Asked for through", f"{ipv6_text(solicited)}, its solicited-node group (RFC 4291)"))
        found.append(("", f"on Ethernet {mac_text(bytes([0x33, 0x33]) + solicited[12:])}"))
    if data[11:13] == b"\xff\xfe":
        card = bytes([data[8] ^ 2]) + data[9:11] + data[13:]
        found.append(("Made from MAC", f"{mac_text(card)} (modified EUI-64, RFC 4291 appendix A)"))
    if data[:2] == b"\x20\x02":
        found.append(("IPv4 inside", f"{ipv4_text(data[2:6])}, the 6to4 router"))
    if data[:12] in (bytes(10) + b"\xff\xff", bytes.fromhex("0064ff9b0000000000000000")):
        found.append(("IPv4 inside", ipv4_text(data[12:])))
    if data[:4] == bytes.fromhex("20010000"):
        client = bytes(byte ^ 0xFF for byte in data[12:])
        found.append(("IPv4 inside", f"Teredo server {ipv4_text(data[4:8])}, client {ipv4_text(client)}"))
    return found


def _prefix(network: IPv4Network | IPv6Network, given: IPv4Address | IPv6Address) -> Address:
    rows = list(ranges_of(network))
    row = rows[0]
    size = network.num_addresses
    facts = [("First address", str(network[0])), ("Last address", str(network[-1]))]
    facts.append(("Addresses", f"{size}" if size < 10**15 else f"2^{network.max_prefixlen - network.prefixlen}"))
    if network.version == 4:
        facts.insert(0, ("Netmask", f"{network.netmask}, wildcard {network.hostmask}"))
        if network.prefixlen <= 30:
            facts.append(("For hosts", f"{size - 2}: {network[1]} to {network[-2]}"))
            facts.append(("Broadcast", str(network.broadcast_address)))
        elif network.prefixlen == 31:
            facts.append(("For hosts", "2: both ends of a point-to-point link (RFC 3021)"))
    elif network.prefixlen == 64:
        facts.append(("Use", "one link: hosts choose the other 64 bits themselves (RFC 4862)"))
    elif network.prefixlen < 64:
        facts.append(("Links of /64", f"{2 ** (64 - network.prefixlen)}"))
    if given != network.network_address:
        facts.insert(0, ("Given address", f"{given}, which is in this network"))
    inside = tuple((str(one.prefix), one.kind) for one in ranges_inside(network)[:40])
    data = network.network_address.packed
    bits = []
    for at, byte in enumerate(data if network.version == 4 else data[: max(2, -(-network.prefixlen // 16) * 2)]):
        fixed = min(8, max(0, network.prefixlen - at * 8))
        bits.append((str(byte) if network.version == 4 else f"{byte:02x}", f"{byte:08b}"[:fixed] + "·" * (8 - fixed)))
    meaning, kind = row.text, row.kind
    if network.prefixlen < 8 and inside:
        kind, meaning = "mixed", "a large part of the address space, with special ranges inside"
    return Address(str(network), f"IPv{network.version}", kind, meaning, row.ref, _range_words(rows), tuple(facts),
                   tuple(bits), inside)  # fmt: skip


def _mac(data: bytes) -> Address:
    digits = data.hex()
    facts: list[tuple[str, str]] = []
    group = bool(data[0] & 1)
    local = bool(data[0] & 2)
    facts.append(("Lowest bit of byte 1", f"{data[0] & 1}: " + ("a group of cards" if group else "one card (unicast)")))
    facts.append(
        ("Next bit", f"{data[0] >> 1 & 1}: "
         + ("given locally (by software, not by the maker)" if local else "given by the maker, unique worldwide"))
    )  # fmt: skip
    kind, meaning, ref = ("group" if group else "unicast"), "", "IEEE 802 clause 8.2"
    if group:
        for prefix, text, where in GROUP_MACS:
            if digits.startswith(prefix):
                kind, meaning, ref = "broadcast" if digits == "f" * 12 else "multicast", text, where
                break
        else:
            meaning = "a group: every card that listens for it takes the frame"
        if digits.startswith("01005e") and not data[3] & 0x80:
            low = f"{data[3]}.{data[4]}.{data[5]}"
            facts.append(("IPv4 groups", f"32 share it, such as 224.{low} and 239.{low} (5 bits are lost)"))
        if digits.startswith("3333"):
            facts.append(("IPv6 groups", f"all that end in {data[2:4].hex()}:{data[4:].hex()}"))
    else:
        meaning = "one network card" + (
            ", with an address given by software (virtual machines, private Wi-Fi)" if local else ""
        )
        if not any(data):
            kind, meaning = "none", "no address: a field that is not known yet, or a loopback interface"
        if digits.startswith(("00005e0001", "00005e0002")):
            meaning, ref = f"the virtual router {data[5]} of VRRP", "RFC 9568"
        identifier = bytes([data[0] ^ 2]) + data[1:3] + b"\xff\xfe" + data[3:]
        facts.append(("Maker (OUI)", f"{data[:3].hex(':')}" + ("; means nothing in a local address" if local else "")))
        facts.append(("EUI-64", f"{identifier.hex(':')} (modified: the second bit is turned, RFC 4291)"))
        facts.append(
            ("IPv6 link-local", f"{ipv6_text(bytes.fromhex('fe80000000000000') + identifier)}, if made from it")
        )
    bits = tuple((f"{byte:02x}", f"{byte:08b}") for byte in data)
    return Address(mac_text(data), "MAC", kind, meaning, ref, (), tuple(facts), bits)
