"""packetlab: see network traffic at work.

Everything public can be imported from here; each name is loaded when it is first used, so that
`import packetlab` itself costs next to nothing.
"""

import importlib
import sys
from typing import TYPE_CHECKING, Any

# Where each public name lives. The imports below say the same to type checkers; a test compares the two.
_HOMES = {
    "ARP": "packetlab.link.arp",
    "DNS": "packetlab.application.dns",
    "Ethernet": "packetlab.link.ethernet",
    "Fault": "packetlab.model.fault",
    "Frame": "packetlab.model.frame",
    "HTTPRequest": "packetlab.application.http",
    "HTTPResponse": "packetlab.application.http",
    "Header": "packetlab.model.header",
    "ICMP": "packetlab.internet.icmp",
    "ICMPv6": "packetlab.internet.icmpv6",
    "IPv4": "packetlab.internet.ipv4",
    "IPv6": "packetlab.internet.ipv6",
    "Network": "packetlab.net",
    "Packet": "packetlab.model.packet",
    "PacketLabError": "packetlab.model.errors",
    "TCP": "packetlab.transport.tcp",
    "UDP": "packetlab.transport.udp",
    "VLAN": "packetlab.link.vlan",
    "arp": "packetlab.wire.verbs.arp",
    "decapsulate": "packetlab.model.packet",
    "dns": "packetlab.wire.verbs.dns",
    "handshake": "packetlab.wire.verbs.handshake",
    "http": "packetlab.wire.verbs.http",
    "ndp": "packetlab.wire.verbs.ndp",
    "open_capture": "packetlab.analysis.open_capture",
    "ping": "packetlab.wire.verbs.ping",
    "tcp": "packetlab.wire.verbs.tcp",
    "traceroute": "packetlab.wire.verbs.traceroute",
    "udp": "packetlab.wire.verbs.udp",
}

if TYPE_CHECKING:
    from packetlab.analysis.open_capture import open_capture as open_capture
    from packetlab.application.dns import DNS as DNS
    from packetlab.application.http import HTTPRequest as HTTPRequest
    from packetlab.application.http import HTTPResponse as HTTPResponse
    from packetlab.internet.icmp import ICMP as ICMP
    from packetlab.internet.icmpv6 import ICMPv6 as ICMPv6
    from packetlab.internet.ipv4 import IPv4 as IPv4
    from packetlab.internet.ipv6 import IPv6 as IPv6
    from packetlab.link.arp import ARP as ARP
    from packetlab.link.ethernet import Ethernet as Ethernet
    from packetlab.link.vlan import VLAN as VLAN
    from packetlab.model.errors import PacketLabError as PacketLabError
    from packetlab.model.fault import Fault as Fault
    from packetlab.model.frame import Frame as Frame
    from packetlab.model.header import Header as Header
    from packetlab.model.packet import Packet as Packet
    from packetlab.model.packet import decapsulate as decapsulate
    from packetlab.net import Network as Network
    from packetlab.transport.tcp import TCP as TCP
    from packetlab.transport.udp import UDP as UDP
    from packetlab.wire.verbs.arp import arp as arp
    from packetlab.wire.verbs.dns import dns as dns
    from packetlab.wire.verbs.handshake import handshake as handshake
    from packetlab.wire.verbs.http import http as http
    from packetlab.wire.verbs.ndp import ndp as ndp
    from packetlab.wire.verbs.ping import ping as ping
    from packetlab.wire.verbs.tcp import tcp as tcp
    from packetlab.wire.verbs.traceroute import traceroute as traceroute
    from packetlab.wire.verbs.udp import udp as udp

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'packetlab' has no attribute {name!r}")
    # A header alone is not enough: what it carries, and what carries it, must be known as well.
    importlib.import_module("packetlab.protocols")
    if "IPython" in sys.modules:
        importlib.import_module("packetlab.show")  # a notebook shows packets as pages
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
