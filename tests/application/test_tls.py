"""TLS records as headers: what is whole is taken apart, what is not stays bytes, and everything is written again."""

import packetlab.protocols  # noqa: F401
from packetlab.analysis.filter import parse
from packetlab.analysis.open_capture import open_capture
from packetlab.application.tls import (
    TLS,
    ApplicationData,
    Certificates,
    CipherSuite,
    ClientHello,
    Handshake,
    ServerHello,
    TLSAlert,
)
from packetlab.application.tls_extensions import (
    GREASE,
    ApplicationProtocol,
    ApplicationProtocols,
    ChosenVersion,
    OtherExtension,
    ServerHostName,
    ServerName,
    SupportedVersions,
)
from packetlab.application.tls_handshake import is_grease
from packetlab.internet.ipv4 import IPv4
from packetlab.model.header import Remainder
from packetlab.model.packet import Packet, decapsulate
from packetlab.transport.tcp import TCP
from tests.conftest import ROOT

CAPTURES = ROOT / "captures"


def packets(name: str) -> list[Packet]:
    return list(open_capture(CAPTURES / name).packets())


def messages(packet: Packet) -> list[object]:
    return [one for record in packet[TLS].records if isinstance(record, Handshake) for one in record.messages]


def carried(data: bytes, port: int = 443) -> Packet:
    """The bytes in a TCP segment to a port."""
    made = IPv4(src="192.0.2.1", dst="192.0.2.2") / TCP(src_port=40000, dst_port=port) / data
    return decapsulate(made.encapsulate(), IPv4)


def test_a_hello_says_which_host_and_which_protocols_are_wanted() -> None:
    (hello,) = messages(packets("tls13.pcapng")[5])
    assert isinstance(hello, ClientHello)
    by_kind = {type(one): one for one in hello.extensions}
    name, protocols = by_kind[ServerName], by_kind[ApplicationProtocols]
    assert isinstance(name, ServerName) and [one.host for one in name.names] == ["www.lab.test"]
    assert isinstance(protocols, ApplicationProtocols)
    assert [one.protocol for one in protocols.protocols] == ["h2", "http/1.1"]
    assert SupportedVersions in by_kind


def test_one_segment_holds_several_records_and_a_record_several_messages() -> None:
    packet = packets("tls12.pcapng")[7]
    hello, certificates, *_ = messages(packet)
    assert isinstance(hello, ServerHello) and isinstance(certificates, Certificates) and len(certificates.chain) == 1
    chosen = messages(packets("tls13.pcapng")[7])[0]
    assert isinstance(chosen, ServerHello)
    assert any(isinstance(one, ChosenVersion) and one.number == 0x0304 for one in chosen.extensions)


def test_lengths_are_filled_in_when_a_hello_is_built_and_read_back_the_same() -> None:
    name = ServerName(names=(ServerHostName(host="example.org"),))
    alpn = ApplicationProtocols(protocols=(ApplicationProtocol(protocol="h2"),))
    grease = OtherExtension(type=0x0A0A)
    hello = ClientHello(suites=(CipherSuite(number=0x1301),), extensions=(grease, name, alpn))
    packet = carried(TLS(records=(Handshake(version=0x0301, messages=(hello,)),)).encode(), 8444)
    (found,) = messages(packet)
    assert isinstance(found, ClientHello) and not packet.faults
    assert [type(one) for one in found.extensions] == [OtherExtension, ServerName, ApplicationProtocols]
    assert found.length == len(found.encode()) - 4


def test_all_sixteen_numbers_of_grease_are_known_and_no_other() -> None:
    assert set(GREASE) == {number for number in range(0x10000) if is_grease(number)} and len(GREASE) == 16


def test_an_alert_is_read_in_the_clear_and_kept_where_it_is_encrypted() -> None:
    clear = carried(bytes.fromhex("1503030002022d"))[TLS].records[0]
    assert isinstance(clear, TLSAlert) and (clear.level, clear.description) == (2, 45)
    hidden = carried(bytes.fromhex("1503030004deadbeef"))[TLS].records[0]
    assert isinstance(hidden, TLSAlert) and hidden.data == bytes.fromhex("deadbeef")


def test_what_goes_on_in_the_next_segment_is_no_fault() -> None:
    packet = carried(b"\x17\3\3\x40\0" + bytes(100))
    (record,) = packet[TLS].records
    assert isinstance(record, ApplicationData) and len(record.data) == 100 and record.length == 0x4000
    assert not packet.faults
    cut = carried(b"\x16\3\3\1\0\1\0\0\xfc" + bytes(20))
    (part,) = messages(cut)
    assert isinstance(part, Remainder) and not cut.faults


def test_ciphertext_that_begins_like_a_handshake_stays_bytes() -> None:
    (part,) = messages(carried(b"\x16\3\3\0\x28" + bytes(8) + b"\xaa" * 32))
    assert isinstance(part, Remainder)


def test_other_bytes_on_port_443_are_no_tls() -> None:
    assert TLS not in carried(b"SSH-2.0-OpenSSH\r\n") and TLS not in carried(b"\x16\3\1")


def test_the_names_of_hosts_can_be_filtered_for() -> None:
    found = parse('tls.handshake.extensions_server_name == "www.lab.test"')
    capture = open_capture(CAPTURES / "tls12.pcapng").where(found)
    assert len(list(capture.frames())) == 1
