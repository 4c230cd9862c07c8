"""ARP, VLAN tags, LLC, spanning tree, cooked and loopback headers: what their variants and tables decide."""

import pytest

import packetlab.protocols  # noqa: F401
from packetlab.internet.ipv4 import IPv4
from packetlab.internet.ipv6 import IPv6
from packetlab.link.arp import ARP, RARP, OtherARP
from packetlab.link.ethernet import IEEE8023, Ethernet
from packetlab.link.linux_cooked import LinuxCooked, LinuxCooked2, LinuxCooked2LLC, LinuxCookedLLC
from packetlab.link.llc import BPDU, LLC, SNAP, CiscoSNAP, ConfigurationBPDU, OtherSNAP, RapidBPDU, TopologyChangeBPDU
from packetlab.link.loopback import Loopback, Null, RawIP
from packetlab.link.vlan import VLAN, ServiceVLAN, VLANWithLength
from packetlab.model.header import Header
from packetlab.model.packet import Packet, decapsulate
from packetlab.transport.udp import UDP

ETHERNET = Ethernet(dst="02:00:00:00:00:02", src="02:00:00:00:00:01")
FRAME = IEEE8023(dst="01:80:c2:00:00:00", src="02:00:00:00:00:01")
V4 = IPv4(src="192.0.2.1", dst="192.0.2.2") / UDP(src_port=1, dst_port=2) / b"x"
V6 = IPv6(src="2001:db8::1", dst="2001:db8::2") / UDP(src_port=1, dst_port=2) / b"x"
ADDRESSES = {"root_address": "02:00:00:00:00:01", "bridge_address": "02:00:00:00:00:02"}


def kinds(packet: Packet) -> list[type[Header]]:
    return [type(header) for header in packet.layers]


def test_padding_behind_arp_is_a_trailer_not_a_payload() -> None:
    asked = ETHERNET / ARP(sender_hardware=ETHERNET.src, sender_protocol="192.0.2.1", target_protocol="192.0.2.2")
    padded = decapsulate(asked.encapsulate() + bytes(18))
    assert kinds(padded) == [Ethernet, ARP] and padded.payload == b"" and padded.trailers == ((1, bytes(18)),)
    assert padded.encapsulate() == asked.encapsulate() + bytes(18) and padded[Ethernet].type == 0x0806


def test_arp_with_other_address_lengths_keeps_its_addresses_as_bytes() -> None:
    made = OtherARP(hardware_type=32, protocol_type=0x0800, sender_hardware=bytes(20), sender_protocol=b"\xc0\0\2\1",
                    target_hardware=bytes(20), target_protocol=b"\xc0\0\2\2")  # fmt: skip
    found = (ETHERNET / made).filled()
    assert found[OtherARP].hardware_length == 20 and found[OtherARP].protocol_length == 4 and not found.faults
    assert ARP not in found


def test_rarp_rides_under_a_type_of_its_own() -> None:
    asked = RARP(operation=3, sender_hardware="02:00:00:00:00:01", sender_protocol="0.0.0.0", target_protocol="0.0.0.0")
    assert (ETHERNET / asked).filled()[Ethernet].type == 0x8035


@pytest.mark.parametrize(("tag", "number"), [(VLAN(id=7), 0x8100), (ServiceVLAN(id=7), 0x88A8)])
def test_a_tag_carries_what_ethernet_carries(tag: Header, number: int) -> None:
    for inside, kind in ((V4, 0x0800), (V6, 0x86DD), (VLAN(id=9) / V4, 0x8100)):
        found = (ETHERNET / tag / inside).filled()
        assert found[Ethernet].type == number and found.layers[1].type == kind  # type: ignore[attr-defined]
        assert not found.faults and found[UDP].length == 9


def test_a_tag_before_a_length_is_told_from_one_before_a_type() -> None:
    found = (ETHERNET / VLANWithLength(id=3) / LLC() / BPDU(type=0x80)).filled()
    assert kinds(found) == [Ethernet, VLANWithLength, LLC, TopologyChangeBPDU] and found[VLANWithLength].length == 7


def test_llc_names_what_is_inside_at_both_ends() -> None:
    for inside, number in ((ConfigurationBPDU(**ADDRESSES), 0x42), (SNAP() / V4, 0xAA)):
        found = (FRAME / LLC() / inside).filled()
        assert (found[LLC].dsap, found[LLC].ssap) == (number, number) and not found.faults


def test_an_organisation_of_its_own_keeps_its_types_apart_from_ether_types() -> None:
    private = (FRAME / LLC() / OtherSNAP(oui=0x080007, type=0x0800) / bytes(20)).filled()
    assert kinds(private) == [IEEE8023, LLC, OtherSNAP] and private.payload == bytes(20)
    tree = (FRAME / LLC() / CiscoSNAP() / RapidBPDU(**ADDRESSES, flags="PROPOSAL")).filled()
    assert tree[CiscoSNAP].type == 0x010B and tree[RapidBPDU].version == 2 and tree[RapidBPDU].flags == 2


def test_llc_of_a_connection_has_a_second_control_byte() -> None:
    numbered = decapsulate(bytes.fromhex("0180c2000000020000000001 0004 f0f0 0108"))
    assert (numbered[LLC].control, numbered[LLC].expected) == (1, 8) and numbered.payload == b""


def test_bridge_times_are_shown_in_seconds() -> None:
    assert ConfigurationBPDU.spec("max_age").show is not None
    assert ConfigurationBPDU.spec("max_age").show(20 * 256) == "20 s"  # type: ignore[misc]


@pytest.mark.parametrize(("kind", "llc_kind"), [(LinuxCooked, LinuxCookedLLC), (LinuxCooked2, LinuxCooked2LLC)])
def test_cooked_headers_carry_ether_types_and_llc(kind: type[Header], llc_kind: type[Header]) -> None:
    assert kinds(decapsulate((kind() / V6).encapsulate(), kind)) == [kind, IPv6, UDP]
    cooked = decapsulate((llc_kind() / LLC() / BPDU(type=0x80)).encapsulate(), kind)
    assert kinds(cooked) == [llc_kind, LLC, TopologyChangeBPDU] and not cooked.faults


def test_an_address_longer_than_its_room_is_cut_to_it() -> None:
    data = bytearray((LinuxCooked() / V4).encapsulate())
    data[4:6] = (20).to_bytes(2, "big")
    found = decapsulate(bytes(data), LinuxCooked)
    assert len(found[LinuxCooked].address) == 8 and found[LinuxCooked].unused == b"" and found[UDP].length == 9
    assert found.encapsulate() == bytes(data)


@pytest.mark.parametrize(("family", "kind"), [(2, IPv4), (24, IPv6), (28, IPv6), (30, IPv6)])
@pytest.mark.parametrize("order", ["little", "big"])
def test_bsd_loopback_is_read_in_either_byte_order(family: int, kind: type[Header], order: str) -> None:
    inside = V4 if kind is IPv4 else V6
    data = family.to_bytes(4, order) + inside.encapsulate()  # type: ignore[arg-type]
    assert kinds(decapsulate(data, 0)) == [Null if order == "little" else Loopback, kind, UDP]


@pytest.mark.parametrize("link_type", [12, 14, 101])
def test_raw_packets_tell_their_version_themselves(link_type: int) -> None:
    assert kinds(decapsulate(V4.encapsulate(), link_type)) == [IPv4, UDP]
    assert kinds(decapsulate(V6.encapsulate(), link_type)) == [IPv6, UDP]
    other = decapsulate(b"\x10abc", link_type)
    assert kinds(other) == [RawIP] and other.payload == b"\x10abc"
    assert decapsulate(b"", link_type).encapsulate() == b""


def test_ip_link_types_name_the_version() -> None:
    assert kinds(decapsulate(V4.encapsulate(), 228)) == [IPv4, UDP]
    assert kinds(decapsulate(V6.encapsulate(), 229)) == [IPv6, UDP]
