"""IPv6: link-local addresses, questions to few, addresses from a router's prefix, and a router that is none."""

import contextlib
import ipaddress
import socket

from packetlab.internet.icmpv6 import NeighbourSolicitation, PrefixInformation, RouterAdvertisement6
from packetlab.internet.ipv6 import IPv6
from packetlab.link.ethernet import Ethernet
from packetlab.model.addresses import ip_text, mac_bytes, mac_text
from packetlab.model.errors import PacketLabError

ECHO, REPLY, ASKS, TELLS, ROUTER = (f"icmpv6.type == {number}" for number in (128, 129, 135, 136, 134))
ALL_NODES, ALL_NODES_MAC = "ff02::1", "33:33:00:00:00:01"
LINK_LOCAL = "fe80::/64"
TO_S = f"{ECHO} && ipv6.dst == {{s.ip6}} && eth.src == {{h1.mac}}"
HOSTS = ("h1", "h2", "h3")
PREFIXES = ("lan", "new", "third")


def eui64(prefix, mac, turned=True):
    """The address that a host with this MAC address makes of a prefix."""
    card = mac_bytes(mac)
    own = bytes([card[0] ^ 2 if turned else card[0]]) + card[1:3] + b"\xff\xfe" + card[3:]
    return str(ipaddress.IPv6Network(prefix).network_address + int.from_bytes(own, "big"))


def solicited_node(address):
    return str(ipaddress.IPv6Address("ff02::1:ff00:0") + (int(ipaddress.IPv6Address(address)) & 0xFFFFFF))


def link_local(lab_or_ev, name):
    return lab_or_ev.value(f"{name}.local6")


def setup(lab):
    for name in HOSTS:
        # Whatever this machine's own habits are: addresses of the MAC address, and no random ones.
        for setting in ("addr_gen_mode", "use_tempaddr"):
            if lab[name].get_sysctl(f"net.ipv6.conf.eth0.{setting}") != "0":
                lab[name].set_sysctl(f"net.ipv6.conf.eth0.{setting}", 0)


def forget(lab):
    """The neighbours; and addresses of prefixes that only the learner has announced: nobody answers those."""
    for name in (*HOSTS, "r"):
        lab[name].forget_neighbours()
    known = [ipaddress.ip_network(LINK_LOCAL), *(ipaddress.ip_network(lab.value(name)) for name in PREFIXES)]
    for name in HOSTS:
        for address in next(card.addresses for card in lab[name].interfaces() if card.name == "eth0"):
            if not any(ipaddress.ip_address(address.address) in network for network in known):
                lab.run(name, f"ip address del {address} dev eth0")


def advertise(lab, name, prefix="", **fields):
    """A router advertisement of r or, as a rogue, of h3."""
    options = (PrefixInformation(prefix=str(ipaddress.ip_network(prefix).network_address)),) if prefix else ()
    mac = lab.value("r.sw.mac" if name == "r" else f"{name}.mac")
    lab.device(name, "sw").send(
        Ethernet(dst=ALL_NODES_MAC, src=mac) / IPv6(src=link_local(lab, name), dst=ALL_NODES, hop_limit=255)
        / RouterAdvertisement6(options=options, **fields)
    )  # fmt: skip


def ping(lab, host, target, **options):
    """None where there is no way and nothing is sent; the check says so then."""
    with contextlib.suppress(PacketLabError):
        return lab.ping(host, target, **{"timeout": 0.05, **options})


def owner(ev, mac):
    """The machine that has a MAC address."""
    names = {ev.value(f"{name}.mac"): name for name in HOSTS} | {ev.value("r.sw.mac"): "r"}
    return names.get(mac_text(mac), "nobody")


def same(text, address):
    """Whether both are the same IPv6 address, however written."""
    try:
        return ipaddress.ip_address(text) == ipaddress.ip_address(address)
    except ValueError:
        return False


# -- guess


def begin_guess(lab):
    forget(lab)


def traffic_guess(lab):
    lab.ping("h1", "{h2.ip6}")
    lab.until_seen("h1", REPLY)


def answers_guess(ev):
    asked = ev.at("h1").first(f"{ASKS} && icmpv6.nd.ns.target_address == {{h2.ip6}}", why="h1 asks")
    told = ev.at("h1").first(f"{TELLS} && icmpv6.nd.na.target_address == {{h2.ip6}}", after=asked, why="h2 answers")
    to = told.text(Ethernet, "dst")
    return {"group": asked.text(IPv6, "dst"), "card": asked.text(Ethernet, "dst"),
            "answer": "h1" if to == ev.value("h1.mac") else "everybody" if to == ALL_NODES_MAC else "group"}


def diagnose_guess(ev, given, right):
    group, card = given["group"], given["card"].lower()
    if same(group, ev.value("h2.ip6")):
        return "To send to h2 itself, h1 would have to know its card, and that is the question."
    if same(group, ALL_NODES):
        return "That is the group of all nodes. The solicited-node group has fewer members."
    if not same(group, right["group"]) and group.lower().startswith("ff02::1:ff"):
        return ("The beginning is right. The last 24 bits are six hex digits of {h2.ip6}, counted from the end, with "
                "the zeros that are not written.")
    if card == "ff:ff:ff:ff:ff:ff":
        return "IPv6 does not use the broadcast address. A frame for a group begins with 33:33."
    if card == ev.value("h2.mac"):
        return "h1 does not know that MAC address yet. It asks for it."
    if card == ALL_NODES_MAC:
        return "That is the MAC address of the group of all nodes, ff02::1."
    if given["answer"].lower() in ("everybody", "group"):
        return "h2 knows who asks: the question comes with both addresses of h1. So nobody else needs the answer."
    return None


# -- ask


def begin_ask(lab):
    forget(lab)


def traffic_ask(lab):
    lab.until(lambda: lab.look().at("h1").all(f"{REPLY} && ipv6.src == {link_local(lab, 'h2')}"), 0.3)


def check_ask(ev):
    h1, near = ev.at("h1"), link_local(ev, "h2")
    pings = [seen for seen in h1.all(f"{ECHO} && eth.src == {{h1.mac}}") if seen.direction == "out"]
    plain = [seen for seen in pings if same(seen.text(IPv6, "dst"), ev.value("h2.ip6"))]
    local = [seen for seen in pings if same(seen.text(IPv6, "dst"), near)]
    if not (plain and local):
        explain_ask(ev, plain, local)
    h1.mistake(f"{ASKS} && eth.src == {{h2.mac}} && eth.dst == {mac_of(solicited_node(ev.value('h1.ip6')))}",
               "h2 has asked for the card of h1: you pinged from h2 first, and so h1 learned of h2 without a question. "
               "Ping from h1.")
    asked = h1.first(f"{ASKS} && icmpv6.nd.ns.target_address == {{h2.ip6}}", why="h1 asks for h2's address")
    group = solicited_node(ev.value("h2.ip6"))
    ev.expect(asked.text(IPv6, "dst") == group, f"a question to {group}", f"one to {asked.text(IPv6, 'dst')}",
              "the question goes to the solicited-node group", [asked])
    h1.first(f"{TELLS} && icmpv6.nd.na.target_address == {{h2.ip6}} && eth.dst == {{h1.mac}}", after=asked,
             why="h2 answers h1 alone")
    h1.first(f"{REPLY} && ipv6.src == {{h2.ip6}}", after=asked, why="and the ping")
    h1.first(f"{ASKS} && icmpv6.nd.ns.target_address == {near}", why="h1 asks for the link-local address, too")
    sent = h1.first(f"{ECHO} && ipv6.dst == {near}", why="and pings it")
    came = h1.first(f"{REPLY} && ipv6.src == {near}", after=sent, why="h2 answers from there")
    ev.expect(ev.neighbour("h1", near) == ev.value("h2.mac"), "both addresses at the card of h2", "another card",
              "both addresses belong to one card", [came])


def mac_of(group):
    return mac_text(b"\x33\x33" + socket.inet_pton(socket.AF_INET6, group)[-4:])


def explain_ask(ev, plain, local):
    """Which of the two pings is missing, and why."""
    h1 = ev.at("h1")
    wrong = h1.all(f"{ASKS} && eth.src == {{h1.mac}} && icmpv6.nd.ns.target_address == fe80::/10")
    for seen in wrong:
        target = seen.text(NeighbourSolicitation, "target")
        if same(target, eui64(LINK_LOCAL, ev.value("h2.mac"), turned=False)):
            ev.mistake(f"h1 asked for {target}, and nobody answered. You put ff fe into the middle, but did not turn "
                       "the bit in the first byte round.", seen)
        for name in ("h3", "r"):
            if same(target, link_local(ev, name)):
                ev.mistake(f"That is the link-local address of {name}. Make it of the MAC address of h2.", seen)
        if not same(target, link_local(ev, "h2")):
            ev.mistake(f"h1 asked for {target}, and nobody has that address. Make it once more of {{h2.mac}}, step by "
                       "step.", seen)
    if plain:
        ev.mistake("The first ping is there. The one to the link-local address of h2 is missing.", plain[0])
    if local:
        ev.mistake("The ping to the link-local address is there. The one to {h2.ip6} is missing.", local[0])
    ev.at("h2").mistake(f"{ECHO} && eth.src == {{h2.mac}}", "You pinged from h2. Ping from h1.")
    h1.first(f"{ECHO} && ipv6.dst == {{h2.ip6}}", why="h1 pings h2")


# -- look


def answers_look(ev):
    h1, near = ev.at("h1"), link_local(ev, "h2")
    sent = h1.first(f"{ECHO} && ipv6.dst == {near} && eth.src == {{h1.mac}}", why="the ping")
    asked = h1.first(f"{ASKS} && icmpv6.nd.ns.target_address == {near}", why="the question before it")
    return {"source": sent.text(IPv6, "src"), "card": asked.text(Ethernet, "dst"), "hops": asked[IPv6].hop_limit}


def diagnose_look(ev, given, right):
    if same(given["source"], ev.value("h1.ip6")):
        return "That is the source of the other ping. For the link-local address h1 used another one."
    if same(given["source"], link_local(ev, "h2")):
        return "That is where the ping goes to. Which address does it come from?"
    if given["card"].lower() == ev.value("h2.mac"):
        return "That is where the ping went, once h1 knew. The question before it went to a group."
    if given["card"].lower() == mac_of(solicited_node(ev.value("h2.ip6"))):
        return "That is the group of the other address of h2. Look for the question about the one with fe80."
    if given["hops"] == "64":
        return "64 is the hop limit of the ping. Look at a neighbour solicitation."
    return None


# -- everybody


def begin_everybody(lab):
    forget(lab)


def traffic_everybody(lab):
    ping(lab, "h1", f"{ALL_NODES}%eth0")
    lab.until_seen("h1", REPLY, 3)


def answers_everybody(ev):
    sent = ev.at("h1").first(f"{ECHO} && ipv6.dst == {ALL_NODES}", why="h1 pings all nodes")
    got = ev.at("h1").some(REPLY, after=sent, why="and these answer")
    near = all(ip_text(seen[IPv6].src).startswith("fe80::") for seen in got)
    heard = ev.at("s").count(f"ipv6.dst == {ALL_NODES} && icmpv6.type == 128", why="what s heard of it")
    return {"replies": len({seen[IPv6].src for seen in got}), "source": "link-local" if near else "unique-local",
            "far": "yes" if heard else "no"}  # fmt: skip


def diagnose_everybody(ev, given, right):
    if given["replies"] == "2":
        return "A router is a node, too: r answers as well."
    if given["replies"] in ("4", "5"):
        return "h1 does not need the cable to answer itself, and s is on another link."
    if given["source"].lower() == "unique-local":
        return "h1 asked from its link-local address, so the others answer from theirs."
    if given["far"].lower().startswith("y"):
        return "A group that begins with ff02 stays on its link. A router does not pass it on."
    return None


# -- make


def begin_make(lab):
    forget(lab)
    for name in HOSTS:
        lab[name].set_sysctl("net.ipv6.conf.eth0.accept_ra", 1)


def traffic_make(lab):
    mine, prefix = lab.functions(), lab.value("new")
    lab.notes["said"] = {name: mine.address(prefix, lab.value(f"{name}.mac")) for name in HOSTS}
    lab.notes["groups"] = {}
    advertise(lab, "r", prefix, lifetime=0)
    for name, said in lab.notes["said"].items():
        right = eui64(prefix, lab.value(f"{name}.mac"))
        lab.notes["groups"][right] = mine.group(right)
        ping_when_there(lab, "r", right, name) if same(said, right) else ping_once(lab, said, prefix)
    lab.notes["groups"][lab.value("h2.ip6")] = mine.group(lab.value("h2.ip6"))


def ping_once(lab, said, prefix):
    """A wrong address: nobody answers. One outside of the prefix is none of this link's."""
    with contextlib.suppress(ValueError):
        if ipaddress.ip_address(said) in ipaddress.ip_network(prefix):
            ping(lab, "r", str(ipaddress.ip_address(said)), timeout=0.02)


def ping_when_there(lab, host, target, name):
    """Pings an address as soon as a host has made it."""

    def is_there():
        with contextlib.suppress(PacketLabError):
            return lab[name].route_to(target).kind == "local"

    lab.until(is_there)
    ping(lab, host, target)
    lab.until_seen(host, f"{REPLY} && ipv6.src == {target}")


def check_make(ev):
    prefix = ev.value("new")
    for name in HOSTS:
        came = ev.at(name).first(f"{ROUTER} && eth.src == {{r.sw.mac}}", why=f"{name} hears of the prefix {prefix}")
        check_address(ev, name, ev.notes["said"][name], came)
    for address, said in ev.notes["groups"].items():
        check_group(ev, address, said)


def check_address(ev, name, said, came):
    prefix, mac = ev.value("new"), ev.value(f"{name}.mac")
    right = eui64(prefix, mac)
    if not isinstance(said, str):
        ev.mistake(f"address returned {type(said).__name__}; it should return text.", came)
    try:
        number = int(ipaddress.IPv6Address(said))
    except ValueError:
        ev.mistake(f"address returned {said!r}, which is no IPv6 address.", came)
    own = (number & (1 << 64) - 1).to_bytes(8, "big")
    card = mac_bytes(mac)
    if number >> 64 != int(ipaddress.IPv6Network(prefix).network_address) >> 64:
        ev.mistake(f"address returned {said}; the first 64 bits should be those of {prefix}.", came)
    if own[:2] == b"\0\0" and own[2:] in (card, bytes([card[0] ^ 2]) + card[1:]):
        ev.mistake("You put the MAC address behind the prefix as it is. ff fe is missing in its middle.", came)
    if own[3:5] != b"\xff\xfe":
        ev.mistake(f"In {said} there is no ff fe between the two halves of the MAC address.", came)
    if own == bytes([card[0]]) + card[1:3] + b"\xff\xfe" + card[3:]:
        if card[0] & 2:
            ev.mistake(f"For {name}, with the MAC address {mac}, the bit of value 2 in the first byte has to become 0. "
                       "Turn it round: what was 1 becomes 0, and what was 0 becomes 1.", came)
        ev.mistake(f"For {name}, with the MAC address {mac}, the bit of value 2 in the first byte has to become 1: "
                   "turn it round in every address.", came)
    if not same(said, right):
        ev.expect(False, f"{name} has {right}", f"you said {said}", "the prefix, and its own 64 bits", [came])
    ev.at("r").first(f"{REPLY} && ipv6.src == {right}", why=f"{name} answers at the address that you said")


def check_group(ev, address, said):
    right = solicited_node(address)
    quoted = ev.at("r").all(f"{ASKS} && icmpv6.nd.ns.target_address == {address}")
    if not same(said, right):
        quoted = quoted or ev.at("r").all(ASKS)
        if isinstance(said, str) and same(said, str(ipaddress.IPv6Address("ff02::1:ff00:0"))):
            ev.mistake(f"group({address!r}) returned the beginning alone: the last 24 bits of the address are missing.",
                       *quoted[:1])
        if isinstance(said, str) and same(said, int(ipaddress.IPv6Address(right)) ^ (
                (int(ipaddress.IPv6Address(address)) ^ int(ipaddress.IPv6Address(right))) & 0xFFFFFFFF)):
            ev.mistake("You took the last 32 bits of the address. 24 are wanted, and before them stands ff.",
                       *quoted[:1])
        ev.expect(False, f"group({address!r}) is {right}", f"you said {said}", "ff02::1:ff and 24 bits", quoted[:1])
    if quoted:
        ev.expect(quoted[0].text(IPv6, "dst") == right, f"a question to {right}", "another",
                  "r asked that very group", quoted[:1])


# -- announce


def begin_announce(lab):
    forget(lab)
    for name in HOSTS:
        lab[name].set_sysctl("net.ipv6.conf.eth0.accept_ra", 1)


def sent_by_learner(ev):
    return ev.everywhere().all(ROUTER)


def traffic_announce(lab):
    target = eui64(lab.value("third"), lab.value("h1.mac"))
    if lab.until(lambda: [seen for seen in sent_by_learner(lab.look()) if not wrong_with(lab, seen)], 0.3):
        ping_when_there(lab, "h2", target, "h1")


def wrong_with(lab_or_ev, seen):
    """What is wrong with a router advertisement for the prefix; "" for nothing."""
    third = ipaddress.IPv6Network(lab_or_ev.value("third"))
    ip, advertisement = seen[IPv6], seen[RouterAdvertisement6]
    options = [each for each in advertisement.options if isinstance(each, PrefixInformation)]
    if not options:
        return "Your advertisement names no prefix. Put a PrefixInformation into its options."
    named = ipaddress.IPv6Address(options[0].prefix)
    if named not in third:
        return f"You announced the prefix {named}, but {third} was wanted."
    if options[0].prefix_length != 64:
        return (f"Your prefix has {options[0].prefix_length} bits. A host needs 64 for itself, so it makes an address "
                "of a prefix of 64 bits only.")
    if not options[0].autonomous:
        return "Your prefix says autonomous=0: hosts may not make addresses of it."
    if ip.hop_limit != 255:
        return (f"Your advertisement has the hop limit {ip.hop_limit}. It could have come from far away, so every host "
                "threw it away. Send it with 255.")
    source = ipaddress.IPv6Address(ip.src)
    if not source.is_link_local:
        return f"Your advertisement comes from {source}. Hosts believe a router's link-local address only."
    if str(source) not in [link_local(lab_or_ev, name) for name in (*HOSTS, "r.sw")]:
        return (f"Your advertisement comes from {source}, which is nobody's address. Hosts would send their packets "
                "there, so it has to be the link-local address of r.")
    if same(ip_text(ip.dst), "ff02::2"):
        return "ff02::2 is the group of all routers. Tell all nodes: ff02::1."
    if not same(ip_text(ip.dst), ALL_NODES):
        return f"You told {ip_text(ip.dst)}. Tell all nodes of the link: ff02::1."
    return ""


def check_announce(ev):
    h1, h2 = ev.at("h1"), ev.at("h2")
    sent = sent_by_learner(ev)
    if not sent:
        ev.at("r", "sw").first(ROUTER, why="r announces a prefix")
    good = [seen for seen in sent if not wrong_with(ev, seen)]
    if not good:
        ev.mistake(wrong_with(ev, sent[-1]), sent[-1])
    if not any(seen.direction == "out" and not wrong_with(ev, seen) for seen in ev.at("r", "sw").all(ROUTER)):
        name = next((seen.place.split()[0] for seen in good if seen.direction == "out"), "another machine")
        ev.mistake(f"That works, but you sent it from {name}, which is no router. Send it from r.", good[-1])
    right = eui64(ev.value("third"), ev.value("h1.mac"))
    heard = h1.first(f"{ROUTER} && ipv6.hlim == 255", why="h1 hears the advertisement")
    h2.first(f"{ROUTER} && ipv6.hlim == 255", why="and h2, too")
    h2.first(f"{TELLS} && icmpv6.nd.na.target_address == {right}", after=heard,
             why=f"h1 says that it has {right} now")
    h2.first(f"{REPLY} && ipv6.src == {right}", after=heard, why="and answers there")


# -- rogue


def way(lab):
    """The gateway by which h1 would send to s."""
    with contextlib.suppress(PacketLabError):
        return lab["h1"].route_to(lab.value("s.ip6")).gateway


def begin_rogue(lab):
    if "rogue" in lab.notes:
        forget(lab)
        return
    lab.notes["rogue"] = True
    lab["h1"].set_sysctl("net.ipv6.conf.eth0.accept_ra", 1)
    for name in HOSTS:
        # A host that becomes a router forgets the routers that it was told of in earlier steps.
        for forwards in (1, 0):
            lab[name].set_sysctl("net.ipv6.conf.eth0.forwarding", forwards)
    advertise(lab, "h3", lifetime=1800, preference=1)
    rogue = socket.inet_pton(socket.AF_INET6, link_local(lab, "h3"))
    lab.until(lambda: way(lab) == rogue)
    forget(lab)


def traffic_rogue(lab):
    # What the learner has tried before the repair does not count.
    before = lab.look().at("h1").all()
    lab.notes["before"] = before[-1].time + 1 if before else 0

    def clear():
        h1 = lab.look().at("h1")
        sent = h1.all(TO_S, after=lab.notes["before"])
        wrong = sent and sent[-1].text(Ethernet, "dst") != lab.value("r.sw.mac")
        return wrong or h1.all(f"{REPLY} && ipv6.src == {{s.ip6}}", after=lab.notes["before"])

    if ping(lab, "h1", "{s.ip6}"):
        lab.until(clear)


def check_rogue(ev):
    h1, when = ev.at("h1"), {"after": ev.notes["before"]}
    pings = h1.all(TO_S, **when)
    if not pings:
        quoted = h1.all(f"{ASKS} && eth.src == {{h1.mac}}", **when)
        if quoted:
            target = quoted[-1].text(NeighbourSolicitation, "target")
            ev.mistake(f"h1 asks for the card of {target}, and nobody answers: there is no router at that address.",
                       quoted[-1])
        ev.mistake("h1 sends nothing towards s: it has no way there. Give it a default route.", *h1.all()[:1])
    name = owner(ev, pings[-1][Ethernet].dst)
    if name == "h3":
        ev.mistake("h1 still gives its packets for s to h3, which does not pass them on: its default route is the one "
                   "from the advertisement of h3.", pings[-1])
    if name != "r":
        ev.mistake(f"h1 gives its packets for s to {name} now, which is no router. The router is {{r.sw.ip6}}.",
                   pings[-1])
    ev.expect(True, "", "", "h1 gives its packets for s to r", pings[-1:])
    ev.at("s").first(f"{ECHO} && ipv6.dst == {{s.ip6}}", after=ev.notes["before"], why="r passes them on to s")
    h1.first(f"{REPLY} && ipv6.src == {{s.ip6}}", why="and the answer comes back", **when)
