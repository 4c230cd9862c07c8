"""NAT: two clients with the same port, the box's table, strangers, a box of one's own, and a port forward."""

import socket

from packetlab.internet.ipv4 import IPv4
from packetlab.net.servers import HTTPServer, TCPEchoServer, UDPEchoServer
from packetlab.net.servers.http import from_pages
from packetlab.transport.tcp import TCP
from packetlab.transport.udp import UDP
from packetlab.wire.conntrack import Way
from packetlab.wire.netlink import NetlinkError

UDP_ONLY = "udp && !icmp"
DATA = 14 + 20 + 8
UNTIL = 1.5


class Echo(UDPEchoServer):
    """Answers whatever port a NAT box may have drawn."""

    def datagram(self, sock, data, peer):
        sock.sendto(data, peer)


def setup(lab):
    port = int(lab.value("port"))
    lab.serve(Echo(lab["s"], port))
    lab.serve(Echo(lab["t"], port))
    lab.serve(TCPEchoServer(lab["s"], port))
    lab.serve(HTTPServer(lab["b"], 80, from_pages({"/": lab.value("page") + "\n"})))


def datagrams(lab, host, port=0):
    """A UDP socket of a host, closed with the step."""
    sock = lab.serve(lab[host].socket(socket.AF_INET, socket.SOCK_DGRAM))
    sock.settimeout(2)
    sock.bind(("", port))
    return sock


# -- guess

FROM_N = UDP_ONLY + " && ip.src == {n.net.ip} && udp.dstport == {port}"
ANSWER = UDP_ONLY + " && ip.src == {s.ip} && udp.srcport == {port}"


def traffic_guess(lab):
    for name, word in (("a", "alpha"), ("b", "beta")):
        sock = datagrams(lab, name, int(lab.value("own")))
        sock.sendto(lab.value(word).encode(), (lab.value("s.ip"), int(lab.value("port"))))
        lab.until_seen(name, ANSWER, 1)


def answers_guess(ev):
    for name in ("a", "b"):
        ev.at(name).first(UDP_ONLY + " && udp.srcport == {own} && udp.dstport == {port}",
                          why=f"{name} sends from port {{own}}")
    came = ev.at("s").some(FROM_N, at_least=2, why="two datagrams reach s")
    return {"addresses": len({seen[IPv4].src for seen in came}), "ports": len({seen[UDP].src_port for seen in came}),
            "ttl": came[0][IPv4].ttl}


def diagnose_guess(ev, given, right):
    if given["addresses"] == "2":
        return "a and b have private addresses. Where would s send an answer to those? n puts its own in their place."
    if given["ports"] == "1":
        return ("One address and one port: then both answers would look the same to n. Whose would they be? n has to "
                "give one of the two another port.")
    if given["ttl"] == "64":
        return "n changes addresses, and it is still a router: it lowers the TTL by one."
    return None


# -- same


def traffic_same(lab):
    lab.until(lambda: all(lab.look().at(name).all(ANSWER) for name in ("a", "b")), 0.3)


def mark(seen):
    """What NAT leaves alone, and what tells one packet from another."""
    return seen[TCP].sequence if TCP in seen else seen.data[DATA:]


KINDS = {
    "udp": (UDP_ONLY, "packetlab udp", "a datagram"),
    "tcp": ("tcp.flags.syn == 1 && tcp.flags.ack == 0", "packetlab handshake", "a connection"),
}


def check_same(ev):
    for kind in KINDS:
        for name in ("a", "b"):
            known_mistakes(ev, name, kind)
    same_text(ev)
    for kind in KINDS:
        first, second = (check_one(ev, name, kind) for name in ("a", "b"))
        layer = TCP if kind == "tcp" else UDP
        ports = [seen[layer].src_port for seen in (first, second)]
        ev.expect(ports[0] != ports[1], "two different ports at s", f"{ports[0]} twice",
                  f"at s the two have one address, and different {kind.upper()} ports", [first, second])


def known_mistakes(ev, name, kind):
    some, command, what = KINDS[kind]
    sent = ev.at(name).all(f"{some} && ip.src == {{{name}.ip}}")
    right = [seen for seen in sent if seen.text(IPv4, "dst") == ev.value("s.ip")]
    if sent and not right:
        ev.mistake(f"{name} sent to {sent[0].text(IPv4, 'dst')}. The server is s, at {{s.ip}}.", sent[0])
    layer = TCP if kind == "tcp" else UDP
    ported = [seen for seen in right if seen[layer].dst_port == int(ev.value("port"))]
    if right and not ported:
        ev.mistake(f"{name} sent to port {right[0][layer].dst_port} of s. The server listens at port {{port}}.",
                   right[0])
    if ported and not any(seen[layer].src_port == int(ev.value("own")) for seen in ported):
        ev.mistake(f"{name} sent {what} from port {ported[0][layer].src_port}, not from {{own}}. Give `{command}` the "
                   "option --source-port {own}.", ported[0])
    others = [seen for view in (ev.at("a"), ev.at("b")) for seen in view.all("(tcp || udp) && ip.dst == {s.ip}")]
    if others and not sent:
        ev.mistake(f"There is still {what} from {name} missing: use `{command}` on {name}. Then check all four "
                   "together: a new attempt begins with none.", *others[:2])


def same_text(ev):
    first, second = (ev.at(name).all(inside(name, "udp")) for name in ("a", "b"))
    if first and second and mark(first[-1]) == mark(second[-1]):
        ev.mistake("Both datagrams carry the same text, so nobody can tell them apart at s. Let a send {alpha}, and b "
                   "{beta}.", first[-1], second[-1])


def inside(name, kind):
    """The filter for what a client sends to s."""
    return (f"{KINDS[kind][0]} && ip.src == {{{name}.ip}} && ip.dst == {{s.ip}} && {kind}.srcport == {{own}} && "
            f"{kind}.dstport == {{port}}")


def at_s(ev, sent, kind):
    """The frames of that packet at s."""
    return [seen for seen in ev.at("s").all(f"{KINDS[kind][0]} && ip.src == {{n.net.ip}} && {kind}.dstport == {{port}}")
            if mark(seen) == mark(sent)]


def need(ev, found, expected, frames):
    """The first of the frames found; without one the check ends. What is well is not told: the next step asks."""
    if not found:
        ev.expect(False, expected, "none", "", frames)
    return found[0]


def check_one(ev, name, kind):
    """Follows the last datagram or SYN of a client to s and back: the frame at s."""
    layer, what = (TCP, "SYN") if kind == "tcp" else (UDP, "datagram")
    tried = ev.at(name).all(inside(name, kind))
    sent = tried[-1] if tried else ev.at(name).last(inside(name, kind), why=f"{name} sends a {what} from port {{own}}")
    arrived = need(ev, at_s(ev, sent, kind)[::-1], f"the {what} of {name} at s, from {{n.net.ip}}", [sent])
    if arrived[IPv4].ttl != sent[IPv4].ttl - 1:
        ev.expect(False, f"a TTL of {sent[IPv4].ttl - 1}", f"{arrived[IPv4].ttl}", "n forwards", [sent, arrived])
    port = arrived[layer].src_port
    ends = f"{UDP_ONLY if kind == 'udp' else 'tcp'} && ip.src == {{s.ip}} && {kind}.srcport == {{port}}"
    told = need(ev, ev.at("s").all(f"{ends} && ip.dst == {{n.net.ip}} && {kind}.dstport == {port}", after=arrived),
                f"an answer of s to n, port {port}", [arrived])
    back = need(ev, ev.at(name).all(f"{ends} && ip.dst == {{{name}.ip}} && {kind}.dstport == {{own}}", after=sent),
                f"the answer at {name}, port {{own}}", [told])
    check_row(ev, name, kind, port, back)
    ev.expect(True, "", "", f"the {what} of {name}: as it left, at s, the answer there, and back at {name}",
              [sent, arrived, told, back])
    return arrived


def check_row(ev, name, kind, port, back):
    """The row in the table of n, if it is still there and the kernel shows it."""
    try:
        rows = ev.host("n").connections()
    except NetlinkError:
        return
    own, served = int(ev.value("own")), int(ev.value("port"))
    first = Way(ev.value(f"{name}.ip"), own, ev.value("s.ip"), served)
    for row in rows:
        if (row.protocol, row.first) == (kind, first):
            reply = Way(ev.value("s.ip"), served, ev.value("n.net.ip"), port)
            if row.reply != reply:
                ev.expect(False, f"a row with the replies {reply}", str(row), "the table of n", [back])


# -- look


def answers_look(ev):
    sent = ev.at("b").last(inside("b", "udp"), why="the datagram of b")
    hello = ev.at("b").last(inside("b", "tcp"), why="its SYN")
    arrived, opened = at_s(ev, sent, "udp")[-1], at_s(ev, hello, "tcp")[-1]
    back = ev.at("b").first(ANSWER, after=sent, why="the answer, at b")
    ev.expect(True, "", "", "the same datagram and the same SYN at s", [arrived, opened])
    return {"udp": arrived[UDP].src_port, "tcp": opened[TCP].src_port, "back": back[UDP].dst_port}


def diagnose_look(ev, given, right):
    for name, what in (("udp", "datagram with the word {beta}"), ("tcp", "SYN with the sequence number that b sent")):
        if given[name] != str(right[name]):
            if given[name] == ev.value("own"):
                return f"{{own}} is the port on the cable of b, or that of a at s. At s, look for the {what}."
            if given[name] == str(right["tcp" if name == "udp" else "udp"]):
                return "That is the port of the other protocol. UDP and TCP have a row each, and a port each."
            return None
    if given["back"] == str(right["udp"]):
        return "That is the port to which s answered. n translates it once more before the answer comes to b."
    return None


# -- stranger

OPENED = UDP_ONLY + " && ip.src == {n.net.ip}"


def traffic_stranger(lab):
    inner, friend, stranger = (datagrams(lab, name) for name in ("a", "s", "t"))
    inner.sendto(b"hello", (lab.value("s.ip"), friend.getsockname()[1]))
    peer = friend.recvfrom(100)[1]
    friend.sendto(b"friend", peer)
    stranger.sendto(b"stranger", peer)
    lab.until_seen("t", "icmp.type == 3", 1)
    lab.until_seen("a", UDP_ONLY + " && ip.src == {s.ip}", 1)


def answers_stranger(ev):
    opened = ev.at("s").first(OPENED, why="what a sent, at s: n has a row for it")
    door = opened[UDP].src_port
    for name in ("s", "t"):
        ev.at(name).first(f"{UDP_ONLY} && ip.src == {{{name}.ip}} && udp.dstport == {door}", after=opened,
                          why=f"{name} sends to that port of n")
    come = {name: ev.at("a").count(f"{UDP_ONLY} && ip.src == {{{name}.ip}}", why=f"datagrams of {name} that reach a")
            for name in ("s", "t")}
    told = ev.at("t").all("icmp.type == 3")
    if told:
        ev.expect(True, "", "", "what t gets back", told[:1])
    udp = ev.at("t").all(UDP_ONLY + " && ip.src == {n.net.ip}")
    return {"friend": "yes" if come["s"] else "no", "stranger": "yes" if come["t"] else "no",
            "answer": "icmp" if told else "udp" if udp else "nothing"}


def diagnose_stranger(ev, given, right):
    if given["friend"].lower().startswith("n"):
        return "The datagram of s comes from the address and port that a had spoken to: just what the row waits for."
    if given["stranger"].lower().startswith("y"):
        return ("The port alone is not enough for this box: its row names the server, too. t is not in it, and no "
                "other row fits.")
    if given["answer"] == "nothing":
        return ("n does not drop it silently. No row fits, so it takes the packet for its own. Does a program listen "
                "there?")
    if given["answer"] == "udp":
        return "Who should answer with UDP? a has never seen the datagram."
    return None


# -- box

ROUNDS = (("a", 0, "first"), ("b", 0, "second"), ("a", 0, "third"), ("a", 1, "fourth"))


def traffic_box(lab):
    lab["t"].add_neighbour(lab.value("pub.box"), lab.value("box.net.mac"))
    program = lab.program("box", "{pub.box}", "{t.mac}")
    own, target = int(lab.value("own")), (lab.value("t.ip"), int(lab.value("port")))
    socks = {(name, more): datagrams(lab, name, own + more) for name, more in (("a", 0), ("b", 0), ("a", 1))}
    for name, more, text in ROUNDS:
        socks[name, more].sendto(text.encode(), target)
    t_saw = UDP_ONLY + " && ip.dst == {t.ip}"
    came = UDP_ONLY + " && ip.src == {t.ip}"
    look = lambda: sum(len(lab.look().at(name).all(came)) for name in ("a", "b"))  # noqa: E731
    back = lab.until(lambda: look() >= len(ROUNDS) or program.process.poll() is not None, 2.5)
    used = {seen[UDP].src_port for seen in lab.look().at("t").all(t_saw)}
    lab.notes["unused"] = next(port for port in range(30_000, 31_000) if port not in used)
    datagrams(lab, "t").sendto(b"stranger", (lab.value("pub.box"), lab.notes["unused"]))
    # One more round trip: after it, the box is through with the stranger.
    socks["a", 0].sendto(b"last", target)
    lab.until(lambda: look() > len(ROUNDS) or program.process.poll() is not None, 2.5 if back else 0.5)
    lab.notes["ended"] = program.wait(0.01) is not None  # and what it printed has been read


def text_of(seen):
    return seen.data[DATA : 14 + seen[IPv4].total_length].decode("latin-1")


def printed(ev):
    """The last line that the program printed, but for "ready"; or that it hangs."""
    lines = [line for line in ev.output.strip().splitlines() if line != "ready"]
    if not ev.notes["ended"] and not ev.at("t").all(UDP_ONLY + ' && ip.src == {pub.box} && udp contains "last"'):
        return " It has not ended, and does nothing any more: does each of your functions return?"
    return f" It printed: {lines[-1]}" if lines else ""


def check_box(ev):
    box = ev.at("box", "lan")
    asked = {text_of(seen): seen for seen in box.some(UDP_ONLY + " && ip.dst == {t.ip}", at_least=4,
                                                      why="a and b send to t, by your box")}
    passed = {text_of(seen): seen for seen in ev.at("box", "net").all(UDP_ONLY + " && ip.src == {pub.box}")}
    if not passed:
        ev.mistake("Your box sends nothing to t." + printed(ev), *asked.values())
    for name, _, text in ROUNDS:
        if text not in passed:
            ev.mistake(f"Your box passes some packets on, but not the {text} one, of {name}." + printed(ev),
                       asked[text], *passed.values())
    check_ports(ev, asked, passed)
    check_backs(ev, passed)


def check_ports(ev, asked, passed):
    port = {text: seen[UDP].src_port for text, seen in passed.items()}
    if port["first"] == port["second"]:
        ev.mistake(f"a and b both got port {port['first']}. When an answer comes to it, whose is it?",
                   passed["first"], passed["second"])
    if port["first"] != port["third"]:
        ev.mistake(f"The same program on a got port {port['first']} first, and then {port['third']}. t would take it "
                   "for two. A pair that has a row keeps its port.", asked["third"], passed["first"], passed["third"])
    if port["fourth"] == port["first"]:
        ev.mistake(f"Two programs of a, with different ports, both got port {port['first']}. A row is for a pair of "
                   "address and port.", asked["fourth"], passed["first"], passed["fourth"])
    ev.expect(port["fourth"] != port["second"], "a port for each", f"{port['second']} twice",
              "each pair has a public port of its own: " + ", ".join(str(port[text]) for _, _, text in ROUNDS[:2])
              + f" and {port['fourth']}", [passed[text] for _, _, text in ROUNDS])


def check_backs(ev, passed):
    given = [seen for seen in ev.at("box", "lan").all(UDP_ONLY + " && ip.src != {a.ip} && ip.src != {b.ip}")
             if seen.direction == "out"]
    own = int(ev.value("own"))
    wild = [seen for seen in given if text_of(seen) == "stranger"]
    if wild:
        ev.mistake(f"Nobody has port {ev.notes['unused']}, and still your box gave the packet of a stranger to "
                   f"{wild[0].text(IPv4, 'dst')}. back should return None there.", *wild)
    for name, more, text in ROUNDS:
        mine = [seen for seen in given if text_of(seen) == text]
        public = passed[text][UDP].src_port
        answers = [seen for seen in ev.at("box", "net").all(
            f"{UDP_ONLY} && ip.src == {{t.ip}} && udp.dstport == {public}") if text_of(seen) == text]  # fmt: skip
        came = need(ev, answers, f"an answer of t to the {text} packet at port {public}", [passed[text]])
        if not mine:
            ev.mistake(f"t has answered to port {public}, and your box gave that to nobody. out has given this port "
                       "away, so back should know whose it is." + printed(ev), came)
        if mine[0].text(IPv4, "dst") != ev.value(f"{name}.ip"):
            ev.mistake(f"The answer for {name} went to {mine[0].text(IPv4, 'dst')}.", came, mine[0])
        if mine[0][UDP].dst_port != own + more:
            other = "not the public one" if mine[0][UDP].dst_port == public else "from which that client sent"
            ev.mistake(f"{name} had sent from port {own + more}, and your box gave the answer to port "
                       f"{mine[0][UDP].dst_port}. back has to return the port of the client, {other}.", came, mine[0])
        got = [seen for seen in ev.at(name).all(f"{UDP_ONLY} && ip.src == {{t.ip}} && udp.dstport == {own + more}")
               if text_of(seen) == text]
        need(ev, got, f"the answer to the {text} packet at {name}", mine[:1])
        ev.expect(True, "", "", f"t answers the {text} packet at its port, and {name} gets that", [came, got[0]])
    knocked = ev.at("box", "net").first(f"udp.dstport == {ev.notes['unused']} && ip.src == {{t.ip}}",
                                        why="t sends to a port that nobody has")
    ev.at("box", "lan").none(f"udp.dstport == {ev.notes['unused']}", after=knocked, why="and your box drops that")
    later = [seen for seen in ev.at("a").all(UDP_ONLY + " && ip.src == {t.ip}") if text_of(seen) == "last"]
    if not later:
        ev.mistake("A packet came to a port that nobody has, and after it your box does nothing any more. back should "
                   "return None there." + printed(ev), knocked)
    ev.expect(True, "", "", "and works on", later)


# -- door

SYN = "tcp.flags.syn == 1 && tcp.flags.ack == 0"
OLD = SYN + " && ip.dst == {home.old} && tcp.dstport == 80"


def restore(lab, name):
    """The declared IPv4 settings of a client."""
    host = lab[name]
    wanted = lab.value(f"{name}.ip")
    found = [str(one) for one in next(card for card in host.interfaces() if card.name == "eth0").addresses
             if len(one.address) == 4]
    for each in found:
        if each.partition("/")[0] != wanted:
            host.delete_address(each)
    if f"{wanted}/24" not in found:
        host.add_address(f"{wanted}/24")
    host.add_route("default", lab.value("home.1"))
    host.add_route(lab.fill("{pub.t}/32"), lab.value("home.box"))


def begin_door(lab):
    restore(lab, "a")
    restore(lab, "b")
    lab["n"].forget_neighbours()


def traffic_door(lab):
    lab["n"].forget_neighbours()
    with lab["s"].socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.settimeout(UNTIL)
        try:
            sock.connect((lab.value("n.net.ip"), int(lab.value("door"))))
            sock.sendall(lab.fill("GET / HTTP/1.1\r\nHost: {n.net.ip}\r\nConnection: close\r\n\r\n").encode())
            while sock.recv(4096):
                pass
        except OSError:
            return


def check_door(ev):
    s, n = ev.at("s"), ev.at("n", "lan")
    knock = s.last(SYN + " && ip.src == {s.ip} && ip.dst == {n.net.ip} && tcp.dstport == {door}",
                   why="s asks for port {door} of n")
    source = knock[TCP].src_port
    asked = n.all("arp.opcode == 1 && arp.src.hw_mac == {n.lan.mac} && arp.dst.proto_ipv4 == {home.old}", after=knock)
    if asked and not n.all("arp.opcode == 2 && arp.src.proto_ipv4 == {home.old}", after=asked[0]):
        ev.mistake("n wants to pass the connection on, and asks the home by ARP who has the address. Nobody answers: "
                   "look at its question.", knock, asked[0])
    stray = ev.at("a").all(f"{OLD} && tcp.srcport == {source}")
    if stray and ev.at("a").all("tcp.flags.reset == 1", after=stray[0]):
        ev.mistake("The connection comes to a now, and no program listens there. The web server is on b.", stray[0],
                   ev.at("a").all("tcp.flags.reset == 1", after=stray[0])[0])
    came = ev.at("b").all(f"{OLD} && tcp.srcport == {source}")
    if came and not ev.at("b").all("tcp.flags.syn == 1 && tcp.flags.ack == 1", after=came[0]):
        ev.mistake("b gets the SYN, and sends no answer: it knows no way to s. Has it lost its default route? Add an "
                   "address, and leave the rest as it is.", came[0])
    sent = n.first(f"{OLD} && tcp.srcport == {source} && ip.src == {{s.ip}}", after=knock,
                   why="n changes the destination to {home.old}, port 80; the source is still s")
    n.first("tcp.flags.syn == 1 && tcp.flags.ack == 1 && ip.src == {home.old} && tcp.srcport == 80", after=sent,
            why="the web server answers from there")
    s.first(f"tcp.flags.ack == 1 && ip.src == {{n.net.ip}} && tcp.srcport == {{door}} && tcp.dstport == {source}",
            after=knock, why="s gets the answer from {n.net.ip}, port {door}")
    pages = s.all(f"tcp.len > 0 && ip.src == {{n.net.ip}} && tcp.dstport == {source}", after=knock)
    held = [seen for seen in pages if ev.value("page").encode() in seen.data]
    ev.expect(bool(held), "the page with the word {page}", "none", "and the page of b has come out by the door", held)
