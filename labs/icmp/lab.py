"""Errors of routers and of the target: time exceeded, port unreachable, network unreachable."""

import contextlib
import socket

from packetlab.internet.icmp import ICMP
from packetlab.internet.ipv4 import IPv4
from packetlab.wire.netlink import NetlinkError

PROBE = "udp.dstport == {port} && !icmp && ip.src == {c.ip} && ip.dst == {s.ip}"
EXCEEDED = "icmp.type == 11 && icmp.code == 0"
CLOSED = "icmp.type == 3 && icmp.code == 3"
QUOTE = 14 + 20 + 8


def setup(lab):
    # Errors are limited to one in a second for each target; three in a row shall come at once.
    for name in ("r1", "r2", "s"):
        lab[name].set_sysctl("net.ipv4.icmp_ratelimit", 0)


def probe(lab, ttl, port=0):
    with lab["c"].socket(socket.AF_INET, socket.SOCK_DGRAM) as sock, contextlib.suppress(OSError):  # c has no route
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)
        sock.sendto(lab.value("word").encode(), (lab.value("s.ip"), port or int(lab.value("port"))))


def address(ev, name):
    return socket.inet_aton(ev.value(name))


def as_built(lab):
    """Takes back what the step lost breaks, for whoever has looked at it before."""
    if lab.notes.pop("lost", False):
        lab["r1"].add_route("default", lab.value("mid.two"))


# -- guess

begin_guess = begin_hops = begin_sort = as_built


def traffic_guess(lab):
    probe(lab, 2)
    lab.until_seen("c", "icmp", 1)


def answers_guess(ev):
    sent = ev.at("c").first(PROBE, why="the datagram leaves c")
    told = ev.at("c").first("icmp", after=sent, why="somebody answers")
    names = {address(ev, "r1.c.ip"): "r1", address(ev, "r2.r1.ip"): "r2", address(ev, "s.ip"): "s"}
    return {"who": names[told[IPv4].src], "type": told[ICMP].type}


def diagnose_guess(ev, given, right):
    if given["who"] == "r1":
        return "r1 lowers the TTL from 2 to 1. That is not 0 yet, so it passes the packet on."
    if given["who"] == "s":
        return "s would answer if the packet came so far. Each of the two routers takes one off the TTL of 2."
    if given["who"] == "nobody":
        return "A router that drops a packet tells the sender so."
    return "The right machine, but look at the table: what does it mean that the time to live ran out?"


# -- hops


ABOUT = " && udp.dstport == {port} && eth.dst == {c.mac}"
NEAR, FAR, END = EXCEEDED + " && ip.src == {r1.c.ip}", EXCEEDED + " && ip.src == {r2.r1.ip}", CLOSED
"""What r1, r2 and s say; with ABOUT, of datagrams to the right port alone."""


def check_hops(ev):
    c = ev.at("c")
    if not c.all(PROBE):
        c.mistake("(udp.dstport >= 33434 && !icmp || icmp.type == 8) && eth.src == {c.mac}", "Those are the probes of "
                  "traceroute or ping. Send UDP datagrams by hand: `packetlab udp --ttl`, to port {port}.")
        c.mistake("udp && !icmp && ip.src == {c.ip} && ip.dst == {s.ip}", "Your datagram went to another port than "
                  "{port}.")
        c.mistake("udp && !icmp && ip.src == {c.ip}", "Your datagram was for another machine. Send it to s, {s.ip}.")
    sent = c.some(PROBE, why="datagrams leave c")
    near, far, end = (c.all(kind + ABOUT) for kind in (NEAR, FAR, END))
    if end and not near and not far:
        ev.mistake("Only s has spoken: your TTL is too large for the routers to notice.", sent[0], end[0])
    if near and not far and not end:
        ev.mistake("r1 has spoken. Now give the packet a longer life, so that it gets to r2, and to s. Check when all "
                   "three have spoken, one after the other.", near[0])
    if near and far and not end:
        ev.mistake("r1 and r2 have spoken. With one more the packet reaches s. Check when all three have spoken, one "
                   "after the other.", near[0], far[0])
    spoken = [seen for seen, *_ in (near, far, end) if seen] if near and far and end else []
    if not spoken and (near or far or end):
        silent = next(name for name, heard in (("r1", near), ("r2", far), ("s", end)) if not heard)
        ev.mistake(f"{silent} has not spoken yet. Make r1, r2 and s speak in this order, with a TTL of 1, 2 and 3.",
                   *(near + far + end)[:2])
    if spoken and (far[-1].time < near[0].time or not [seen for seen in end if seen.time > far[0].time]):
        ev.mistake("All three have spoken, but not in the order r1, r2, s. Let the TTL grow: 1, 2, 3.", *spoken)
    one = c.first(NEAR + ABOUT, why="r1 says: time exceeded")
    two = c.first(FAR + ABOUT, after=one, why="then r2 does")
    three = c.first(END + ABOUT, after=two, why="and then s says: no such port")
    quoted = [seen.data[QUOTE + 12 : QUOTE + 20] for seen in (one, two, three)]
    ev.expect(set(quoted) == {address(ev, "c.ip") + address(ev, "s.ip")}, "your packets, quoted", "others",
              "each of them quotes your packet", [one, two, three])


# -- look


def answers_look(ev):
    two = ev.at("c").first(FAR + ABOUT, why="r2's message")
    three = ev.at("c").first(END + ABOUT, why="that of s")
    return {"router": socket.inet_ntoa(two[IPv4].src), "ttl": two.data[QUOTE + 8], "code": three[ICMP].code}


def diagnose_look(ev, given, right):
    if given["router"] == ev.value("r2.s.ip"):
        return "That is r2's address on the side of s. It speaks from the side where the packet came in."
    if given["ttl"] == "2":
        return "c sent it with 2. But r1 has lowered it before r2 got it."
    if given["ttl"] == "0":
        return "0 is what r2 would have made of it. It quotes what came."
    return None


# -- sort


def traffic_sort(lab):
    ports = lab.random("sort").sample(range(40_000, 50_000), 4)
    lab.notes["ports"] = ports
    for ttl, port in zip((2, 1, 64, 1), ports, strict=True):
        probe(lab, ttl, port)
    with lab["c"].socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP) as sock:
        sock.sendto(b"\x08\0\0\0\0\0\0\1" + bytes(range(30)), (lab.value("s.ip"), 0))
        lab.until_seen("c", "icmp.type == 3 || icmp.type == 11 || icmp.type == 0", 5)
    mine = lab.functions()
    lab.notes["said"] = []
    for seen in lab.look().at("c").all("icmp && ip.dst == {c.ip}"):
        message = seen.data[34 : 14 + seen[IPv4].total_length]
        lab.notes["said"].append([message, mine.about(message)])


def check_sort(ev):
    c = ev.at("c")
    frames = c.some("icmp.type == 11 && ip.dst == {c.ip}", at_least=3, why="three routers' messages")
    frames += [c.first(CLOSED, why="one of s"), c.first("icmp.type == 0", why="and a message that is no error")]
    ports = set()
    for message, answer in ev.notes["said"]:
        said = tuple(answer) if isinstance(answer, (list, tuple)) else answer
        who = {(11, 0): "router", (3, 3): "target"}.get((message[0], message[1]))
        port = int.from_bytes(message[30:32], "big")
        right = (who, port) if who else None
        if who is None and said is not None:
            ev.mistake("Your function takes an echo reply for an error. Return None for other messages.", frames[-1])
        if said != right and who and isinstance(said, tuple) and len(said) == 2:
            if said[1] == int.from_bytes(message[28:30], "big"):
                ev.mistake("That is the source port of the quoted datagram; the destination port stands behind it.",
                           frames[0])
            if said[1] == int.from_bytes(message[30:32], "little"):
                ev.mistake("The bytes of the port are the wrong way round: the larger half comes first.", frames[0])
            if said[1] == port and said[0] != who:
                ev.mistake(f"A message of type {message[0]}, code {message[1]} comes from a {who}.",
                           frames[0] if who == "router" else frames[-2])
        if said is None and who:
            ev.mistake(f"Your function returned None for a message of type {message[0]}, code {message[1]}; {right} "
                       "was wanted.", frames[0] if who == "router" else frames[-2])
        if said != right:
            ev.expect(False, f"{right}", f"{said!r}", f"type {message[0]}, code {message[1]}",
                      frames[:1] if who == "router" else frames[-2:-1])
        ports.add(port if who else 0)
    every = ports >= set(ev.notes["ports"])
    ev.expect(every, "an answer for each probe", f"{len(ports) - 1}", "your function knows who speaks of which probe",
              frames)


# -- lost


def begin_lost(lab):
    with contextlib.suppress(NetlinkError):  # an attempt may have taken it away, and even the address
        lab["c"].add_route("default", lab.value("home.r"))
    if "lost" not in lab.notes:
        lab.notes["lost"] = True
        lab.run("r1", "ip route del default")


def traffic_lost(lab):
    probe(lab, 64)
    lab.until(lambda: lab.look().at("c").all("icmp") or lab.look().at("r1").all("arp.opcode == 1"), 1)
    lab.until_seen("c", CLOSED, 1, 0.2)


def check_lost(ev):
    if not ev.at("c").all(PROBE):
        ev.mistake("c cannot even send to s: it has no route any more. `ip route` in the shell of c; the router is "
                   "{r1.c.ip}.", *ev.at("c").all("eth.src == {c.mac}")[:2])
    sent = ev.at("c").first(PROBE, why="a datagram leaves c")
    none = ev.at("c").all("icmp.type == 3 && icmp.code == 0", after=sent)
    if none:
        who = "r1" if none[0][IPv4].src == address(ev, "r1.c.ip") else "r2"
        ev.mistake(f"{who} says: I know no way to that network.", none[0])
    asked = "arp.opcode == 1 && arp.src.proto_ipv4 == {r1.r2.ip} && arp.dst.proto_ipv4 != {r2.r1.ip}"
    wrong = ev.at("r1", "r2").all(asked)
    if wrong:
        ev.mistake("r1 asks on its cable for a machine that is not there: is that the gateway of your route? "
                   "The neighbour is r2.", wrong[0])
    there = ev.at("r1", "c").all(PROBE)
    if there and not ev.at("r1", "r2").all(PROBE):
        # r1 may be silent: it sends no more than one such error in a second, on the average.
        ev.mistake("r1 gets the datagram and does not pass it on: it has no way to {shop}.", there[0])
    ev.at("s").some(PROBE, why="and it reaches s")
    ev.at("c").some(CLOSED + " && ip.src == {s.ip}", after=sent, why="and the answer finds its way back")
