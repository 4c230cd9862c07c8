"""What packetlab does not know is shown through dpkt or scapy; their failures are not ours."""

import random
import subprocess
import sys

import pytest

from packetlab import show
from packetlab.interop.foreign import foreign_layers
from packetlab.model.frame import Frame
from packetlab.model.packet import Packet, decapsulate
from packetlab.show.view import look
from tests.show.packets import ip, link, tcp, udp

ATA = bytes.fromhex("100000050100000000010001ec000000000000000000")
"""ATA over Ethernet: a question for the configuration of a disk."""


def test_an_ethertype_that_dpkt_knows_is_taken_apart_and_marked() -> None:
    packet = link().replace(type=0x88A2) / ATA
    found = look(packet).foreign
    assert found and found[0].title == "AOE" and found[0].source == "dpkt" and found[0].offset == 14
    assert sum(layer.size for layer in found) <= len(ATA)
    assert "read by dpkt" in str(show.layers(packet)) and "read by dpkt" in str(show.explain(packet))


def test_a_link_type_that_only_scapy_knows_is_taken_apart_by_scapy() -> None:
    pytest.importorskip("scapy")
    frame = Frame(bytes.fromhex("0000080069000000") + b"\x40\x00\x00\x00" + bytes(12), 0, 20, link_type=192)
    found = look(decapsulate(frame.data, 192), frame).foreign
    assert found and found[0].source == "scapy"


def test_ordinary_data_stays_data_and_imports_nothing() -> None:
    assert look(tcp("ACK", b"hello")).foreign == ()
    code = (
        "import sys; from tests.show.packets import udp; from packetlab import show;"
        "str(show.layers(udp(b'data', port=40001))); print('dpkt' in sys.modules, 'scapy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_the_numbers_for_experiments_name_no_protocol_and_import_nothing() -> None:
    code = (
        "import sys; from tests.show.packets import ip, link; from packetlab import show;"
        "made = [link().replace(type=0x88B5) / b'hello', link() / ip().replace(protocol=253) / b'hello'];"
        "[str(show.layers(each)) for each in made]; print('dpkt' in sys.modules, 'scapy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_noise_never_raises_and_answers_are_bounded() -> None:
    noise = random.Random(7)
    carriers: list[Packet] = [link().replace(type=number) / b"" for number in (0x88A2, 0x88CC, 0x8137, 0x2000, 0x1234)]
    carriers += [link() / ip().replace(protocol=number) / b"" for number in (89, 103, 112, 132, 51, 255)]
    carriers += [udp(b"", port=number) for number in (123, 69, 520, 1812, 5060, 137)]
    for _ in range(300):
        carrier = noise.choice(carriers)
        payload = noise.randbytes(noise.randrange(1, 200))
        for layer in foreign_layers(carrier.filled(), payload, 14):
            assert len(layer.fields) <= 60 and all(len(text) <= 400 for _, text in layer.fields)
            assert 0 <= layer.size <= len(payload)


def test_hostile_text_from_another_library_is_made_safe() -> None:
    packet = udp(b"INVITE sip:\x1b[2J SIP/2.0\r\nVia: <script>\r\n\r\n", port=5060)
    assert "\x1b" not in str(show.layers(packet)) and "<script>" not in show.layers(packet)._repr_html_()
