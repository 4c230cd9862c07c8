"""Small servers for the hosts of a virtual network: readable, bounded, stopped with a `with` block.

Each runs as a thread of this process on sockets that were opened inside its host, so it needs no process of
its own: `with EchoServer(net["server"], 7): ...`. They are lab material, not servers for the Internet.
"""

from packetlab.net.servers.dhcp import DHCPServer
from packetlab.net.servers.dns import DNSServer
from packetlab.net.servers.echo import TCPEchoServer, UDPEchoServer
from packetlab.net.servers.http import HTTPServer
from packetlab.net.servers.resolver import RecursiveServer
from packetlab.net.servers.zones import Zone

__all__ = ["DHCPServer", "DNSServer", "HTTPServer", "RecursiveServer", "TCPEchoServer", "UDPEchoServer", "Zone"]
