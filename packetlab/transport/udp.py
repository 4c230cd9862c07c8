"""UDP: one datagram from process to process (RFC 768)."""

from packetlab.internet.gre import GRE
from packetlab.internet.ipv4 import IPv4
from packetlab.internet.ipv6 import IPv6
from packetlab.model.fields import auto, field, u16
from packetlab.model.header import Header


class UDP(Header, ref="RFC 768", rides={IPv4: 17, IPv6: 17}, next_by=("dst_port", "src_port"), wireshark="udp"):
    """Carries a datagram from one port to another; promises nothing."""

    src_port: u16 = field("where a reply should go; 0 if none is wanted", wireshark="udp.srcport", also=("udp.port",))
    dst_port: u16 = field("the process this is for", wireshark="udp.dstport", also=("udp.port",))
    length: u16 = auto.length("header and data, in bytes", zero_is_rest=True, wireshark="udp.length", unit=1)
    checksum: u16 = auto.checksum(
        "finds damage to the data, the ports and (through the pseudo-header) the addresses; 0 means none was made",
        over="pseudo", zero_as=0xFFFF, optional=True, wireshark="udp.checksum",
    )  # fmt: skip


GRE.ride_on(UDP, 4754)  # GRE in UDP, which routers spread over paths: RFC 8086
