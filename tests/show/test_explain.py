"""Names are found, near names suggested, hex read as people paste it."""

import subprocess

import pytest

from packetlab import show
from packetlab.internet.ipv4 import IPv4
from packetlab.link.ethernet import Ethernet
from packetlab.model.errors import UsageError
from packetlab.show.explain import explain_all, name_dict
from packetlab.show.hexinput import bytes_from_hex, first_of, looks_like_hex
from packetlab.show.names import protocols, subjects
from tests.show.packets import tcp, udp


@pytest.mark.parametrize("name", ["tcp.window", "TCP.Window", "tcp.window_size_value"])
def test_a_field_is_found_by_our_name_and_by_wiresharks(name: str) -> None:
    text = str(show.explain_name(name))
    assert "tcp.window" in text and "RFC 9293" in text and "2 bytes, at byte 14 of the TCP header" in text


def test_a_flag_is_found_by_our_name_and_by_wiresharks() -> None:
    assert str(show.explain_name("tcp.syn")) == str(show.explain_name("tcp.flags.syn"))


def test_a_value_of_a_field_is_explained() -> None:
    text = str(show.explain_name("tcp.flags=0x12"))
    assert "SYN: opens a connection" in text and "FIN" not in text
    with pytest.raises(UsageError, match="no number"):
        str(show.explain_name("tcp.flags=SYN"))
    with pytest.raises(UsageError, match="cannot hold"):
        str(show.explain_name("ipv4.ttl=256"))


def test_a_protocol_is_drawn_and_every_field_named() -> None:
    text = str(show.explain_name("udp"))
    assert "+-+-+" in text and "src_port" in text and "IPv4 (17" in text


def test_unknown_names_suggest_the_nearest() -> None:
    with pytest.raises(UsageError) as caught:
        show.explain_name("tcp.dst_prt")
    assert "tcp.dst_port" in caught.value.remedy
    with pytest.raises(UsageError):
        show.explain_name("\x1b[2J")


def test_a_bare_field_name_lists_where_it_is() -> None:
    assert "udp.checksum" in str(show.explain_name("checksum")) and "ipv4.checksum" in str(
        show.explain_name("checksum")
    )


def test_everything_that_has_a_name_can_be_explained() -> None:
    for name in subjects():
        assert str(show.explain_name(name)) and name_dict(name)
    assert len(str(explain_all()).splitlines()) >= len(protocols())


def test_a_packet_is_explained_field_by_field() -> None:
    text = str(show.explain(tcp("RST")))
    assert "window = 65535" in text and "RST: ends the connection at once" in text and "RFC 791" in text


def test_plain_hex_is_read_with_any_separators() -> None:
    wanted = udp().encapsulate()
    for text in (wanted.hex(), wanted.hex(":"), wanted.hex(" "), "0x" + wanted.hex(), wanted.hex("\n", 7)):
        assert bytes_from_hex(text) == wanted


def test_our_own_dump_is_read_back() -> None:
    for size in range(20):
        packet = udp(b"abcd ef 12"[:10] * 2 + b"x" * size)
        dump = str(show.bytes_view(packet, fields=False))
        assert bytes_from_hex(dump) == packet.encapsulate()


@pytest.mark.parametrize("command", [["xxd"], ["hexdump", "-C"], ["od", "-A", "x", "-t", "x1"]])
def test_dumps_of_other_programs_are_read(command: list[str]) -> None:
    wanted = udp(b"dead beef cafe 0123").encapsulate()
    try:
        done = subprocess.run(command, input=wanted, capture_output=True, check=True)
    except FileNotFoundError:
        pytest.skip(f"{command[0]} is not installed")
    assert bytes_from_hex(done.stdout.decode()) == wanted


@pytest.mark.parametrize("bad", ["", "xyz", "123", "45 00 0g"])
def test_what_is_no_hex_is_refused_with_a_remedy(bad: str) -> None:
    with pytest.raises(UsageError) as caught:
        bytes_from_hex(bad)
    assert caught.value.remedy


def test_the_outermost_header_is_guessed_or_named() -> None:
    whole = udp().encapsulate()
    assert first_of(whole, None) is Ethernet and first_of(whole[14:], None) is IPv4
    assert first_of(whole, "ipv4") is IPv4 and first_of(b"", None) is Ethernet
    with pytest.raises(UsageError, match="field"):
        first_of(whole, "tcp.window")


def test_names_are_not_taken_for_hex() -> None:
    assert not looks_like_hex("ace") and not looks_like_hex("tcp.window") and looks_like_hex("4500" * 5)
