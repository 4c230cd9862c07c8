"""What a declaration gives: a frozen value that fills itself, keeps what it was given, and refuses what cannot be."""

import copy
import pickle
import traceback

import pytest

import packetlab.protocols  # noqa: F401
from packetlab.internet.ipv4 import IPv4
from packetlab.link.ethernet import Ethernet
from packetlab.model.errors import UsageError
from packetlab.model.fields import auto, field, octets, preset, u4, u8, u16
from packetlab.model.header import ANY, Header
from packetlab.transport.tcp import TCP
from packetlab.transport.udp import UDP


def test_a_header_cannot_be_changed_only_replaced() -> None:
    udp = UDP(src_port=1, dst_port=2)
    with pytest.raises(AttributeError, match="replace"):
        udp.src_port = 3  # type: ignore[misc]
    with pytest.raises(AttributeError):
        udp.colour = 3  # type: ignore[attr-defined]
    assert udp.replace(src_port=3) == UDP(src_port=3, dst_port=2)
    assert udp.src_port == 1


def test_headers_are_equal_by_value_and_survive_pickle_and_copy() -> None:
    tcp = TCP(src_port=1, dst_port=2, flags="SYN,ACK")
    assert pickle.loads(pickle.dumps(tcp)) == tcp == copy.deepcopy(tcp)
    assert hash(copy.copy(tcp)) == hash(tcp)
    assert tcp != UDP(src_port=1, dst_port=2)


@pytest.mark.parametrize("port", [-1, 65536, "http", 1.5, None])
def test_a_number_that_does_not_fit_its_field_is_refused_when_the_header_is_made(port: object) -> None:
    with pytest.raises(UsageError):
        UDP(src_port=port, dst_port=2)  # type: ignore[arg-type]


@pytest.mark.parametrize("address", ["10.0.0", "10.0.0.256", "::1", b"123", 5])
def test_an_address_of_the_wrong_kind_is_refused(address: object) -> None:
    with pytest.raises(UsageError):
        IPv4(src=address, dst="10.0.0.1")  # type: ignore[arg-type]


def test_flags_are_numbers_bits_or_words() -> None:
    assert TCP(src_port=1, dst_port=2, flags="syn ack").flags == TCP.SYN | TCP.ACK == 0x12
    with pytest.raises(UsageError, match="SYM"):
        TCP(src_port=1, dst_port=2, flags="SYM")  # type: ignore[arg-type]


def test_a_value_given_by_hand_is_kept_right_or_wrong() -> None:
    packet = IPv4(src="10.0.0.1", dst="10.0.0.2", checksum=0xBAD, total_length=7, header_length=6) / b"xyz"
    raw = packet.encapsulate()
    assert raw[0] == 0x46
    assert raw[2:4] == b"\x00\x07"
    assert raw[10:12] == b"\x0b\xad"


def test_an_unknown_field_or_class_keyword_is_an_error_that_names_it() -> None:
    with pytest.raises(TypeError, match="colour"):
        UDP(src_port=1, dst_port=2, colour=3)  # type: ignore[call-arg]
    with pytest.raises(UsageError, match="colour"):
        UDP(src_port=1, dst_port=2).replace(colour=3)
    with pytest.raises(TypeError, match="refs"):
        type("Odd", (Header,), {}, refs="RFC 1")  # type: ignore[call-overload]


def test_a_traceback_shows_the_generated_line() -> None:
    try:
        UDP(src_port=object(), dst_port=1)  # type: ignore[arg-type]
    except UsageError:
        text = traceback.format_exc()
    assert "numbers(klass" in text


def test_fields_that_end_inside_a_byte_are_a_mistake_of_the_declaration() -> None:
    class Uneven(Header, ref="test"):
        """Four bits only."""

        half: u4 = field("half a byte")

    Header.subclasses.remove(Uneven)
    with pytest.raises(TypeError, match="inside a byte"):
        Uneven(half=1)


def test_conditional_fields_are_there_only_when_their_condition_says_so() -> None:
    class Optional(Header, ref="test"):
        """A flag and a number that may be absent."""

        present: u8 = field("is the number there?")
        number: u16 = preset("the number", 0, when=lambda h: h.present)
        rest: bytes = octets("what follows")

    Header.subclasses.remove(Optional)
    assert Optional(present=1, number=0x0203, rest=b"x").encode() == b"\x01\x02\x03x"
    assert Optional(present=0, number=0x0203, rest=b"x").encode() == b"\x00x"
    decoded = Optional._decode(b"\x01\x02\x03x", 0, 4, [])[0]
    assert (decoded.number, decoded.rest) == (0x0203, b"x")
    assert Optional._decode(b"\x00x", 0, 2, [])[0].rest == b"x"


def test_a_length_may_count_what_follows_it_in_units_of_its_own() -> None:
    class Counted(Header, ref="test"):
        """A byte, the length of the rest in pairs of bytes, the rest."""

        kind: u8 = field("any")
        length: u8 = auto.length("pairs of bytes that follow", counts="after", unit=2)
        rest: bytes = octets("what follows")

    Header.subclasses.remove(Counted)
    assert Counted(kind=7, rest=b"abcd").encode() == b"\x07\x02abcd"
    header, at, _, _ = Counted._decode(b"\x07\x02abcdef", 0, 8, [])
    assert (header.rest, at) == (b"abcd", 6)


def test_the_next_protocol_is_filled_from_what_is_inside() -> None:
    frame = Ethernet(dst=bytes(6), src=bytes(6)) / IPv4(src="10.0.0.1", dst="10.0.0.2") / UDP(src_port=1, dst_port=2)
    raw = frame.encapsulate()
    assert raw[12:14] == b"\x08\x00"
    assert raw[23] == 17


def test_each_carrier_has_a_table_of_its_own() -> None:
    assert 6 in IPv4.table and 6 not in Ethernet.table and 0x0800 not in IPv4.table
    assert not Header.table


def test_a_family_may_have_a_member_for_all_other_keys() -> None:
    class Element(Header, ref="packetlab", family="kind", name="test.element"):
        kind: u8 = auto.key("which", unnamed="test")

    class One(Element, key=1, name="test.element.one"):
        pass

    class Other(Element, key=ANY, name="test.element.other"):
        length: u8 = auto.length("of it all", counts="header", unnamed="test")
        data: bytes = octets("the rest", unnamed="test")

    assert type(Element._decode(b"\x01", 0, 1, [])[0]) is One
    assert Element._decode(b"\x07\x03x", 0, 3, [])[0] == Other(kind=7, length=3, data=b"x")
    assert Other(kind=9, data=b"ab").encode() == b"\x09\x04ab"
    assert Element._decode(b"", 0, 0, [])[0].is_cut
