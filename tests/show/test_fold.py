"""Lines of frames that do not fit: what is about the frame stays above, its facts go below, no unit stands alone."""

import pytest

from packetlab.internet.icmp import EchoRequest
from packetlab.model.frame import Frame
from packetlab.show.fold import folded
from packetlab.show.listing import Listing
from tests.show.packets import ip, link

ECHO = "   5    0.029  c eth0 -> 10.29.3.114 > 10.29.3.204 ICMP echo request id=50712 seq=1 56 bytes"


HEAD, BELOW = ECHO.partition(" id=")[0], " " * 15


@pytest.mark.parametrize(("line", "width", "wanted"), [
    (ECHO, 100, [ECHO]),
    (ECHO, 80, [HEAD, BELOW + "id=50712 seq=1 56 bytes"]),
    (ECHO, len(ECHO) - 1, [HEAD, BELOW + "id=50712 seq=1 56 bytes"]),
    (ECHO, 36, ["   5    0.029  c eth0 -> 10.29.3.114", BELOW + "> 10.29.3.204 ICMP", BELOW + "echo request id=50712",
                BELOW + "seq=1 56 bytes"]),
    ("   6  h1 eth0 -> Ethernet 2 to 3, 13 bytes", 41, ["   6  h1 eth0 -> Ethernet 2 to 3,", BELOW + "13 bytes"]),
    ("   8 67.034  c eth0 <- 10.0.0.8 TCP 22 -> 5 [SYN ACK] seq=3 ack=4 mss=1460", 54,
     ["   8 67.034  c eth0 <- 10.0.0.8 TCP 22 -> 5 [SYN ACK]", BELOW + "seq=3 ack=4 mss=1460"]),
    ("   8 67.034  c eth0 <- 10.0.0.8 TCP 22 -> 5 [SYN ACK] seq=3 ack=4 mss=1460", 50,
     ["   8 67.034  c eth0 <- 10.0.0.8 TCP 22 -> 5", BELOW + "[SYN ACK] seq=3 ack=4 mss=1460"]),
    ("x" * 30, 20, ["x" * 20, BELOW + "x" * 5, BELOW + "x" * 5]),
])  # fmt: skip
def test_a_line_is_folded_before_its_facts(line: str, width: int, wanted: list[str]) -> None:
    assert folded(line, width, 15) == wanted


def test_a_list_does_so_too(monkeypatch: pytest.MonkeyPatch) -> None:
    packet = link() / ip() / EchoRequest(identifier=7, sequence=1) / bytes(56)
    data = packet.encapsulate()
    listing = Listing(start=0)
    wide = str(listing.line(Frame(data, 0, len(data), number=7)))
    listing._width = len(wide) - 1
    first, second = str(listing.line(Frame(data, 0, len(data), number=7))).split("\n")
    assert first.endswith("ICMP echo request") and second.strip().startswith("id=") and "=" not in first
