"""DHCP: nobody answers, refusals, two servers on one link. There are few such packets; each is taken apart."""

import numpy as np

from packetlab.analysis.findings.finding import Kind, Notebook
from packetlab.analysis.findings.seen import Seen, address
from packetlab.application.dhcp import DHCP, DHCPMessageType, ServerIdentifier
from packetlab.transport.udp import UDP

MOST_MESSAGES = 20_000

NO_ANSWER = Kind(
    "dhcp-unanswered", "warning", "application", "Nobody gives out addresses (DHCP)",
    "A host asked for an IP address and no server offered one. It stays without, or takes one from 169.254.0.0/16 with "
    "which it reaches nobody. The server is off, its addresses are used up, or it is on another link without a relay.",
    "Is the server's link this one, or is there a relay? Has it addresses left?", "dhcp",
)  # fmt: skip
REFUSED = Kind(
    "dhcp-refused", "warning", "application", "A DHCP server refused an address",
    "The client asked to keep or take an address and was told no (DHCPNAK): it is not of this network, or somebody "
    "else has it. The client has to begin anew.",
    "Did the client come from another network? Are there two servers that do not know of each other?", "dhcp",
)  # fmt: skip
DECLINED = Kind(
    "dhcp-declined", "error", "application", "An address from DHCP was taken already",
    "The client tried the address that it was given and found that another host uses it (DHCPDECLINE).",
    "Which host has this address? It was probably set by hand, inside the range that the server gives out.", "dhcp",
)  # fmt: skip
TWO_SERVERS = Kind(
    "dhcp-two-servers", "warning", "application", "Two DHCP servers answer on one link",
    "More than one server offered an address. If they do not work together, one of them is foreign: often "
    "a home router with its inside on this network - and gives hosts a wrong gateway.",
    "Compare what they offer (packetlab show FILE -Y dhcp --layers) and find the foreign one.", "dhcp",
)  # fmt: skip

_DISCOVER, _OFFER, _REQUEST, _DECLINE, _ACK, _NAK = 1, 2, 3, 4, 5, 6


class DHCPState:
    def __init__(self, notes: Notebook) -> None:
        self.notes = notes
        self.asked: dict[bytes, list[int]] = {}
        self.answered: set[bytes] = set()
        self.servers: dict[bytes, dict[bytes, int]] = {}
        self.left = MOST_MESSAGES

    def take(self, seen: Seen) -> None:
        found = seen.found(UDP, 8)
        ports = (found.number(0, 2), found.number(2, 2))
        for row in found.rows[np.isin(ports[0], (67, 68)) & np.isin(ports[1], (67, 68))].tolist():
            if not self.left:
                return
            self.left -= 1
            packet = seen.packet(row)
            message = packet.get(DHCP)
            if message is not None and message.options:
                self._message(message, seen.first + row)

    def _message(self, message: DHCP, number: int) -> None:
        options = message.options
        kind = next((one.message for one in options if isinstance(one, DHCPMessageType)), 0)
        server = next((one.address for one in options if isinstance(one, ServerIdentifier)), b"")
        client = bytes(message.client_mac or b"")[:6]
        if kind in (_DISCOVER, _REQUEST):
            self.asked.setdefault(client, []).append(number)
        elif kind in (_OFFER, _ACK, _NAK):
            self.answered.add(client)
        if kind == _OFFER and server:
            self.servers.setdefault(client, {}).setdefault(server, number)
        elif kind == _NAK:
            self.notes.add(REFUSED, f"{client.hex(':')}, says {address(server)}", number)
        elif kind == _DECLINE:
            self.notes.add(DECLINED, client.hex(":"), number)

    def end(self) -> None:
        for client, numbers in self.asked.items():
            if client not in self.answered:
                self.notes.add_all(NO_ANSWER, f"{client.hex(':')} asks", numbers)
        for servers in self.servers.values():
            if len(servers) > 1:
                about = " and ".join(sorted(map(address, servers)))
                self.notes.add_all(TWO_SERVERS, about, sorted(servers.values()))
