"""One thread hears all interfaces, and goes on when a link was down for a while."""

import socket

from packetlab.model.frame import Frame
from packetlab.net import Network
from packetlab.wire.tap import Tap, TapPoint


def test_a_tap_hears_again_after_a_link_was_down() -> None:
    net = Network()
    net.host("a", "10.0.0.1/24")
    net.host("b", "10.0.0.2/24")
    net.link("a", "b")

    def spoken(word: bytes) -> bool:
        with net["a"].socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(word, ("10.0.0.2", 9))

        def heard(frames: list[Frame]) -> bool:
            return any(word in frame.data for frame in frames)

        return heard(tap.take(heard, 3))

    with net, Tap([TapPoint("b", net["b"], "eth0")]) as tap:
        assert spoken(b"before")
        net["b"].set_link(False)
        net["b"].set_link(True)
        net["a"].add_neighbour("10.0.0.2", net["b"].mac())
        assert spoken(b"after")
