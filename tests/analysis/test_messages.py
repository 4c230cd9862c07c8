"""Messages are found by what they say, on any port, however segments cut them; what lacks is said."""

import gzip
import hashlib
import io
import json
import os
import random
import zlib
from pathlib import Path

import pytest

from packetlab.analysis.filter import parse
from packetlab.analysis.messages import DNSMessage, HTTPExchange, Message, TLSHandshake, messages
from packetlab.analysis.messages.certificate import pem, read
from packetlab.analysis.messages.described import described
from packetlab.analysis.objects import decoded, safe_name, save_objects
from packetlab.application.tls_handshake import client_hello, is_grease
from packetlab.capture.writer import CaptureWriter
from packetlab.internet.ipv4 import IPv4
from packetlab.link.ethernet import Ethernet
from packetlab.model.errors import UsageError
from packetlab.model.frame import Frame
from packetlab.transport.tcp import TCP
from packetlab.transport.udp import UDP
from tests.conftest import ROOT

CAPTURES = ROOT / "captures"
Said = tuple[int, bytes | int]
"""(side: 0 the client, 1 the server; bytes, or how many the capture lacks)."""


def talk(*said: Said, piece: int = 1400, ports: tuple[int, int] = (40000, 4444)) -> io.BytesIO:
    """A capture of one connection, each saying cut into pieces."""
    sequence, hosts = [1000, 5000], (b"\x0a\0\0\1", b"\x0a\0\0\2")
    frames: list[Frame] = []

    def put(side: int, data: bytes, flags: int) -> None:
        tcp = TCP(src_port=ports[side], dst_port=ports[side ^ 1], sequence=sequence[side],
                  acknowledgment=sequence[side ^ 1], flags=flags, window=65000)  # fmt: skip
        octets = (Ethernet(src=b"\2" * 6, dst=b"\4" * 6) / IPv4(src=hosts[side], dst=hosts[side ^ 1]) / tcp
                  / data).encapsulate()  # fmt: skip
        frames.append(Frame(octets, 10**18 + len(frames) * 1_000_000, len(octets), 1))
        sequence[side] += len(data) + (1 if flags & int(TCP.SYN | TCP.FIN) else 0)

    put(0, b"", int(TCP.SYN))
    put(1, b"", int(TCP.SYN | TCP.ACK))
    put(0, b"", int(TCP.ACK))
    for side, data in said:
        if isinstance(data, int):
            sequence[side] += data
            continue
        for at in range(0, len(data), piece):
            put(side, data[at : at + piece], int(TCP.ACK | TCP.PSH))
    put(1, b"", int(TCP.FIN | TCP.ACK))
    put(0, b"", int(TCP.FIN | TCP.ACK))
    put(1, b"", int(TCP.ACK))
    out = io.BytesIO()
    writer = CaptureWriter(out)
    writer.write_all(frames)
    writer.flush()
    return io.BytesIO(out.getvalue())


def exchanges(source: io.BytesIO | Path, kept: int = 65_536) -> list[HTTPExchange]:
    return [one for one in messages(source, kept=kept) if isinstance(one, HTTPExchange)]


def told(found: list[HTTPExchange]) -> list[tuple[str, int, bytes]]:
    """(target, status, body) of each."""
    return [(one.request.message.start[1] if one.request else "", one.response.message.status if one.response else 0,
             one.response.message.body if one.response else b"") for one in found]  # fmt: skip


CONVERSATION: tuple[Said, ...] = (
    (0, b"GET /a HTTP/1.1\r\nHost: x\r\n\r\nHEAD /b HTTP/1.1\r\nHost: x\r\n\r\n"),
    (1, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"),
    (1, b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n"),
    (0, b"POST /c HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"),
    (1, b"HTTP/1.1 100 Continue\r\n\r\n"),
    (0, b"abc"),
    (1, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4;x=y\r\nchun\r\n3\r\nked\r\n0\r\nTrailer: 1\r\n\r\n"),
    (0, b"GET /d HTTP/1.1\r\n\r\n"),
    (1, b"HTTP/1.1 204 No Content\r\n\r\n"),
    (0, b"GET /e HTTP/1.0\r\n\r\n"),
    (1, b"HTTP/1.0 200 OK\r\n\r\nuntil the end"),
)


@pytest.mark.parametrize("piece", [1400, 7, 1])
def test_pipelined_chunked_interim_and_bodiless_messages_are_told_apart_however_they_are_cut(piece: int) -> None:
    found = exchanges(talk(*CONVERSATION, piece=piece))
    assert told(found) == [("/a", 200, b"hello"), ("/b", 200, b""), ("/c", 200, b"chunked"), ("/d", 204, b""),
                           ("/e", 200, b"until the end")]  # fmt: skip
    assert all(part.message.is_complete for one in found for part in (one.request, one.response) if part)
    assert all(one.client == "10.0.0.1:40000" and one.server == "10.0.0.2:4444" for one in found)


def test_a_gap_in_a_body_of_known_length_is_counted_and_reading_goes_on() -> None:
    found = exchanges(talk(
        (0, b"GET /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\n"),
        (1, b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n12"),
        (1, 50), (1, b"x" * 48), (1, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
    ))  # fmt: skip
    assert [one[:2] for one in told(found)] == [("/a", 200), ("/b", 200)]
    assert found[0].response is not None and found[0].response.message.missing == 50
    assert not described(found[0])["response"]["complete"] and described(found[1])["response"]["complete"]


def test_a_gap_elsewhere_ends_the_message_and_reading_begins_anew_at_a_start_line() -> None:
    found = exchanges(talk(
        (0, b"GET /a HTTP/1.1\r\n\r\n"), (1, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel"),
        (1, 30), (1, b"rest\r\n0\r\n\r\n"), (0, b"GET /b HTTP/1.1\r\n\r\n"),
        (1, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
    ))  # fmt: skip
    assert told(found) == [("/a", 200, b"hel"), ("/b", 200, b"ok")]
    assert found[0].response is not None and not found[0].response.message.is_complete


def test_after_an_accepted_connect_the_connection_is_no_longer_http() -> None:
    found = exchanges(talk(
        (0, b"CONNECT x:443 HTTP/1.1\r\n\r\n"), (1, b"HTTP/1.1 200 OK\r\n\r\n"), (0, b"GET /inside HTTP/1.1\r\n\r\n"),
        (1, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    ))  # fmt: skip
    assert [one[:2] for one in told(found)] == [("x:443", 200)]


def test_memory_is_bounded_and_the_hash_is_of_the_whole_body() -> None:
    body = os.urandom(300_000)
    said: tuple[Said, ...] = ((0, b"GET /a HTTP/1.1\r\n\r\n"),
                              (1, b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + body))  # fmt: skip
    (one,) = exchanges(talk(*said), kept=1000)
    assert one.response is not None
    message = one.response.message
    assert message.body == body[:1000] and message.size == len(body) and message.is_complete
    assert message.digest.digest() == hashlib.sha256(body).digest()


def test_a_request_without_a_response_and_a_response_without_a_request_are_given() -> None:
    (one,) = exchanges(talk((0, b"GET /a HTTP/1.1\r\n\r\n")))
    assert one.response is None and one.request is not None and one.response_time is None
    (other,) = exchanges(talk((1, b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")))
    assert other.request is None and other.response is not None and other.number == other.response.number


def test_tls_is_found_behind_starttls_and_in_a_tunnel() -> None:
    hello = records(hello_message(), 500)
    for before in (((1, b"220 hello\r\n"), (0, b"STARTTLS\r\n"), (1, b"220 go on\r\n")),
                   ((0, b"CONNECT x:443 HTTP/1.1\r\n\r\n"), (1, b"HTTP/1.1 200 OK\r\n\r\n"))):  # fmt: skip
        found = [one for one in messages(talk(*before, (0, hello))) if isinstance(one, TLSHandshake)]
        assert len(found) == 1 and found[0].hello is not None


def test_dns_answers_know_their_questions_over_udp_and_tcp() -> None:
    found = [one for one in messages(CAPTURES / "dns.pcapng") if isinstance(one, DNSMessage)]
    answers = [one for one in found if one.message.response]
    assert answers and all(one.question_number in {asked.number for asked in found} for one in answers)
    assert all(one.response_time is not None and one.response_time >= 0 for one in answers)
    assert {one.transport for one in found} == {"udp", "tcp"}
    over_tcp = next(one for one in answers if one.transport == "tcp")
    assert over_tcp.stream == 0 and len(over_tcp.message.answers) == 60


def tls(name: str) -> TLSHandshake:
    return next(one for one in messages(CAPTURES / name) if isinstance(one, TLSHandshake))


def _datagram(source: int, target: int, body: bytes) -> Frame:
    made = (Ethernet(src=b"\2" * 6, dst=b"\4" * 6) / IPv4(src=b"\x0a\0\0\1", dst=b"\x0a\0\0\1")
            / UDP(src_port=source, dst_port=target) / body)  # fmt: skip
    octets = made.encapsulate()
    return Frame(octets, 1_700_000_000_000_000_000, len(octets))


def test_dns_over_udp_is_found_on_any_port_and_what_only_looks_like_it_is_not() -> None:
    question = bytes.fromhex("12340100000100000000000003777777076578616d706c6503636f6d0000010001")
    chance = random.Random(5)
    noise = [question[:12] + chance.randbytes(21) for _ in range(300)]
    stream = io.BytesIO()
    with CaptureWriter(stream) as writer:
        writer.write(_datagram(40000, 8053, question))
        writer.write(_datagram(8053, 40000, question[:2] + b"\x81\x83" + question[4:]))
        writer.write(_datagram(137, 137, question))  # NetBIOS names
        writer.write(_datagram(40000, 8053, question + b"!"))  # more than a message
        writer.write(_datagram(40000, 8053, question[:-4] + b"\x99\x99\0\1"))  # no such type
        for body in noise:
            writer.write(_datagram(40000, 8053, body))
    stream.seek(0)
    found = [one for one in messages(stream) if isinstance(one, DNSMessage)]
    assert [one.number for one in found] == [1, 2]
    assert found[1].question_number == 1 and found[0].message.questions[0].qname == "www.example.com"


def test_a_tls_1_2_handshake_shows_name_protocol_and_chain() -> None:
    found = described(tls("tls12.pcapng"))
    assert (found["server_name"], found["version"], found["protocol"]) == ("www.lab.test", "TLS 1.2", "http/1.1")
    assert found["certificates"][0]["subject"] == "CN=www.lab.test" and found["certificates"][0]["readable"]
    assert found["certificates"][0]["names"] == ["www.lab.test"]


def test_a_tls_1_3_handshake_hides_all_but_the_hellos() -> None:
    found = described(tls("tls13.pcapng"))
    assert found["version"] == "TLS 1.3" and found["certificates"] == [] and found["ja4"].startswith("t13d")


def test_an_alert_in_the_clear_is_told() -> None:
    (alert,) = described(tls("tls_expired.pcapng"))["alerts"]
    assert alert["from"] == "client" and alert["fatal"] and alert["description"] == "certificate expired"


def records(body: bytes, size: int) -> bytes:
    """A handshake message cut over records."""
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"\x16\3\1" + len(part).to_bytes(2, "big") + part for part in parts)


def hello_message() -> bytes:
    """GREASE, a name and ALPN h2, by hand after RFC 8446 section 4.1.2 and RFC 8701."""
    name = b"\0\x0e\0\0\x0bexample.org"
    extensions = (b"\x1a\x1a\0\0" + b"\0\0" + len(name).to_bytes(2, "big") + name + b"\0\x10\0\5\0\3\2h2"
                  + b"\0\x0a\0\6\0\4\x2a\x2a\0\x1d" + b"\0\x2b\0\5\4\x3a\x3a\3\4")  # fmt: skip
    body = b"\3\3" + bytes(32) + b"\0" + b"\0\6\x0a\x0a\x13\1\x13\2" + b"\1\0"
    body += len(extensions).to_bytes(2, "big") + extensions
    return b"\1" + len(body).to_bytes(3, "big") + body


@pytest.mark.parametrize(("size", "piece"), [(10_000, 1400), (50, 1400), (9, 1), (4, 3)])
def test_a_hello_is_put_together_over_records_and_segments(size: int, piece: int) -> None:
    said = talk((0, records(hello_message(), size)), piece=piece)
    (one,) = [found for found in messages(said) if isinstance(found, TLSHandshake)]
    assert one.hello is not None and one.hello.server_name == "example.org" and one.hello.protocols == (b"h2",)
    assert one.hello.versions == (0x0304,)


def test_ja3_and_ja4_leave_grease_out_and_sort_as_published() -> None:
    hello = client_hello(hello_message()[4:])
    assert hello is not None and is_grease(0x1A1A) and not is_grease(0x1A2A)
    assert hello.ja3_text == "771,4865-4866,0-16-10-43,29,"
    ciphers, extensions = hashlib.sha256(b"1301,1302").hexdigest()[:12], hashlib.sha256(b"000a,002b").hexdigest()[:12]
    assert hello.ja4 == f"t13d0204h2_{ciphers}_{extensions}"


def test_any_cut_or_change_of_a_hello_raises_nothing() -> None:
    message = hello_message()[4:]
    for at in range(len(message)):
        for data in (message[:at], message[:at] + b"\xff" + message[at + 1 :]):
            hello = client_hello(data)
            if hello is not None:
                assert hello.ja3 and hello.ja4 and hello.server_name is not None


def test_a_filter_chooses_connections() -> None:
    where = parse("tcp.port == 1")
    assert not list(messages(CAPTURES / "http.pcapng", where))
    assert len(list(messages(CAPTURES / "http.pcapng", parse("tcp.flags.syn == 1")))) == 4


def test_every_message_can_be_written_as_json() -> None:
    for path in sorted(CAPTURES.glob("*.pcap*")):
        found: list[Message] = list(messages(path))
        json.dumps([described(one) for one in found])


def test_what_is_no_certificate_is_none() -> None:
    assert read(b"no certificate") is None
    assert pem(b"x" * 100).startswith(b"-----BEGIN CERTIFICATE-----\n")


# ---------------------------------------------------------------- objects


def test_codings_are_removed_within_a_bound() -> None:
    text = b"text " * 1000
    assert decoded(gzip.compress(text), "gzip") == (text, [])
    assert decoded(gzip.compress(text) + gzip.compress(text), "x-gzip") == (text * 2, [])
    assert decoded(zlib.compress(text), "deflate") == (text, [])
    bare = zlib.compressobj(wbits=-15)
    assert decoded(bare.compress(text) + bare.flush(), "deflate") == (text, [])
    bomb, notes = decoded(gzip.compress(bytes(10_000_000)), "gzip", 1000)
    assert len(bomb) == 1000 and "more than 1000" in notes[0]
    assert decoded(b"not packed", "gzip")[0] == b"not packed" and decoded(b"x", "br")[1]
    assert "ends early" in decoded(gzip.compress(os.urandom(1000))[:500], "gzip")[1][0]


@pytest.mark.parametrize("name", ["../../etc/passwd", "..", "/", "a\0b", "\x1b[31m.txt", ".bashrc", "CON", "nul.txt",
                                  "-rf", "x" * 500])  # fmt: skip
def test_a_name_from_the_wire_never_leaves_its_folder(name: str) -> None:
    made = safe_name(name)
    assert len(made) <= 81 and "/" not in made and not made.startswith((".", "-")) and made.isprintable()
    assert made.lower().partition(".")[0] not in ("con", "nul")


def test_objects_are_written_once_with_their_origin(tmp_path: Path) -> None:
    text = b"<p>hello</p>" * 100
    packed = gzip.compress(text)
    head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}"
    source = talk((0, b"GET /../../x?y HTTP/1.1\r\nHost: h\r\n\r\n"), (1, f"{head}\r\n\r\n".encode() + packed))
    folder = tmp_path / "made"
    (one,) = save_objects(source, folder)
    assert (folder / one.file).read_bytes() == text and one.sha256 == hashlib.sha256(text).hexdigest()
    assert one.wire_sha256 == hashlib.sha256(packed).hexdigest() and one.url == "http://h/../../x?y"
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["objects"][0]["first_packet"] == one.first_packet
    assert sorted(path.name for path in tmp_path.rglob("*")) == sorted(["made", one.file, "manifest.json"])


def test_no_file_is_overwritten_or_followed(tmp_path: Path) -> None:
    (one,) = save_objects(CAPTURES / "tls12.pcapng", tmp_path / "first")
    assert one.kind == "certificate" and (tmp_path / "first" / one.file).read_bytes().startswith(b"-----BEGIN")
    with pytest.raises(UsageError, match="already"):
        save_objects(CAPTURES / "tls12.pcapng", tmp_path / "first")
    second = tmp_path / "second"
    second.mkdir()
    (second / one.file).symlink_to(tmp_path / "elsewhere")
    (other,) = save_objects(CAPTURES / "tls12.pcapng", second)
    assert other.file != one.file and not (tmp_path / "elsewhere").exists()
