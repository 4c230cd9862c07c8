"""A name with an IPv6 and an IPv4 address: when one of them fails, `tcp` and `http` go on to the other."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from packetlab.model.addresses import ip_bytes
from packetlab.model.errors import NamespaceError
from packetlab.net import Network
from packetlab.net.servers import HTTPServer, TCPEchoServer
from packetlab.net.servers.http import Response
from packetlab.wire.resolve import Target, _alternating
from packetlab.wire.verbs.connecting import MOST_TRIED, Connecting
from packetlab.wire.verbs.over_tcp import StageClock
from tests.cli.live import as_json, packetlab, tshark
from tests.conftest import missing

C4, C6, S4, S6 = "192.0.2.1", "2001:db8::1", "192.0.2.2", "2001:db8::2"


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    made = Network()
    made.host("c", f"{C4}/24", f"{C6}/64")
    made.host("s", f"{S4}/24", f"{S6}/64")
    made.link("c", "s")
    try:
        made.start()
    except NamespaceError as error:
        missing(f"no virtual network: {error}")
    with made, HTTPServer(made["s"], 80, lambda _: Response(b"the page\n")), TCPEchoServer(made["s"], 7):
        for here, there in (("c", "s"), ("s", "c")):
            for address in made[there].addresses:
                made[here].add_neighbour(address, made[there].mac())
        yield made


@contextmanager
def silent(network: Network, *to: str) -> Iterator[None]:
    """s answers nothing to these addresses of c."""
    for address in to:
        network["s"].run(["ip", "route", "add", "blackhole", address], check=True)
    try:
        yield
    finally:
        for address in to:
            network["s"].run(["ip", "route", "del", "blackhole", address])


@contextmanager
def refused(network: Network, address: str) -> Iterator[None]:
    """Nobody listens at this address of s: c itself has it for the time being."""
    mask = 64 if ":" in address else 24
    network["s"].delete_address(f"{address}/{mask}")
    network["c"].run(["ip", "addr", "add", address, "dev", "lo"], check=True)
    try:
        yield
    finally:
        network["c"].run(["ip", "addr", "del", address, "dev", "lo"], check=True)
        network["s"].add_address(f"{address}/{mask}")


def outcomes(told: dict[str, object]) -> list[tuple[str, str]]:
    tried = told["tried"]
    assert isinstance(tried, list)
    return [(one["address"], one["outcome"]) for one in tried]


@pytest.mark.needs("tshark")
@pytest.mark.parametrize("words", [["tcp", "s", "7", "hello"], ["http", "http://s/"]])
def test_a_silent_first_address_costs_a_quarter_of_a_second_and_is_shown(
    network: Network, words: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "race.pcapng"
    with silent(network, C6):
        told = as_json(network["c"], *words, "-W", "15", "-w", str(path), "--frames")
        shown = packetlab(network["c"], *words, "-W", "15")
    assert outcomes(told) == [(S6, "given up"), (S4, "connected")]
    assert told["tried"][0]["ns"] >= 250e6 and S4 in told["tried"][0]["text"]
    assert shown.returncode == 0 and f"{S6}: no answer yet; {S4} is tried as well" in " ".join(shown.stdout.split())
    assert max(map(len, shown.stdout.splitlines())) <= 80
    syns = tshark(path, "ipv6.dst", "ip.dst", "frame.time_epoch", select="tcp.flags.syn == 1 && tcp.flags.ack == 0")
    assert syns[0][0] == S6 and syns[-1][1] == S4
    assert float(syns[-1][2]) - float(syns[0][2]) >= 0.24
    assert len(told["frames"]) > len(syns)


@pytest.mark.parametrize("words", [["tcp", "s", "7", "hello"], ["http", "http://s/"]])
def test_a_refused_first_address_costs_nothing(network: Network, words: list[str]) -> None:
    with refused(network, S6):
        told = as_json(network["c"], *words, "-W", "15")
        shown = packetlab(network["c"], *words)
    assert outcomes(told) == [(S6, "refused"), (S4, "connected")]
    assert f"{S6}: SYN; RST: nobody listens; {S4} is next" in " ".join(shown.stdout.split())


def test_minus_4_and_minus_6_leave_no_choice(network: Network) -> None:
    with silent(network, C6):
        told = as_json(network["c"], "tcp", "-6", "s", "7", "-W", "0.5", code=1)
        assert outcomes(told) == [(S6, "timed out")] and told["ending"] == "timed out"
        assert outcomes(as_json(network["c"], "tcp", "-4", "s", "7")) == [(S4, "connected")]
        done = packetlab(network["c"], "http", "-6", "http://s/", "-W", "0.5")
        assert done.returncode == 1 and "no answer within 0.5 s" in done.stderr
        assert outcomes(as_json(network["c"], "http", "-4", "http://s/")) == [(S4, "connected")]


def test_where_all_fail_each_is_told_with_its_reason(network: Network) -> None:
    with silent(network, C6), refused(network, S4):
        told = as_json(network["c"], "tcp", "s", "7", "-W", "1", code=1)
        done = packetlab(network["c"], "http", "http://s/", "-W", "1")
    assert sorted(outcomes(told)) == [(S4, "refused"), (S6, "timed out")]
    assert told["ending"] == "refused"
    for text in (told["text"], " ".join(done.stderr.split())):
        assert "none of 2 addresses" in text and f"{S6}: timed out" in text and f"{S4}: refused" in text
    assert done.returncode == 1 and "Traceback" not in done.stderr


def test_little_time_is_shared_and_one_source_port_serves_both(network: Network) -> None:
    with silent(network, C6):
        told = json.loads(
            packetlab(network["c"], "tcp", "s", "7", "-W", "0.2", "--source-port", "4321", "--json").stdout
        )
    assert outcomes(told) == [(S6, "given up"), (S4, "connected")]
    assert told["source_port"] == 4321
    assert 90e6 <= told["tried"][0]["ns"] < 20e9


def test_a_slow_address_is_still_waited_for_while_another_is_tried(network: Network) -> None:
    results: list[dict[str, object]] = []
    c = network["c"]

    def run() -> None:
        results.append(json.loads(packetlab(c, "tcp", "s", "7", "x", "-W", "30", "--json").stdout))

    with silent(network, C4), silent(network, C6), c.socket(17, 3, 0x0300) as watch:
        thread = threading.Thread(target=run)
        watch.settimeout(20)
        thread.start()
        while watch.recv(2000)[12:14] != b"\x08\x00":
            pass  # until the IPv4 SYN leaves, IPv6's having had no answer
        network["s"].run(["ip", "-6", "route", "del", "blackhole", C6], check=True)
        thread.join(40)
    assert outcomes(results[0]) == [(S4, "given up"), (S6, "connected")]
    assert results[0]["address"] == S6 and "after its SYN" in str(results[0]["stages"])


def test_the_families_take_turns_and_at_most_ten_addresses_are_tried(network: Network) -> None:
    four, six = [bytes([192, 0, 2, n]) for n in range(3)], [bytes(15) + bytes([n]) for n in range(3)]
    assert _alternating(six[0], [*six[1:], *four]) == (four[0], six[1], four[1], six[2], four[2])
    nobody = tuple(ip_bytes(f"198.51.100.{n}") for n in range(200))
    target = Target("many", nobody[0], ip_bytes(C4), "eth0", b"", nobody[1:])
    started = time.monotonic()
    with Connecting(target, 80, network["c"], StageClock(), timeout=5) as connecting:
        for _ in connecting.run():
            pass
    assert connecting.connection is None and len(connecting.attempts) == MOST_TRIED
    assert "190 more were not tried" in connecting.failure.text and time.monotonic() - started < 30


@pytest.mark.parametrize("words", [
    ["handshake", "s", "9", "-W", "0.3", "--retries", "0"], ["udp", "s", "9", "-W", "0.3"],
    ["udp", "s", "9", "-W", "0.3", "-c", "2"], ["ping", "s", "-c", "1", "-W", "0.3"],
    ["traceroute", "s", "-m", "1", "-q", "1", "-W", "0.3"],
])  # fmt: skip
def test_what_asks_one_address_alone_says_after_a_failure_that_there_are_others(
    network: Network, words: list[str]
) -> None:
    with silent(network, C6):
        shown = packetlab(network["c"], *words)
        told = as_json(network["c"], *words, code=1)
    assert f"only {S6} was asked; s is {S4} as well; -4 asks there" in " ".join(shown.stdout.split()), shown.stdout
    assert told["others"] == [S4]
    assert "was asked" not in packetlab(network["c"], "ping", "s", "-c", "1").stdout
