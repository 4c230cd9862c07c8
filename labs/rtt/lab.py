"""Round trip times: of a ping, of a handshake, of a page; seen from both ends."""

import http.client
import socket
import ssl

from packetlab.internet.ipv4 import IPv4
from packetlab.net.servers import HTTPServer, TCPEchoServer
from packetlab.net.servers.certificates import CertificateAuthority
from packetlab.net.servers.http import from_pages
from packetlab.transport.tcp import TCP

HELLO = "tcp.flags == 0x02 && ip.src == {c.ip}"
ANSWER = "tcp.flags == 0x12 && ip.src == {s.ip}"
ECHO = 7


class Sink(TCPEchoServer):
    """Takes everything and says nothing."""

    def received(self, sock, data):
        pass


def setup(lab):
    pages = from_pages({f"/{lab.value(name)}": f"this is {lab.value(name)}\n" for name in ("one", "two")})
    tls = CertificateAuthority().identity(lab.value("s.ip")).server_context()
    lab.serve(HTTPServer(lab["s"], 80, pages))
    lab.serve(HTTPServer(lab["s"], 443, pages, tls=tls))
    lab.serve(Sink(lab["s"], ECHO))


def milliseconds(later, earlier):
    return (later.time - earlier.time) / 1e6


def around(value, least):
    """Numbers that are as good as this one, and `least` with it."""
    return (0.8 * min(value, least), 1.2 * max(value, least) + 1)


# -- guess


def begin_guess(lab):
    for host in lab.net.hosts:
        host.forget_neighbours()


def traffic_guess(lab):
    lab.ping("c", "{s.ip}", count=2)
    lab.until_seen("c", "icmp.type == 0", 2)


def answers_guess(ev):
    c, delay = ev.at("c"), int(ev.value("delay"))
    asked = c.first("arp.opcode == 1 && arp.src.proto_ipv4 == {c.ip}", why="c asks for the MAC address of s")
    told = c.some("icmp.type == 0", at_least=2, why="the answers to both pings")
    second = c.last("icmp.type == 8", why="the second ping")
    return {"first": around(milliseconds(told[0], asked), 4 * delay),
            "second": around(milliseconds(told[1], second), 2 * delay)}


def diagnose_guess(ev, given, right):
    delay = int(ev.value("delay"))
    if given["second"] == str(delay):
        return "That is the way there. The answer has to come back over the same cable."
    if given["first"] == str(2 * delay):
        return ("That is the ping alone. But c does not know the MAC address of s yet, and has to ask over the same "
                "cable.")
    return None


# -- trips


def fetch(lab, tls):
    with lab["c"].socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.settimeout(3)
        # Nagle's algorithm would keep the request back until the end of the TLS handshake is acknowledged.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        sock.connect((lab.value("s.ip"), 443 if tls else 80))
        if tls:
            sock = context.wrap_socket(sock)
        with sock:
            sock.sendall(f"GET /{lab.value('one')} HTTP/1.1\r\nHost: {lab.value('s.ip')}\r\n\r\n".encode())
            answer = http.client.HTTPResponse(sock)
            answer.begin()
            answer.read()


def traffic_trips(lab):
    fetch(lab, tls=False)
    fetch(lab, tls=True)


def length(seen):
    return seen[IPv4].total_length - 4 * seen[IPv4].header_length - 4 * seen[TCP].data_offset


def waits(view, port):
    """Frames for which c waited: each is the first that brings something after c has sent something."""
    said = view.some(f"tcp.port == {port} && (tcp.flags.syn == 1 || tcp.len > 0)", why=f"the talk with port {port}")
    found, waiting = [], False
    for seen in said:
        if seen.direction == "out":
            waiting = True
        elif waiting:
            found.append(seen)
            waiting = False
    return said[0], found


def answers_trips(ev):
    counts = {}
    for name, port in (("http", 80), ("https", 443)):
        start, found = waits(ev.at("c"), port)
        least = 2 * int(ev.value("delay")) * len(found)
        took = milliseconds(found[-1], start) if found else 0
        ev.expect(took >= 0.95 * least, f"at least {least} ms", f"{took:.0f} ms",
                  f"{len(found)} round trips took {took:.0f} ms", [start, *found])
        counts[name] = len(found)
    return counts


def diagnose_trips(ev, given, right):
    if given["http"] == "1":
        return "c cannot send its request with the SYN: the handshake of TCP comes first."
    if given["https"] == given["http"]:
        return "Keys have to be agreed on before anything secret is said, and that is a talk of its own."
    if given["https"] == "4":
        return "TLS 1.2 took four. In TLS 1.3 the client guesses the kind of key, and saves one."
    return None


# -- look


def answers_look(ev):
    times = {}
    for name, host in (("client", "c"), ("server", "s")):
        hello = ev.at(host).first(HELLO, why=f"the SYN at {host}")
        times[name] = milliseconds(ev.at(host).first(ANSWER, after=hello, why="and the SYN-ACK"), hello)
    client, server = around(times["client"], 2 * int(ev.value("delay"))), (0, max(1.0, 1.5 * times["server"]))
    return {"client": client, "server": server}


def diagnose_look(ev, given, right):
    delay = int(ev.value("delay"))
    try:
        server = float(given["server"])
    except ValueError:
        return None
    if server >= 2 * delay * 0.8:
        return "That is what c sees. Look at the frames of s itself: packetlab lab frames s"
    if server >= delay * 0.8:
        return "Nothing travels between these two: the SYN comes in at s, and s answers at once."
    return None


# -- once


def check_once(ev):
    c = ev.at("c")
    if not c.all(HELLO + " && tcp.dstport == 80"):
        c.mistake(HELLO + " && tcp.dstport == 443", "That was HTTPS. Fetch them by HTTP.")
        c.mistake("tcp.flags == 0x02 && ip.src == {c.ip}", "You connected to another port. HTTP is port 80.")
    starts = c.some(HELLO + " && tcp.dstport == 80", why="c opens a connection")
    requests = {}  # port of c: {page: frame}
    for seen in c.all("tcp.len > 0 && ip.src == {c.ip} && tcp.dstport == 80"):
        for name in ("one", "two"):
            if f"GET /{ev.value(name)} ".encode() in seen.data:
                requests.setdefault(seen[TCP].src_port, {})[name] = seen
    asked = next((each for each in requests.values() if len(each) == 2), {})
    lacking = [name for name in ("one", "two") if not any(name in each for each in requests.values())]
    if lacking:
        said = c.all("tcp.len > 0 && ip.src == {c.ip} && tcp.dstport == 80")
        ev.mistake(f"Nobody has asked for /{ev.value(lacking[0])}." + ("" if said else " You have sent "
                   "nothing at all on this connection."), *(said or starts)[-2:])
    if not asked:
        ev.mistake("You opened a second connection for the second page, and paid for its handshake.", *starts[-2:])
    port = asked["one"][TCP].src_port
    page = f"tcp.dstport == {port} && ip.src == {{s.ip}} && tcp contains \"this is {{%s}}\""
    got = [c.first(page % name, why=f"/{ev.value(name)} came") for name in ("one", "two")]
    began = [seen for seen in starts if seen[TCP].src_port == port]
    ev.expect(len(began) == 1, "one handshake", f"{len(began)}", "one handshake, two requests, two pages",
              [*began, asked["one"], asked["two"], *got])


# -- sample


def traffic_sample(lab):
    chance = lab.random("sample")
    with lab["c"].socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.settimeout(3)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.connect((lab.value("s.ip"), ECHO))
        for _ in range(5):
            sock.send(chance.randbytes(chance.randrange(20, 200)))
        lab.until(lambda: complete(lab.look()), 2)
    sent, acks = table(lab.look().at("c"))
    lab.notes["sent"], lab.notes["acks"] = sent, acks
    lab.notes["said"] = lab.functions().samples(sent, acks)
    lab.notes["half"] = lab.functions().samples(sent, acks[:-1])


def table(view):
    """What c sent and when it was acknowledged, in milliseconds and bytes of this connection."""
    hellos = view.all(HELLO + f" && tcp.dstport == {ECHO}")
    if not hellos:
        return [], []
    hello = hellos[-1]
    port, first = hello[TCP].src_port, hello[TCP].sequence + 1
    sent = [[seen.time / 1e6, (seen[TCP].sequence - first) % 2**32 + length(seen)]
            for seen in view.all(f"tcp.srcport == {port} && tcp.dstport == {ECHO} && tcp.len > 0", after=hello)]
    acks = [[seen.time / 1e6, (seen[TCP].acknowledgment - first) % 2**32]
            for seen in view.all(f"tcp.dstport == {port} && tcp.srcport == {ECHO}", after=hello)]
    return sent, acks


def complete(look):
    sent, acks = table(look.at("c"))
    return len(sent) >= 2 and acks and acks[-1][1] >= max(end for _, end in sent)


def right_samples(sent, acks):
    return [next((at - time for at, number in acks if number >= end and at >= time), None) for time, end in sent]


def check_sample(ev):
    c = ev.at("c")
    frames = c.some(f"tcp.dstport == {ECHO} && tcp.len > 0", at_least=2, why="the data")
    frames = [frames[0], c.last(f"tcp.srcport == {ECHO} && ip.src == {{s.ip}}", why="and their acknowledgment")]
    sent, acks = ev.notes["sent"], ev.notes["acks"]
    for said, given in ((ev.notes["said"], acks), (ev.notes["half"], acks[:-1])):
        right = right_samples(sent, given)
        if not isinstance(said, list) or len(said) != len(sent):
            what = f"a list with {len(said)}" if isinstance(said, list) else repr(said)[:40]
            ev.mistake(f"samples should return a list with {len(sent)} entries, one for each segment; it returned "
                       f"{what}.", *frames)
        odd = [one for one in said if one is not None and not isinstance(one, (int, float))]
        if odd:
            ev.mistake(f"{odd[0]!r} is no time. Each entry is a number of milliseconds, or None.", *frames)
        if any(one is not None and one > 10_000 for one in said):
            ev.mistake("You returned points in time. A round trip time is the difference of two.", *frames)
        if None in right and all(one is not None for one in said):
            ev.mistake("Data that nobody has acknowledged yet have no round trip time: None.", *frames)
        paired = [given[at][0] - time if at < len(given) else None for at, (time, _) in enumerate(sent)]
        if said != right and said == paired:
            ev.mistake("You paired the segments and the acknowledgments one by one. One acknowledgment may answer "
                       "several segments: look at its number.", *frames)
        if any(one is not None and one < 0 for one in said):
            ev.mistake("One of your times is negative. Take off the time when the segment was sent from the one when "
                       "the acknowledgment came.", *frames)
        same = all((one is None) == (other is None) and (one is None or abs(one - other) < 1e-3)
                   for one, other in zip(said, right, strict=True))
        ev.expect(same, f"{right}", f"{said}", "your samples are those of the packets", frames)
