"""IP sockets: packets without a link layer; the kernel finds the route and asks for the neighbour's address.

IPDevice sends packets with an IP header of our own (raw sockets, CAP_NET_RAW) and watches the wire with a
packet socket, so that every frame it gives back, sent or received, is the one on the wire, stamped by the
kernel. ICMPDevice needs no privilege where net.ipv4.ping_group_range allows it: the kernel hands over ICMP
messages only, with source and TTL beside them, from which the IP header is filled in again (`exact` is False).
ICMP errors about our own packets come from the socket's error queue (IP_RECVERR), which needs no privilege.
"""

import errno
import socket
import struct
from dataclasses import dataclass

from packetlab.internet.fragments import Reassembler
from packetlab.internet.ipv4 import IPv4
from packetlab.model.addresses import ip_text
from packetlab.model.errors import PrivilegeError, UsageError
from packetlab.model.frame import Frame
from packetlab.model.packet import Packet
from packetlab.wire.device import (
    PROCESS_CLOCK,
    Device,
    ask_for_timestamps,
    encoded,
    kernel_time,
    now,
    wait,
)
from packetlab.wire.host import Host, LocalHost
from packetlab.wire.packet_socket import Instruction, PacketDevice, send_error
from packetlab.wire.privileges import REMEDY

IPV4_LINK_TYPE, IPV6_LINK_TYPE = 228, 229
RAW_LINK_TYPE = 101

IP_HDRINCL, IP_PKTINFO, IP_RECVERR, IP_RECVTTL, IP_MTU_DISCOVER = 3, 8, 11, 12, 10
IPV6_RECVERR, IPV6_HDRINCL, IPV6_PKTINFO, IPV6_HOPLIMIT, IPV6_MTU_DISCOVER = 25, 36, 50, 52, 23
IPV6_RECVPKTINFO, IPV6_RECVHOPLIMIT, IPV6_DONTFRAG = 49, 51, 62
PMTUDISC_DO, PMTUDISC_PROBE, PMTUDISC_DONT = 2, 3, 0
SO_EE_ORIGIN_LOCAL, SO_EE_ORIGIN_ICMP, SO_EE_ORIGIN_ICMP6 = 1, 2, 3
MAX_DATAGRAM = 65_535
BATCH = 256
ATTEMPTS = 8


@dataclass(frozen=True, slots=True)
class SocketError:
    """One entry of a socket's error queue: what an ICMP error, or the kernel itself, said about a packet of ours."""

    code: int
    """errno: ECONNREFUSED for a closed port, EHOSTUNREACH, EMSGSIZE, ..."""
    origin: int
    """SO_EE_ORIGIN_LOCAL (1, our own kernel), _ICMP (2) or _ICMP6 (3)."""
    icmp_type: int
    icmp_code: int
    info: int
    """The MTU of the next hop, for EMSGSIZE."""
    offender: bytes
    """Address (4 or 16 bytes) of the router or host that sent the error; empty for our own kernel."""
    destination: tuple[str, int]
    """Address and port that the packet was for."""
    data: bytes
    """The payload of our packet, as far as the error quoted it."""
    time: int
    ttl: int | None = None
    """Of the packet that carried the error, where IP_RECVTTL is on."""


def ask_for_errors(sock: socket.socket) -> None:
    """Keep ICMP errors about this socket's packets for `socket_errors` (IP_RECVERR, IPV6_RECVERR)."""
    if sock.family == socket.AF_INET:
        sock.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
    else:
        sock.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, 1)


def socket_errors(sock: socket.socket) -> list[SocketError]:
    """What waits in the error queue of a socket (at most BATCH); needs `ask_for_errors` first."""
    found: list[SocketError] = []
    for _ in range(BATCH):
        try:
            data, messages, _, target = sock.recvmsg(MAX_DATAGRAM, 1024, socket.MSG_ERRQUEUE | socket.MSG_DONTWAIT)
        except OSError:
            break
        time, entry, ttl = kernel_time(messages) or now(), None, None
        for level, kind, value in messages:
            is_error = (level, kind) in ((socket.IPPROTO_IP, IP_RECVERR), (socket.IPPROTO_IPV6, IPV6_RECVERR))
            if is_error and len(value) >= 16:
                code, origin, icmp_type, icmp_code, _, info, _ = struct.unpack_from("=IBBBBII", value)
                entry = (code, origin, icmp_type, icmp_code, info, _address(value[16:]))
            elif (level, kind) in ((socket.IPPROTO_IP, socket.IP_TTL), (socket.IPPROTO_IPV6, IPV6_HOPLIMIT)):
                ttl = struct.unpack_from("@i", value)[0]
        if entry is not None:
            found.append(SocketError(*entry, (target or ("", 0))[:2], data, time, ttl))
    return found


def _address(sockaddr: bytes) -> bytes:
    if len(sockaddr) < 2:
        return b""
    family = struct.unpack_from("@H", sockaddr)[0]
    if family == socket.AF_INET:
        return sockaddr[4:8]
    return sockaddr[8:24] if family == socket.AF_INET6 else b""


def family_of(address: bytes | str) -> int:
    """AF_INET or AF_INET6 for an address as bytes or text."""
    six = ":" in address if isinstance(address, str) else len(address) == 16
    return socket.AF_INET6 if six else socket.AF_INET


def socket_address(
    sock: socket.socket, address: bytes, port: int, interface: str = ""
) -> tuple[str, int] | tuple[str, int, int, int]:
    """What `connect` of this socket wants; an address that every link has is given its interface."""
    if len(address) == 4:
        return ip_text(address), port
    scope = 0
    if interface and (address[:2] == b"\xfe\x80" or address[:2] == b"\xff\x02"):
        from packetlab.wire.packet_socket import interface_index

        scope = interface_index(sock, interface)
    return ip_text(address), port, 0, scope


def watch_program(address: bytes, protocol: int) -> list[Instruction]:
    """A classic BPF program: ARP, all ICMP and ICMPv6, and IP to or from `address` when it is of `protocol`.

    Of IPv6, all to or from `address` is let through.
    """
    net = 0xFFF00000  # SKF_NET_OFF: counts from the network header, whatever the link layer
    last = int.from_bytes(address[-4:], "big")
    six = len(address) == 16
    own, other, icmp = (0x86DD, 0x0800, 58) if six else (0x0800, 0x86DD, 1)
    next_at, src_at, dst_at = (6, 20, 36) if six else (9, 12, 16)
    return [
        (0x28, 0, 0, 0xFFFFF000),  # ldh protocol (EtherType)
        (0x15, 0, 1, other),
        (0x06, 0, 0, 0),
        (0x15, 0, 8, own),  # neither: ARP, or an EtherType of its own
        (0x30, 0, 0, net + next_at),
        (0x15, 7, 0, icmp),
        (0x15, 0, 0 if six else 7, protocol),  # IPv6: it may stand behind extension headers
        (0x20, 0, 0, net + src_at),
        (0x15, 4, 0, last),
        (0x20, 0, 0, net + dst_at),
        (0x15, 2, 3, last),
        (0x06, 0, 0, 0),
        (0x15, 0, 1, 0x0806),
        (0x06, 0, 0, 0x40000),
        (0x06, 0, 0, 0),
    ]


class IPDevice(Device):
    """Send packets that begin with IPv4 or IPv6; receive whole frames of the host that have to do with `peer`.

    peer      address (bytes) whose traffic to watch; with it come ARP, ICMP and ICMPv6
    protocol  IP protocol number to watch (6 TCP, 17 UDP, 1 ICMP, 58 ICMPv6)

    interface   send through this one, whatever the routes say, and watch only it

    PrivilegeError without CAP_NET_RAW.
    """

    sees_own = True

    def __init__(self, peer: bytes, protocol: int, via: Host | None = None, *, interface: str = "") -> None:
        self.peer, self.interface = peer, interface
        self._source = source = via or LocalHost()
        self.family = family_of(peer)
        self._reassembler = Reassembler()
        self._tap = PacketDevice(interface, source, program=watch_program(peer, protocol))
        self.clock = self._tap.clock
        try:
            self._socket = _open(source, self.family, socket.SOCK_RAW, socket.IPPROTO_RAW, "raw IP sockets")
        except BaseException:
            self._tap.close()
            raise
        six = self.family == socket.AF_INET6
        try:
            self._socket.setsockopt(*((socket.IPPROTO_IPV6, IPV6_HDRINCL, 1) if six else (0, IP_HDRINCL, 1)))
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            if interface:
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
        except BaseException:
            self.close()
            raise
        self.link_type = IPV6_LINK_TYPE if six else IPV4_LINK_TYPE

    def send(self, packet: Packet | bytes) -> Frame:
        """Send a packet that begins with its IP header (a link header of a Packet is left out)."""
        if isinstance(packet, Packet):
            outer = next(
                (n for n, each in enumerate(packet.layers) if each.__class__.__name__ in ("IPv4", "IPv6")), None
            )
            if outer:
                packet = Packet(packet.layers[outer:], packet.payload)
        data = encoded(packet)
        target = destination_of(data)
        before = now()
        where = socket_address(self._socket, target, 0, self.interface)
        try:
            self._socket.sendto(data, where)
        except OSError as error:
            if error.errno != errno.EMSGSIZE or (self.family == socket.AF_INET and data[6] & 0x40):
                raise send_error(error, where[0], len(data)) from None
            self._send_in_fragments(data)
        return Frame(data, before, len(data), self.link_type, self.interface, "out")

    def _send_in_fragments(self, data: bytes) -> None:
        """Let the kernel write the IP header of a packet that is too large for the link, and cut it."""
        six = self.family == socket.AF_INET6
        target, source = destination_of(data), data[8:24] if six else data[12:16]
        start, protocol, ttl = (40, data[6], data[7]) if six else ((data[0] & 15) * 4, data[9], data[8])
        with _open(self._source, self.family, socket.SOCK_RAW, protocol, "raw IP sockets") as sock:
            level = socket.IPPROTO_IPV6 if six else socket.IPPROTO_IP
            sock.setsockopt(level, socket.IPV6_UNICAST_HOPS if six else socket.IP_TTL, ttl)
            sock.setsockopt(level, IPV6_MTU_DISCOVER if six else IP_MTU_DISCOVER, PMTUDISC_DONT)
            if self.interface:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, self.interface.encode())
            try:
                sock.bind(socket_address(sock, source, 0, self.interface))
                sock.sendto(data[start:], socket_address(sock, target, 0, self.interface))
            except OSError as error:
                raise send_error(error, ip_text(target), len(data)) from None

    def receive(self, timeout: float | None = 0) -> list[Frame]:
        """Whole frames of the wire, our own (direction "out") among them."""
        return self._tap.receive(timeout)

    def packet(self, frame: Frame) -> Packet:
        """The frame taken apart; the last fragment of a packet that arrives gives the whole packet."""
        packet = super().packet(frame)
        if frame.direction == "in":
            return self._reassembler.add(packet, frame.seconds) or packet
        return packet

    def drops(self) -> int:
        """Frames that the kernel dropped because we did not read fast enough."""
        return self._tap.drops()

    def fileno(self) -> int:
        """Of the packet socket that watches."""
        return self._tap.fileno()

    def close(self) -> None:
        """Close both sockets."""
        self._tap.close()
        self._socket.close()


class ICMPDevice(Device):
    """ICMP or ICMPv6 echo through a datagram socket: no privilege where net.ipv4.ping_group_range allows it.

    The kernel picks the identifier (`identifier`) and delivers only answers to it. Errors about our requests
    are put together again from the error queue: header of the router, ICMP error, our request quoted.

    PrivilegeError where the kernel does not allow it.
    """

    exact = False

    def __init__(self, peer: bytes, via: Host | None = None, *, interface: str = "", ttl: int = 0) -> None:
        source = via or LocalHost()
        self.peer, self.interface = peer, interface
        self.family = family_of(peer)
        self.six = six = self.family == socket.AF_INET6
        self._icmp = protocol = socket.IPPROTO_ICMPV6 if six else socket.IPPROTO_ICMP
        self._socket = sock = self._open_socket(source, protocol)
        try:
            sock.setblocking(False)
            self.clock = ask_for_timestamps(sock)
            ask_for_errors(sock)
            level = socket.IPPROTO_IPV6 if six else socket.IPPROTO_IP
            for option in (IPV6_RECVHOPLIMIT, IPV6_RECVPKTINFO) if six else (IP_RECVTTL, IP_PKTINFO):
                sock.setsockopt(level, option, 1)
            if interface:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
            # Connecting fixes source address and identifier, and lets the kernel sort out foreign answers.
            try:
                sock.connect(socket_address(sock, peer, self._port, interface))
            except OSError as error:
                raise send_error(error, ip_text(peer), 0) from None
            self._name = sock.getsockname()
        except BaseException:
            sock.close()
            raise
        self.identifier: int = self._name[1]
        self.address = socket.inet_pton(self.family, self._name[0].partition("%")[0])
        self.link_type = IPV6_LINK_TYPE if six else IPV4_LINK_TYPE

    _port = 0
    """To connect to; ICMP has none."""

    def _open_socket(self, source: Host, protocol: int) -> socket.socket:
        return _open(source, self.family, socket.SOCK_DGRAM, protocol, "unprivileged ping")

    def _ours(self, packet: Packet) -> bytes:
        """The part of a filled packet that is handed to the kernel."""
        return (packet.data or b"")[packet.spans[0].body :]

    def _framed(self, src: bytes, dst: bytes, data: bytes, ttl: int) -> bytes:
        """What the kernel took off, filled in again around what it gave us."""
        return self._header(src, dst, data, ttl, self._icmp) + data

    def send(self, packet: Packet | bytes) -> Frame:
        """Send what a packet carries; TTL, DF and traffic class of its IP header are asked of the kernel."""
        if not isinstance(packet, Packet):
            raise UsageError("this socket sends packets, not bytes", remedy="give IPv4(...) / ICMP echo request")
        outer = packet.layers[0]
        whole = packet.filled()
        data = self._ours(whole)
        if isinstance(outer, IPv4):
            self._socket.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, outer.ttl)
            self._socket.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, outer.dscp << 2 | outer.ecn)
            discover = PMTUDISC_PROBE if outer.dont_fragment else PMTUDISC_DONT
            self._socket.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, discover)
        else:
            hop_limit = getattr(outer, "hop_limit", 64)
            self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, hop_limit)
        before = now()
        for attempt in range(ATTEMPTS):
            try:
                self._socket.send(data)
                break
            except OSError as error:
                # An ICMP error that arrived meanwhile is reported by the next call: it waits in the queue as well.
                earlier = (errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EPROTO, errno.EACCES)
                if error.errno not in earlier or attempt == ATTEMPTS - 1:
                    raise send_error(error, ip_text(self.peer), len(data)) from None
        return Frame(whole.data or b"", before, len(whole.data or b""), self.link_type, self.interface, "out")

    def receive(self, timeout: float | None = 0) -> list[Frame]:
        """Replies and errors, each with an IP header filled in from what the kernel told."""
        if timeout != 0 and not wait([self._socket], timeout):
            return []
        found = [self._error(each) for each in socket_errors(self._socket) if each.offender]
        for _ in range(BATCH):
            try:
                data, messages, _, source = self._socket.recvmsg(MAX_DATAGRAM, 512)
            except (BlockingIOError, InterruptedError):
                break
            except OSError:
                continue  # the error itself is in the error queue
            ttl = 0
            for level, kind, value in messages:
                if (level, kind) in ((socket.IPPROTO_IP, socket.IP_TTL), (socket.IPPROTO_IPV6, IPV6_HOPLIMIT)):
                    ttl = struct.unpack_from("@i", value)[0]
            time = kernel_time(messages)
            if time is None:
                time, self.clock = now(), PROCESS_CLOCK
            sender = socket.inet_pton(self.family, source[0].partition("%")[0])
            found.append(self._frame(self._framed(sender, self.address, data, ttl), time))
        return found

    def _error(self, error: SocketError) -> Frame:
        ours = self._framed(self.address, self.peer, error.data, 1)
        six = self.six
        value = error.info if error.code == errno.EMSGSIZE else 0
        message = struct.pack(">BBHI", error.icmp_type, error.icmp_code, 0, value) + ours
        if not six:
            from packetlab.model.checksum import internet_checksum

            message = message[:2] + struct.pack(">H", internet_checksum(message)) + message[4:]
        header = self._header(error.offender, self.address, message, error.ttl or 0, self._icmp)
        return self._frame(header + message, error.time)

    def _header(self, src: bytes, dst: bytes, data: bytes, ttl: int, protocol: int) -> bytes:
        if self.six:
            return struct.pack(">IHBB16s16s", 6 << 28, len(data), protocol, ttl, src, dst)
        header = IPv4(src=src, dst=dst, ttl=ttl, protocol=protocol, total_length=20 + len(data))
        return (header / b"").encapsulate()

    def _frame(self, data: bytes, time: int) -> Frame:
        comment = "headers filled in from what the kernel told: the socket does not give them"
        return Frame(data, time, len(data), self.link_type, self.interface, "in", comment=comment)

    def fileno(self) -> int:
        """Of the ICMP socket; errors make it readable too."""
        return self._socket.fileno()

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


def destination_of(data: bytes) -> bytes:
    """The destination address in the IP header that `data` begins with; UsageError where there is none."""
    if len(data) >= 20 and data[0] >> 4 == 4:
        return data[16:20]
    if len(data) >= 40 and data[0] >> 4 == 6:
        return data[24:40]
    raise UsageError("this is not an IP packet", remedy="begin with IPv4(...) or IPv6(...)")


def _open(source: Host, family: int, kind: int, protocol: int, what: str) -> socket.socket:
    try:
        sock = source.socket(family, kind, protocol)
    except PermissionError:
        remedy = REMEDY
        if kind == socket.SOCK_DGRAM:
            remedy = 'sudo sysctl net.ipv4.ping_group_range="0 2147483647"; ' + REMEDY
        raise PrivilegeError(f"{what} is not allowed for this user", remedy=remedy) from None
    sock.setblocking(False)
    return sock
