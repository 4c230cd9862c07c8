"""HTTP on request: every behaviour as curl and plain sockets see it, requests that would smuggle, files, floods."""

import http.client
import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packetlab.net.servers import HTTPServer
from packetlab.net.servers.behaviours import PATHS, behaviours
from packetlab.net.servers.http import MAX_BODY, RESET, Request, Response, from_folder, from_pages
from packetlab.net.servers.http_messages import MAX_HEAD, Refused, RequestReader
from tests.net.test_servers import ThisMachine, free_port

BIG = bytes(range(256)) * 1024


def answer(request: Request) -> Response:
    if request.path == "/big":
        return Response(BIG * 40)
    if request.path == "/split":
        return Response(headers={"X-Evil": "a\r\nSet-Cookie: b"})
    if request.path == "/size":
        return Response(str(len(request.body)).encode())
    if request.path == "/short-stream":
        return Response(stream=iter([b"only this"]), length=100)
    if request.path == "/half-reset":
        return Response(raw=iter([b"HTTP/1.1 200 OK\r\n", 0.05, RESET]))
    return behaviours("the test")(request)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    number = free_port()
    with HTTPServer(ThisMachine(), number, answer) as server:
        yield number
        assert server._thread is not None and server._thread.is_alive(), list(server.log)[-3:]


def talk(port: int, sent: bytes, timeout: float = 10) -> bytes:
    """All that comes back until the server closes."""
    got = b""
    with socket.create_connection(("127.0.0.1", port), timeout=timeout) as sock:
        sock.sendall(sent)
        while more := sock.recv(65535):
            got += more
    return got


def get(path: str, *fields: str, method: str = "GET", close: bool = True) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: a", *fields, *(["Connection: close"] if close else [])]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def curl(port: int, path: str, *options: str) -> tuple[int, str]:
    """(exit code, what it printed)."""
    done = subprocess.run(["curl", "-sS", "--max-time", "10", *options, f"http://127.0.0.1:{port}{path}"],
                          capture_output=True, timeout=20)  # fmt: skip
    return done.returncode, done.stdout.decode("utf-8", "replace")


@pytest.mark.needs("curl")
@pytest.mark.parametrize(
    ("path", "options", "code", "shown"),
    [
        ("/", (), 0, "This is the test."),
        ("/echo/x?y=1", ("-d", "data"), 0, '"body": "data"'),
        ("/status/503", ("-w", "%{http_code}"), 0, "503"),
        ("/status/204", ("-w", "%{http_code}"), 0, "204"),
        ("/status/99", ("-w", "%{http_code}"), 0, "400"),
        ("/delay/0.2", (), 0, "0.2 s later"),
        ("/drip/10/0.2", (), 0, "0123456789"),
        ("/bytes/15", (), 0, "012345678901234"),
        ("/redirect/3", ("-L", "-w", "%{num_redirects}"), 0, "arrived\n3"),
        ("/redirect/loop", ("-L", "--max-redirs", "5"), 47, ""),
        ("/chunked/2", (), 0, "chunk 1\nchunk 2\n"),
        ("/chunked/broken", (), 56, ""),
        ("/chunked/cut", (), 18, ""),
        ("/length/long", (), 18, ""),
        ("/length/short", (), 0, "0123456789" * 9),
        ("/header/20000", ("-D", "-"), 0, "x" * 20_000),
        ("/header/200000", (), None, ""),
        ("/cut", (), 18, "0123456789" * 5),
        ("/cut/head", (), None, ""),
        ("/reset", (), 56, "0123456789" * 5),
        ("/never", ("--max-time", "0.5"), 28, ""),
        ("/close", ("-w", "%{http_code}"), 0, "200"),
        ("/nonsense", (), 1, ""),
        ("/nowhere", ("-w", "%{http_code}"), 0, "404"),
        ("/delay/61", ("-w", "%{http_code}"), 0, "400"),
        ("/drip/9999999/1", ("-w", "%{http_code}"), 0, "400"),
        ("/short-stream", (), 18, "only this"),
        ("/half-reset", (), 56, ""),
        ("/split", ("-D", "-"), 0, "500 Internal Server Error"),
    ],
)  # fmt: skip
def test_each_behaviour_is_what_curl_says_of_it(
    port: int, path: str, options: tuple[str, ...], code: int | None, shown: str
) -> None:
    got = curl(port, path, *options)
    assert code in (None, got[0]) and shown in got[1], got  # None: versions of curl do not agree
    assert "Set-Cookie" not in got[1]


def test_the_front_page_lists_every_behaviour_there_is() -> None:
    from packetlab.net.servers.behaviours import _TABLE

    listed = {line.split()[0].split("/")[1] for line in PATHS.splitlines()} - {""}
    assert listed == set(_TABLE)


def test_while_some_wait_others_are_served_at_once(port: int) -> None:
    waiting = [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(10)]
    for number, sock in enumerate(waiting):
        sock.sendall(get("/delay/5" if number % 2 else "/never"))
    began = time.monotonic()
    assert b"200 OK" in talk(port, get("/"))
    assert time.monotonic() - began < 3
    for sock in waiting:
        sock.close()


def test_a_client_that_does_not_read_keeps_nobody_else_waiting(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as lazy:
        lazy.sendall(get("/big"))
        began = time.monotonic()
        assert b"200 OK" in talk(port, get("/"))
        assert time.monotonic() - began < 1.5
        got = b""
        while more := lazy.recv(1 << 20):
            got += more
    assert got.endswith(BIG) and len(got) > len(BIG) * 40


def test_what_waits_for_a_lazy_client_is_bounded() -> None:
    number = free_port()
    with HTTPServer(ThisMachine(), number, answer) as server:
        with socket.create_connection(("127.0.0.1", number), timeout=10) as lazy:
            lazy.sendall(get("/big", close=False) * 1000)
            time.sleep(0.5)
            assert all(len(peer.unsent) < 200_000 for peer in server._open.values())
            assert all(len(talk.reader._unread) < 200_000 for talk in server._talks.values())
        assert talk(number, get("/size")).endswith(b"\r\n\r\n0")


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"POST /size HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST /size HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400),
        (b"POST /size HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
        (b"POST /size HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n", 501),
        (b"POST /size HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST /size HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST /size HTTP/1.1\r\nHost: a\r\nX: 1\r\n Content-Length: 3\r\n\r\nabc", 400),
        (b"POST /size HTTP/1.1\r\nHost: a\r\nX: 1\nContent-Length: 3\r\n\r\nabc", 400),
        (b"POST /size HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc", 400),
        (b"POST /size HTTP/1.1\r\nHost: a\r\nContent-Length: " + b"0" * 5000 + b"\r\n\r\n", 200),
        (b"POST /size HTTP/1.1\r\nHost: a\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n", 413),
        (b"POST /size HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400),
        (b"POST /size HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", 400),
        (b"POST /size HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcde", 400),
        (b"POST /size HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nffffff\r\n", 413),
        (b"POST /size HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1;" + b"x" * 500, 400),
        (b"POST /size HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + b"a: b\r\n" * 9000, 431),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET /\x00 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
        (b"GET / HTTP/1.1\r\nHost: a\r\nExpect: miracles\r\n\r\n", 417),
        (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"x: y\r\n" * 101 + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: a\r\nx: " + b"y" * MAX_HEAD + b"\r\n\r\n", 431),
    ],
)  # fmt: skip
def test_a_body_is_never_taken_for_the_next_request(port: int, sent: bytes, status: int) -> None:
    got = talk(port, sent + (get("/status/218") if status != 200 else get("/size")))
    assert got.startswith(b"HTTP/1.1 %d " % status), got[:60]
    assert b" 218 " not in got and got.count(b"HTTP/1.1 ") == (2 if status == 200 else 1)


def test_chunks_of_a_request_are_joined_wherever_they_are_cut(port: int) -> None:
    body = b"4;name=value\r\nWiki\r\n5\r\npedia\r\n0\r\nTrailer: x\r\n\r\n"
    sent = get("/echo", "Transfer-Encoding: chunked", method="POST", close=False) + body + get("/size")
    whole = talk(port, sent)
    assert b'"body": "Wikipedia"' in whole and whole.endswith(b"\r\n\r\n0")
    reader = RequestReader("me")
    found = []
    for byte in sent:
        reader.take(bytes([byte]))
        if (request := reader.next_request()) is not None:
            found.append((request.path, request.body))
    assert found == [("/echo", b"Wikipedia"), ("/size", b"")]


@given(st.lists(st.sampled_from([b"GET / HTTP/1.1\r\n", b"Host: a\r\n", b"Transfer-Encoding: chunked\r\n", b"\r\n",
                                 b"Content-Length: 5\r\n", b"5\r\nabcde\r\n", b"0\r\n\r\n", b"\x00", b" ", b"\n"])
                | st.binary(max_size=20), max_size=30))  # fmt: skip
def test_no_bytes_make_the_reader_of_requests_raise_anything_but_a_refusal(pieces: list[bytes]) -> None:
    reader = RequestReader("me")
    try:
        for piece in pieces:
            reader.take(piece)
            while reader.next_request() is not None:
                pass
    except Refused as error:
        assert 400 <= error.status < 600


@pytest.mark.needs("curl")
def test_curl_waits_for_the_word_to_go_on_before_it_sends_a_body(port: int, tmp_path: Path) -> None:
    small, large = tmp_path / "small", tmp_path / "large"
    small.write_bytes(b"x" * 100_000)
    large.write_bytes(b"x" * (MAX_BODY + 1))
    began = time.monotonic()
    code, out = curl(port, "/size", "-T", str(small), "-H", "Expect: 100-continue", "-D", "-")
    assert code == 0 and "100 Continue" in out and out.endswith("100000") and time.monotonic() - began < 0.9
    code, out = curl(port, "/size", "-T", str(large), "-H", "Expect: 100-continue", "-w", "%{http_code}")
    assert "413" in out and code == 0
    code, out = curl(port, "/size", "-T", str(small), "-H", "Transfer-Encoding: chunked", "-H", "Expect:")
    assert (code, out) == (0, "100000")
    # Without asking first: the refusal arrives although the client is still sending.
    assert "413" in curl(port, "/size", "--data-binary", f"@{large}", "-H", "Expect:", "-w", "%{http_code}")[1]


def test_a_request_for_the_head_gives_the_length_and_no_body(port: int) -> None:
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    client.request("HEAD", "/bytes/15")
    response = client.getresponse()
    assert (response.headers["Content-Length"], response.read()) == ("15", b"")
    client.request("GET", "/bytes/15")
    assert client.getresponse().read() == b"012345678901234"
    client.close()


def test_http_1_0_gets_no_chunks_and_no_second_answer(port: int) -> None:
    got = talk(port, b"GET /chunked/2 HTTP/1.0\r\n\r\n")
    assert got.endswith(b"\r\n\r\nchunk 1\nchunk 2\n") and b"Connection: close" in got and b"chunked" not in got


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    (folder / "sub").mkdir(parents=True)
    (folder / "a b.txt").write_bytes(b"0123456789")
    (folder / "big.bin").write_bytes(BIG)
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "index.html").write_text("secret")
    (folder / "link").symlink_to(tmp_path / "secret")
    (folder / "way").symlink_to(tmp_path / "outside")
    (folder / "sub" / "index.html").symlink_to(tmp_path / "secret")
    (folder / "circle").symlink_to("circle")
    (folder / "inner").symlink_to("a b.txt")
    os.mkfifo(folder / "pipe")
    return folder


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/a%20b.txt", 200), ("/inner", 200), ("http://a/a%20b.txt?x=1", 200), ("/", 200), ("/sub", 301),
        ("/link", 404), ("/way/index.html", 404), ("/way/", 404), ("/sub/", 404), ("/circle", 404), ("/pipe", 404),
        ("/../secret", 404), ("/%2e%2e/secret", 404), ("/..%2fsecret", 404), ("/%00", 404), ("/none", 404),
        ("//etc/passwd", 404), ("/" + "x" * 5000, 404),
    ],
)  # fmt: skip
def test_no_path_and_no_symbolic_link_leads_out_of_a_folder(site: Path, target: str, status: int) -> None:
    response = from_folder(site)(Request("GET", target, {}, b"", ""))
    assert response.status == status and b"secret" not in response.body


def test_a_folder_without_an_index_is_listed_with_names_made_harmless(site: Path) -> None:
    (site / "<b>&.txt").write_text("x")
    listed = from_folder(site)(Request("GET", "/", {}, b"", "")).body.decode()
    assert "&lt;b&gt;&amp;.txt" in listed and 'href="./a%20b.txt"' in listed and "<b>" not in listed


def test_a_file_that_is_too_large_is_refused(site: Path) -> None:
    with (site / "huge").open("wb") as file:
        file.truncate((64 << 20) + 1)
    assert from_folder(site)(Request("GET", "/huge", {}, b"", "")).status == 403


@pytest.mark.parametrize("name", ["a%20b.txt", "big.bin"])
def test_files_have_conditions_and_ranges(site: Path, name: str) -> None:
    number, whole = free_port(), BIG if name == "big.bin" else b"0123456789"
    with HTTPServer(ThisMachine(), number, from_folder(site)):
        client = http.client.HTTPConnection("127.0.0.1", number, timeout=5)

        def ask(**headers: str) -> tuple[int, bytes, http.client.HTTPMessage]:
            client.request("GET", f"/{name}", headers={key.replace("_", "-"): value for key, value in headers.items()})
            response = client.getresponse()
            return response.status, response.read(), response.headers

        status, body, told = ask()
        assert (status, body) == (200, whole)
        tag, date = told["ETag"], told["Last-Modified"]
        assert ask(If_None_Match=f'"other", W/{tag}')[:2] == (304, b"")
        assert ask(If_None_Match='"other"', If_Modified_Since=date)[0] == 200
        assert ask(If_Modified_Since=date)[0] == 304
        assert ask(If_Modified_Since="nonsense")[0] == 200
        assert ask(If_Modified_Since="Mon, 01 Jan 1990 00:00:00 GMT")[0] == 200
        assert ask(Range="bytes=2-5")[:2] == (206, whole[2:6])
        assert ask(Range="bytes=-3")[:2] == (206, whole[-3:])
        assert ask(Range="bytes=4-")[:2] == (206, whole[4:])
        status, body, told = ask(Range=f"bytes={len(whole)}-")
        assert (status, body, told["Content-Range"]) == (416, b"", f"bytes */{len(whole)}")
        assert ask(Range="bytes=0-1", If_Range='"other"')[:2] == (200, whole)
        assert ask(Range="bytes=0-1,3-4")[:2] == ask(Range="bytes=5-2")[:2] == (200, whole)
        client.close()


@pytest.mark.needs("curl")
def test_curl_resumes_a_download(site: Path, tmp_path: Path) -> None:
    number, part = free_port(), tmp_path / "part"
    part.write_bytes(BIG[:1000])
    with HTTPServer(ThisMachine(), number, from_folder(site)):
        assert curl(number, "/big.bin", "-C", "-", "-o", str(part))[0] == 0
    assert part.read_bytes() == BIG


def test_a_page_that_is_known_is_not_sent_again() -> None:
    number = free_port()
    with HTTPServer(ThisMachine(), number, from_pages({"/": "hello"})):
        tag = talk(number, get("/")).split(b"ETag: ")[1].split(b"\r\n")[0].decode()
        for given in (tag, f"W/{tag}", f'"x", {tag}', "*"):
            assert talk(number, get("/", f"If-None-Match: {given}")).startswith(b"HTTP/1.1 304 ")
        assert talk(number, get("/", "Range: bytes=1-2")).endswith(b"\r\n\r\nel")


def test_a_flood_of_idle_connections_keeps_no_newcomer_out(port: int) -> None:
    idle = [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(150)]
    try:
        assert b"200 OK" in talk(port, get("/"))
    finally:
        for sock in idle:
            sock.close()


def test_a_request_that_never_ends_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("packetlab.net.servers.http.PATIENCE", 0.2)
    number = free_port()
    with HTTPServer(ThisMachine(), number, answer):
        assert talk(number, b"GET / HTTP/1.1\r\nHost:").startswith(b"HTTP/1.1 408 ")


def test_the_echo_is_json(port: int) -> None:
    told = json.loads(talk(port, get("/echo", "X-One: 1", "X-One: 2")).split(b"\r\n\r\n", 1)[1])
    assert (told["method"], told["headers"]["x-one"], told["from"]) == ("GET", "1, 2", "127.0.0.1")
