"""Dual stack: two addresses for one name, a path that is dead, and a client that does not mind."""

import socket
import time

from packetlab.application.dns import AAAA, DNS
from packetlab.internet.ipv6 import IPv6
from packetlab.net.servers import DNSServer, HTTPServer
from packetlab.net.servers.dns import zone
from packetlab.net.servers.http import from_pages
from packetlab.wire.netlink import CREATE, DELETE_ROUTE, NEW_ROUTE, Request, attribute, route_body

BLACKHOLE = 6  # RTN_BLACKHOLE: drop, and say nothing
SYN = "tcp.flags.syn == 1 && tcp.flags.ack == 0"
SYN6 = SYN + " && ipv6.src == {c.ip6} && ipv6.dst == {s.ip6} && tcp.dstport == 80"
SYN4 = SYN + " && ip.src == {c.ip} && ip.dst == {s.ip} && tcp.dstport == 80"
NAME = 'dns.qry.name == "www.{site}.test"'
ASKED = "udp.dstport == 53 && " + NAME
TOLD = "udp.srcport == 53 && " + NAME
NAIVE = """
import socket, sys
family, kind, protocol, _, address = socket.getaddrinfo(sys.argv[1], 80, type=socket.SOCK_STREAM)[0]
sock = socket.socket(family, kind, protocol)
sock.settimeout(float(sys.argv[2]))
try:
    sock.connect(address)
    sock.sendall(b"GET / HTTP/1.1\\r\\nHost: " + sys.argv[1].encode() + b"\\r\\nConnection: close\\r\\n\\r\\n")
    while sock.recv(4096): pass
except OSError: pass
"""


def setup(lab):
    r, s = lab.value("r.c.ip6"), lab["s"]
    addresses = {"www": ["{s.ip}", "{s.ip6}"], "new": ["{far.two}", "{far6.two}"], "old": ["{far.three}", r]}
    records = {lab.fill(f"{name}.{{site}}.test"): [lab.fill(each) for each in found]
               for name, found in addresses.items()}
    lab.serve(DNSServer(lab["names"], zone(records)))
    lab.serve(HTTPServer(s, 80, from_pages({"/": lab.value("page") + "\n"})))


def hole(lab, there):
    """Whether r drops what is for the IPv6 address of s."""
    target = socket.inet_pton(socket.AF_INET6, lab.value("s.ip6"))
    found = any((route.destination, route.prefix_length) == (target, 128) for route in lab["r"].routes(socket.AF_INET6))
    if found != there:
        body = route_body(socket.AF_INET6, 128, kind=BLACKHOLE if there else 0) + attribute(1, target)
        change = (NEW_ROUTE, CREATE) if there else (DELETE_ROUTE, 0)
        lab["r"].configure(Request(*change, body, "change the hole"))


def naive(lab, patience):
    """A program on c that connects to the first address only."""
    lab.run("c", ["python3", "-I", "-S", "-c", NAIVE, "www.{site}.test", str(patience)])


def printed(ev):
    """The last line that the learner's programs printed, but for those that tell of a page."""
    found = [line for line in ev.output.strip().splitlines() if ": connected to " not in line]
    return f" It printed: {found[-1]}" if found else ""


# -- guess


def begin_guess(lab):
    hole(lab, False)


def traffic_guess(lab):
    naive(lab, 2)


def answers_guess(ev):
    c = ev.at("c")
    asked = c.some(ASKED, why="c asks for the name")
    c.some(TOLD, why="the DNS server answers")
    first = c.first(f"({SYN6}) || ({SYN4})", why="c connects")
    return {"questions": len({seen[DNS].questions[0].qtype for seen in asked}),
            "path": "ipv6" if IPv6 in first else "ipv4"}


def diagnose_guess(ev, given, right):
    if given["questions"] == "1":
        return "One question asks for one type of record, and there are two: A and AAAA."
    if given["path"] == "ipv4":
        return "Both ways work, and c has addresses for both. The rule (RFC 6724) prefers the newer one then."
    return None


# -- fetch


def begin_fetch(lab):
    hole(lab, False)


def traffic_fetch(lab):
    lab.until(lambda: lab.look().at("c").all("tcp.srcport == 80 && tcp.len > 0"), 0.3)


def check_fetch(ev):
    c = ev.at("c")
    some = c.all(f"{SYN} && tcp.dstport == 80")
    asked = c.all("udp.dstport == 53 && dns")
    if some and not asked:
        ev.mistake("You connected to an address, and asked nobody for it. Use the name, www.{site}.test.", some[0])
    other = [seen for seen in asked if seen[DNS].questions[0].qname != ev.fill("www.{site}.test")]
    if other and not c.all(ASKED):
        ev.mistake(f"You asked for {other[0][DNS].questions[0].qname}. The page is at www.{{site}}.test.", other[0])
    if c.all(ASKED) and not c.all(ASKED + " && dns.qry.type == 28"):
        ev.mistake("Nobody asked for the AAAA record: you have told your program to use IPv4 only (-4). Leave the "
                   "choice to the system.", *c.all(ASKED)[:1])
    if c.all(ASKED) and not c.all(ASKED + " && dns.qry.type == 1"):
        ev.mistake("Nobody asked for the A record: you have told your program to use IPv6 only (-6), or have asked by "
                   "hand. Leave the choice to the system.", *c.all(ASKED)[:1])
    first = c.first(ASKED + " && dns.qry.type == 1", why="c asks for an A record")
    second = c.first(ASKED + " && dns.qry.type == 28", why="and for an AAAA record")
    c.first(TOLD + " && dns.a == {s.ip}", after=first, why="one answer is the IPv4 address of s")
    told = c.first(TOLD + " && dns.aaaa == {s.ip6}", after=second, why="the other its IPv6 address")
    if not some:
        ev.mistake("You asked for the addresses, and then nothing connected to port 80. Fetch the page.", told)
    hello = c.first(f"({SYN6}) || ({SYN4})", after=told, why="then c connects")
    ev.expect(IPv6 in hello, "a SYN to {s.ip6}", "one to {s.ip}", "by IPv6, which comes first", [hello])
    get = c.first("tcp.dstport == 80 && tcp.len > 0 && ipv6.dst == {s.ip6}", after=hello, why="it sends its request")
    c.first("tcp.srcport == 80 && tcp.len > 0 && ipv6.src == {s.ip6}", after=get, why="and gets the page")


# -- look


def answers_look(ev):
    c = ev.at("c")
    asked = c.first(ASKED + " && dns.qry.type != 1", why="the question for the IPv6 address")
    told = c.first(TOLD + " && dns.aaaa == {s.ip6}", why="the answer")
    record = next(each for each in told[DNS].answers if isinstance(each, AAAA))
    hello = c.first(SYN6, why="the SYN")
    return {"type": asked[DNS].questions[0].qtype, "address": socket.inet_ntop(socket.AF_INET6, record.address),
            "source": hello.text(IPv6, "src")}


def diagnose_look(ev, given, right):
    if given["type"] == "1":
        return "1 is A: the question for the IPv4 address. Look at the other one."
    if given["address"] == ev.value("s.ip"):
        return "That is from the A record. The AAAA record gives an IPv6 address."
    if given["source"] == ev.value("c.ip"):
        return "From that address c asked the DNS server. It connected by IPv6, and from an IPv6 address."
    return None


# -- hole


def begin_hole(lab):
    hole(lab, True)


def traffic_hole(lab):
    naive(lab, 0.05)


def answers_hole(ev):
    c = ev.at("c")
    asked = c.first(ASKED, why="c asks for the name")
    given = c.all(TOLD + " && dns.aaaa == {s.ip6}", after=asked)
    if given:
        ev.expect(True, "", "", "the answer with the IPv6 address", given[:1])
    hello = c.first(SYN6, after=asked, why="c sends a SYN to {s.ip6}")
    ev.at("r", "c").first(SYN6, after=hello, why="it gets as far as r")
    ev.at("s").none(SYN6, why="and not to s")
    rst = c.count("tcp.flags.reset == 1", after=hello, why="RSTs that come to c")
    icmp = c.count("icmpv6.type == 1", after=hello, why="ICMPv6 errors that come to c")
    return {"aaaa": "yes" if given else "no", "answer": "rst" if rst else "icmp" if icmp else "nothing"}


def diagnose_hole(ev, given, right):
    if given["aaaa"].lower().startswith("n"):
        return "DNS knows names and addresses, and nothing of routes. Its answer is the same."
    if given["answer"] == "rst":
        return "An RST would be a word of s: nobody listens here. But s never gets the SYN."
    if given["answer"] == "icmp":
        return "A polite router would say so. This one drops the packet without a word."
    return None


# -- race

RACERS = (("new", "{far6.two}", "{far.two}"), ("www", "{s.ip6}", "{s.ip}"), ("old", "{r.c.ip6}", "{far.three}"))
LONG = 3
"""Seconds: the head start where no second attempt should be needed, or should not wait."""
PATIENCE = 2.5
"""Seconds after its first SYN, within which a program has done all that it will do."""


def begin_race(lab):
    hole(lab, True)


def traffic_race(lab):
    programs = []
    for name, _, _ in RACERS:
        delay = int(lab.value("delay")) / 1000 if name == "www" else LONG
        programs.append(lab.program("c", f"{name}.{{site}}.test", f"{delay:g}", ready=""))

    def through(program, six):
        if program.process.poll() is not None:
            return True
        begun = lab.look().at("c").all(f"{SYN} && ipv6.dst == {six}")
        return bool(begun) and time.time_ns() - begun[0].time > PATIENCE * 1e9

    lab.until(lambda: all(through(program, six) for program, (_, six, _) in zip(programs, RACERS, strict=True)), 8)


def hellos(ev, six, four):
    """The SYNs of one program: the first by IPv6, the first by IPv4; None where there is none."""
    found = [ev.at("c").all(f"{SYN} && tcp.dstport == 80 && {field} == {target}")
             for field, target in (("ipv6.dst", six), ("ip.dst", four))]
    return [seen[0] if seen else None for seen in found]


def check_race(ev):
    if not ev.at("c").all(f"{SYN} && tcp.dstport == 80"):
        ev.mistake("Your program has not sent a single SYN." + printed(ev), *ev.at("c").all("udp.dstport == 53")[:1])
    for name, six, four in RACERS:
        first, second = hellos(ev, six, four)
        if first is None and second is not None:
            ev.mistake(f"For {name}.{{site}}.test you began with IPv4. Begin with the first address of the list.",
                       second)
        if first and second and second.time < first.time:
            ev.mistake(f"For {name}.{{site}}.test you tried IPv4 before IPv6. Begin with the first address of the "
                       "list.", second, first)
        if first is None:
            ev.mistake(f"For {name}.{{site}}.test your program has not sent a SYN." + printed(ev))
    check_healthy(ev)
    check_hole_race(ev)
    check_refused(ev)


def check_healthy(ev):
    _, six, four = RACERS[0]
    first, second = hellos(ev, six, four)
    stood = ev.at("c").first(f"tcp.flags.syn == 1 && tcp.flags.ack == 1 && ipv6.src == {six}", after=first,
                             why="new: IPv6 works, s answers")
    if second:
        when = "at once" if second.time - first.time < 1e9 else "after it had connected"
        ev.mistake(f"For new.{{site}}.test you started IPv4 {when}, while IPv6 works. The second attempt is for the "
                   "case that the first has not connected after the delay.", first, stood, second)
    page(ev, "new", f"ipv6.dst == {six}", f"ipv6.src == {six}", stood, "by IPv6")
    ev.at("c").none(f"{SYN} && ip.dst == {four}", why="new: and nothing was sent by IPv4")


def check_hole_race(ev):
    _, six, four = RACERS[1]
    first, second = hellos(ev, six, four)
    delay = int(ev.value("delay"))
    if second is None:
        ev.mistake("For www.{site}.test your program sent a SYN into the hole, and still waits for an answer. After "
                   "{delay} ms the next address should have its chance.", first)
    gap = (second.time - first.time) / 1e6
    if gap < delay - 10:
        ev.mistake(f"For www.{{site}}.test the second attempt began {gap:.0f} ms after the first. IPv6 should have a "
                   f"head start of {delay} ms: the delay that connect was given.", first, second)
    if gap > delay + 2000:
        ev.mistake(f"For www.{{site}}.test the second attempt began only {gap:.0f} ms after the first: {delay} ms is "
                   "the delay that connect was given.", first, second)
    ev.expect(True, "", "", f"www: no answer by IPv6, and {gap:.0f} ms later a SYN by IPv4", [first, second])
    page(ev, "www", f"ip.dst == {four}", f"ip.src == {four}", second, "by IPv4")


def check_refused(ev):
    _, six, four = RACERS[2]
    first, second = hellos(ev, six, four)
    refused = ev.at("c").first(f"tcp.flags.reset == 1 && ipv6.src == {six}", after=first,
                               why="old: the machine refuses")
    if second is None:
        ev.mistake("For old.{site}.test IPv6 was refused, with an RST, and your program did not go on with IPv4 at "
                   "once." + printed(ev), first, refused)
    ev.expect(True, "", "", "old: so IPv4 is tried at once", [refused, second])
    page(ev, "old", f"ip.dst == {four}", f"ip.src == {four}", second, "by IPv4")


def page(ev, name, there, back, after, how):
    c = ev.at("c")
    get = c.all(f"tcp.dstport == 80 && tcp.len > 0 && {there}", after=after)
    if not get:
        ev.mistake(f"For {name}.{{site}}.test a connection stands {how}, and nothing was sent on it: connect has to "
                   "return its socket." + printed(ev), after)
    c.first(f"tcp.srcport == 80 && tcp.len > 0 && {back}", after=get[0], why=f"{name}: the page comes {how}")


# -- mend


def restore(lab):
    """The declared IPv6 settings of c."""
    c, wanted = lab["c"], lab.value("c.ip6")
    card = next(one for one in c.interfaces() if one.name == "eth0")
    if f"{wanted}/64" not in map(str, card.addresses):
        c.add_address(f"{wanted}/64")
    c.add_route("default", lab.value("r.c.ip6"))


def begin_mend(lab):
    if "mend" not in lab.notes:
        lab.notes["mend"] = True
        hole(lab, True)
    restore(lab)


def traffic_mend(lab):
    with lab["c"].socket(socket.AF_INET6, socket.SOCK_STREAM) as sock:
        sock.settimeout(1.5)
        try:
            sock.connect((lab.value("s.ip6"), 80))
            sock.sendall(b"GET / HTTP/1.1\r\nHost: www\r\nConnection: close\r\n\r\n")
            while sock.recv(4096):
                pass
        except OSError:
            # What c has left is enough to show that it was not IPv6 that was used.
            lab.ping("c", "{s.ip}", timeout=0.3)


def check_mend(ev):
    c, r = ev.at("c"), ev.at("r", "c")
    sent = c.all(SYN6)
    if not sent:
        ev.mistake("c sends nothing by IPv6 any more: you have taken its address or its route away. That hides the "
                   "hole and does not mend it. The fault is at r.", *c.all("icmp")[:1])
    told = c.all("icmpv6.type == 1", after=sent[0])
    if told:
        ev.mistake("r says now that it cannot reach s (ICMPv6 destination unreachable). That is more polite than "
                   "silence, and still no way.", sent[0], told[0])
    came = r.all(SYN6, after=sent[0])
    if came and not ev.at("r", "sw").all(SYN6, after=came[0]):
        ev.mistake("The SYN comes to r, and does not leave it: the hole is still there.", came[0])
    arrived = ev.at("s").first(SYN6, after=sent[0], why="the SYN comes to s, by IPv6")
    c.first("tcp.flags.syn == 1 && tcp.flags.ack == 1 && ipv6.src == {s.ip6}", after=arrived, why="s answers")
    c.first("tcp.srcport == 80 && tcp.len > 0 && ipv6.src == {s.ip6}", after=arrived, why="and the page comes by IPv6")
