"""The bounded form of the fuzz target."""

import pytest

from packetlab.link.ethernet import Ethernet
from tests.fuzz import decapsulate


@pytest.mark.parametrize("seed", [1, 2])
def test_mutated_frames_raise_nothing_and_come_back_byte_for_byte(seed: int) -> None:
    outcome = decapsulate.run(8, seed, corpus=300, frames=8000)
    assert not outcome.failures, "\n".join(outcome.failures)
    assert outcome.frames > 500
    assert outcome.with_faults


def test_frames_that_once_failed_come_back_byte_for_byte() -> None:
    # The empty line of an HTTP head must not reach into the padding behind the IP packet.
    data = bytes.fromhex(
        "05000000020102000000010108004500006e09c04000400619c7d80001020a000202d5acb4502fedc342e8cd425d8018003fa0850000"
        "0101080aa9c64f322138e29e474554202f20485454502f312e31d5ac00502fedc342e8cd425d4e77772e640000007d746573436f6e6e"
        "656374696f6e3a20636c6f73650d0a0d0a"
    )
    decapsulate.examine(data, Ethernet)


def test_a_start_line_that_lacks_its_last_words_ends_with_its_line() -> None:
    from packetlab.application.http import HTTPRequest

    packet = decapsulate.examine(b"GET HTTP/1.1\r\nUser-Agent: a b\r\n\r\n", HTTPRequest)
    request = packet[HTTPRequest]
    assert (request.method, request.target, request.version) == ("GET", "HTTP/1.1", "")
    assert request.headers == "User-Agent: a b\r\n\r\n"
