"""MPLS: labels in front of a packet, by which a carrier's switches forward it (RFC 3032).

Labels are stacked; the last says so, and nothing says what it carries: as everybody does, the first four bits are
taken for the version of IP. What begins otherwise (Ethernet over MPLS, RFC 4448) stays payload.
"""

from packetlab.link.ethernet import Ethernet
from packetlab.link.loopback import RawIP
from packetlab.model.fields import auto, field, preset, u1, u3, u8, u20
from packetlab.model.header import Header

LABELS = {0: "IPv4 explicit null", 1: "router alert", 2: "IPv6 explicit null", 3: "implicit null", 7: "entropy label",
          13: "associated channel (GAL)", 14: "OAM alert"}  # fmt: skip


class MPLS(Header, ref="RFC 3032 section 2.1", rides={Ethernet: (0x8847, 0x8848)}, wireshark="mpls"):
    """One label: the next switch looks it up, swaps it, and needs to know nothing of the packet inside."""

    label: u20 = field("which path the packet is on; each switch has its own numbers", wireshark="mpls.label",
                       values=LABELS)  # fmt: skip
    traffic_class: u3 = preset("how urgent it is", 0, wireshark="mpls.exp", ref="RFC 5462")
    bottom: u1 = auto.next_protocol("1: this is the last label, the packet follows; 0: another label follows",
                                    otherwise=1, wireshark="mpls.bottom")  # fmt: skip
    ttl: u8 = preset("hops it may still take among the switches", 64, wireshark="mpls.ttl")


MPLS.ride_on(MPLS, 0)
RawIP.ride_on(MPLS, 1)
