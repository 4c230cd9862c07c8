"""Scenes of the internet layer: ping, fragments, traceroute, path MTU, a routing loop, NAT."""

import contextlib
import socket

from packetlab.net import Network
from packetlab.net.servers import HTTPServer, UDPEchoServer
from packetlab.net.servers.http import from_pages
from packetlab.wire.exchange import ask_by_stream
from packetlab.wire.verbs.ping import ping
from packetlab.wire.verbs.traceroute import traceroute
from scenes.scene import PAIR, SERVER, SERVER6, Look, Scene, connect, listener, read_all

ROUTED = """
hosts:
  client: 10.0.1.2/24 fd00:1::2/64 via 10.0.1.1 fd00:1::1
  server: 10.0.4.2/24 fd00:4::2/64 via 10.0.4.1 fd00:4::1
routers:
  r1: {client: 10.0.1.1/24 fd00:1::1/64, r2: 10.0.2.1/24 fd00:2::1/64, via: 10.0.2.2 fd00:2::2}
  r2: {r1: 10.0.2.2/24 fd00:2::2/64, r3: 10.0.3.1/24 fd00:3::1/64, via: 10.0.3.2 fd00:3::2,
       routes: {10.0.1.0/24: 10.0.2.1, "fd00:1::/64": "fd00:2::1"}}
  r3: {r2: 10.0.3.2/24 fd00:3::2/64, server: 10.0.4.1/24 fd00:4::1/64, via: 10.0.3.1 fd00:3::1}
links: [client -- r1 -- r2 -- r3 -- server]
"""
NARROW = """
hosts:
  client: 10.0.1.2/24 fd00:1::2/64 via 10.0.1.1 fd00:1::1
  server: 10.0.3.2/24 fd00:3::2/64 via 10.0.3.1 fd00:3::1
routers:
  r1: {client: 10.0.1.1/24 fd00:1::1/64, r2: 10.0.2.1/24 fd00:2::1/64, via: 10.0.2.2 fd00:2::2}
  r2: {r1: 10.0.2.2/24 fd00:2::2/64, server: 10.0.3.1/24 fd00:3::1/64, via: 10.0.2.1 fd00:2::1}
links:
  - client -- r1
  - r1 -- r2: {mtu: 1300}
  - r2 -- server
"""
LOOP = """
hosts: {client: 10.0.1.2/24 via 10.0.1.1}
routers:
  left: {client: 10.0.1.1/24, right: 10.0.2.1/24, via: 10.0.2.2}
  right: {left: 10.0.2.2/24, via: 10.0.2.1}
links: [client -- left -- right]
"""
HOME = """
hosts:
  laptop: 192.168.1.2/24 via 192.168.1.1
  phone: 192.168.1.3/24 via 192.168.1.1
  server: 203.0.113.80/24
nat:
  box: {home: 192.168.1.1/24, server: 203.0.113.2/24, outside: server}
switches: [home]
links: [laptop -- home, phone -- home, home -- box, box -- server]
"""


def _pings(address: str) -> object:
    return lambda network: ping(address, count=3, interval=0.05, via=network["client"])


def _fragments(network: Network) -> None:
    with UDPEchoServer(network["server"], 7):
        for family, address in ((socket.AF_INET, SERVER), (socket.AF_INET6, SERVER6)):
            with network["client"].socket(family, socket.SOCK_DGRAM) as sock:
                sock.settimeout(3)
                sock.sendto(bytes(range(256)) * 12, (address, 7))
                sock.recv(65535)


def _traceroute(network: Network) -> None:
    traceroute("10.0.4.2", method="udp", probes=1, max_hops=5, via=network["client"], parallel=1)
    traceroute("fd00:4::2", method="icmp", probes=1, max_hops=5, via=network["client"], parallel=1)


def _path_mtu(network: Network) -> None:
    for address in ("10.0.3.2", "fd00:3::2"):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with listener(network["server"], 80, family) as waiting, connect(network["client"], address, 80) as client:
            accepted = waiting.accept()[0]
            with accepted:
                client.sendall(bytes(3000))
                client.shutdown(socket.SHUT_WR)
                read_all(accepted)
            read_all(client)


def _loop(network: Network) -> None:
    ping("10.9.9.9", count=1, ttl=12, timeout=0.5, via=network["client"])


def _nat(network: Network) -> None:
    request = b"GET / HTTP/1.1\r\nHost: server\r\nConnection: close\r\n\r\n"
    with HTTPServer(network["server"], 80, from_pages({"/": "Hello outside\n"})):
        for name in ("laptop", "phone"):
            ask_by_stream(network[name], "203.0.113.80", 80, request)
    with contextlib.suppress(OSError), connect(network["server"], "203.0.113.2", 8080, timeout=0.5):
        pass


SCENES = (
    Scene(
        "ping", "echo request and reply", "Three echo requests and their replies, after ARP found the server's card.",
        PAIR, _pings(SERVER),
        (
            Look("requests: the sequence number counts up, the data are any.", "icmp.type == 8"),
            Look("replies bring the same identifier, sequence number and data back.", "icmp.type == 0"),
        ),
    ),
    Scene(
        "ping6", "echo request and reply over IPv6",
        "The same over IPv6: ICMPv6 has numbers of its own (128 and 129), and neighbour discovery instead of ARP.",
        PAIR, _pings(SERVER6),
        (Look("requests.", "icmpv6.type == 128"), Look("replies.", "icmpv6.type == 129")),
    ),
    Scene(
        "fragments", "a datagram that does not fit",
        "A UDP datagram of 3072 bytes over a link with an MTU of 1500, and its echo: over IPv4, then over IPv6, where "
        "only the sender may cut and a header of its own says so. Only the first fragment has the ports.",
        PAIR, _fragments,
        (
            Look("IPv4: all fragments but the last say that more follow; all have the same identification.",
                 "ip.flags.mf == 1"),
            Look("the last ones: no more follow, and the offset is not 0.", "ip.flags.mf == 0 && ip.frag_offset > 0"),
            Look("IPv6 fragments.", "ipv6.fraghdr"),
        ),
    ),
    Scene(
        "traceroute", "which routers are on the way",
        "Probes with TTL 1, 2, 3 ... Each router that takes the last one away says so and thereby shows itself; the "
        "server ends it: there is nothing on that UDP port. Then the same over IPv6 with echo requests.",
        ROUTED.strip(), _traceroute,
        (
            Look("UDP probes: look at the TTL.", "ip.src == 10.0.1.2 && udp && !icmp"),
            Look("time exceeded, from one router after the other.", "icmp.type == 11"),
            Look("port unreachable: the server was reached.", "icmp.type == 3"),
            Look("ICMPv6 probes: look at the hop limit.", "icmpv6.type == 128 && ipv6.src == fd00:1::2"),
            Look("time exceeded.", "icmpv6.type == 3"),
        ),
    ),
    Scene(
        "path_mtu", "a link on the way is narrower",
        "The link between the two routers has an MTU of 1300. TCP sends full segments with "
        "\"do not fragment\"; the router cannot "
        "pass them on and says which size fits; the sender cuts the data anew. The second connection does "
        "the same over IPv6. Where a firewall drops these messages, connections hang: a path MTU black hole.",
        NARROW.strip(), _path_mtu,
        (
            Look("fragmentation needed, with the MTU of the next link.", "icmp.type == 3 && icmp.code == 4"),
            Look("packet too big, the same in ICMPv6.", "icmpv6.type == 2"),
            Look("segments that are too long for that link.", "frame.len > 1314"),
        ),
    ),
    Scene(
        "routing_loop", "two routers that point at each other",
        "Neither router knows 10.9.9.9 and each takes the other for the way to everywhere. The packet goes to and fro "
        "until its TTL is used up. Recorded on the link between the two.",
        LOOP.strip(), _loop,
        (
            Look("one and the same packet again and again: same identification, TTL one lower each time.",
                 "icmp.type == 8 && !(icmp.type == 11)"),
            Look("the router at which the TTL ended says so.", "icmp.type == 11"),
        ),
        places=(("left", "eth1"),),
    ),
    Scene(
        "nat", "the same connection on both sides of NAT",
        "A laptop and a phone at home fetch a page from a server outside. The box rewrites their addresses to its own, "
        "203.0.113.2, and back. Each packet is seen twice, at the box's inner and outer interface. At last the server "
        "itself connects to the box, and nobody is there.",
        HOME.strip(), _nat,
        (
            Look("inside: the laptop's and the phone's own addresses.", "ip.addr == 192.168.1.0/24"),
            Look("outside: all come from the box.", "ip.addr == 203.0.113.2"),
            Look("the TTL is one lower outside: the box is a router.", "ip.src == 203.0.113.2 && ip.ttl == 63"),
            Look("a connection from outside to a port that is not forwarded: reset.",
                 "ip.src == 203.0.113.2 && tcp.flags.reset == 1"),
        ),
        places=(("box", "eth0"), ("box", "eth1")),
    ),
)  # fmt: skip
