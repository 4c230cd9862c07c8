"""What each layer adds, for packets composed, received, damaged and foreign."""

import json
import re

from packetlab import show
from packetlab.model.frame import Frame
from packetlab.model.packet import decapsulate
from packetlab.show.data import as_dict
from packetlab.show.view import look
from packetlab.transport.udp import UDP
from tests.show.packets import HOSTILE, ip, link, segment, tcp, udp

CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")


def test_a_composed_packet_says_what_was_filled_and_how() -> None:
    text = str(show.layers(udp()))
    assert "Composed packet: 47 bytes, 3 layers, 5 bytes of payload" in text
    assert re.search(r"length +13 bytes +✓ +← counted: this header and what is inside", text)
    assert re.search(r"type +0x0800 +IPv4 +← from what is inside: IPv4", text)
    assert "8 bytes, 17.0 % of the frame" in text


def test_a_value_given_by_hand_is_not_called_automatic_and_is_checked() -> None:
    packet = link() / ip() / UDP(src_port=1, dst_port=40001, checksum=0x1234) / b"x"
    field = {field.name: field for field in look(packet).layers[2].fields}["checksum"]
    assert not field.automatic and field.checks[0].verdict == "wrong"
    assert "✗ is 0x1234" in str(show.layers(packet))


def test_a_composed_packet_that_reads_otherwise_is_shown_as_it_was_composed() -> None:
    packet = link().replace(type=0x88B5) / ip() / UDP(src_port=1, dst_port=2) / b"x"
    assert [layer.title for layer in look(packet).layers] == ["Ethernet", "IPv4", "UDP"]


def test_a_received_packet_says_nothing_of_filling() -> None:
    text = str(show.layers(decapsulate(udp().encapsulate())))
    assert "←" not in text and "Frame: 47 bytes" in text


def test_set_flags_are_listed_with_their_meaning() -> None:
    text = str(show.layers(tcp("SYN ACK")))
    assert "0x012  ACK SYN" in text and "opens a connection" in text and "FIN" not in text


def test_a_fault_stands_in_the_layer_where_it_is_and_names_who_cut() -> None:
    data = udp(b"x" * 100).encapsulate()
    frame = Frame(data[:60], 0, len(data))
    packet = decapsulate(frame.data, wire_length=frame.wire_length)
    text = str(show.layers(packet, frame))
    assert "only 60 of them captured" in text and "the capture kept no more of it" in text
    seen = look(packet, frame)
    assert seen.layers[1].faults and not seen.layers[0].faults


def test_a_cut_header_shows_the_fields_that_came_before() -> None:
    text = str(show.layers(decapsulate(tcp().encapsulate()[:40])))
    assert "src_port  40000" in text and "rest of the cut header" in text and "window" not in text


def test_padding_is_told_from_payload() -> None:
    packet = decapsulate(udp(b"").encapsulate() + bytes(18))
    assert "padding behind Ethernet" in str(show.layers(packet)) or "padding behind" in str(show.layers(packet))


def test_a_hostile_payload_is_shown_and_not_obeyed() -> None:
    packet = udp(HOSTILE)
    for view in (show.layers, show.bytes_view, show.figure, show.explain):
        made = view(packet)
        assert not CONTROL.search(str(made))
        assert "<script>" not in made._repr_html_()
    assert not CONTROL.search(show.summary(packet))
    assert "\\x1b[2J" in str(show.layers(packet))


def test_every_view_fits_eighty_columns() -> None:
    packet = tcp("SYN ACK", b"some data that is longer than a line of eighty columns " * 4)
    for view in (show.layers, show.bytes_view, show.figure, show.explain):
        assert max(map(len, str(view(packet)).splitlines())) <= 80


def test_the_same_facts_come_as_json() -> None:
    frame = segment("10.0.0.1", "10.0.0.2", (1, 2), "SYN", 7, 0, data=b"\x1b[2J")
    made = as_dict(decapsulate(frame.data), frame)
    made = json.loads(json.dumps(made))
    assert made["source"] == "10.0.0.1" and made["length"] == 58 and made["wire_length"] == 58
    tcp_layer = made["layers"][2]
    assert tcp_layer["name"] == "tcp" and tcp_layer["offset"] == 34
    fields = {field["name"]: field for field in tcp_layer["fields"]}
    assert fields["flags"]["value"] == 2 and fields["flags"]["flags"][0]["name"] == "SYN"
    assert fields["sequence"]["value"] == 7 and fields["checksum"]["verdict"] == "right"
    assert made["payload"]["hex"] == "1b5b324a" and made["faults"] == []


def test_a_notebook_shows_a_packet_as_a_page() -> None:
    assert udp()._repr_html_().startswith("<pre")  # type: ignore[attr-defined]


def test_showing_packets_in_a_pipe_imports_neither_rich_nor_dpkt_nor_numpy() -> None:
    import subprocess
    import sys

    code = (
        "import sys; from tests.show.packets import udp; from packetlab import show;"
        "show.print_to_terminal(show.layers(udp()));"
        "print([m for m in ('rich', 'dpkt', 'scapy', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_packet_too_long_for_its_length_field_is_shown_and_verified() -> None:
    long = link() / ip().replace(total_length=0) / UDP(src_port=1, dst_port=40001, length=0) / bytes(70_000)
    text = " ".join(str(show.layers(decapsulate(long.encapsulate()))).split())
    assert "left to the network card" in text and "✗" not in text
