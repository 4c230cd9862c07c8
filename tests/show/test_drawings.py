"""The hexdump, the RFC figure and the ladder."""

from packetlab import show
from packetlab.model.frame import Frame
from packetlab.show.bytes import regions
from packetlab.show.relative import RelativeNumbers
from packetlab.show.view import look
from tests.show.packets import A, B, handshake, segment, tcp, udp


def test_every_byte_belongs_to_exactly_one_region() -> None:
    for packet in (udp(), tcp("ACK", b"x" * 50)):
        at = 0
        for region in regions(look(packet)):
            assert region.start == at
            at = region.end
        assert at == len(packet.encapsulate())


def test_the_dump_shows_every_byte_and_names_fields_that_share_one() -> None:
    packet = udp(b"\x00\x01hello")
    text = str(show.bytes_view(packet))
    rows = [line for line in text.split("\n\n")[0].splitlines() if line[:4].strip().isalnum() and line[4:6] == "  "]
    assert "".join("".join(row[6:55].split()) for row in rows) == packet.encapsulate().hex()
    assert "version=4  header_length=20 bytes" in text


def test_the_figure_is_the_one_of_the_rfc_with_the_values_of_this_packet() -> None:
    lines = str(show.figure(udp())).split("\n\n")[2].splitlines()
    assert lines[3:] == [
        "  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+",
        "  |           src_port            |           dst_port            |",
        "  |             40000             |             40001             |",
        "  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+",
        "  |            length             |           checksum            |",
        f"  |           13 bytes            |            0x{udp().filled().layers[2].checksum:04x}             |",  # type: ignore[attr-defined]
        "  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+",
    ]


def test_a_field_over_two_rows_has_no_border_inside() -> None:
    lines = str(show.figure(udp())).split("\n\n")[0].splitlines()
    assert "  +                               +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+" in lines


def test_the_ladder_shows_relative_times_and_numbers() -> None:
    lines = str(show.ladder(handshake())).splitlines()
    assert "10.0.0.1:40000" in lines[0] and "10.0.0.2:80" in lines[0]
    assert lines[1].startswith("  0.000000 │── SYN seq=0") and lines[1].endswith("▶│")
    assert lines[2].startswith("  0.000120 │◀─ SYN ACK seq=0 ack=1") and lines[2].endswith("─│")
    assert "ACK seq=1 ack=1" in lines[3] and "HTTP GET / HTTP/1.0 seq=1 ack=1 len=18" in lines[4]
    assert all(len(line) <= 80 for line in lines)


def test_a_ladder_of_three_hosts_letters_them() -> None:
    frames = [*handshake(), segment("10.0.0.3", A, (9, 9), "RST", 0, 0)]
    text = str(show.ladder(frames))
    assert "A 10.0.0.1" in text and "C 10.0.0.3" in text
    assert all(len(line) <= 80 for line in text.splitlines())


def test_more_hosts_than_fit_become_a_list() -> None:
    frames = [segment(f"10.0.0.{n}", f"10.0.1.{n}", (1, 2), "SYN", 0, 0) for n in range(20)]
    lines = str(show.ladder(frames)).splitlines()
    assert len(lines) == 20 and "10.0.0.7 → 10.0.1.7" in lines[7]


def test_a_host_that_talks_to_itself_has_two_lifelines() -> None:
    frames = [
        segment("127.0.0.1", "127.0.0.1", (5, 6), "SYN", 0, 0),
        segment("127.0.0.1", "127.0.0.1", (6, 5), "RST", 0, 0),
    ]
    lines = str(show.ladder(frames)).splitlines()
    assert "127.0.0.1:5" in lines[0] and "▶" in lines[1] and "◀" in lines[2]


def test_names_replace_addresses() -> None:
    assert "client:40000" in str(show.ladder(handshake(), names={A: "client", B: "server"}))


def test_an_empty_ladder_and_frames_of_garbage_are_no_errors() -> None:
    assert str(show.ladder([])) == "no packets"
    str(show.ladder([Frame(b"", 0, 0), Frame(b"\xff" * 9, 1, 9), Frame(b"x", 2, 1, link_type=999)]))


def test_numbers_of_a_connection_met_half_way_start_at_one_and_wrap() -> None:
    from packetlab.model.packet import decapsulate

    relative = RelativeNumbers()
    last = 2**32 - 1
    first = decapsulate(segment(A, B, (1, 2), "ACK", last, 500).data)
    after = decapsulate(segment(A, B, (1, 2), "ACK", 9, 500).data)
    assert relative.of(first) == (1, 1)
    assert relative.of(after) == (11, 1)
    assert relative.of(decapsulate(udp().encapsulate())) is None


def test_a_long_field_is_cut_with_a_row_that_says_so() -> None:
    from packetlab.application.dns import query
    from packetlab.transport.udp import UDP
    from tests.show.packets import ip, link

    packet = link() / ip() / UDP(src_port=40000, dst_port=53) / query("a-rather-long-name.example.org", identifier=1)
    text = str(show.figure(packet))
    assert "rows more ~" in text and "a-rather-long-name.example.org" in text
    assert all(len(line) <= 80 for line in text.splitlines())
