"""DHCP: a host asks the link for an address and all else it needs (RFC 2131, options RFC 2132).

The message is that of BOOTP (RFC 951) with a magic number and options behind it; the first option says which of
DHCP's messages it is. A host that has no address yet sends from 0.0.0.0 to 255.255.255.255.
"""

from typing import Any

from packetlab.model.fields import auto, field, ipv4, items, mac, octets, preset, u1, u8, u15, u16, u32
from packetlab.model.header import ANY, Header
from packetlab.transport.udp import UDP

COOKIE = 0x63825363
MESSAGES = {1: "discover: who can give me an address?", 2: "offer: I can", 3: "request: I take this one",
            4: "decline: somebody has it already", 5: "acknowledge: it is yours", 6: "refused", 7: "release: I am done",
            8: "inform: I have an address, tell me the rest"}  # fmt: skip
OPTIONS = {
    0: "padding", 1: "subnet mask", 3: "routers", 6: "DNS servers", 12: "host name", 15: "domain name", 26: "MTU",
    28: "broadcast address", 42: "time servers", 43: "vendor's own", 50: "requested address", 51: "lease time",
    52: "more options in other fields", 53: "message", 54: "server", 55: "wanted options", 56: "error text",
    57: "largest message", 58: "renewal time", 59: "rebinding time", 60: "vendor", 61: "client identifier",
    81: "client's full name", 82: "relay's information", 119: "search list", 121: "static routes", 252: "proxy script",
    255: "end",
}  # fmt: skip


def _text(data: bytes) -> str:
    return data.rstrip(b"\0").decode("utf-8", "backslashreplace")


class DHCPOption(Header, ref="RFC 2132 section 2", family="code", name="dhcp.option"):
    """One thing that is asked or told."""

    code: u8 = auto.key("which option", wireshark="dhcp.option.type", values=OPTIONS)


class DHCPPadding(DHCPOption, key=0, name="dhcp.option.padding"):
    """A byte that says nothing."""


class EndOfDHCPOptions(DHCPOption, key=255, name="dhcp.option.end"):
    """Ends the list."""


def _length() -> Any:
    return auto.length("of the data, in bytes", counts="after", wireshark="dhcp.option.length", unit=1)


class OtherDHCPOption(DHCPOption, key=ANY, name="dhcp.option.other"):
    """An option of a kind packetlab does not know better."""

    length: u8 = _length()
    data: bytes = octets("what it says", unnamed="Wireshark gives every option's data one name")


class DHCPMessageType(DHCPOption, key=53, ref="RFC 2132 section 9.6", name="dhcp.option.message_type"):
    """Which of DHCP's messages this is."""

    length: u8 = _length()
    message: u8 = field("the message", wireshark="dhcp.option.dhcp", values=MESSAGES)


class SubnetMask(DHCPOption, key=1, ref="RFC 2132 section 3.3", name="dhcp.option.subnet_mask"):
    """Which addresses are on this link."""

    length: u8 = _length()
    mask: ipv4 = field("one bits where the network's part is", wireshark="dhcp.option.subnet_mask")


class RouterAddress(Header, ref="RFC 2132 section 3.5", name="dhcp.router"):
    """A router on the link."""

    address: ipv4 = field("its address", wireshark="dhcp.option.router")


class Routers(DHCPOption, key=3, ref="RFC 2132 section 3.5", name="dhcp.option.routers"):
    """The way out of this link."""

    length: u8 = _length()
    routers: tuple[RouterAddress, ...] = items("the best first", RouterAddress, unnamed="Wireshark names each address")


class NameServerAddress(Header, ref="RFC 2132 section 3.8", name="dhcp.name_server"):
    """A server that answers questions about names."""

    address: ipv4 = field("its address", wireshark="dhcp.option.domain_name_server")


class DomainNameServers(DHCPOption, key=6, ref="RFC 2132 section 3.8", name="dhcp.option.dns"):
    """Whom to ask for names."""

    length: u8 = _length()
    servers: tuple[NameServerAddress, ...] = items("the best first", NameServerAddress,
                                                   unnamed="Wireshark names each address")  # fmt: skip


class HostName(DHCPOption, key=12, ref="RFC 2132 section 3.14", name="dhcp.option.host_name"):
    """What the client is called."""

    length: u8 = _length()
    text: bytes = octets("the name", show=_text, wireshark="dhcp.option.hostname")


class DomainNameOption(DHCPOption, key=15, ref="RFC 2132 section 3.17", name="dhcp.option.domain"):
    """What to append to short names."""

    length: u8 = _length()
    text: bytes = octets("the domain", show=_text, wireshark="dhcp.option.domain_name")


class RequestedAddress(DHCPOption, key=50, ref="RFC 2132 section 9.1", name="dhcp.option.requested_address"):
    """The address the client would like."""

    length: u8 = _length()
    address: ipv4 = field("the address", wireshark="dhcp.option.requested_ip_address")


class LeaseTime(DHCPOption, key=51, ref="RFC 2132 section 9.2", name="dhcp.option.lease_time"):
    """For how long the address may be used."""

    length: u8 = _length()
    seconds: u32 = field("the time", unit="s", wireshark="dhcp.option.ip_address_lease_time")


class ServerIdentifier(DHCPOption, key=54, ref="RFC 2132 section 9.7", name="dhcp.option.server"):
    """Which server offered, and which offer the client takes."""

    length: u8 = _length()
    address: ipv4 = field("the server's address", wireshark="dhcp.option.dhcp_server_id")


class WantedOption(Header, ref="RFC 2132 section 9.8", name="dhcp.wanted"):
    """Something the client wants to be told."""

    code: u8 = field("number of the option", wireshark="dhcp.option.request_list_item", values=OPTIONS)


class WantedOptions(DHCPOption, key=55, ref="RFC 2132 section 9.8", name="dhcp.option.wanted"):
    """What the client wants to be told."""

    length: u8 = _length()
    wanted: tuple[WantedOption, ...] = items("what it wants to know", WantedOption,
                                             unnamed="Wireshark names each of them")  # fmt: skip


class ErrorText(DHCPOption, key=56, ref="RFC 2132 section 9.9", name="dhcp.option.error_text"):
    """Why it was refused."""

    length: u8 = _length()
    text: bytes = octets("the reason", show=_text, wireshark="dhcp.option.message")


class ClientIdentifier(DHCPOption, key=61, ref="RFC 2132 section 9.14", name="dhcp.option.client"):
    """By what the server knows the client again; often its MAC address behind the hardware type."""

    length: u8 = _length()
    data: bytes = octets("type and identifier", unnamed="Wireshark takes it apart by type")


class RenewalTime(DHCPOption, key=58, ref="RFC 2132 section 9.11", name="dhcp.option.renewal_time"):
    """When to ask the same server again (T1)."""

    length: u8 = _length()
    seconds: u32 = field("the time", unit="s", wireshark="dhcp.option.renewal_time_value")


class RebindingTime(DHCPOption, key=59, ref="RFC 2132 section 9.12", name="dhcp.option.rebinding_time"):
    """When to ask any server (T2)."""

    length: u8 = _length()
    seconds: u32 = field("the time", unit="s", wireshark="dhcp.option.rebinding_time_value")


class DHCP(Header, ref="RFC 2131 section 2", rides={UDP: (67, 68)}, wireshark="dhcp"):
    """Gives a host that knows nothing an address, a router and a name server."""

    operation: u8 = preset("1 from a client, 2 from a server", 1, values={1: "request", 2: "reply"},
                           wireshark="dhcp.type")  # fmt: skip
    hardware_type: u8 = preset("kind of link address", 1, values={1: "Ethernet"}, base="hex", wireshark="dhcp.hw.type")
    hardware_length: u8 = preset("bytes of the link address", 6, wireshark="dhcp.hw.len")
    hops: u8 = preset("relays it passed", 0, wireshark="dhcp.hops")
    transaction: u32 = preset("the same in question and answer", 0, base="hex", wireshark="dhcp.id")
    elapsed: u16 = preset("since the client began to ask", 0, unit="s", wireshark="dhcp.secs")
    broadcast: u1 = preset("please answer to everybody: I cannot yet receive my own address", 0,
                           wireshark="dhcp.flags.bc")  # fmt: skip
    reserved: u15 = preset("must be zero", 0, base="hex", wireshark="dhcp.flags.reserved")
    client_address: ipv4 = preset("the client's address, if it has one and can answer ARP for it", bytes(4),
                                  wireshark="dhcp.ip.client")  # fmt: skip
    your_address: ipv4 = preset("the address for the client", bytes(4), wireshark="dhcp.ip.your")
    next_server: ipv4 = preset("where to load an operating system from", bytes(4), wireshark="dhcp.ip.server")
    relay_address: ipv4 = preset("the relay that passed it on; tells the server which link the client is on", bytes(4),
                                 wireshark="dhcp.ip.relay")  # fmt: skip
    client_mac: mac = preset("the client's link address", bytes(6), wireshark="dhcp.hw.mac_addr")
    address_padding: bytes = octets("room for longer link addresses", size=10, default=bytes(10),
                                    wireshark="dhcp.hw.addr_padding")  # fmt: skip
    server_name: bytes = octets("the server's name, if it says it", size=64, default=bytes(64), show=_text,
                                wireshark="dhcp.server")  # fmt: skip
    boot_file: bytes = octets("what to load", size=128, default=bytes(128), show=_text, wireshark="dhcp.file")
    cookie: u32 = preset("says that options follow", COOKIE, base="hex", wireshark="dhcp.cookie")
    options: tuple[DHCPOption, ...] = items("what is asked and told", DHCPOption, stop=EndOfDHCPOptions,
                                            unnamed="Wireshark names each option")  # fmt: skip

    @property
    def message(self) -> int:
        """Which of DHCP's messages (a key of MESSAGES); 0 for plain BOOTP."""
        return next((one.message for one in self.options if isinstance(one, DHCPMessageType)), 0)
