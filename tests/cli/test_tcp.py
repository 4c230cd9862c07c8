"""`tcp` between kernel hosts and over loopback: every way in which a connection can end, told apart."""

import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from packetlab.model.errors import UsageError
from packetlab.net import Network, VirtualHost
from packetlab.net.process import PIPE
from packetlab.net.servers import TCPEchoServer
from packetlab.show.typed import data_bytes, datagrams
from packetlab.wire.host import LocalHost
from packetlab.wire.verbs.tcp import _with_crlf, tcp
from packetlab.wire.verbs.tcp_echo import tcp_echo
from tests.cli.live import CLIENT, SERVER, SERVER6, as_json, network, packetlab, tshark

__all__ = ["network"]

COMMAND = [sys.executable, "-m", "packetlab.cli.main", "tcp"]


@pytest.fixture(scope="module")
def served(network: Network) -> Iterator[Network]:
    with TCPEchoServer(network["server"], 7):
        yield network


@contextmanager
def serving(host: VirtualHost | LocalHost, do: Callable[[socket.socket], None], *, buffer: int = 0) -> Iterator[int]:
    """A port at which one connection is taken and given to `do`."""
    with host.socket(socket.AF_INET, socket.SOCK_STREAM) as listening:
        if buffer:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        listening.bind(("0.0.0.0", 0))
        listening.listen()
        listening.settimeout(20)

        def take() -> None:
            peer, _ = listening.accept()
            with peer:
                peer.settimeout(20)
                do(peer)

        thread = threading.Thread(target=take)
        thread.start()
        yield listening.getsockname()[1]
        thread.join()


def cut_off(peer: socket.socket) -> None:
    peer.recv(10)
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("@ii", 1, 0))


def wait_for(event: threading.Event) -> None:
    event.wait(20)


@pytest.mark.parametrize("address", [SERVER, SERVER6])
def test_a_conversation_shows_its_times_what_came_back_and_who_closed_first(served: Network, address: str) -> None:
    done = packetlab(served["client"], "tcp", address, "7", "over here", "--frames")
    assert done.returncode == 0, done.stderr
    for words in ("connect", "over here", "our FIN, then the peer's", "9 bytes sent, 9 came back", "── SYN"):
        assert words in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    told = as_json(served["client"], "tcp", address, "7", r"a\r\n\x00\\", "--source-port", "4445")
    assert bytes.fromhex(told["data"]) == b"a\r\n\x00\\"
    assert (told["source_port"], told["closed_first"], told["ending"]) == (4445, "us", "closed")
    assert told["sent"] == told["acknowledged"] == told["received"] == 5
    assert [one["name"] for one in told["stages"]] == ["connect", "sent", "first byte", "peer's FIN"]
    assert all(one["ns"] > 0 for one in told["stages"])


@pytest.mark.needs("tshark")
@pytest.mark.parametrize("address", [SERVER, SERVER6])
def test_no_segment_is_larger_than_was_asked_for_and_all_are_recorded(
    served: Network, address: str, tmp_path: Path
) -> None:
    path = tmp_path / "small.pcapng"
    told = as_json(served["client"], "tcp", address, "7", "--size", "5000", "--mss", "600", "-w", str(path))
    assert told["sent"] == told["received"] == 5000 and bytes.fromhex(told["data"]) == b"x" * 5000
    source = "ipv6.src" if ":" in address else "ip.src"
    client = "fd00:1::1" if ":" in address else CLIENT
    assert tshark(path, "tcp.options.mss_val", select=f"tcp.flags.syn == 1 && {source} == {client}") == [["600"]]
    sizes = [int(size) for (size,) in tshark(path, "tcp.len", select=f"{source} == {client} && tcp.len > 0")]
    assert sum(sizes) == 5000 and max(sizes) <= 600
    assert len(tshark(path, "frame.number", select="tcp.flags.fin == 1")) == 2


@pytest.mark.parametrize("address", [SERVER, SERVER6])
def test_a_closed_port_is_refused_by_rst_and_the_remedy_is_named(served: Network, address: str) -> None:
    done = packetlab(served["client"], "tcp", address, "9")
    assert done.returncode == 1
    assert "no program listens" in done.stdout and "start the server" in done.stdout
    told = as_json(served["client"], "tcp", address, "9", "--frames", code=1)
    assert told["ending"] == "refused" and len(told["frames"]) == 2


def test_a_router_that_refuses_is_told_from_one_that_swallows(served: Network) -> None:
    for kind, network_ in (("prohibit", "10.0.8.0/24"), ("blackhole", "10.0.9.0/24")):
        served["router"].run(["ip", "route", "add", kind, network_], check=True)
    told = as_json(served["client"], "tcp", "10.0.8.1", "81", code=1)
    assert (told["ending"], told["answered_by"]) == ("unreachable", "10.0.1.254")
    assert "firewall forbids it" in told["text"] and "traceroute" in told["remedy"]
    dropped = as_json(served["client"], "tcp", "10.0.9.1", "82", "-W", "0.4", code=1)
    assert dropped["ending"] == "timed out" and "1 SYN," in dropped["text"]


def test_a_firewall_that_rejects_by_icmp_is_told_from_a_closed_port(monkeypatch: pytest.MonkeyPatch) -> None:
    from packetlab.wire.ip_socket import SocketError

    rejected = SocketError(111, 2, 3, 3, 0, b"\xc0\x00\x02\x01", ("127.0.0.1", 1), b"", 0)
    monkeypatch.setattr("packetlab.wire.verbs.connecting.socket_errors", lambda _: [rejected])
    result = tcp("127.0.0.1", 1)
    assert (result.ending, result.answered_by) == ("refused", "192.0.2.1")
    assert "so a firewall rejects it" in result.text and not result.ok


def test_an_address_that_nobody_has_is_no_timeout_of_the_peer(served: Network) -> None:
    told = as_json(served["client"], "tcp", "10.0.1.99", "7", "-W", "8", code=1)
    assert told["ending"] == "unreachable"
    assert "nobody answered for its address" in told["text"]


def test_a_peer_that_cuts_the_connection_off_is_told_from_one_that_closes_first(served: Network) -> None:
    with serving(served["server"], cut_off) as port:
        done = packetlab(served["client"], "tcp", SERVER, str(port), "hello")
    assert done.returncode == 1
    assert "the peer cut the connection off (RST)" in done.stdout and "try:" in done.stdout
    with serving(served["server"], lambda peer: peer.sendall(b"bye\n")) as port:
        told = as_json(served["client"], "tcp", SERVER, str(port), "--keep-open", "-W", "9")
    assert (told["ending"], told["closed_first"]) == ("closed", "peer") and bytes.fromhex(told["data"]) == b"bye\n"


def test_we_cut_off_ourselves_only_when_asked(served: Network) -> None:
    seen: list[str] = []

    def read(peer: socket.socket) -> None:
        peer.sendall(peer.recv(10))
        try:
            seen.append("FIN" if not peer.recv(10) else "data")
        except ConnectionResetError:
            seen.append("RST")

    for words in ([], ["--rst"], ["--keep-open", "-W", "0.2"]):
        with serving(served["server"], read) as port:
            assert packetlab(served["client"], "tcp", SERVER, str(port), "x", *words).returncode == 0
    assert seen == ["FIN", "RST", "FIN"]


def test_a_peer_that_does_not_read_stalls_us_and_one_that_reads_slowly_does_not(served: Network) -> None:
    over = threading.Event()
    with serving(served["server"], lambda _: wait_for(over), buffer=8192) as port:
        told = as_json(served["client"], "tcp", SERVER, str(port), "--size", "8000000", "-W", "0.4", code=1)
        over.set()
    assert told["ending"] == "stalled" and 0 < told["acknowledged"] < told["sent"] < 8_000_000

    def slow(peer: socket.socket) -> None:
        for _ in range(12):
            time.sleep(0.1)
            peer.recv(4096)
        while peer.recv(65536):
            pass

    with serving(served["server"], slow, buffer=8192) as port:
        told = as_json(served["client"], "tcp", SERVER, str(port), "--size", "60000", "-W", "0.8")
    assert told["ending"] == "closed" and told["acknowledged"] == 60_000


def test_a_peer_that_says_nothing_and_does_not_close_is_silent(served: Network) -> None:
    over = threading.Event()
    with serving(served["server"], lambda _: wait_for(over)) as port:
        told = as_json(served["client"], "tcp", SERVER, str(port), "x", "-W", "0.3", code=1)
        over.set()
    assert told["ending"] == "silent" and told["acknowledged"] == 1


def test_what_comes_back_never_controls_the_terminal_and_is_bounded(served: Network) -> None:
    hostile = b"\x1b[31mred\r\n[bold]\xff\xe2\x80\xae\n" + b"y" * 5000
    with serving(served["server"], lambda peer: peer.sendall(hostile)) as port:
        done = packetlab(served["client"], "tcp", SERVER, str(port))
    assert done.returncode == 0
    assert "\x1b" not in done.stdout and "\u202e" not in done.stdout
    assert "red" in done.stdout and "[bold]" in done.stdout and "bytes more" in done.stdout
    assert done.stdout.count("y" * 100) < 10


def test_standard_input_is_sent_as_it_comes_with_the_line_ends_of_the_internet(served: Network) -> None:
    command = [*COMMAND, SERVER, "7", "-", "--crlf", "--json"]
    process = served["client"].popen(command, stdin=PIPE, stdout=PIPE, stderr=PIPE)
    assert process.stdin is not None
    for piece in (b"one\n", b"two\r", b"\nthree\n"):
        process.stdin.write(piece)
        process.stdin.flush()
        time.sleep(0.05)
    out, _ = process.communicate(timeout=30)
    told = json.loads(out)
    assert bytes.fromhex(told["data"]) == b"one\r\ntwo\r\nthree\r\n" and told["ending"] == "closed"


def test_a_file_as_standard_input_is_sent_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.write_bytes(bytes(range(256)) * 2000)
    got = bytearray()

    def read(peer: socket.socket) -> None:
        while piece := peer.recv(65536):
            got.extend(piece)

    with serving(LocalHost(), read) as port, path.open("rb") as file:
        result = tcp("127.0.0.1", port, file)
    assert result.ok and result.sent == result.acknowledged == 512_000 and got == path.read_bytes()


def test_ctrl_c_ends_with_the_summary_and_loses_nothing_that_came() -> None:
    over = threading.Event()

    def greet(peer: socket.socket) -> None:
        peer.sendall(b"welcome\n")
        over.wait(20)

    with serving(LocalHost(), greet) as port:
        words = [*COMMAND, "127.0.0.1", str(port), "--keep-open", "-W", "0"]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            lines: list[str] = []
            while not lines or "welcome" not in lines[-1]:
                lines.append(process.stdout.readline())
                assert lines[-1]
            os.kill(process.pid, signal.SIGINT)
            rest = process.stdout.read()
        over.set()
    assert process.returncode == 0
    assert "stopped" in rest and "8 came back" in rest and "Traceback" not in rest


def test_listen_echoes_connections_side_by_side_and_ends_after_as_many_as_asked(served: Network) -> None:
    heard = tcp_echo(via=served["server"], count=2, seconds=20)
    port = next(heard).port
    events: list[tuple[str, bytes]] = []
    echo = threading.Thread(target=lambda: events.extend((one.kind, one.data) for one in heard))
    echo.start()
    with (
        served["client"].socket(socket.AF_INET, socket.SOCK_STREAM) as first,
        served["client"].socket(socket.AF_INET6, socket.SOCK_STREAM) as second,
    ):
        for sock, address in ((first, SERVER), (second, SERVER6)):
            sock.settimeout(10)
            sock.connect((address, port))
        second.sendall(b"two")
        assert second.recv(10) == b"two"
        first.sendall(b"one")
        assert first.recv(10) == b"one"
        first.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("@ii", 1, 0))
    echo.join(20)
    assert sorted(kind for kind, _ in events) == ["closed", "data", "data", "opened", "opened", "reset"]


def test_listen_gives_back_more_than_fits_into_buffers(served: Network) -> None:
    words = ["--listen", "4005", "-c", "1", "-t", "30"]
    process = served["server"].popen([*COMMAND, *words], stdout=PIPE, stderr=PIPE)
    assert process.stderr is not None and b"4005" in process.stderr.readline()
    told = as_json(served["client"], "tcp", SERVER, "4005", "ab", "--size", "3000001")
    assert told["received"] == 3_000_001
    out, _ = process.communicate(timeout=30)
    assert b"closed (FIN)" in out and process.wait(5) == 0


@pytest.mark.parametrize(("words", "said"), [
    (["127.0.0.1"], "a port are needed"), (["127.0.0.1", "0"], "1 to 65535"),
    (["127.0.0.1", "7", r"\q"], "stands for nothing"),
    (["127.0.0.1", "7", "abc", "--hex"], "hex digits"), (["127.0.0.1", "7", "-", "--size", "3"], "standard input"),
    (["127.0.0.1", "7", "--mss", "1"], "segments of 1 bytes"), (["127.0.0.1", "7", "--congestion", "nope"], "nope"),
    (["127.0.0.1", "7", "--crlf"], "standard input"),
])  # fmt: skip
def test_what_cannot_be_is_a_usage_error_with_a_remedy(words: list[str], said: str) -> None:
    done = subprocess.run([*COMMAND, *words], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert said in done.stderr and "Traceback" not in done.stderr


def test_congestion_control_and_nagle_are_as_asked(served: Network) -> None:
    told = as_json(served["client"], "tcp", SERVER, "7", "x", "--congestion", "reno", "--no-delay")
    assert told["congestion"] == "reno"


def test_typed_data_is_text_with_escapes_repeated_to_a_size() -> None:
    assert data_bytes(r"a\n\x41\\n") == b"a\nA\\n"
    assert data_bytes("abc", size=7) == b"abcabca" and data_bytes("", size=2) == b"xx"
    assert data_bytes("a", size=0) == b""
    assert data_bytes("00 ff", as_hex=True) == b"\x00\xff"
    assert datagrams("", 3, grow=True) == [b"x", b"xx", b"xxx"]
    assert datagrams("ab", 2, size=0, grow=True) == [b"", b"a"]
    assert datagrams("a", 2, number=True) == [b"a 1", b"a 2"]
    for wrong in ("\\", r"\x4", r"\z"):
        with pytest.raises(UsageError):
            data_bytes(wrong)


@pytest.mark.parametrize("at", range(1, 9))
def test_line_ends_do_not_depend_on_where_a_piece_ends(at: int) -> None:
    text = b"a\nb\r\nc\n\n"
    assert _with_crlf(text[:at], b"") + _with_crlf(text[at:], text[at - 1 : at]) == b"a\r\nb\r\nc\r\n\r\n"
