"""A small DHCP server (RFC 2131): hands out the addresses of a range, and remembers to whom.

A client that is known gets its address again; one that asks for a free address gets that. Answers go to everybody
on the link, which every client accepts (section 4.1): a host without an address cannot be found by ARP.
"""

import ipaddress
import socket
import struct
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from packetlab.application.dhcp import (
    DHCP,
    DHCPMessageType,
    DHCPOption,
    DomainNameOption,
    DomainNameServers,
    EndOfDHCPOptions,
    ErrorText,
    LeaseTime,
    NameServerAddress,
    RequestedAddress,
    RouterAddress,
    Routers,
    ServerIdentifier,
    SubnetMask,
)
from packetlab.model.addresses import ip_bytes, ip_text, mac_text
from packetlab.model.errors import UsageError
from packetlab.model.packet import decapsulate
from packetlab.net.servers.base import Server, SocketMaker

DISCOVER, OFFER, REQUEST, DECLINE, ACKNOWLEDGE, REFUSE, RELEASE, INFORM = range(1, 9)
OFFERED_FOR = 10.0
"""Seconds for which an address that was offered is kept for that client."""
DECLINED_FOR = 600.0
"""Seconds for which an address is left alone that a client found in use."""
MAX_POOL = 1024
IP_PKTINFO = 8
"""Linux: which interface a datagram came in by; Python names it from 3.12 on only."""
_INFO = struct.Struct("=i4s4s")


@dataclass(slots=True)
class Lease:
    """An address that a client has, or was offered."""

    mac: bytes
    address: bytes
    until: float
    """By the monotonic clock."""
    is_taken: bool = False
    """Requested and acknowledged, not just offered."""


class DHCPServer(Server):
    """Gives out addresses from `first` to `last` of `network` ("10.0.0.0/24") on a host with address `address`."""

    kind = socket.SOCK_DGRAM

    def __init__(
        self, host: SocketMaker, network: str, *, address: str, first: str, last: str, router: str = "",
        dns: Sequence[str] = (), domain: str = "", lease: int = 3600, port: int = 67, client_port: int = 68,
        interface: int = 0, reserved: Iterable[str] = (),
    ) -> None:  # fmt: skip
        super().__init__(host, port)
        self.network = ipaddress.IPv4Network(network)
        self.address = ip_bytes(address)
        low, high = int(ipaddress.IPv4Address(first)), int(ipaddress.IPv4Address(last))
        inside = [ipaddress.IPv4Address(number) for number in range(low, min(high, low + MAX_POOL - 1) + 1)]
        if high < low or inside[0] not in self.network or inside[-1] not in self.network:
            raise UsageError(f"{first} to {last} is no range of addresses of {network}", remedy="give both ends of it")
        taken = {self.address, self.network.network_address.packed, self.network.broadcast_address.packed,
                 *(ip_bytes(one) for one in (router, *dns, *reserved) if one)}  # fmt: skip
        self.pool = [one.packed for one in inside if one.packed not in taken]
        self.router, self.dns, self.domain = router, list(dns), domain
        self.lease, self.client_port = lease, client_port
        self.leases: dict[bytes, Lease] = {}
        """By address; at most as many as the pool has."""
        self._declined: dict[bytes, float] = {}
        """Addresses that somebody else was found to use, and until when they are left alone."""
        self._only_interface = interface
        """The index of the one on whose link the network is; 0: every one."""
        self._interface = 0

    def _listen(self, family: int) -> socket.socket | None:
        if family != socket.AF_INET:
            return None  # DHCPv6 is another protocol
        sock = super()._listen(family)
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            sock.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
        return sock

    def _on_listener(self, sock: socket.socket) -> None:
        """The answer to everybody must leave by the interface the question came in by: no route leads there."""
        data, notes, _, _ = sock.recvmsg(65535, socket.CMSG_SPACE(_INFO.size))
        self._interface = next((_INFO.unpack(note)[0] for level, kind, note in notes
                                if (level, kind) == (socket.IPPROTO_IP, IP_PKTINFO)), 0)  # fmt: skip
        if self._only_interface in (0, self._interface):
            self.datagram(sock, data, None)

    def datagram(self, sock: socket.socket, data: bytes, peer: Any) -> None:
        """Answer one message; what is none, or is for another server, is left alone."""
        packet = decapsulate(data, DHCP)
        asked = packet.get(DHCP)
        if asked is None or asked.is_cut or any(one.is_cut for one in asked.options):
            return
        if asked.operation != 1 or not asked.message:
            return
        reply = self.answer(asked, time.monotonic())
        self.note_line(f"{mac_text(asked.client_mac)} {asked.message} {reply.message if reply else '-'}")
        if reply is not None:
            note = _INFO.pack(self._interface, bytes(4), bytes(4))
            everybody = ("255.255.255.255", self.client_port)
            sock.sendmsg([reply.encode()], [(socket.IPPROTO_IP, IP_PKTINFO, note)], 0, everybody)

    def answer(self, asked: DHCP, now: float) -> DHCP | None:
        """The answer to a message, or None where there is none to give."""
        chosen = _of(asked, ServerIdentifier)
        if chosen is not None and chosen.address != self.address:
            self._forget(asked.client_mac, only_offered=True)
            return None
        wanted = _of(asked, RequestedAddress)
        address = wanted.address if wanted is not None else asked.client_address
        if asked.message == DISCOVER:
            found = self._free(asked.client_mac, address, now)
            if found is None:
                return None
            self.leases[found] = Lease(asked.client_mac, found, now + OFFERED_FOR)
            return self._reply(asked, OFFER, found)
        if asked.message == REQUEST:
            known = self.leases.get(address)
            if known is None or known.mac != asked.client_mac:
                is_free = known is None or known.until <= now
                if chosen is None and address in self.pool and is_free and not self._is_declined(address, now):
                    pass  # a client that comes back with an address nobody has
                else:
                    return self._reply(asked, REFUSE, bytes(4), ErrorText(text=b"that address is not yours"))
            self._forget(asked.client_mac)  # one address for each client
            self.leases[address] = Lease(asked.client_mac, address, now + self.lease, is_taken=True)
            return self._reply(asked, ACKNOWLEDGE, address)
        if asked.message == INFORM:
            return self._reply(asked, ACKNOWLEDGE, bytes(4))
        if asked.message == DECLINE and address in self.leases and self.leases[address].mac == asked.client_mac:
            self._declined[address] = now + DECLINED_FOR
        if asked.message in (DECLINE, RELEASE):
            self._forget(asked.client_mac)
        return None

    def _free(self, mac: bytes, wanted: bytes, now: float) -> bytes | None:
        for address in [one for one, lease in self.leases.items() if lease.until <= now]:
            del self.leases[address]
        mine = next((address for address, lease in self.leases.items() if lease.mac == mac), None)
        free = [one for one in self.pool if one not in self.leases and not self._is_declined(one, now)]
        if mine is not None:
            return mine
        return wanted if wanted in free else next(iter(free), None)

    def _is_declined(self, address: bytes, now: float) -> bool:
        return self._declined.get(address, now) > now

    def _forget(self, mac: bytes, *, only_offered: bool = False) -> None:
        for address in [one for one, lease in self.leases.items() if lease.mac == mac]:
            if not (only_offered and self.leases[address].is_taken):
                del self.leases[address]

    def _reply(self, asked: DHCP, message: int, address: bytes, *more: DHCPOption) -> DHCP:
        told: list[DHCPOption] = [DHCPMessageType(message=message)]
        told += [ServerIdentifier(address=ip_text(self.address)), *more]
        if message != REFUSE:
            if address != bytes(4):
                told.append(LeaseTime(seconds=self.lease))
            told.append(SubnetMask(mask=str(self.network.netmask)))
            if self.router:
                told.append(Routers(routers=(RouterAddress(address=self.router),)))
            if self.dns:
                told.append(DomainNameServers(servers=tuple(NameServerAddress(address=one) for one in self.dns)))
            if self.domain:
                told.append(DomainNameOption(text=self.domain.encode()))
        return DHCP(
            operation=2, transaction=asked.transaction, broadcast=asked.broadcast, client_address=asked.client_address,
            your_address=address, relay_address=asked.relay_address, client_mac=asked.client_mac,
            options=(*told, EndOfDHCPOptions()),
        )  # fmt: skip


def _of(asked: DHCP, kind: type[Any]) -> Any:
    return next((one for one in asked.options if isinstance(one, kind)), None)
