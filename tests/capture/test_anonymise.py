"""Anonymised captures: other addresses, the same structure, and checksums as right or wrong as before."""

import random
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import packetlab.protocols  # noqa: F401
from packetlab.capture import CaptureWriter, Name, read
from packetlab.capture.addresses import AddressMap
from packetlab.capture.anonymise import Anonymiser
from packetlab.capture.edit import anonymise
from packetlab.internet.ipv4 import IPv4
from packetlab.internet.ipv6 import IPv6
from packetlab.link.arp import ARP
from packetlab.link.ethernet import Ethernet
from packetlab.model.errors import CaptureError, UsageError
from packetlab.model.frame import Frame
from packetlab.model.packet import decapsulate
from packetlab.transport.tcp import TCP
from packetlab.transport.udp import UDP

KEY = "a key for tests"
MAP = AddressMap(KEY)


def shared_bits(one: bytes, other: bytes) -> int:
    width = len(one) * 8
    return width - (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).bit_length()


@settings(max_examples=200, deadline=None)
@given(st.data(), st.sampled_from([4, 16]))
def test_addresses_share_as_many_bits_after_as_before(data: st.DataObject, size: int) -> None:
    one = data.draw(st.binary(min_size=size, max_size=size))
    kept = data.draw(st.integers(0, size * 8 - 1))
    tail = data.draw(st.integers(0, (1 << (size * 8 - kept)) - 1))
    rest = size * 8 - kept
    other = (int.from_bytes(one, "big") >> rest << rest | tail).to_bytes(size, "big")
    solicited = bytes.fromhex("ff0200000000000000000001ff")
    if one.startswith(solicited) or other.startswith(solicited):
        return
    change = MAP.ipv4 if size == 4 else MAP.ipv6
    assert shared_bits(change(one), change(other)) == shared_bits(one, other)


def test_no_two_addresses_become_one_and_ranges_keep_their_meaning() -> None:
    chance = random.Random(1)
    seen = {}
    for _ in range(3000):
        before = chance.randbytes(4)
        after = MAP.ipv4(before)
        assert seen.setdefault(after, before) == before
        for question in ("is_multicast", "is_loopback", "is_link_local", "is_unspecified"):
            assert getattr(IPv4Address(before), question) == getattr(IPv4Address(after), question)


@pytest.mark.parametrize(
    "text", ["0.0.0.0", "255.255.255.255", "127.0.0.1", "224.0.0.251", "::", "::1", "ff02::1", "ff02::fb"]
)
def test_what_means_something_by_itself_stays(text: str) -> None:
    packed = ip_address(text).packed
    assert (MAP.ipv4 if len(packed) == 4 else MAP.ipv6)(packed) == packed


def test_private_and_link_local_networks_stay_what_they_are() -> None:
    for text, start in (
        ("10.1.2.3", b"\x0a"),
        ("192.168.7.9", b"\xc0\xa8"),
        ("fe80::1234", bytes.fromhex("fe80") + bytes(6)),
    ):
        packed = ip_address(text).packed
        after = (MAP.ipv4 if len(packed) == 4 else MAP.ipv6)(packed)
        assert after.startswith(start)
        assert after != packed


def test_another_key_gives_other_addresses_and_no_key_is_refused() -> None:
    address = IPv6Address("2001:db8::1").packed
    assert MAP.ipv6(address) == AddressMap(KEY).ipv6(address) != AddressMap("other").ipv6(address)
    with pytest.raises(UsageError):
        AddressMap("")


def test_mac_addresses_stay_single_cards_and_groups_stay_groups() -> None:
    card = MAP.mac(bytes.fromhex("001122334455"))
    assert card[0] & 3 == 2
    assert MAP.mac(b"\xff" * 6) == b"\xff" * 6
    assert MAP.mac(bytes.fromhex("01005e0000fb")) == bytes.fromhex("01005e0000fb")
    group = MAP.mac(bytes.fromhex("3333ff123456"))
    assert group[:3] == bytes.fromhex("3333ff")
    assert MAP.ipv6(IPv6Address("ff02::1:ff12:3456").packed)[13:] == group[3:]


def wire(packet: object) -> bytes:
    return packet.encapsulate()  # type: ignore[attr-defined, no-any-return]


ETHERNET = Ethernet(dst="00:11:22:33:44:55", src="00:aa:bb:cc:dd:ee")


def test_a_packet_gets_other_addresses_and_right_checksums() -> None:
    for data in (
        wire(ETHERNET / IPv4(src="198.51.100.7", dst="203.0.113.9") / TCP(src_port=1, dst_port=2) / b"hello"),
        wire(ETHERNET / IPv6(src="2001:db8::7", dst="2001:db8:1::9") / UDP(src_port=1, dst_port=2) / b"odd"),
        wire(ETHERNET / IPv4(src="198.51.100.7", dst="203.0.113.9") / UDP(src_port=1, dst_port=2) / b"hello"),
    ):
        changed = Anonymiser(KEY).data(data)
        before, after = decapsulate(data), decapsulate(changed)
        assert len(changed) == len(data)
        assert [type(layer) for layer in after.layers] == [type(layer) for layer in before.layers]
        assert after.payload == before.payload
        assert all(check.verdict == "right" for check in after.check()), after.check()
        ip = after.layers[1]
        assert ip.src != before.layers[1].src  # type: ignore[attr-defined]
        assert after.layers[0].src != before.layers[0].src  # type: ignore[attr-defined]


def test_a_wrong_checksum_stays_wrong_and_one_left_to_the_card_stays_so() -> None:
    ip = IPv4(src="198.51.100.7", dst="203.0.113.9")
    data = wire(ETHERNET / ip / TCP(src_port=1, dst_port=2, checksum=0x1234) / b"hello")
    after = decapsulate(Anonymiser(KEY).data(data))
    assert [check.verdict for check in after.check() if check.layer is after[TCP] and "sum" in check.field.name] == [
        "wrong"
    ]


def test_addresses_in_arp_are_replaced_consistently() -> None:
    data = wire(
        ETHERNET
        / ARP(sender_hardware="00:aa:bb:cc:dd:ee", sender_protocol="198.51.100.7", target_protocol="198.51.100.1")
    )
    arp = decapsulate(Anonymiser(KEY).data(data))[ARP]
    assert arp.sender_hardware == MAP.mac(bytes.fromhex("00aabbccddee"))
    assert arp.sender_protocol == MAP.ipv4(IPv4Address("198.51.100.7").packed)
    assert shared_bits(arp.sender_protocol, arp.target_protocol) == 29


def test_payloads_can_be_overwritten_without_making_checksums_wrong() -> None:
    data = wire(ETHERNET / IPv4(src="198.51.100.7", dst="203.0.113.9") / TCP(src_port=1, dst_port=2) / b"a password")
    changed = Anonymiser(KEY, payload="zero").data(data)
    after = decapsulate(changed)
    assert b"password" not in changed
    assert after.payload == bytes(10)
    assert all(check.verdict == "right" for check in after.check())


def test_bytes_that_nobody_understands_are_overwritten() -> None:
    anonymiser = Anonymiser(KEY)
    assert anonymiser.data(b"secret", 60_000) == bytes(6)
    assert anonymiser.not_understood == 1


def test_no_frame_of_the_corpora_breaks_and_verdicts_stay(corpora: Path) -> None:
    anonymiser = Anonymiser(KEY)
    chance = random.Random(5)
    files = [path for path in sorted(corpora.glob("*/**/*")) if path.is_file()]
    compared = 0
    for path in chance.sample(files, 400):
        try:
            capture = read(path)
        except CaptureError:
            continue
        with capture:
            for frame in capture.packets(12):
                changed = anonymiser.data(frame.data, frame.link_type)
                assert len(changed) == len(frame.data)
                before = decapsulate(frame.data, frame.link_type)
                after = decapsulate(changed, frame.link_type)
                if before.is_cut if hasattr(before, "is_cut") else any(layer.is_cut for layer in before.layers):
                    continue
                assert [type(one) for one in after.layers] == [type(one) for one in before.layers], (path, frame.number)
                assert [check.verdict for check in after.check()] == [check.verdict for check in before.check()], (
                    path,
                    frame.number,
                )
                compared += 1
    assert compared > 1500


def test_an_anonymised_file_leaves_names_and_comments_behind_and_says_what_it_is(tmp_path: Path) -> None:
    source = tmp_path / "a.pcapng"
    data = wire(ETHERNET / IPv4(src="198.51.100.7", dst="203.0.113.9") / UDP(src_port=1, dst_port=2) / b"x")
    with CaptureWriter(source, comments=["of alice"]) as writer:
        writer.add_names([Name(bytes([198, 51, 100, 7]), ("alice",))])
        writer.write(Frame(data, 5, len(data), 1, "eth0", "out", 1, "alice again"))
    result = anonymise(source, tmp_path / "b.pcapng", KEY)
    assert result.written == 1
    raw = (tmp_path / "b.pcapng").read_bytes()
    assert b"alice" not in raw
    assert bytes([198, 51, 100, 7]) not in raw
    with read(tmp_path / "b.pcapng") as capture:
        (frame,) = capture
        assert (frame.time, frame.direction, frame.wire_length) == (5, "out", len(data))
        assert capture.sections[0].comments == ['packetlab: anonymised from "a.pcapng"']
