"""Private and public addresses: what reaches a server, what never comes back, and what two homes may share."""

import ipaddress
import socket

from packetlab.internet.ipv4 import IPv4
from packetlab.internet.ipv6 import IPv6
from packetlab.wire.netlink import CREATE, NEW_ROUTE, Request, attribute, route_body

THROW = 9  # RTN_THROW: look no further in this table
BLOCKS = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
REQUEST = "icmp.type == 8 && ip.dst == {s.ip}"
REPLY = "icmp.type == 0 && ip.src == {s.ip}"
PORT = 9


def setup(lab):
    for block in BLOCKS:
        net = ipaddress.ip_network(block)
        family = socket.AF_INET if net.version == 4 else socket.AF_INET6
        body = route_body(family, net.prefixlen, kind=THROW) + attribute(1, net.network_address.packed)
        lab["isp"].configure(Request(NEW_ROUTE, CREATE, body, f"know no way to {block}"))


def own(lab):
    """Home 2 has its own numbers again, whatever the last step did to it."""
    if lab.notes.pop("borrowed", False):
        renumber(lab, lab.fill("{home.c}/24"), lab.fill("{home.r}/24"))


def renumber(lab, client, router):
    """Gives the two ends of the cable c2 -- n these IPv4 addresses, instead of any that they have."""
    for name, peer, address in (("n", "c2", router), ("c2", "n", client)):
        host = lab[name]
        port = host.port(peer)
        for old in next(one for one in host.interfaces() if one.name == port.name).addresses:
            if len(old.address) == 4:
                host.delete_address(str(old), port.name)
        host.add_address(address, port.name)
    lab["c2"].add_route("default", router.partition("/")[0])


def echo(lab, host, target):
    """One echo request; waits for nothing."""
    six = ":" in target
    protocol = socket.IPPROTO_ICMPV6 if six else socket.IPPROTO_ICMP
    with lab[host].socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_DGRAM, protocol) as sock:
        sock.sendto(bytes([128 if six else 8]) + bytes(6) + b"\1" + lab.random("data").randbytes(24), (target, 0))


# -- guess


def begin_guess(lab):
    own(lab)


def traffic_guess(lab):
    echo(lab, "c1", lab.value("s.ip"))
    lab.until_seen("isp", REPLY, 1)


def answers_guess(ev):
    came = ev.at("s").first(REQUEST, why="the request of c1 reaches s, for its destination is public")
    ev.at("s").first(REPLY + " && ip.dst == {c1.ip}", after=came, why="s answers")
    ev.at("isp", "s").first(REPLY, why="isp gets the reply")
    passed = ev.at("r", "isp").count(REPLY, why="replies that come as far as r")
    last = "c1" if ev.at("c1").all(REPLY) else "r" if passed else "isp"
    return {"arrives": "yes", "source": came.text(IPv4, "src"), "last": last}


def diagnose_guess(ev, given, right):
    if given["arrives"].lower().startswith("n"):
        return "No router on the way looks at the source. The destination is public: all of them know the way there."
    if given["source"] == ev.value("r.isp.ip"):
        return "r is a plain router: it changes no address. Only n does that, in the other home."
    if given["last"] == "c1":
        return ("Then c1 would hear of s. Think of isp: it has to find a route to the private address {c1.ip}, which "
                "many homes have.")
    if given["last"] == "r":
        return "How would isp know that {c1.ip} is behind r? It could be in any home."
    if given["last"] == "s":
        return "s has no doubts: it sends the reply to its own router, isp, as it does with everything."
    return None


# -- ping


def begin_ping(lab):
    own(lab)


def traffic_ping(lab):
    lab.until(lambda: lab.look().at("isp", "s").all(REPLY) and lab.look().at("c2").all(REPLY), 0.3)


def check_ping(ev):
    one, two, s = ev.at("c1"), ev.at("c2"), ev.at("s")
    for name, view, other in (("c1", one, two), ("c2", two, one)):
        elsewhere = view.all("icmp.type == 8 && ip.dst != {s.ip} && ip.src == {c1.ip}")
        if elsewhere and not view.all(REQUEST):
            ev.mistake(f"Your ping from {name} went to {elsewhere[0].text(IPv4, 'dst')}. Ping the server s, at "
                       "{s.ip}.", elsewhere[0])
        if other.all(REQUEST) and not view.all(REQUEST):
            ev.mistake(f"One home is done. Now ping s from {name} as well.", *other.all(REQUEST)[:1])
    sent = one.first(REQUEST, why="c1 pings s")
    came = s.first(REQUEST + " && ip.src == {c1.ip}", after=sent, why="the request arrives, from the address {c1.ip}")
    s.first(REPLY + " && ip.dst == {c1.ip}", after=came, why="s answers to that address")
    ev.at("isp", "s").first(REPLY + " && ip.dst == {c1.ip}", after=came, why="the reply gets as far as isp")
    ev.at("r", "isp").none(REPLY, why="which knows no way there: r never sees a reply")
    one.none(REPLY, why="and c1 hears nothing")
    sent = two.first(REQUEST + " && ip.src == {c2.ip}", why="c2 pings s, from the same private address")
    came = s.first(REQUEST + " && ip.src == {n.isp.ip}", after=sent, why="at s, its source is the public address of n")
    s.first(REPLY + " && ip.dst == {n.isp.ip}", after=came, why="s answers to n")
    two.first(REPLY + " && ip.dst == {c2.ip}", after=sent, why="and n gives the reply to c2")


# -- look


def answers_look(ev):
    first = ev.at("s").first(REQUEST + " && ip.src == {c1.ip}", why="the request of c1 at s")
    second = ev.at("s").first(REQUEST + " && ip.src != {c1.ip}", why="the request of c2 at s")
    back = ev.at("c2").first(REPLY, why="the reply at c2")
    return {"one": first.text(IPv4, "src"), "two": second.text(IPv4, "src"), "back": back.text(IPv4, "dst")}


def diagnose_look(ev, given, right):
    if given["one"] == ev.value("r.isp.ip"):
        return "r passed the request on, but it is no NAT: it did not put its own address there."
    if given["two"] == ev.value("c2.ip"):
        return "{c2.ip} is what c2 wrote, and c1 as well. At s, the requests of c2 have another source."
    if given["back"] == ev.value("n.isp.ip"):
        return "That was the destination when the reply left s. Look at it once more behind n: at c2."
    return None


# -- twins


def begin_twins(lab):
    own(lab)


def traffic_twins(lab):
    lab.ping("c1", "{r.c1.ip}")
    lab.ping("c1", "{c2.ip}", count=2)


def answers_twins(ev):
    ev.at("c1").some("icmp.type == 8 && ip.dst == {r.c1.ip}", why="the ping to r leaves c1, as it should")
    return {"frames": ev.at("c1").count("icmp.type == 8 && ip.dst == {c2.ip}", why="requests to {c2.ip} on the cable")}


def diagnose_twins(ev, given, right):
    if given["frames"] == "2":
        return "Who has the address {c2.ip}? Look at the picture: c1 has it, too. It need not ask anybody else."
    if given["frames"] == "1":
        return "c1 would not send one and keep the other. Whose address is {c2.ip}, seen from c1?"
    if given["frames"] == "3":
        return "The one to r does not count here; and look at who has the address {c2.ip}."
    return None


# -- six

REQUEST6 = "icmpv6.type == 128 && ipv6.dst == {s.ip6}"


def begin_six(lab):
    own(lab)


def traffic_six(lab):
    echo(lab, "c2", lab.value("s.ip6"))
    lab.until_seen("c2", "icmpv6.type == 129", 1)


def answers_six(ev):
    ev.at("c2").first(REQUEST6, why="c2 sends an IPv6 packet")
    came = ev.at("s").first(REQUEST6, why="it reaches s")
    ev.at("c2").first("icmpv6.type == 129 && ipv6.src == {s.ip6}", why="and the reply finds its way, with no NAT")
    return {"source": came.text(IPv6, "src")}


def diagnose_six(ev, given, right):
    if given["source"] in (ev.value("n.isp.ip6"), ev.value("n.c2.ip6")):
        return "That is an address of n. n does not translate IPv6: there is nothing to save."
    if "." in given["source"]:
        return "That is an IPv4 address. An IPv6 packet has IPv6 addresses, and c2 has one of its own."
    return None


# -- private


OTHERS = ("192.0.2", "198.18.4")
"""Documentation (RFC 5737) and benchmarks (RFC 2544): Python's own is_private counts them as well."""


def candidates(lab):
    """Addresses on both sides of each border, and some between."""
    chance = lab.random("candidates")
    some = [f"10.{chance.randrange(256)}.{chance.randrange(256)}.7", "10.255.255.254", "11.0.0.1", "9.255.255.254"]
    for second in (15, 16, chance.randrange(17, 31), 31, 32, chance.randrange(40, 250)):
        some.append(f"172.{second}.{chance.randrange(256)}.{chance.randrange(1, 255)}")
    for second in (167, 168, 169):
        some.append(f"192.{second}.{chance.randrange(256)}.{chance.randrange(1, 255)}")
    some += [f"{chance.randrange(20, 99)}.10.0.1", f"193.168.{chance.randrange(256)}.1"]
    # Not public in a book, but in none of the four blocks, and isp passes them on.
    some += [f"{net}.{chance.randrange(1, 255)}" for net in OTHERS]
    some += [f"{block}:{chance.randrange(1, 65536):x}::1" for block in ("fd00", "fdff", "fc00", "fbff", "2a00", "2600")]
    chance.shuffle(some)
    return some


def begin_private(lab):
    own(lab)


def to(address):
    return f"udp && !icmp && !icmpv6 && {'ipv6' if ':' in address else 'ip'}.dst == {address}"


def traffic_private(lab):
    addresses = candidates(lab)
    mine = lab.functions()
    lab.notes["said"] = {address: mine.is_private(address) for address in addresses}
    for family, last in ((socket.AF_INET, "{w.ip}"), (socket.AF_INET6, "{w.ip6}")):
        with lab["s"].socket(family, socket.SOCK_DGRAM) as sock:
            for address in [each for each in addresses if (":" in each) == (family == socket.AF_INET6)]:
                sock.sendto(b"anybody?", (address, PORT))
            # What comes last shows that isp is through with all of them.
            sock.sendto(b"the end", (lab.fill(last), PORT))
            lab.until_seen("w", to(lab.fill(last)), 1)


def check_private(ev):
    for last in ("{w.ip}", "{w.ip6}"):
        ev.at("w").first(to(ev.fill(last)), why="isp was through with all packets")
    quoted, wrong = [], {}
    for address, said in ev.notes["said"].items():
        came = ev.at("isp", "s").all(to(address))
        passed = ev.at("isp", "w").all(to(address))
        if not came:
            ev.expect(False, f"a packet to {address}", "none", "s sends to it", ev.at("s").all("frame")[:1])
        if not isinstance(said, bool):
            ev.mistake(f"is_private returned {said!r} for {address}; it should return True or False.", came[0])
        quoted += came[:1] + passed[:1]
        if said == bool(passed):
            wrong[address] = (passed or came)[0]
    if wrong:
        _diagnose(ev, wrong)
    ev.expect(True, "", "", f"your function agrees with isp about {len(ev.notes['said'])} addresses", quoted)


def _diagnose(ev, wrong):
    """Ends the check: which block is wrong?"""
    said = ev.notes["said"]
    address, frame = next(iter(wrong.items()))
    if len(set(said.values())) == 1:
        ev.mistake(f"Your function says {said[address]} whatever it is asked.", frame)
    if all(known.startswith("172.") for known in wrong):
        ev.mistake(f"172.16.0.0/12 is wrong: you say {said[address]} for {address}. A /12 leaves 4 bits of the second "
                   "number: 16 to 31 are private, and 15 and 32 are not.", *wrong.values())
    if all(":" in known for known in wrong):
        ev.mistake(f"IPv4 is right; IPv6 is not: you say {said[address]} for {address}. fc00::/7 fixes 7 bits: all "
                   "that begins with fc or fd.", *wrong.values())
    if all(known.startswith(OTHERS) for known in wrong):
        ev.mistake(f"You say {said[address]} for {address}, which is in none of the four blocks: isp passed it on to "
                   "w. Python's own `is_private` counts more blocks than these.", *wrong.values())
    truth = "public: isp passed it on to w" if said[address] else "private: isp knows no way there, and dropped it"
    ev.mistake(f"You say {said[address]} for {address}. It is {truth}.", frame)


# -- borrowed


def begin_borrowed(lab):
    if "borrowed" not in lab.notes:
        lab.notes["borrowed"] = True
        renumber(lab, lab.fill("{town.c}/27"), lab.fill("{town.n}/27"))
    lab["c2"].forget_neighbours()
    lab["n"].forget_neighbours()


def traffic_borrowed(lab):
    for target in ("s", "w"):
        try:
            echo(lab, "c2", lab.value(f"{target}.ip"))
        except OSError:
            return  # c2 has no way there at all
    lab.until(lambda: lab.look().at("c2").all("icmp.type == 0 && ip.src == {w.ip}"), 0.4)


def check_borrowed(ev):
    c, n, pinged = ev.at("c2"), ev.at("n", "c2"), "icmp.type == 8 && ip.dst == {w.ip}"
    c.mistake("arp.opcode == 1 && arp.src.hw_mac == {c2.mac} && arp.dst.proto_ipv4 == {w.ip}",
              "c2 asks its own cable for {w.ip}: it still believes that w is a neighbour. Its address is in {town}.")
    asked = c.all("arp.opcode == 1 && arp.src.hw_mac == {c2.mac}")
    if not c.all("icmp.type == 8"):
        if not asked:
            ev.mistake("c2 sends nothing at all: it has no address, or no default route.")
        unanswered = [seen for seen in asked if not c.all("arp.opcode == 2", after=seen)]
        if unanswered:
            ev.mistake("c2 asks for its router, and nobody answers: n does not have that address on the side of c2.",
                       *unanswered[:2])
    source = c.all("icmp.type == 8")[0].text(IPv4, "src") if c.all("icmp.type == 8") else ""
    if source and not any(ipaddress.ip_address(source) in ipaddress.ip_network(block) for block in BLOCKS[:3]):
        ev.mistake(f"The address of c2, {source}, is in none of the private blocks: it belongs to somebody else.",
                   c.all("icmp.type == 8")[0])
    n.mistake("arp.opcode == 1 && arp.src.hw_mac == {n.c2.mac} && arp.dst.proto_ipv4 == {w.ip}",
              "c2 gives the packet to n now, but n asks the cable of c2 for {w.ip}: n has still an address of {town} "
              "there.")
    sent = c.first(pinged, why="c2 sends to w, from a private address")
    ev.at("w").first(pinged + " && ip.src == {n.isp.ip}", after=sent, why="w gets it from the public address of n")
    c.first("icmp.type == 0 && ip.src == {w.ip}", after=sent, why="and c2 gets the reply")
    c.first("icmp.type == 0 && ip.src == {s.ip}", why="s answers as before")
