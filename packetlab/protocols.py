"""Every protocol packetlab knows. Importing this module makes decapsulation know them all."""

from packetlab.internet import icmp, icmpv6, ipv4, ipv6
from packetlab.link import arp, ethernet, linux_cooked, llc, loopback, vlan
from packetlab.transport import tcp, udp

__all__ = ["arp", "ethernet", "icmp", "icmpv6", "ipv4", "ipv6", "linux_cooked", "llc", "loopback", "tcp", "udp", "vlan"]
