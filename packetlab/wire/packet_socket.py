"""Packet sockets (packet(7)): whole frames of one interface, or of all, as the kernel sees them.

Two facts would be lost without PACKET_AUXDATA and are put back here: the VLAN tag that the kernel strips from
an arriving frame, and that a checksum was still to be filled in by the network card. A packet socket does not
see what it sent itself, but sees what every other socket of the host sends (direction "out").
"""

import errno
import socket
import struct

from packetlab.model.errors import PrivilegeError, UnreachableError, UsageError
from packetlab.model.frame import ETHERNET_LINK_TYPE, Frame
from packetlab.model.packet import Packet
from packetlab.wire.closing import close_soon
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
from packetlab.wire.privileges import REMEDY

SOL_PACKET = 263
PACKET_ADD_MEMBERSHIP, PACKET_MR_PROMISC = 1, 1
PACKET_STATISTICS = 6
PACKET_AUXDATA = 8
PACKET_IGNORE_OUTGOING = 23
PACKET_OUTGOING = 4
TP_STATUS_CSUMNOTREADY, TP_STATUS_VLAN_VALID, TP_STATUS_VLAN_TPID_VALID = 1 << 3, 1 << 4, 1 << 6
ETH_P_ALL = 3
SO_ATTACH_FILTER = 26
SNAP_LENGTH = 262_144
SEND_TRIES = 200
"""Waits of up to 10 ms each for room in a full queue."""
BATCH = 256
"""Frames taken in one call of `receive`, so that a flood cannot keep the caller there for ever."""

# if_arp.h -> pcap link type. Loopback frames carry an Ethernet header of zeros; tunnels begin with IP.
_LINK_TYPES = {1: ETHERNET_LINK_TYPE, 772: ETHERNET_LINK_TYPE, 65534: 101, 768: 101, 769: 101, 776: 101, 778: 101}

Instruction = tuple[int, int, int, int]
"""Of a classic BPF program: code, jump if true, jump if false, constant."""


def attach_filter(sock: socket.socket, program: list[Instruction]) -> None:
    """Let the kernel run a classic BPF program on all that arrives; what it returns 0 for is dropped."""
    import ctypes

    code = b"".join(struct.pack("=HBBI", *each) for each in program)
    buffer = ctypes.create_string_buffer(code)
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("@HP", len(program), ctypes.addressof(buffer)))


class PacketDevice(Device):
    """Frames of `interface` ("" for all of them, receiving only) of a host.

    promiscuous      also frames for other stations
    ignore_outgoing  do not show what this host sends
    protocol         an EtherType, to receive nothing else
    program          a classic BPF program that chooses what to receive

    PrivilegeError without CAP_NET_RAW; UnreachableError where there is no such interface.
    """

    def __init__(
        self,
        interface: str = "",
        via: Host | None = None,
        *,
        promiscuous: bool = False,
        ignore_outgoing: bool = False,
        protocol: int = ETH_P_ALL,
        program: list[Instruction] | None = None,
        buffer: int = 4 << 20,
    ) -> None:
        self.interface = interface
        self._links: dict[str, tuple[int, int]] = {}
        try:
            # With protocol 0 nothing arrives before filter and interface are set; Python cannot bind to all.
            early = 0 if interface else socket.htons(protocol)
            self._socket = (via or LocalHost()).socket(socket.AF_PACKET, socket.SOCK_RAW, early)
        except PermissionError:
            raise PrivilegeError("packet sockets need the capability CAP_NET_RAW", remedy=REMEDY) from None
        try:
            self._prepare(promiscuous, ignore_outgoing, protocol, program, buffer)
        except BaseException:
            self._socket.close()
            raise

    def _prepare(
        self, promiscuous: bool, ignore_outgoing: bool, protocol: int, program: list[Instruction] | None, buffer: int
    ) -> None:
        sock = self._socket
        sock.setblocking(False)
        for option in (33, socket.SO_RCVBUF):  # SO_RCVBUFFORCE goes over the limit where we may
            try:
                sock.setsockopt(socket.SOL_SOCKET, option, buffer)
                break
            except OSError:
                continue
        self.clock = ask_for_timestamps(sock)
        sock.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        if ignore_outgoing:
            sock.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        if program:
            attach_filter(sock, program)
        if not self.interface:
            while _discard(sock):
                pass
            return
        try:
            sock.bind((self.interface, protocol))
        except OSError as error:
            if error.errno in (errno.ENODEV, errno.ENXIO):
                raise UnreachableError(
                    f"there is no interface {self.interface!r}", remedy="packetlab interfaces lists them"
                ) from None
            if error.errno == errno.ENETDOWN:
                raise UnreachableError(
                    f"the interface {self.interface} is down", remedy=f"ip link set {self.interface} up"
                ) from None
            raise
        name = sock.getsockname()
        self.link_type = _LINK_TYPES.get(name[3], ETHERNET_LINK_TYPE)
        self.mac: bytes = name[4]
        self.index = interface_index(sock, self.interface)
        if promiscuous:
            request = struct.pack("@iHH8s", self.index, PACKET_MR_PROMISC, 0, b"")
            sock.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP, request)

    def send(self, packet: Packet | bytes) -> Frame:
        """Send one whole frame, link header included."""
        if not self.interface:
            raise UsageError("a device for all interfaces can only receive", remedy="name one interface")
        data = encoded(packet)
        before = now()
        try:
            for tries_left in range(SEND_TRIES, -1, -1):
                try:
                    self._socket.send(data)
                    break
                except OSError as error:
                    # The queue of the card is full; it empties within milliseconds, or the card is stuck.
                    if error.errno not in (errno.ENOBUFS, errno.EAGAIN) or not tries_left:
                        raise
                    _wait_writable(self._socket)
        except OSError as error:
            raise send_error(error, self.interface, len(data)) from None
        return Frame(data, before, len(data), self.link_type, self.interface, "out")

    def receive(self, timeout: float | None = 0) -> list[Frame]:
        """Frames that have arrived, oldest first; at most BATCH."""
        if timeout != 0 and not wait([self._socket], timeout):
            return []
        found: list[Frame] = []
        for _ in range(BATCH):
            try:
                data, messages, _, source = self._socket.recvmsg(SNAP_LENGTH, 256)
            except (BlockingIOError, InterruptedError):
                break
            except OSError as error:
                if error.errno == errno.ENETDOWN and found:
                    break
                if error.errno in (errno.ENETDOWN, errno.ENODEV):
                    raise UnreachableError(f"the interface {self.interface} went down") from None
                raise
            frame = self._frame(data, messages, source)
            if frame is not None:
                found.append(frame)
        return found

    def _frame(self, data: bytes, messages: list[tuple[int, int, bytes]], source: tuple[object, ...]) -> Frame | None:
        name, _, kind, hardware = source[0], source[1], source[2], source[3]
        link_type = _LINK_TYPES.get(hardware)  # type: ignore[call-overload]
        if link_type is None:
            return None
        length, ready = len(data), True
        for level, number, value in messages:
            if level == SOL_PACKET and number == PACKET_AUXDATA and len(value) >= 20:
                status, length, _, _, _, tag, tag_type = struct.unpack_from("=IIIHHHH", value)
                ready = not status & TP_STATUS_CSUMNOTREADY
                if status & TP_STATUS_VLAN_VALID and link_type == ETHERNET_LINK_TYPE:
                    ethertype = tag_type if status & TP_STATUS_VLAN_TPID_VALID else 0x8100
                    data = data[:12] + struct.pack(">HH", ethertype, tag) + data[12:]
                    length += 4
        time = kernel_time(messages)
        if time is None:
            time, self.clock = now(), PROCESS_CLOCK
        direction = "out" if kind == PACKET_OUTGOING else "in"
        return Frame(data, time, length, link_type, str(name), direction, checksum_ready=ready)  # type: ignore[arg-type]

    def drops(self) -> int:
        """Frames dropped by the kernel since the last call: our buffer was full."""
        return int(struct.unpack("@II", self._socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))[1])

    def fileno(self) -> int:
        """Of the packet socket."""
        return self._socket.fileno()

    def close(self) -> None:
        """Close the socket, in the background; promiscuous mode ends with it."""
        close_soon(self._socket)


def interface_index(sock: socket.socket, name: str) -> int:
    """The index of an interface in the namespace that `sock` belongs to (SIOCGIFINDEX)."""
    import fcntl

    try:
        answer = fcntl.ioctl(sock.fileno(), 0x8933, struct.pack("16s24x", name.encode()))
    except OSError:
        raise UnreachableError(f"there is no interface {name!r}", remedy="packetlab interfaces lists them") from None
    return int(struct.unpack_from("@i", answer, 16)[0])


def _discard(sock: socket.socket) -> bool:
    """Throw one frame away: it came before the filter did."""
    try:
        sock.recv(1)
    except OSError:
        return False
    return True


def _wait_writable(sock: socket.socket) -> None:
    import select

    select.select([], [sock], [], 0.01)


_LOOK = "packetlab interfaces shows addresses and routes"


def send_error(error: OSError, where: str, size: int) -> Exception:
    """The error of a send, as a sentence with cause and remedy."""
    if error.errno in (errno.EPERM, errno.EACCES):
        return PrivilegeError(
            f"the kernel refused to send through {where}: {error.strerror}",
            remedy="a local firewall rule may forbid it, or: " + REMEDY,
        )
    if error.errno == errno.EMSGSIZE:
        return UnreachableError(
            f"{size} bytes do not fit into one packet of {where}",
            remedy="send less, or allow fragmentation",
        )
    causes = {
        errno.ENETUNREACH: "no route leads there",
        errno.EHOSTUNREACH: "the host cannot be reached: nobody answered for its address on the last link",
        errno.ENETDOWN: "the interface is down",
        errno.EADDRNOTAVAIL: "this host has no usable source address for it",
    }
    cause = causes.get(error.errno or 0, error.strerror or str(error))
    return UnreachableError(f"cannot send to {where}: {cause}", remedy=_LOOK)
