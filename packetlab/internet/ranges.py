"""What range an address is in, and what that means: the IANA special-purpose registries and the multicast ones.

Rows follow the IANA registries "IPv4/IPv6 Special-Purpose Address Space" (RFC 6890, RFC 8190), the multicast
registries (RFC 5771, RFC 7346) and the notes on Ethernet addresses (RFC 9542). The smallest range that holds
an address speaks for it; the others around it are named too.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_network

from packetlab.model.addresses import ip_text


@dataclass(frozen=True, slots=True)
class Range:
    """One range of addresses and its meaning. `kind` is one word or two, for narrow columns."""

    prefix: IPv4Network | IPv6Network
    kind: str
    text: str
    ref: str
    is_global: bool = False
    """Whether packets from and to it may cross the Internet."""


# prefix | kind | what it means | where that is written | g: globally reachable
_TABLE = """
0.0.0.0/0|global|an ordinary unicast address of the Internet: one host, reachable from everywhere that routing allows|RFC 791|g
0.0.0.0/8|this network|"this network": only a host that does not know its address yet may use it, as a source|RFC 791 section 3.2
0.0.0.0/32|unspecified|no address at all: as a source "I have none yet" (DHCP), in a socket "on every address of mine"|RFC 1122 section 3.2.1.3
10.0.0.0/8|private|for use inside any site; routers of the Internet do not carry it, so many networks use it at once (behind NAT)|RFC 1918
100.64.0.0/10|shared|between a provider's customers and its carrier-grade NAT; like private, but not for sites themselves|RFC 6598
127.0.0.0/8|loopback|this host itself: such a packet never reaches a wire|RFC 1122 section 3.2.1.3
169.254.0.0/16|link-local|chosen by a host itself where no DHCP server answered; works on its own link only and is never routed|RFC 3927
169.254.169.254/32|link-local|inside the link-local range; clouds answer here with a machine's own metadata|RFC 3927
172.16.0.0/12|private|for use inside any site; routers of the Internet do not carry it, so many networks use it at once (behind NAT)|RFC 1918
192.0.0.0/24|protocol|kept by IANA for protocols|RFC 6890 section 2.1
192.0.0.0/29|DS-Lite|between a home router and its provider's DS-Lite tunnel|RFC 7335
192.0.0.8/32|dummy|a placeholder source where a host has no IPv4 address but must send an ICMP error|RFC 7600
192.0.0.9/32|anycast|the nearest Port Control Protocol server|RFC 7723|g
192.0.0.10/32|anycast|the nearest TURN server|RFC 8155|g
192.0.0.170/31|NAT64 test|by asking DNS for these a host finds out whether it is behind NAT64|RFC 7050
192.0.2.0/24|documentation|for examples in texts (TEST-NET-1); no real traffic|RFC 5737
192.31.196.0/24|AS112|answers reverse DNS queries about private addresses|RFC 7535|g
192.52.193.0/24|AMT|the nearest relay for multicast through tunnels|RFC 7450|g
192.88.99.0/24|6to4 relay|once the nearest 6to4 relay; given up|RFC 7526
192.168.0.0/16|private|for use inside any site; routers of the Internet do not carry it, so many networks use it at once (behind NAT)|RFC 1918
192.175.48.0/24|AS112|answers reverse DNS queries about private addresses|RFC 7534|g
198.18.0.0/15|benchmarking|for measuring routers and switches in a laboratory|RFC 2544
198.51.100.0/24|documentation|for examples in texts (TEST-NET-2); no real traffic|RFC 5737
203.0.113.0/24|documentation|for examples in texts (TEST-NET-3); no real traffic|RFC 5737
224.0.0.0/4|multicast|a group: every host that has joined it gets a copy; never a source|RFC 5771
224.0.0.0/24|multicast|a group on the local link; routers never pass it on|RFC 5771 section 4
224.0.0.1/32|multicast|all hosts on this link|RFC 1112
224.0.0.2/32|multicast|all routers on this link|RFC 1256
224.0.0.5/32|multicast|all OSPF routers on this link|RFC 2328
224.0.0.6/32|multicast|all OSPF designated routers on this link|RFC 2328
224.0.0.9/32|multicast|all RIPv2 routers on this link|RFC 2453
224.0.0.13/32|multicast|all PIM routers on this link|RFC 7761
224.0.0.18/32|multicast|all VRRP routers on this link|RFC 9568
224.0.0.22/32|multicast|all routers that speak IGMPv3 on this link|RFC 3376
224.0.0.251/32|multicast|multicast DNS: names of this link (.local)|RFC 6762
224.0.0.252/32|multicast|LLMNR: names of this link, as Windows asks for them|RFC 4795
224.0.1.0/24|multicast|internetwork control: groups that routers do pass on|RFC 5771 section 5
224.0.1.1/32|multicast|NTP: time servers that broadcast|RFC 5905
232.0.0.0/8|multicast|source-specific: a receiver joins a group of one named sender|RFC 4607
233.0.0.0/8|multicast|GLOP: groups that belong to whoever holds the AS number in the middle bytes|RFC 3180
233.252.0.0/24|documentation|multicast for examples in texts (MCAST-TEST-NET)|RFC 6676
239.0.0.0/8|multicast|administratively scoped: groups of one site, what private addresses are for unicast|RFC 2365
239.255.255.250/32|multicast|SSDP (UPnP): devices of this site announce themselves|RFC 2365
240.0.0.0/4|reserved|kept for the future since 1989; most hosts refuse it|RFC 1112 section 4
255.255.255.255/32|broadcast|every host on this link; routers never pass it on|RFC 8190
::/0|reserved|not handed out: only 2000::/3 is in use for unicast|RFC 4291 section 2.4
::/128|unspecified|no address at all: as a source "I have none yet", in a socket "on every address of mine"|RFC 4291 section 2.5.2
::1/128|loopback|this host itself: such a packet never reaches a wire|RFC 4291 section 2.5.3
::ffff:0:0/96|IPv4-mapped|an IPv4 address as an IPv6 socket shows it; never on the wire|RFC 4291 section 2.5.5.2
::/96|IPv4-compatible|an IPv4 address in IPv6 clothes; given up|RFC 4291 section 2.5.5.1
64:ff9b::/96|NAT64|an IPv4 host (the last 32 bits) as an IPv6-only host sees it through a translator|RFC 6052|g
64:ff9b:1::/48|NAT64|the same for translators inside one site|RFC 8215
100::/64|discard|whatever is sent here is dropped by routers, on purpose|RFC 6666
100:0:0:1::/64|dummy|a placeholder prefix|RFC 9780
2000::/3|global|an ordinary unicast address of the Internet: one host, reachable from everywhere that routing allows|RFC 4291 section 2.5.4|g
2001::/23|protocol|kept by IANA for protocols|RFC 2928
2001::/32|Teredo|IPv6 in UDP over IPv4 through NAT; server and client addresses are inside; dying out|RFC 4380
2001:1::1/128|anycast|the nearest Port Control Protocol server|RFC 7723|g
2001:1::2/128|anycast|the nearest TURN server|RFC 8155|g
2001:1::3/128|anycast|the nearest DNS-SD service registration server|RFC 9665|g
2001:2::/48|benchmarking|for measuring routers and switches in a laboratory|RFC 5180
2001:3::/32|AMT|the nearest relay for multicast through tunnels|RFC 7450|g
2001:4:112::/48|AS112|answers reverse DNS queries about private addresses|RFC 7535|g
2001:10::/28|ORCHID|once names of hosts instead of places; given up|RFC 4843
2001:20::/28|ORCHIDv2|names of hosts instead of places (Host Identity Protocol); not routed|RFC 7343|g
2001:30::/28|drone ID|names of unmanned aircraft|RFC 9374|g
2001:db8::/32|documentation|for examples in texts; no real traffic|RFC 3849
2002::/16|6to4|an IPv6 network that hangs on the IPv4 address in bits 17-48; dying out|RFC 3056
2620:4f:8000::/48|AS112|answers reverse DNS queries about private addresses|RFC 7534|g
3fff::/20|documentation|for examples in texts; no real traffic|RFC 9637
5f00::/16|SRv6|segment identifiers inside one operator's network|RFC 9602
fc00::/7|unique local|what private addresses are in IPv4: inside a site, not on the Internet; fd00::/8 with 40 random bits|RFC 4193
fe80::/10|link-local|every interface has one; works on its own link only and is never routed: needs an interface (%eth0)|RFC 4291 section 2.5.6
fec0::/10|site-local|once private addresses; given up for unique local ones|RFC 3879
ff00::/8|multicast|a group: every host that has joined it gets a copy; never a source|RFC 4291 section 2.7
ff01::/16|multicast|a group inside this host|RFC 7346
ff02::/16|multicast|a group on the local link; routers never pass it on|RFC 7346
ff02::1/128|multicast|all nodes on this link: what broadcast is in IPv4|RFC 4291 section 2.7.1
ff02::2/128|multicast|all routers on this link|RFC 4291 section 2.7.1
ff02::5/128|multicast|all OSPFv3 routers on this link|RFC 5340
ff02::6/128|multicast|all OSPFv3 designated routers on this link|RFC 5340
ff02::9/128|multicast|all RIPng routers on this link|RFC 2080
ff02::d/128|multicast|all PIM routers on this link|RFC 7761
ff02::16/128|multicast|all routers that speak MLDv2 on this link|RFC 9777
ff02::fb/128|multicast|multicast DNS: names of this link (.local)|RFC 6762
ff02::1:2/128|multicast|all DHCPv6 servers and relays on this link|RFC 9915
ff02::1:3/128|multicast|LLMNR: names of this link, as Windows asks for them|RFC 4795
ff02::1:ff00:0/104|multicast|solicited-node: the few hosts whose address ends in the same 24 bits; asks for a MAC address|RFC 4291 section 2.7.1
ff05::/16|multicast|a group of this site|RFC 7346
ff08::/16|multicast|a group of this organisation|RFC 7346
ff0e::/16|multicast|a group of the whole Internet|RFC 7346|g
ff30::/12|multicast|built on a unicast prefix, or source-specific|RFC 3306
"""  # noqa: E501


@lru_cache(1)
def _ranges() -> dict[int, list[Range]]:
    """Rows by IP version, the smallest ranges first."""
    found: dict[int, list[Range]] = {4: [], 6: []}
    for row in _TABLE.strip().splitlines():
        prefix, kind, text, ref, *more = row.split("|")
        network = ip_network(prefix)
        found[network.version].append(Range(network, kind, text, ref, bool(more)))
    for rows in found.values():
        rows.sort(key=lambda row: -row.prefix.prefixlen)
    return found


def ranges_of(network: IPv4Network | IPv6Network) -> Iterator[Range]:
    """Every range that holds the whole of `network` (a single address is a /32 or /128), the smallest first."""
    first, last = int(network.network_address), int(network.broadcast_address)
    for row in _ranges()[network.version]:
        if int(row.prefix.network_address) <= first and last <= int(row.prefix.broadcast_address):
            yield row


def ranges_inside(network: IPv4Network | IPv6Network) -> list[Range]:
    """Special ranges that are a part of `network`, in the order of their addresses."""
    first, last = int(network.network_address), int(network.broadcast_address)
    found = [
        row
        for row in _ranges()[network.version]
        if row.prefix != network
        and first <= int(row.prefix.network_address)
        and int(row.prefix.broadcast_address) <= last
    ]
    return sorted(found, key=lambda row: (int(row.prefix.network_address), row.prefix.prefixlen))


@lru_cache(4096)
def range_of(address: bytes) -> Range:
    """The smallest range that holds an address of 4 or 16 bytes."""
    return next(ranges_of(ip_network(ip_text(address))))


# MAC addresses and prefixes of groups, longest first: prefix in hex, what it means, where.
GROUP_MACS: tuple[tuple[str, str, str], ...] = (
    ("ffffffffffff", "broadcast: every card on this link", "IEEE 802.3 clause 3.2.3"),
    ("0180c2000000", "spanning tree: bridges tell each other about themselves", "IEEE 802.1D"),
    ("0180c2000001", "Ethernet flow control: PAUSE", "IEEE 802.3 annex 31B"),
    ("0180c2000002", "slow protocols: link aggregation (LACP)", "IEEE 802.3 annex 57A"),
    ("0180c2000003", "802.1X: a port asks to be let in", "IEEE 802.1X"),
    ("0180c200000e", "LLDP and PTP between neighbours", "IEEE 802.1AB"),
    ("01000ccccccc", "Cisco discovery (CDP, VTP)", "Cisco"),
    ("01000ccccccd", "Cisco per-VLAN spanning tree", "Cisco"),
    ("011b19000000", "PTP: precise time", "IEEE 1588"),
    ("0180c200000", "a bridge's own group: never passed on by a bridge", "IEEE 802.1Q"),
    ("0180c20000", "a group of IEEE 802.1", "IEEE 802.1Q"),
    ("01005e", "an IPv4 multicast group: its low 23 bits are the group's", "RFC 1112 section 6.4"),
    ("3333", "an IPv6 multicast group: its low 32 bits are the group's", "RFC 2464 section 7"),
)


def mac_kind(address: bytes) -> str:
    """A MAC address in a few words: broadcast, the group it is for, or how it was given."""
    digits = address.hex()
    for prefix, text, _ in GROUP_MACS:
        if digits.startswith(prefix):
            return text.partition(":")[0]
    if not address:
        return ""
    if address[0] & 1:
        return "group"
    if not any(address):
        return "none"
    return "locally administered" if address[0] & 2 else ""
