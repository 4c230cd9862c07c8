"""`http` between kernel hosts: the page, the stages, and the frames that carried it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from packetlab.net import Network
from packetlab.net.servers import HTTPServer, TCPEchoServer
from packetlab.net.servers.http import Request, Response
from tests.cli.live import SERVER, SERVER6, as_json, link_local, network, packetlab, tshark

__all__ = ["network"]


def answer(request: Request) -> Response:
    if request.target == "/moved":
        return Response(b"", 302, {"Location": "/there"})
    if request.target == "/elsewhere":
        return Response(b"", 302, {"Location": f"http://{SERVER}:8080/echo"})
    if request.target == "/secret":
        return Response(request.headers.get("authorization", "nothing").encode())
    if request.target == "/host":
        return Response(b"Host was " + request.headers["host"].encode())
    if request.target == "/there":
        return Response(b"you found it\n")
    if request.target == "/chunks":
        return Response(chunks=(b"one ", b"\x1b[31mtwo"))
    if request.target == "/echo":
        return Response(request.method.encode() + b" " + request.body)
    return Response(b"no\n", 404)


def tell_all(request: Request) -> Response:
    """What another server was told: method, authorization, body."""
    told = request.headers.get("authorization", "none")
    return Response(f"{request.method} authorization={told} body={request.body.decode() or 'none'}".encode())


@pytest.fixture(scope="module")
def served(network: Network) -> Iterator[Network]:
    server = network["server"]
    with HTTPServer(server, 80, answer), HTTPServer(server, 8080, tell_all), TCPEchoServer(server, 7):
        yield network


@pytest.mark.needs("tshark")
@pytest.mark.parametrize("host", [SERVER, f"[{SERVER6}]"])
def test_a_page_comes_with_its_stages_and_the_frames_that_carried_it(
    served: Network, host: str, tmp_path: Path
) -> None:
    path = tmp_path / "page.pcapng"
    done = packetlab(served["client"], "http", f"http://{host}/there", "--frames", "-w", str(path))
    assert done.returncode == 0, done.stderr
    for words in ("you found it", "connect", "first byte", "HTTP/1.1 200 OK", "── SYN"):
        assert words in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert ["GET"] in tshark(path, "http.request.method", select="http.request")
    told = as_json(served["client"], "http", f"http://{host}/there")
    assert told["status"] == 200
    assert [one["name"] for one in told["stages"]] == ["name", "connect", "request", "first byte", "rest"]
    assert len(told["frames"]) >= 8


@pytest.mark.parametrize("percent", ["%", "%25"])
def test_a_link_local_address_keeps_its_link(served: Network, percent: str) -> None:
    address = link_local(served["server"])
    done = packetlab(served["client"], "http", f"http://[{address}{percent}eth0]/host")
    assert done.returncode == 0, done.stderr
    assert f"Host was [{address}]" in done.stdout  # RFC 6874 section 1: the zone means nothing to the other side


def test_redirects_are_shown_and_followed_only_when_asked(served: Network) -> None:
    shown = packetlab(served["client"], "http", f"{SERVER}/moved")
    assert shown.returncode == 0
    assert "302" in shown.stdout
    followed = packetlab(served["client"], "http", "-L", f"{SERVER}/moved")
    assert "you found it" in followed.stdout
    assert "redirected from" in followed.stdout


def test_a_redirect_to_another_server_takes_neither_password_nor_body_along(served: Network) -> None:
    secret = ["-H", "Authorization: Basic c2VjcmV0"]
    assert "c2VjcmV0" in packetlab(served["client"], "http", *secret, f"{SERVER}/secret").stdout
    done = packetlab(served["client"], "http", "-L", *secret, "-d", "private", f"{SERVER}/elsewhere")
    assert "GET authorization=none body=none" in done.stdout, done.stdout + done.stderr


def test_bodies_go_both_ways_and_never_control_the_terminal(served: Network) -> None:
    assert "POST data here" in packetlab(served["client"], "http", f"{SERVER}/echo", "-d", "data here").stdout
    chunks = packetlab(served["client"], "http", f"{SERVER}/chunks").stdout
    assert "one " in chunks and "two" in chunks and "\x1b" not in chunks
    head = packetlab(served["client"], "http", "-I", f"{SERVER}/there")
    assert "200 OK" in head.stdout and "you found it" not in head.stdout


@pytest.mark.parametrize(
    ("url", "code", "words"),
    [
        (f"{SERVER}/nowhere", 1, "404"),
        (f"{SERVER}:81/", 1, "no program listens"),
        (f"http://{SERVER}:7/", 1, "no HTTP/1 response"),
        ("ftp://x/", 2, "no URL"),
        (f"http://{SERVER}:99999/", 2, "no URL"),
        ("http://", 2, "no URL"),
    ],
)
def test_what_goes_wrong_is_one_clear_sentence(served: Network, url: str, code: int, words: str) -> None:
    done = packetlab(served["client"], "http", url, "-W", "2")
    assert done.returncode == code, done.stdout + done.stderr
    assert words in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
