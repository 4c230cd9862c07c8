"""Every protocol packetlab knows. Importing this module makes decapsulation know them all."""

from packetlab.application import dhcp, dns, geneve, http, tls, vxlan
from packetlab.internet import gre, icmp, icmpv6, igmp, ipsec, ipv4, ipv6
from packetlab.link import arp, ethernet, linux_cooked, llc, loopback, mpls, ppp, vlan
from packetlab.transport import tcp, udp

__all__ = [
    "arp", "dhcp", "dns", "ethernet", "geneve", "gre", "http", "icmp", "icmpv6", "igmp", "ipsec", "ipv4", "ipv6",
    "linux_cooked", "llc", "loopback", "mpls", "ppp", "tcp", "tls", "udp", "vlan", "vxlan",
]  # fmt: skip
