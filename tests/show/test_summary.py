"""One line for each packet."""

import pytest

from packetlab import show
from packetlab.model.frame import Frame
from packetlab.model.packet import decapsulate
from packetlab.show.listing import Listing
from packetlab.transport.tcp import TCP, MaximumSegmentSize, SACKPermitted, WindowScale
from tests.show.packets import HOSTILE, handshake, ip, link, tcp, udp


def test_a_syn_shows_its_options() -> None:
    options = (MaximumSegmentSize(size=1460), SACKPermitted(), WindowScale(shift=7))
    packet = link() / ip() / TCP(src_port=40000, dst_port=80, flags="SYN", window=64240, options=options)
    assert show.summary(packet) == "TCP 40000 -> 80 [SYN] seq=0 win=64240 mss=1460 sack-ok ws=7"


def test_relative_numbers_replace_the_raw_ones() -> None:
    assert "seq=1 ack=2" in show.summary(tcp("ACK", sequence=900, acknowledgment=901), relative=(1, 2))


def test_a_fragment_says_where_it_belongs() -> None:
    packet = link() / ip().replace(protocol=17, fragment_offset=185, identification=7) / bytes(100)
    assert show.summary(packet) == "IPv4 10.0.0.1 -> 10.0.0.2 UDP, fragment 0x0007: bytes 1480-1579, the last"


def test_endpoints_are_addresses_or_cards() -> None:
    assert show.endpoints(udp()) == ("10.0.0.1", "10.0.0.2")
    assert show.endpoints(link() / b"x") == ("02:00:00:00:00:01", "02:00:00:00:00:02")
    assert show.endpoints(decapsulate(b"")) == ("", "")


@pytest.mark.parametrize("size", range(0, 62, 3))
def test_a_packet_that_is_cut_anywhere_has_a_line(size: int) -> None:
    packet = decapsulate(tcp("SYN", b"12345678").encapsulate()[:size])
    assert show.summary(packet)
    assert str(show.layers(packet))


def test_a_line_is_bounded_and_safe() -> None:
    line = show.summary(udp(HOSTILE * 100))
    assert len(line) <= 400 and line.isprintable()


def test_a_list_counts_time_from_its_first_frame_and_names_unknown_links() -> None:
    listing = Listing()
    lines = [str(listing.line(frame)) for frame in [*handshake(), Frame(b"abc", 500_000, 3, link_type=999)]]
    assert lines[1].split()[0] == "0.000120" and "seq=0 ack=1" in lines[1]
    assert lines[-1].endswith("link type 999, 3 bytes")
