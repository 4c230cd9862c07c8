"""ARP, ping and a router's error in lists and ladders."""

from packetlab import show
from packetlab.internet.icmp import EchoReply, EchoRequest, TimeExceeded
from packetlab.internet.icmpv6 import EchoRequest6
from packetlab.internet.ipv6 import IPv6
from packetlab.link.arp import ARP
from packetlab.link.ethernet import Ethernet
from packetlab.model.frame import Frame
from packetlab.model.packet import Packet, decapsulate
from packetlab.show.bytes import regions
from packetlab.show.data import as_dict
from packetlab.show.view import look
from packetlab.transport.udp import UDP
from tests.show.packets import A, B, ip, link, segment

CLIENT, SERVER = "02:00:00:00:00:01", "02:00:00:00:00:02"
CAUSE = ip(A, "10.9.9.9") / UDP(src_port=5, dst_port=33434) / b"x"
ERROR = link() / ip("10.0.0.254", A) / TimeExceeded() / CAUSE.encapsulate()


def frames(*packets: Packet) -> list[Frame]:
    made = [packet.encapsulate() for packet in packets]
    return [Frame(data, number * 1000, len(data)) for number, data in enumerate(made)]


def exchange() -> list[Frame]:
    ask = ARP(sender_hardware=CLIENT, sender_protocol=A, target_protocol=B)
    answer = ARP(operation=2, sender_hardware=SERVER, sender_protocol=B, target_hardware=CLIENT, target_protocol=A)
    return frames(
        Ethernet(dst="ff:ff:ff:ff:ff:ff", src=CLIENT) / ask,
        Ethernet(dst=CLIENT, src=SERVER) / answer,
        link() / ip(A, B) / EchoRequest(identifier=7, sequence=1) / bytes(56),
        link() / ip(B, A) / EchoReply(identifier=7, sequence=1) / bytes(56),
    )


def test_summaries_say_who_asked_what() -> None:
    lines = [show.summary(decapsulate(frame.data)) for frame in exchange()]
    assert lines == [
        "ARP who has 10.0.0.2? tell 10.0.0.1",
        "ARP 10.0.0.2 is at 02:00:00:00:00:02",
        "ICMP echo request id=7 seq=1 56 bytes",
        "ICMP echo reply id=7 seq=1 56 bytes",
    ]


def test_arp_announcements_and_probes_are_told_apart() -> None:
    announce = ARP(sender_hardware=CLIENT, sender_protocol=A, target_protocol=A)
    probe = ARP(sender_hardware=CLIENT, sender_protocol="0.0.0.0", target_protocol=A)
    assert show.summary(link() / announce) == "ARP announcement: 10.0.0.1 is at 02:00:00:00:00:01"
    assert show.summary(link() / probe) == "ARP probe: is 10.0.0.1 in use?"


def test_arp_and_ping_share_two_lifelines() -> None:
    lines = str(show.ladder(exchange())).splitlines()
    assert len(lines) == 5 and lines[0].split() == [A, B]
    assert "who has" in lines[1] and lines[1].endswith("▶│") and "echo reply" in lines[4]


def test_icmpv6_is_named_without_its_version_twice() -> None:
    packet = link() / IPv6(src="fe80::1", dst="fe80::2") / EchoRequest6(identifier=1, sequence=2)
    assert show.summary(packet).startswith("ICMPv6 echo request ")
    assert "ICMPv6 EchoRequest " in str(show.layers(packet))


def test_an_error_shows_the_packet_it_quotes_inside_itself() -> None:
    packet = decapsulate(ERROR.encapsulate())
    assert show.summary(packet).endswith("TTL reached zero on the way; about: UDP 5 -> 33434 len=1")
    text = str(show.layers(packet))
    assert (
        "quoted: the packet that caused this error" in text and "    UDP ─" in text and "-" not in text.split(" % ")[0]
    )
    assert "dst_port = 33434" in str(show.explain(packet)) and "the packet that is quoted" in str(show.figure(packet))
    quoted = as_dict(packet)["quoted"]
    assert [layer["name"] for layer in quoted["layers"]] == ["ipv4", "udp"] and quoted["offset"] == 42
    assert all(0 < layer["share"] < 1 for layer in quoted["layers"])
    at = 0
    for region in regions(look(packet)):
        assert region.start == at
        at = region.end
    assert at == len(packet)


def test_dns_lines_say_what_was_asked_and_answered() -> None:
    from packetlab.application import dns

    question = dns.query("www.example.org", "AAAA", identifier=0x1234)
    assert (
        show.summary(link() / ip() / UDP(src_port=40000, dst_port=53) / question)
        == "DNS query 0x1234 AAAA www.example.org"
    )
    found = tuple(dns.A(owner="www.example.org", address=f"192.0.2.{number}") for number in range(1, 6))
    answer = dns.DNS(identifier=1, response=1, questions=(dns.Question(qname="www.example.org"),), answers=found)
    line = show.summary(link() / ip() / UDP(src_port=53, dst_port=40000) / answer)
    assert line.startswith("DNS answer 0x0001 A www.example.org: A 192.0.2.1, A 192.0.2.2") and line.endswith(
        "and 2 more"
    )
    missing = dns.DNS(identifier=1, response=1, response_code=3, questions=(dns.Question(qname="x.example"),))
    assert "NXDOMAIN" in show.summary(link() / ip() / UDP(src_port=53, dst_port=40000) / missing)


def test_a_message_that_goes_on_in_the_next_segment_is_no_damage() -> None:
    packet = decapsulate(segment(A, B, (40000, 80), "PSH ACK", 1, 1, data=b"GET /long/pa").data)
    assert show.summary(packet) == "HTTP GET"
    text = " ".join(str(show.layers(packet)).split())
    assert "the rest may be in the next segments" in text and "✗" not in text
    assert all(check.ok and check.verdict != "unknown" for check in look(packet).checks)


def test_an_http_line_names_the_host_and_the_answer() -> None:
    request = segment(A, B, (40000, 80), "PSH ACK", 1, 1, data=b"GET /a HTTP/1.1\r\nHost: \x1b[2Jweb\r\n\r\n")
    assert show.summary(decapsulate(request.data)) == "HTTP GET /a HTTP/1.1 \\x1b[2Jweb"
    answer = segment(B, A, (80, 40000), "PSH ACK", 1, 1, data=b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<p>")
    assert show.summary(decapsulate(answer.data)) == "HTTP/1.1 200 OK text/html 3 bytes"
