"""`dns` and `udp` between kernel hosts, on IPv4 and IPv6, and what they say when nobody answers."""

import socket
from collections.abc import Iterator

import pytest

from packetlab.net import Network
from packetlab.net.process import PIPE
from packetlab.net.servers import DNSServer, UDPEchoServer
from packetlab.net.servers.dns import zone
from packetlab.wire.verbs.dns import dns, reverse_name
from tests.cli.live import CLIENT, SERVER, SERVER6, as_json, link_local, network, packetlab

__all__ = ["network"]

RECORDS = zone({"www.lab.test": [SERVER, SERVER6], "web.lab.test": "www.lab.test"})


@pytest.fixture(scope="module")
def served(network: Network) -> Iterator[Network]:
    with DNSServer(network["server"], RECORDS), UDPEchoServer(network["server"], 7):
        yield network


@pytest.mark.parametrize("server", [SERVER, SERVER6])
def test_a_name_is_found_through_its_alias(served: Network, server: str) -> None:
    done = packetlab(served["client"], "dns", "web.lab.test", "AAAA", f"@{server}")
    assert done.returncode == 0, done.stderr
    assert "no error" in done.stdout
    assert f"AAAA {SERVER6}" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    told = as_json(served["client"], "dns", "www.lab.test", f"@{server}")
    assert [one["data"] for one in told["answers"]] == [SERVER]
    assert told["transport"] == "UDP"
    assert told["rtt_ns"] > 0


def test_a_name_that_does_not_exist_is_told_from_one_without_such_a_record(served: Network) -> None:
    none = packetlab(served["client"], "dns", "none.lab.test", f"@{SERVER}")
    assert none.returncode == 1
    assert "no such name" in none.stdout
    empty = packetlab(served["client"], "dns", "www.lab.test", "MX", f"@{SERVER}")
    assert empty.returncode == 1
    assert "no such record" in empty.stdout


def test_a_host_without_a_dns_server_and_a_silent_one_are_told_apart(served: Network) -> None:
    closed = packetlab(served["client"], "dns", "www.lab.test", "@10.0.1.254")
    assert closed.returncode == 1
    assert "nobody listens" in closed.stderr
    silent = packetlab(served["client"], "dns", "www.lab.test", f"@{SERVER}", "-p", "99", "-t", "-W", "0.5")
    assert silent.returncode == 1
    assert "TCP" in silent.stderr


@pytest.mark.parametrize("words", [["www.lab.test", "NOPE"], ["a", "b", "c"], ["a" * 70 + ".test"]])
def test_a_question_that_cannot_be_is_a_usage_error(served: Network, words: list[str]) -> None:
    done = packetlab(served["client"], "dns", *words, f"@{SERVER}")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_a_link_local_address_keeps_its_link(served: Network) -> None:
    local = link_local(served["server"])
    told = as_json(served["client"], "udp", f"{local}%eth0", "7", "near")
    assert bytes.fromhex(told["reply"]) == b"near"
    several = as_json(served["client"], "udp", f"{local}%eth0", "7", "near", "-c", "2")
    assert len(several["replies"]) == 2
    assert packetlab(served["client"], "dns", "www.lab.test", f"@{local}%eth0").returncode == 0
    assert dns("www.lab.test", server=f"{local}%eth0", via=served["client"]).ok
    assert dns("www.lab.test", server=f"{local}%eth0", tcp=True, via=served["client"]).ok


def test_an_answer_with_another_identifier_is_ignored_and_said(served: Network) -> None:
    import socket
    import threading

    from packetlab.application.dns import DNS, A
    from packetlab.model.packet import decapsulate

    def lie_then_answer() -> None:
        with served["far"].socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind(("0.0.0.0", 5300))
            sock.settimeout(10)
            data, peer = sock.recvfrom(4096)
            asked = decapsulate(data, DNS)[DNS]
            answer = asked.replace(response=1, answers=(A(owner="x.test", address="192.0.2.9"),), answer_count=None)
            sock.sendto(answer.replace(identifier=asked.identifier ^ 1).encode(), peer)
            sock.sendto(answer.encode(), peer)

    liar = threading.Thread(target=lie_then_answer)
    liar.start()
    result = dns("x.test", server="10.0.2.1", port=5300, via=served["client"])
    liar.join()
    assert result.ok
    assert len(result.ignored) == 1
    assert "identifier" in result.ignored[0]


def test_the_reverse_name_of_an_address_is_that_of_the_rfcs() -> None:
    assert reverse_name("192.0.2.1") == "1.2.0.192.in-addr.arpa"
    assert reverse_name("2001:db8::1").startswith("1.0.0.0.0.0")
    assert reverse_name("2001:db8::1").endswith("8.b.d.0.1.0.0.2.ip6.arpa")


@pytest.mark.parametrize("address", [SERVER, SERVER6])
def test_a_datagram_is_echoed_by_an_open_port_and_refused_by_a_closed_one(served: Network, address: str) -> None:
    done = packetlab(served["client"], "udp", address, "7", "over here")
    assert done.returncode == 0, done.stderr
    assert "over here" in done.stdout
    told = as_json(served["client"], "udp", address, "9", code=1)
    assert "no process has that port" in told["text"]
    assert told["answered_by"] == address


@pytest.mark.parametrize("address", [SERVER, SERVER6])
def test_a_datagram_leaves_from_the_port_that_was_asked_for(served: Network, address: str) -> None:
    with served["server"].socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.settimeout(5)
        server.bind(("", 4003))
        packetlab(served["client"], "udp", "--source-port", "4444", "-W", "0.1", address, "4003", "here")
        assert server.recvfrom(10)[1][1] == 4444


@pytest.mark.parametrize("address", [SERVER, SERVER6])
def test_several_datagrams_grow_or_carry_their_numbers(served: Network, address: str) -> None:
    told = as_json(served["client"], "udp", address, "7", "--count", "12", "--grow", "-i", "0")
    assert sorted(len(bytes.fromhex(one)) for one in told["replies"]) == list(range(1, 13)) and told["sent"] == 12
    done = packetlab(served["client"], "udp", address, "7", "ab", "-c", "3", "--number")
    assert done.returncode == 0 and "3 datagrams of 4 bytes" in done.stdout and "ab 3" in done.stdout
    told = as_json(served["client"], "udp", address, "9", "-c", "3", code=1)
    assert told["replies"] == [] and told["sent"] == 3 and "no process has that port" in told["errors"][0]


def test_a_datagram_of_any_size_and_one_that_is_too_large(served: Network) -> None:
    for size in (0, 3000):
        told = as_json(served["client"], "udp", SERVER, "7", "abc", "--size", str(size))
        assert bytes.fromhex(told["reply"]) == (b"abc" * 1000)[:size]
    assert packetlab(served["client"], "udp", SERVER, "7", "--size", "65508").returncode == 2


@pytest.mark.parametrize("far", ["10.0.2.1", "fd00:2::1"])
def test_a_datagram_with_a_short_life_is_answered_by_the_router(served: Network, far: str) -> None:
    told = as_json(served["client"], "udp", far, "9", "--ttl", "1", code=1)
    assert "time exceeded" in told["text"] and told["answered_by"] != far
    assert "no process has that port" in as_json(served["client"], "udp", far, "9", "--ttl", "2", code=1)["text"]


@pytest.mark.parametrize("words", [["--grow"], ["-c", "1001"], ["-c", "2", "-i", "0"], [r"\q"]])
def test_series_that_cannot_be_are_usage_errors(words: list[str]) -> None:
    import subprocess
    import sys

    command = [sys.executable, "-m", "packetlab.cli.main", "udp", "127.0.0.1", "9", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2 and "Traceback" not in done.stderr


def test_silence_is_not_taken_for_anything_else(served: Network) -> None:
    served["far"].run(["sh", "-c", "true"])
    done = packetlab(served["client"], "udp", "10.0.1.99", "7", "-W", "0.3")
    assert done.returncode == 1
    assert "nothing came back" in done.stdout or "unreachable" in done.stdout


def test_listen_echoes_as_many_datagrams_as_asked_for(served: Network) -> None:
    import sys

    command = [sys.executable, "-m", "packetlab.cli.main", "udp", "--listen", "4001", "-c", "1", "-t", "20"]
    process = served["client"].popen(command, stdout=PIPE, stderr=PIPE)
    for _ in range(50):
        if packetlab(served["server"], "udp", CLIENT, "4001", "ping", "-W", "0.3").returncode == 0:
            break
    out, _ = process.communicate(timeout=30)
    assert process.wait(5) == 0
    assert b"4 bytes  ping" in out


def test_a_datagram_that_cannot_be_answered_does_not_end_the_echo(served: Network) -> None:
    """UDP allows source port 0, to which nothing can be sent (RFC 768)."""
    import threading
    import time

    from packetlab.wire.verbs.udp import udp_echo

    seen: list[bytes] = []

    def listen() -> None:
        seen.extend(data for _, _, data in udp_echo(4002, via=served["client"], count=1, seconds=20))

    echo = threading.Thread(target=listen)
    echo.start()
    time.sleep(0.3)
    nobody = f'IPv4(src="{SERVER}", dst="{CLIENT}") / UDP(src_port=0, dst_port=4002) / "no way back"'
    packetlab(served["server"], "send", "-W", "0", nobody)
    assert packetlab(served["server"], "udp", CLIENT, "4002", "ping").returncode == 0
    echo.join()
    assert seen == [b"ping"]


def test_a_server_that_does_not_know_edns_is_asked_again_without(served: Network) -> None:
    import socket
    import threading

    from packetlab.application.dns import DNS, A
    from packetlab.model.packet import decapsulate

    asked: list[DNS] = []

    def old_server() -> None:
        with served["far"].socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind(("0.0.0.0", 5301))
            sock.settimeout(10)
            for _ in range(2):
                data, peer = sock.recvfrom(4096)
                question = decapsulate(data, DNS)[DNS]
                asked.append(question)
                if question.additionals:
                    answer = question.replace(response=1, response_code=1, additionals=(), additional_count=None)
                else:
                    records = (A(owner="x.test", address="192.0.2.9"),)
                    answer = question.replace(response=1, answers=records, answer_count=None)
                sock.sendto(answer.encode(), peer)

    server = threading.Thread(target=old_server)
    server.start()
    result = dns("x.test", server="10.0.2.1", port=5301, via=served["client"])
    server.join()
    assert result.ok and result.tries == 2
    assert [len(one.additionals) for one in asked] == [1, 0]


def test_an_answer_that_trickles_over_tcp_does_not_outlast_the_timeout(served: Network) -> None:
    import socket
    import threading
    import time

    from packetlab.wire.verbs.dns import NoAnswerError

    def trickle() -> None:
        with served["far"].socket(socket.AF_INET, socket.SOCK_STREAM) as listening:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(("0.0.0.0", 5302))
            listening.listen()
            ready.set()
            peer, _ = listening.accept()
            with peer:
                try:
                    peer.send(b"\x01\x00")
                    for _ in range(40):
                        time.sleep(0.1)
                        peer.send(b"x")
                except OSError:
                    pass

    ready = threading.Event()
    server = threading.Thread(target=trickle)
    server.start()
    assert ready.wait(10)
    begin = time.monotonic()
    with pytest.raises(NoAnswerError):
        dns("x.test", server="10.0.2.1", port=5302, tcp=True, timeout=0.5, via=served["client"])
    assert time.monotonic() - begin < 3
    server.join()
