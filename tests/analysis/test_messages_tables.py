"""Tables http, dns and tls say what the messages say; how a conversation was cut into segments changes nothing."""

import io
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import packetlab
from packetlab.analysis.messages import DNSMessage, HTTPExchange, TLSHandshake, messages
from packetlab.model.errors import UsageError
from tests.analysis.test_messages import CAPTURES, CONVERSATION, Said, exchanges, hello_message, records, talk, told


def rows(name: str, source: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = packetlab.open_capture(source).table(name).arrow().to_pylist()
    return found


def test_each_exchange_is_a_row_of_table_http() -> None:
    found = rows("http", talk(*CONVERSATION))
    assert [(one["method"], one["target"], one["status"], one["size"]) for one in found] == [
        ("GET", "/a", 200, 5), ("HEAD", "/b", 200, 0), ("POST", "/c", 200, 7), ("GET", "/d", 204, 0),
        ("GET", "/e", 200, 13)]  # fmt: skip
    assert all(one["complete"] and one["missing"] == 0 and one["faults"] == [] for one in found)
    assert {(one["client"], one["client_port"], one["server"], one["server_port"]) for one in found} == {
        ("10.0.0.1", 40000, "10.0.0.2", 4444)}  # fmt: skip
    assert found[0]["host"] == "x" and found[0]["sha256"] and found[1]["sha256"] is None
    assert found[2]["request_size"] == 3 and all(one["response_time"] >= 0 for one in found)


def test_a_half_seen_exchange_has_nulls_and_is_not_complete() -> None:
    (one,) = rows("http", talk((0, b"GET /a HTTP/1.1\r\n\r\n")))
    assert one["method"] == "GET" and one["status"] is None and one["response_time"] is None and not one["complete"]
    (one,) = rows("http", talk((1, b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")))
    assert one["method"] is None and one["status"] == 408 and not one["complete"]


def test_numbers_beyond_all_bounds_are_no_numbers() -> None:
    big = b"9" * 6000
    found = exchanges(talk(
        (0, b"GET /a HTTP/1.1\r\n\r\n"), (1, b"HTTP/1.1 200 OK\r\nContent-Length: " + big + b"\r\n\r\nabc"),
    ))  # fmt: skip
    assert all(one.response is None or not one.response.message.is_complete for one in found)
    (one,) = rows("http", talk((0, b"GET /a HTTP/1.1\r\n\r\n"), (1, b"HTTP/1.1 " + big + b" OK\r\n\r\n")))
    assert one["status"] == 0


def test_table_dns_joins_answers_with_questions() -> None:
    found = rows("dns", CAPTURES / "dns.pcapng")
    assert {one["transport"] for one in found} == {"udp", "tcp"}
    by_packet = {one["packet"]: one for one in found}
    for one in found:
        if one["response"]:
            asked = by_packet[one["question_packet"]]
            assert (asked["name"], asked["type"], asked["id"]) == (one["name"], one["type"], one["id"])
            assert one["response_time"] >= 0 and one["response_code"] is not None
        else:
            assert one["response_code"] is None and one["response_text"] is None and one["answers"] == []
    assert any(one["answers"] == ["www.lab.test A 10.0.0.2"] for one in found)
    assert any(len(one["answers"]) == 60 and one["transport"] == "tcp" for one in found)


def test_table_tls_shows_what_both_sides_said_in_the_clear() -> None:
    (one,) = rows("tls", CAPTURES / "tls12.pcapng")
    assert (one["server_name"], one["version"], one["protocol"]) == ("www.lab.test", "TLS 1.2", "http/1.1")
    assert one["cipher_suite"].startswith("TLS_ECDHE_") and one["offered_protocols"] == ["h2", "http/1.1"]
    assert one["subject"] == "CN=www.lab.test" and one["names"] == ["www.lab.test"] and one["certificates"] == 1
    assert one["not_before"] < one["not_after"] and len(one["certificate_sha256"]) == 64
    assert len(one["ja3"]) == 32 and one["ja4"].startswith("t12d") and one["alerts"] == []
    (one,) = rows("tls", CAPTURES / "tls_expired.pcapng")
    assert one["alerts"] == ["client: fatal: certificate expired"] and one["not_after"] < one["time"]


def test_a_hello_without_an_answer_is_a_row_with_nulls() -> None:
    (one,) = rows("tls", talk((0, records(hello_message(), 500))))
    assert one["server_name"] == "example.org" and one["version"] is None and one["cipher_suite"] is None
    assert one["offered_cipher_suites"] == ["GREASE 0x0a0a", "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384"]


def test_sql_joins_messages_with_flows() -> None:
    capture = packetlab.open_capture(CAPTURES / "http.pcapng")
    answer = capture.sql("SELECT count(*) AS n FROM http JOIN flows USING (tcp_stream) WHERE status = 200")
    assert answer.arrow().to_pylist()[0]["n"] > 0


def test_a_capture_gives_its_messages_of_the_kinds_asked_for() -> None:
    kinds = {"http": HTTPExchange, "dns": DNSMessage, "tls": TLSHandshake}
    for kind, name in (("http", "http"), ("dns", "dns"), ("tls", "tls13")):
        capture = packetlab.open_capture(CAPTURES / f"{name}.pcapng")
        found = list(capture.messages(kind))
        assert found and all(isinstance(one, kinds[kind]) for one in found)
        assert len(list(capture.messages())) >= len(found)
    with pytest.raises(UsageError, match="no kind of messages 'htp'"):
        packetlab.open_capture(CAPTURES / "http.pcapng").messages("htp")


def test_a_filter_holds_for_tables_of_messages() -> None:
    capture = packetlab.open_capture(CAPTURES / "http.pcapng").where("tcp.port == 1")
    assert capture.table("http").arrow().num_rows == 0


@st.composite
def cuts(draw: st.DrawFn) -> list[Said]:
    """The conversation, each saying cut at any bytes."""
    made: list[Said] = []
    for side, data in CONVERSATION:
        assert isinstance(data, bytes)
        places = sorted(draw(st.sets(st.integers(1, len(data) - 1), max_size=6)))
        made += [(side, data[start:stop]) for start, stop in zip([0, *places], [*places, len(data)], strict=True)]
    return made


@settings(max_examples=40, deadline=None)
@given(cuts())
def test_however_a_conversation_is_cut_its_exchanges_are_the_same(said: list[Said]) -> None:
    assert told(exchanges(talk(*said))) == told(exchanges(talk(*CONVERSATION)))


LIKELY = [
    b"GET / HTTP/1.1\r\n", b"HTTP/1.1 200 OK\r\n", b"Content-Length: 7\r\n", b"\r\n", b"\x16\3\1\0\x40\1", b"5\r\n",
    b"Transfer-Encoding: chunked\r\n\r\n", b"\0\x20\0\1\1\0\0\1\0\0\0\0\0\0\3www\0\0\1\0\1",
]  # fmt: skip
SAYING = st.one_of(st.binary(min_size=1, max_size=80), st.integers(1, 50), st.sampled_from(LIKELY))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1), SAYING), max_size=12))
def test_noise_on_a_connection_raises_nothing(said: list[Said]) -> None:
    source = talk(*said)
    for one in messages(io.BytesIO(source.getvalue())):
        assert one.number >= 1
    for name in ("http", "tls", "dns"):
        assert isinstance(rows(name, io.BytesIO(source.getvalue())), list)
