"""A UDP socket that also hears what routers say: traceroute without any privilege.

The kernel sends and gives back data only. Which router sent an error comes from the error queue (IP_RECVERR), with
the data of the datagram that it quotes; IP and UDP headers are filled in again around both, so that a conversation
sees packets like those of the wire (`exact` is False).
"""

import socket

from packetlab.internet.either import ip_between
from packetlab.model.packet import Packet
from packetlab.transport.udp import UDP
from packetlab.wire.host import Host
from packetlab.wire.ip_socket import ICMPDevice


class UDPDevice(ICMPDevice):
    """Datagrams to one port of one host, their answers, and ICMP errors about them; `identifier` is our own port.

    A router that quotes no more than the UDP header (8 bytes, all that RFC 792 asks for) leaves no data by which to
    tell which datagram its error is about: the frame then quotes an empty one (`Traceroute.ports_only`).
    """

    def __init__(self, peer: bytes, port: int, via: Host | None = None, *, interface: str = "") -> None:
        self._port = port
        super().__init__(peer, via, interface=interface)

    def _open_socket(self, source: Host, protocol: int) -> socket.socket:
        sock = source.socket(self.family, socket.SOCK_DGRAM)
        sock.setblocking(False)
        return sock

    def _ours(self, packet: Packet) -> bytes:
        return packet.payload

    def _framed(self, src: bytes, dst: bytes, data: bytes, ttl: int) -> bytes:
        ports = (self.identifier, self._port) if src == self.address else (self._port, self.identifier)
        return (ip_between(src, dst, ttl=ttl) / UDP(src_port=ports[0], dst_port=ports[1]) / data).encapsulate()
