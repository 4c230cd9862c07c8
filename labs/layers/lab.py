"""The layers of one HTTPS GET: where each begins in a frame, what a router changes, and HTTP behind the keys."""

import socket
import ssl
import struct
import tempfile
from dataclasses import dataclass
from pathlib import Path

from packetlab.internet.ipv4 import IPv4
from packetlab.internet.ipv6 import IPv6
from packetlab.lab.verdict import Inconclusive, NotYet
from packetlab.link.ethernet import Ethernet
from packetlab.net.servers import HTTPServer
from packetlab.net.servers.certificates import CertificateAuthority
from packetlab.net.servers.http import from_pages
from packetlab.transport.tcp import TCP
from packetlab.transport.udp import UDP

SECURE = "tcp.port == 443"
TO_SHOP = "(ip.src == {c.ip} || ipv6.src == {c.ip6}) && tcp.dstport == 443"
PIECES = "(tcp || udp) && !icmp && !icmpv6"
NAMES = ("link", "internet", "transport", "application")
ALERT, HANDSHAKE, APPLICATION = 21, 22, 23
FINISHED = 20
NO_TRUST = {42, 43, 44, 45, 46, 48}
"""Alerts of a client that does not like the certificate (RFC 8446 section 6.2)."""
SUITES = {0x1301: ("SHA256", 16), 0x1302: ("SHA384", 32), 0x1303: ("SHA256", 32)}
"""The hash and the length of the key (RFC 8446 appendix B.4)."""


def setup(lab):
    authority = CertificateAuthority()
    context = authority.identity("shop").server_context(minimum=ssl.TLSVersion.TLSv1_3)
    folder = lab.serve(tempfile.TemporaryDirectory(prefix="packetlab-"))
    context.keylog_filename = lab.notes["log"] = str(Path(folder) / "keys")
    lab.notes["client"] = authority.client_context()
    pages = from_pages({f"/{lab.value(name)}": f"<p>{lab.value(name)[::-1]}</p>\n" for name in ("page", "secret")})
    lab.serve(HTTPServer(lab["shop"], 443, pages, tls=context))
    lab.serve(HTTPServer(lab["shop"], 80, pages))


def get(lab, *names, version=4):
    """Pages by HTTPS, one after the other, in one connection."""
    family, address = (socket.AF_INET, "shop.ip") if version == 4 else (socket.AF_INET6, "shop.ip6")
    with lab["c"].socket(family, socket.SOCK_STREAM) as plain:
        plain.settimeout(3)
        plain.connect((lab.value(address), 443))
        with lab.notes["client"].wrap_socket(plain, server_hostname="shop") as sock:
            for name in names:
                sock.sendall(f"GET /{lab.value(name)} HTTP/1.1\r\nHost: shop\r\n\r\n".encode())
                answer = b""
                while b"</p>" not in answer:
                    answer += sock.recv(4096)


def inner(seen):
    """The IP header of a frame, of either version."""
    return seen[IPv4] if IPv4 in seen else seen[IPv6]


def right_layers(seen):
    """What the dissector says: (name, start, end) for each layer of a frame with TCP or UDP."""
    packet = seen.packet
    at = packet.index(TCP if TCP in seen else UDP)
    found = [(name, packet.spans[number].start, packet.spans[number].body)
             for name, number in zip(NAMES, (0, at - 1, at), strict=False)]
    data = packet.spans[at]
    return found + ([("application", data.body, data.end)] if data.body < data.end else [])


def payload(seen):
    """What TCP carries."""
    spans = right_layers(seen)
    return seen.data[spans[3][1] : spans[3][2]] if len(spans) == 4 else b""


# -- TLS 1.3, behind the keys (RFC 8446)


@dataclass
class Record:
    """A sealed record and what was in it."""

    whole: bytes
    key: bytes
    iv: bytes
    number: int
    is_handshake: bool
    """Sealed with the keys of the handshake; those of the application come behind it."""
    kind: int
    content: bytes


@dataclass
class Talk:
    """One TCP connection of c with port 443, as c saw it."""

    frames: list
    to_shop: list
    """The records as they were on the cable."""
    to_c: list
    sent: list
    """The sealed ones, opened."""
    heard: list


def expand_label(secret, label, length, name):
    """HKDF-Expand-Label of section 7.1, with an empty context."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

    info = struct.pack("!HB", length, 6 + len(label)) + b"tls13 " + label + b"\0"
    return HKDFExpand(getattr(hashes, name)(), length, info).derive(secret)


def stream(frames):
    """The bytes of one direction, in order of sequence numbers; what was sent twice is there once."""
    pieces = [(seen[TCP].sequence, payload(seen)) for seen in frames if payload(seen)]
    if not pieces:
        return b""
    start = frames[0][TCP].sequence + bool(frames[0][TCP].flags & TCP.SYN)
    joined = b""
    for at, data in sorted(((number - start) % 2**32, data) for number, data in pieces):
        if at <= len(joined) < at + len(data):
            joined = joined[:at] + data
    return joined


def records(data):
    """The whole records of a stream of bytes."""
    found = []
    while len(data) >= 5 and len(data) >= (size := 5 + int.from_bytes(data[3:5], "big")):
        found.append(data[:size])
        data = data[size:]
    return found


def ends_handshake(messages):
    """Whether there is a Finished among the handshake messages."""
    while len(messages) >= 4:
        if messages[0] == FINISHED:
            return True
        messages = messages[4 + int.from_bytes(messages[1:4], "big") :]
    return False


def opened(sealed, log, random, side, suite):
    """The records of one side ("CLIENT", "SERVER") with their content, as far as the logged secrets open them."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

    name, size = SUITES[suite]
    found, messages, number, is_handshake = [], b"", 0, True
    for whole in (each for each in sealed if each[0] == APPLICATION):
        secret = log.get((side + ("_HANDSHAKE_TRAFFIC_SECRET" if is_handshake else "_TRAFFIC_SECRET_0"), random))
        if secret is None:
            break
        key, iv = expand_label(secret, b"key", size, name), expand_label(secret, b"iv", 12, name)
        nonce = (int.from_bytes(iv, "big") ^ number).to_bytes(12, "big")
        try:
            plain = (ChaCha20Poly1305 if suite == 0x1303 else AESGCM)(key).decrypt(nonce, whole[5:], whole[:5])
        except InvalidTag:
            break
        plain = plain.rstrip(b"\0")  # padding (section 5.4)
        found.append(Record(whole, key, iv, number, is_handshake, plain[-1], plain[:-1]))
        number += 1
        if is_handshake and plain[-1] == HANDSHAKE:
            messages += plain[:-1]
            if ends_handshake(messages):
                number, is_handshake = 0, False
    return found


def read_keys(lab):
    log = Path(lab.notes["log"])
    lab.notes["keys"] = log.read_text("ascii") if log.is_file() else ""


def talks(ev):
    """The connections of c with port 443, each with what the key log opens."""
    log = {}
    for words in map(str.split, ev.notes.get("keys", "").splitlines()):
        if len(words) == 3:
            log[words[0], bytes.fromhex(words[1])] = bytes.fromhex(words[2])
    mine, theirs = ev.at("c").all(TO_SHOP), ev.at("c").all("tcp.srcport == 443")
    found = []
    for own in dict.fromkeys((inner(seen).src, seen[TCP].src_port) for seen in mine):
        out = [seen for seen in mine if (inner(seen).src, seen[TCP].src_port) == own]
        back = [seen for seen in theirs if (inner(seen).dst, seen[TCP].dst_port) == own]
        to_shop, to_c = records(stream(out)), records(stream(back))
        random = next((each[11:43] for each in to_shop if each[0] == HANDSHAKE and each[5] == 1), b"")
        hello = next((each for each in to_c if each[0] == HANDSHAKE and each[5] == 2 and len(each) > 44), bytes(45))
        suite = int.from_bytes(hello[44 + hello[43] :][:2], "big")
        sides = [opened(each, log, random, side, suite) if suite in SUITES else []
                 for each, side in ((to_shop, "CLIENT"), (to_c, "SERVER"))]
        found.append(Talk(sorted(out + back, key=lambda seen: seen.number), to_shop, to_c, *sides))
    return found


def said(sealed):
    """What an application said in opened records."""
    return b"".join(each.content for each in sealed if each.kind == APPLICATION)


def first_line(sealed):
    return said(sealed).split(b"\r\n")[0].decode("ascii", "replace")


# -- guess


def traffic_guess(lab):
    get(lab, "page")


def answers_guess(ev):
    sent, came = ev.at("c").some(TO_SHOP, why="segments leave c"), ev.at("shop").some(TO_SHOP, why="and reach shop")
    r = ev.at("r")
    name = r.count(SECURE + ' && frame contains "shop"', why="frames at r in which the server's name can be read")
    page = r.count(SECURE + ' && frame contains "{page}"', why="frames at r in which the page can be read")
    macs, ips = {seen[Ethernet].src for seen in sent + came}, {inner(seen).src for seen in sent + came}
    return {"macs": len(macs), "ips": len(ips), "name": "yes" if name else "no", "page": "yes" if page else "no"}


def diagnose_guess(ev, given, right):
    if given["macs"] == "1":
        return "MAC addresses are for one link only. r makes a new frame, and puts its own address in it."
    if given["ips"] == "2":
        return "If r put in its own IP address, to whom should shop answer? (There are routers that do so: NAT.)"
    if given["name"].lower().startswith("n"):
        return ("The name is sent before anything is encrypted: shop has to know for whom it is called, to show the "
                "right certificate.")
    if given["page"].lower().startswith("y"):
        return "The page is asked for inside TLS, when both sides have their keys. r has none."
    return None


# -- get


def traffic_get(lab):
    read_keys(lab)


def check_get(ev):
    c, found = ev.at("c"), talks(ev)
    talk = next((each for each in found if first_line(each.sent).startswith(f"GET /{ev.value('page')} ")), None)
    if talk is None:
        not_got(ev, found)
    hello = next(seen for seen in talk.frames if payload(seen)[:1] == bytes([HANDSHAKE]))
    ev.expect(talk.to_shop[0][0] == HANDSHAKE, "a ClientHello", "none", "c greets shop: ClientHello", [hello])
    carried = [seen for seen in talk.frames if payload(seen)[:1] == bytes([APPLICATION])]
    status = first_line(talk.heard) or "nothing"
    ev.expect(" 200 " in status, "shop says 200", f"it says {status}",
              f"decrypted, c says: {first_line(talk.sent)}, and shop: {status}", carried)
    # Only in this connection: the learner may have asked without TLS before.
    sealed = f'tcp.port == {hello[TCP].src_port} && frame contains "{{page}}"'
    c.none(sealed, why="the page is not to be read in any frame at c")
    ev.at("r").none(sealed, why="nor at r")


def not_got(ev, found):
    """Why there is no decrypted GET for the page."""
    plain = ev.at("c").all("tcp.dstport == 80 && tcp.len > 0")
    if plain and not found:
        ev.mistake("That was HTTP without TLS: everybody on the way can read it. Begin the address with https.",
                   plain[0])
    elsewhere = ev.at("r", "shop").all("tcp.dstport == 443")
    if elsewhere and not found:
        ev.mistake("That came from another machine than c. Open the shell of c.", elsewhere[0])
    if not found:
        ev.at("c").some(TO_SHOP, why="c connects to port 443 of shop")
    talk = found[-1]
    last, request = talk.frames[-4:], first_line(talk.sent)
    if request.startswith("GET "):
        ev.mistake(f"You asked for {request.split()[1]}. The page is /{{page}}.", *last)
    if request:
        ev.mistake(f"You said {request}. A GET is wanted.", *last)
    # Some clients encrypt their alert, some do not.
    alerts = [each.content[1] for each in talk.sent if each.kind == ALERT]
    alerts += [each[6] for each in talk.to_shop if each[0] == ALERT and len(each) == 7]
    if NO_TRUST & set(alerts):
        ev.mistake(f"Your client does not trust the certificate of shop, and hung up (alert {alerts[-1]}) before it "
                   "asked. Let it go on, with --insecure (curl: -k).", *last)
    refused = [each[6] for each in talk.to_c if each[0] == ALERT and len(each) == 7]
    if not talk.to_shop or talk.to_shop[0][0] != HANDSHAKE:
        ev.mistake("You connected to port 443, but did not speak TLS there. Begin the address with https.",
                   *talk.frames[:6])
    if refused:
        ev.mistake(f"shop refused your client's greeting (alert {refused[0]}): it wants TLS 1.3.", *talk.frames[:6])
    ev.expect(False, "a GET for /{page}, behind the encryption", "none that the keys of shop can open",
              "c asks for the page", talk.frames[:6])


# -- split


def hello_of(ev, host="c"):
    """The frame in which the ClientHello begins; a long one goes on in the next."""
    said = ev.at(host).some(TO_SHOP + " && tcp.len > 0", why=f"what c says, at {host}")
    hello = next((seen for seen in said if payload(seen)[:2] == b"\x16\x03" and payload(seen)[5:6] == b"\1"), None)
    ev.expect(hello is not None, "a ClientHello", "none", f"the ClientHello at {host}", [hello or said[0]])
    return hello


def answers_split(ev):
    seen = hello_of(ev)
    spans = right_layers(seen)
    length = int.from_bytes(payload(seen)[3:5], "big")
    return {"internet": spans[1][1], "transport": spans[2][1], "tls": spans[3][1], "length": length}


def diagnose_split(ev, given, right):
    numbers = {name: int(float(text)) for name, text in given.items()}
    if numbers["internet"] == right["internet"] + 1:
        return "You counted from 1. The first byte has the number 0, so the layer begins one earlier."
    if numbers["internet"] == 0:
        return "At byte 0 begins the link layer: the Ethernet header comes first."
    if numbers["transport"] == 34 != right["transport"]:
        return "That would be right for IPv4. This frame is one of IPv6, whose header has 40 bytes."
    if numbers["tls"] == right["transport"] + 20:
        return "You took 20 bytes for the TCP header. It has options: look at data_offset."
    if numbers["length"] == right["length"] + 5:
        return "You counted the five bytes of the record's header as well."
    return None


# -- cut


def traffic_cut(lab):
    """Segments over IPv4 and IPv6, a datagram with options in its IP header, and one that is filled up."""
    get(lab, "page")
    get(lab, "page", version=6)
    with lab["c"].socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_OPTIONS, b"\1\1\1\0")
        sock.sendto(lab.value("secret").encode(), (lab.value("shop.ip"), 9))
    frame = (Ethernet(dst=lab.value("r.c.mac"), src=lab.value("c.mac"))
             / IPv4(src=lab.value("c.ip"), dst=lab.value("shop.ip")) / UDP(src_port=9, dst_port=9) / "hi")
    lab.device("c").send(frame.encapsulate().ljust(60, b"\0"))
    lab.until_seen("c", "udp.length == 10 && !icmp", 1)
    mine = lab.functions()
    lab.notes["cut"] = [(seen.data, mine.layers(seen.data)) for seen in lab.look().at("c").all(PIECES)]


def check_cut(ev):
    answers = dict(ev.notes["cut"])
    frames = ev.at("c").some(PIECES, at_least=4, why="frames of several kinds")
    for seen in (each for each in frames if each.data in answers):
        got = answers[seen.data]
        try:
            mine = [(str(name), int(start), int(end)) for name, start, end in got]
        except (TypeError, ValueError):
            ev.mistake(f"layers returned {str(got)[:60]}; it should return a list of (name, start, end).", seen)
        mine = [each for each in mine if each[0] != "application" or each[1] < each[2]]
        if mine != right_layers(seen):
            wrong_cut(ev, seen, mine, right_layers(seen))
    for words, test in (("TCP options", "tcp.options"), ("an IPv4 header with options", "ip.hdr_len > 20"),
                        ("IPv6", "ipv6 && tcp"), ("a frame that was filled up to 60 bytes", "udp.length == 10")):
        ev.at("c").first(f"{test} && !icmp && !icmpv6", why=f"you cut as the dissector does: {words}")


def wrong_cut(ev, seen, mine, right):
    """What is wrong with a cut."""
    names = [name for name, _, _ in mine]
    ends, true = {name: end for name, _, end in mine}, {name: end for name, _, end in right}
    if any(name not in NAMES for name in names):
        ev.mistake(f"Your layers are called {', '.join(names)}; the names are {', '.join(NAMES)}.", seen)
    if IPv6 in seen and ends.get("internet") != true["internet"]:
        ev.mistake("This is IPv6, and you cut it as if it were IPv4. Look at the type in bytes 12 and 13.", seen)
    if ends.get("internet") == 34 != true["internet"]:
        ev.mistake("You took 20 bytes for the IPv4 header. This one has options: its first byte says how long it is.",
                   seen)
    if ends.get("internet") == true["internet"] and TCP in seen and ends.get("transport") == true["internet"] + 20:
        ev.mistake("You took 20 bytes for the TCP header. It has options: the high half of its byte 12 says how long "
                   "it is.", seen)
    if ends.get("transport") != true["transport"] and UDP in seen:
        ev.mistake("This is UDP, whose header has 8 bytes. Which byte of IP says what is inside?", seen)
    if ends.get("application") == len(seen.data) != true.get("application"):
        ev.mistake("You gave the application the filling at the end of the frame. IP says where the packet ends.", seen)
    short = true.get("application", true["transport"]) - ends.get("application", ends.get("transport", 0))
    if IPv6 in seen and 0 < short <= 40:
        ev.mistake("In IPv6 the length does not count the header itself.", seen)
    ev.expect(False, spelled(right), spelled(mine), "where the layers lie in this frame", [seen])


def spelled(spans):
    return ", ".join(f"{name} {start} to {end}" for name, start, end in spans) or "nothing"


# -- hop


def answers_hop(ev):
    here, there = hello_of(ev), hello_of(ev, "shop")
    both = pairs(ev)
    macs = [(one[Ethernet], two[Ethernet]) for one, two in both]
    ev.expect(all(one.src != two.src and one.dst != two.dst for one, two in macs), "other MAC addresses behind r",
              "the same", f"in all {len(both)} segments of c, the MAC addresses are new behind r", [here, there])
    ips = [(inner(one), inner(two)) for one, two in both]
    ev.expect(all((one.src, one.dst) == (two.src, two.dst) for one, two in ips), "the same IP addresses", "others",
              "the IP addresses are as they were", [here, there])
    ev.expect(all(life(two) == life(one) - 1 for one, two in both), "a time to live that is less by one", "another",
              "the time to live is less by one", [here, there])
    carried = ev.at("c").all(TO_SHOP + " && tcp.len > 0")
    known = {tail(one) for one, _ in both}
    ev.expect(all(tail(seen) in known for seen in carried), "the same bytes from TCP on", "others",
              "from TCP on, each byte is as c sent it", [here, there])
    spans = right_layers(here)
    moved = {name for name, start, end in spans if here.data[start:end] != there.data[start:end]}
    same = next(name for number, name in enumerate(NAMES) if not moved & set(NAMES[number:]))
    start, end = spans[1][1:]
    return {"same": same, "changed": sum(one != two for one, two in zip(here.data[start:end], there.data[start:end],
                                                                        strict=True))}


def pairs(ev):
    """Each segment of c as it left, and as it came: known by its bytes from TCP on."""
    came = {tail(seen): seen for seen in ev.at("shop").all(TO_SHOP)}
    found = [(seen, came[tail(seen)]) for seen in ev.at("c").all(TO_SHOP) if tail(seen) in came]
    if not found:
        raise Inconclusive("no segment of c was seen again at shop")
    return found


def tail(seen):
    return seen.data[right_layers(seen)[2][1] :]


def life(seen):
    return seen[IPv4].ttl if IPv4 in seen else seen[IPv6].hop_limit


def diagnose_hop(ev, given, right):
    if given["same"] == "internet":
        return "r has lowered the time to live, which is in the IP header."
    if given["same"] == "link":
        return "The MAC addresses behind r are others: the whole frame is new."
    if given["same"] == "application":
        return "It is the same, but go one further out. Compare the two TCP headers."
    if given["changed"] == "1" and right["changed"] != 1:
        return "The time to live is one of them. In IPv4 the header has a checksum, too, and it has to fit."
    if right["changed"] == 1:
        return "This is IPv6. Its header has no checksum: what is there to change but the hop limit?"
    if given["changed"] == "3" and right["changed"] == 2:
        return "You counted both bytes of the checksum. Compare them one by one."
    return None


# -- open


def traffic_open(lab):
    get(lab, "page", "secret")
    read_keys(lab)
    found = lab.until(lambda: [talk for talk in talks(lab.look()) if said(talk.heard).count(b"</p>") == 2], 1)
    mine = lab.functions()
    lab.notes["opened"] = {}
    for record in (*found[-1].sent, *found[-1].heard) if found else ():
        if record.is_handshake:
            continue
        try:
            got = mine.open_record(record.key, record.iv, record.number, record.whole)
        except NotYet as reason:
            got = str(reason)
        lab.notes["opened"][record.whole] = got


def check_open(ev):
    found = talks(ev)
    if not found or not said(found[-1].sent) or not ev.notes["opened"]:
        raise Inconclusive("the lab's own records could not be opened with the keys of shop")
    talk, mine = found[-1], ev.notes["opened"]
    sealed = [each for each in (*talk.sent, *talk.heard) if each.whole in mine]
    good = any(not isinstance(mine[each.whole], str) for each in sealed if not each.number)
    for record in sealed:
        got, frame = mine[record.whole], frame_of(talk, record)
        if isinstance(got, str) and good and record.number:
            ev.mistake(f"You opened record 0, but not number {record.number}. The nonce has to change with the number.",
                       frame)
        if isinstance(got, str):
            why = (" The record is right, and so is the key. Is the nonce 12 bytes, are the five bytes of the header "
                   "the additional data, and not part of what was sealed?")
            ev.mistake(f"{got.rstrip(': ')}.{why if 'InvalidTag' in got else ''}", frame)
        wrong_content(ev, record, got, frame)
        ev.expect(got == [record.kind, record.content], f"kind {record.kind}, {len(record.content)} bytes",
                  str(got)[:60], f"record {record.number}, of the kind {record.kind}: {len(record.content)} bytes",
                  [frame])
    request = next(each for each in talk.sent if each.kind == APPLICATION)
    frame = frame_of(talk, request)
    at = frame.data.index(request.whole[:40]) + 5
    ev.expect(first_line([request]) == f"GET /{ev.value('page')} HTTP/1.1", "the GET", first_line([request]),
              f"{first_line([request])}: HTTP begins at byte {at} of its frame, and TLS has made "
              f"{len(request.whole)} bytes of {len(request.content)}", [frame])


def wrong_content(ev, record, got, frame):
    """Known mistakes of those who did open it."""
    if not (isinstance(got, list) and len(got) == 2):
        ev.mistake(f"open_record returned {str(got)[:60]}; it should return (kind, content).", frame)
    if got == [record.content, record.kind]:
        ev.mistake("You returned (content, kind). The kind comes first.", frame)
    if got[1] == record.content + bytes([record.kind]):
        ev.mistake("Your content has one byte too many: the last one is the true kind.", frame)
    if got == [APPLICATION, record.content] and record.kind != APPLICATION:
        ev.mistake(f"23 is the kind outside, which all sealed records have. This one is of the kind {record.kind}, and "
                   "that stands inside.", frame)


def frame_of(talk, record):
    """The frame in which a record begins."""
    return next((seen for seen in talk.frames if record.whole[:40] in payload(seen)), talk.frames[0])
