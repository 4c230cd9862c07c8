"""Every protocol packetlab knows. Importing this module makes decapsulation know them all."""

from packetlab.internet import ipv4
from packetlab.link import ethernet
from packetlab.transport import tcp, udp

__all__ = ["ethernet", "ipv4", "tcp", "udp"]
