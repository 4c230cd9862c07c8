"""`dns`: which answers it believes, what it keeps when the rest cannot be had, and which servers it asks."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from packetlab.application.dns import DNS, A, Question
from packetlab.model.errors import UsageError
from packetlab.model.packet import decapsulate
from packetlab.net import Network
from packetlab.net.servers import DNSServer
from packetlab.net.servers.dns import zone
from packetlab.wire.verbs.dns import NoAnswerError, dns
from tests.cli.live import FAR, SERVER, as_json, network, packetlab

__all__ = ["network"]


@pytest.fixture(scope="module")
def served(network: Network) -> Iterator[Network]:
    with DNSServer(network["server"], zone({"www.lab.test": [SERVER]})):
        yield network


@contextmanager
def answering(network: Network, answers: Callable[[DNS], list[DNS]]) -> Iterator[int]:
    """A port of far where each question is answered in such ways, over UDP only."""
    with network["far"].socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("0.0.0.0", 0))

        def serve() -> None:
            while True:
                data, peer = sock.recvfrom(4096)
                if data == b"over":
                    return
                for answer in answers(decapsulate(data, DNS)[DNS]):
                    sock.sendto(answer.encode(), peer)

        thread = threading.Thread(target=serve)
        thread.start()
        port = sock.getsockname()[1]
        try:
            yield port
        finally:
            sock.sendto(b"over", ("127.0.0.1", port))
            thread.join(20)


def right(asked: DNS, address: str = "192.0.2.9") -> DNS:
    return asked.replace(response=1, answers=(A(owner="x.test", address=address),), answer_count=None)


FORGED: dict[str, Callable[[DNS], DNS]] = {
    "repeats no questions": lambda asked: right(asked, "6.6.6.6").replace(questions=(), question_count=None),
    "x.test CH: Chaos A": lambda asked: right(asked, "6.6.6.6").replace(
        questions=(Question(qname="x.test", qclass=3),), question_count=None),
    "repeats 2 questions": lambda asked: right(asked, "6.6.6.6").replace(
        questions=asked.questions * 2, question_count=None),
}  # fmt: skip


@pytest.mark.parametrize("why", FORGED)
def test_an_answer_that_does_not_repeat_our_question_is_none(served: Network, why: str) -> None:
    with answering(served, lambda asked: [FORGED[why](asked), right(asked)]) as port:
        result = dns("x.test", server=FAR, port=port, via=served["client"], timeout=20)
    assert result.message.answers[0].address == bytes([192, 0, 2, 9])  # type: ignore[attr-defined]
    assert len(result.ignored) == 1 and why in result.ignored[0]


def test_an_error_without_the_question_is_believed_where_the_server_could_not_read_it(served: Network) -> None:
    def answer(asked: DNS) -> list[DNS]:
        return [DNS(identifier=asked.identifier, response=1, response_code=1)]

    with answering(served, answer) as port:
        result = dns("x.test", server=FAR, port=port, via=served["client"], timeout=20)
    assert result.message.response_code == 1 and not result.ok


def test_what_came_over_udp_is_kept_where_tcp_fails(served: Network) -> None:
    with answering(served, lambda asked: [right(asked).replace(truncated=1)]) as port:
        words = ["dns", "x.test", f"@{FAR}", "-p", str(port), "-W", "20"]
        told = as_json(served["client"], *words)
        shown = packetlab(served["client"], *words)
    assert [one["data"] for one in told["answers"]] == ["192.0.2.9"] and told["was_truncated"]
    assert told["transport"] == "UDP" and "over TCP" in told["why_cut"]
    assert shown.returncode == 0 and "there is more that did not fit" in shown.stdout and "192.0.2.9" in shown.stdout


def test_a_virtual_host_asks_its_own_servers_one_after_the_other(served: Network) -> None:
    client = served["client"]
    with pytest.raises(UsageError, match="client of a virtual network names no server"):
        dns("www.lab.test", via=client)
    client.set_resolver("10.0.1.254", SERVER)  # nobody listens at the first
    result = dns("www.lab.test", via=client, timeout=20)
    assert result.ok and result.server == SERVER and "nobody listens" in result.passed[0]
    told = as_json(client, "dns", "www.lab.test", "-W", "20")
    assert told["server"] == SERVER and len(told["passed"]) == 1
    client.set_resolver("10.0.1.254", "10.0.2.254")
    with pytest.raises(NoAnswerError, match=r"10\.0\.1\.254.*10\.0\.2\.254"):
        dns("www.lab.test", via=client, timeout=20)
