"""Special addresses: which of them the kernel treats in a special way, on the way out and on the way in."""

import contextlib
import ipaddress
import socket

from packetlab.internet.icmp import DestinationUnreachable
from packetlab.internet.ipv4 import IPv4
from packetlab.link.ethernet import Ethernet
from packetlab.model.addresses import ip_bytes, mac_text
from packetlab.model.errors import PacketLabError

PORT = 9
DATA = f"udp.dstport == {PORT} && eth.src == {{h1.mac}}"
SPECIAL = {"loop": "{loop.x}", "all": "255.255.255.255", "group": "224.0.0.251", "local": "{local.x}",
           "shared": "{shared.x}", "six": "::1"}  # fmt: skip
ERROR = "icmp.type == 3 && ip.dst == {h1.ip}"
EVERYBODY = b"\xff" * 6


def send(lab, *targets):
    """A datagram of h1 to each address."""
    with (lab["h1"].socket(socket.AF_INET, socket.SOCK_DGRAM) as four,
          lab["h1"].socket(socket.AF_INET6, socket.SOCK_DGRAM) as six):  # fmt: skip
        four.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        index = lab["h1"].port().index
        for target in targets:
            address = ipaddress.ip_address(target)
            scope = index if address.version == 6 and (address.is_link_local or address.is_multicast) else 0
            end = (target, PORT) if address.version == 4 else (target, PORT, 0, scope)
            # A router may have sent an error about an earlier one; this call is told of it, and sends nothing.
            for _ in range(3):
                with contextlib.suppress(OSError):
                    (four if address.version == 4 else six).sendto(lab.value("word").encode(), end)
                    break


def to(target):
    """The filter of a datagram to an address."""
    return f"{DATA} && {'ip' if ipaddress.ip_address(target).version == 4 else 'ipv6'}.dst == {target}"


def whose(ev, seen):
    """For whom a frame is."""
    card = seen[Ethernet].dst
    if card == EVERYBODY:
        return "everybody"
    return "group" if card[0] & 1 else "router" if mac_text(card) == ev.value("r.sw.mac") else "link"


def forget(lab):
    for host in lab.net.hosts:
        host.forget_neighbours()


# -- sort


def as_built(lab):
    """Takes back what the step lost breaks, for whoever has looked at it before."""
    if lab.notes.pop("lost", False):
        lab.run("h1", "ip -4 address flush dev eth0; ip address add {h1.ip}/24 dev eth0; "
                      "ip route replace default via {lan.r}")
    forget(lab)


def begin_sort(lab):
    as_built(lab)


def traffic_sort(lab):
    send(lab, *(lab.fill(target) for target in SPECIAL.values()))
    lab.until_seen("h1", DATA, 4)
    # A router says "no route" five times in a row and then once a second: where it was silent, it is asked again.
    for _ in range(3):
        if lab.until_seen("h1", ERROR, at_most=1.1):
            break
        send(lab, lab.fill(SPECIAL["shared"]))


def answers_sort(ev):
    h1, right = ev.at("h1"), {}
    for name, place in SPECIAL.items():
        target = ev.fill(place)
        found = h1.all(to(target))
        if found:
            h1.first(to(target), why=f"the frame with the datagram for {target}")
        else:
            h1.none(to(target), why=f"no frame for {target}")
        right[name] = whose(ev, found[0]) if found else "none"
    ev.expect(any(name != "none" for name in right.values()), "a datagram of h1", "none", "h1 has sent", h1.all(DATA))
    return right


def diagnose_sort(ev, given, right):
    said = {name: answer.lower() for name, answer in given.items()}
    if said["loop"] != "none":
        return ("127.0.0.1 is the loopback address that everybody knows, but all of 127.0.0.0/8 is this host itself. "
                "No frame is needed.")
    if said["all"] != "everybody":
        return "255.255.255.255 is everybody on this link, in a frame for everybody."
    if said["group"] != "group":
        return "224.0.0.251 is a group. Ethernet has groups, too: a frame for it goes to a MAC address of that group."
    if said["local"] != "router":
        return ("RFC 3927 wants h1 to look for that address on its own link. But in the routes of h1 there is "
                "nothing about 169.254, so it goes where all the rest goes: by the default route.")
    if said["shared"] != "router":
        return "For the kernel 100.64.0.0/10 is no more special than any other subnet: it goes by the default route."
    if said["six"] != "none":
        return "::1 is for IPv6 what 127.0.0.1 is for IPv4: this host itself."
    return None


# -- look


def answers_look(ev):
    h1 = ev.at("h1")
    group = h1.first(to(SPECIAL["group"]), why="the datagram for the group")
    error = h1.first(ERROR, why="an error message of r")
    reached = ev.at("s").count("udp && eth.src == {r.s.mac}", why="datagrams that reached s")
    return {"mac": group.text(Ethernet, "dst"), "ttl": group[IPv4].ttl, "code": error[DestinationUnreachable].code,
            "far": reached}  # fmt: skip


def diagnose_look(ev, given, right):
    if given["mac"].lower() == "ff:ff:ff:ff:ff:ff":
        return "That is where the broadcast went. The group has a MAC address of its own."
    if given["mac"].lower() == ev.value("r.sw.mac"):
        return "That is the router's card. The group's frame did not go to any one card."
    if given["ttl"] == "64":
        return "The others had 64. Look at the one for the group: it may not leave its link."
    if given["code"] in ("1", "3"):
        return "That would be \"host unreachable\" (1) or \"port unreachable\" (3). r does not even know the network."
    if given["far"] == "1":
        return "You let the router pass on the broadcast. `packetlab lab frames s` shows that it did not."
    if given["far"] != "0":
        return "r had no way to those addresses, and said so. `packetlab lab frames s` shows what reached s."
    return None


# -- martian

FROM_LOOP = "ip.src == 127.0.0.0/8 && ip.dst == {h2.ip} && eth.dst == {h2.mac}"
FORGED = "ip.src == {lan.ghost} && ip.dst == {h2.ip} && eth.dst == {h2.mac} && eth.src != {r.sw.mac}"
LOOKS_FOR = "arp.opcode == 1 && arp.src.proto_ipv4 == {h2.ip} && arp.dst.proto_ipv4 == "


def begin_martian(lab):
    as_built(lab)


def traffic_martian(lab):
    if lab.until(lambda: lab.look().at("h2").all(FORGED), 0.2):
        lab.until_seen("h2", LOOKS_FOR + "{lan.ghost}")
    # What h2 answers now it could have answered before, too: so its silence was no lack of time.
    lab.ping("h1", "{h2.ip}", timeout=0.05)
    lab.until_seen("h1", "icmp.type == 0 && ip.src == {h2.ip}")


def check_martian(ev):
    h1, h2 = ev.at("h1"), ev.at("h2")
    loops, forged = h2.all(FROM_LOOP), h2.all(FORGED)
    if not (loops and forged):
        explain_martian(ev, loops, forged)
    if outside := [seen for seen in loops + forged if seen.direction == "out"]:
        ev.mistake("You sent that from h2 itself. Open the shell of h1.", *outside)
    came = h2.first(FROM_LOOP, why="the frame from a loopback address reached h2")
    answer = h1.last("icmp.type == 0 && ip.src == {h2.ip}", after=came, why="h2 answers an honest ping after it")
    h2.none("icmp && ip.dst == 127.0.0.0/8", after=came, before=answer, why="but it sent nothing to the loopback one")
    h2.none(LOOKS_FOR + "127.0.0.0/8", after=came, before=answer, why="and looked for nobody to send it to")
    h2.first(FORGED, why="the forged one reached h2, too")
    # It may have asked before: what was sent first may have come to it by way of the router.
    h2.first(LOOKS_FOR + "{lan.ghost}", why="h2 wants to answer that one and looks for its sender")


def explain_martian(ev, loops, forged):
    h1 = ev.at("h1")
    swapped = h1.all("ip.dst == 127.0.0.0/8 || ip.dst == {lan.ghost} && ip.src == {h2.ip}")
    if swapped:
        ev.mistake("You have put the address into dst. It is the *source* that should be strange; the destination is "
                   "h2.", swapped[0])
    elsewhere = h1.all("ip.src == 127.0.0.0/8 || ip.src == {lan.ghost}")
    if elsewhere and not loops and not forged:
        ev.mistake(f"Your frame is for {elsewhere[0].text(Ethernet, 'dst')}, so h2 does not take it. The MAC address "
                   "of h2 is {h2.mac}.", elsewhere[0])
    if loops:
        ev.mistake("The one from the loopback address is there. The forged one, from {lan.ghost}, is missing.",
                   loops[0])
    if forged:
        ev.mistake("The forged one is there. The one from a loopback address, {loop.x}, is missing.", forged[0])
    own = [seen for seen in h1.all("icmp.type == 8 && ip.src == {h1.ip} && ip.dst == {h2.ip}")
           if ev.value("word").encode() in seen.data]  # fmt: skip
    if own:
        ev.mistake("Your ping comes from h1's own address. Nothing is strange about that: give another source.", own[0])
    ev.mistake("h1 has sent neither of the two frames. Type the command in its shell, once with each source.")


# -- deliver


def begin_deliver(lab):
    as_built(lab)


def addresses(lab):
    """Where h1 sends, in an order that is new for each seed."""
    chance = lab.random("deliver")

    def some(network):
        found = ipaddress.ip_network(network)
        return str(found.network_address + chance.randrange(2, min(found.num_addresses - 1, 1 << 20)))

    targets = [
        "127.0.0.1", some("127.128.0.0/9"), lab.value("h1.ip"), "255.255.255.255", lab.value("lan.broadcast"),
        "224.0.0.251", f"239.{chance.randrange(129, 250)}.{chance.randrange(256)}.7", lab.value("h2.ip"),
        lab.value("s.ip"), some("169.254.16.0/20"), some("100.64.0.0/10"), some("192.0.2.0/24"),
        "::1", lab.value("h1.ip6"), some("ff02::/64"), lab.value("h2.ip6"), lab.value("h2.local6"),
        lab.value("s.ip6"), some("2001:db8::/32"),
    ]  # fmt: skip
    chance.shuffle(targets)
    return targets


def own_of(lab_or_ev, target):
    four = ipaddress.ip_address(target).version == 4
    return f"{lab_or_ev.value('h1.ip')}/24" if four else f"{lab_or_ev.value('h1.ip6')}/64"


def traffic_deliver(lab):
    mine, targets = lab.functions(), addresses(lab)
    lab.notes["said"] = {target: mine.deliver(target, own_of(lab, target)) for target in targets}
    groups = [target for target in targets if ipaddress.ip_address(target).is_multicast]
    lab.notes["groups"] = {target: mine.group_mac(target) for target in groups}
    send(lab, *targets)
    leaving = [target for target in targets if target not in staying(lab)]
    lab.until(lambda: all(lab.look().at("h1").all(to(target)) for target in leaving))


def staying(lab_or_ev):
    """Those to which no frame goes; only for waiting."""
    own = {lab_or_ev.value("h1.ip"), lab_or_ev.value("h1.ip6")}
    return [target for target in lab_or_ev.notes["said"]
            if target in own or ipaddress.ip_address(target).is_loopback]  # fmt: skip


def check_deliver(ev):
    h1 = ev.at("h1")
    frames = {target: h1.all(to(target)) for target in ev.notes["said"]}
    for target, found in frames.items():
        if not found and target not in staying(ev):
            h1.first(to(target), why=f"h1 sends to {target}")
    for target, said in ev.notes["said"].items():
        real = whose(ev, frames[target][0]) if frames[target] else "none"
        if said != real:
            explain_deliver(ev, target, said, real, frames[target] or h1.all(DATA)[:1])
    some = [found[0] for found in frames.values() if found]
    ev.expect(True, "", "", f"you say of {len(frames)} addresses what the kernel of h1 did", some)
    for target, said in ev.notes["groups"].items():
        check_group(ev, target, said, frames[target][0])


def explain_deliver(ev, target, said, real, quoted):
    address = ipaddress.ip_address(target)
    told = f"For {target} you say {said!r}; the kernel of h1 "
    did = {"none": "sent no frame", "everybody": "sent a frame to everybody", "group": "sent a frame to a group",
           "link": "sent a frame to that machine itself", "router": "sent a frame to the router"}[real]  # fmt: skip
    why = "."
    if said not in ("none", "everybody", "group", "link", "router"):
        why = ". Return one of these words: none, everybody, group, link, router."
    elif address.is_loopback:
        why = ": it is a loopback address. In IPv4 that is everything that begins with 127, not only 127.0.0.1."
    elif target in (ev.value("h1.ip"), ev.value("h1.ip6")):
        why = ": it is its own address."
    elif target == ev.value("lan.broadcast"):
        why = f": it is the last address of the subnet {ev.value('lan')}, its broadcast address."
    elif address.is_multicast:
        why = ". It is a group: in IPv4 everything from 224.0.0.0 to 239.255.255.255, in IPv6 what begins with ff."
    elif address.version == 6 and address.is_link_local:
        why = ": what begins with fe80 is always on this link."
    elif address.is_link_local and real == "router":
        why = ": h1 has no address and no route for 169.254, so it goes by the default route."
    elif real == "router":
        why = ": it is not in the subnet of h1, and nothing about it is special for the kernel."
    ev.mistake(told + did + why, *quoted[:1])


def check_group(ev, target, said, frame):
    right = frame.text(Ethernet, "dst")
    if not isinstance(said, str):
        ev.mistake(f"group_mac returned {type(said).__name__}; it should return text.", frame)
    clean = said.strip().lower().replace("-", ":")
    packed = ipaddress.ip_address(target).packed
    if len(packed) == 4 and clean == mac_text(b"\x01\x00\x5e" + packed[1:]) != right:
        ev.mistake(f"For {target} you took the last 24 bits. Only 23 of them fit: the bit before them is always 0, so "
                   f"that the frame went to {right}.", frame)
    if clean == mac_text(b"\x33\x33" + packed[-4:]) != right:
        ev.mistake(f"33:33 is for groups of IPv6. For those of IPv4, as {target}, it is 01:00:5e.", frame)
    ev.expect(clean == right, f"{right} for the group {target}", f"you said {said}", f"{target} is {right} in Ethernet",
              [frame])


# -- lost


LAST_RESORT = "eth.src == {h1.mac} && (arp.src.proto_ipv4 == 169.254.0.0/16 || ip.src == 169.254.0.0/16)"


def begin_lost(lab):
    if "lost" not in lab.notes:
        lab.notes["lost"] = True
        lab["h1"].delete_address(f"{lab.value('h1.ip')}/24")
        lab["h1"].add_address(f"{lab.value('local.x')}/16")
    forget(lab)


def traffic_lost(lab):
    # What the learner has tried before the repair does not count.
    before = lab.look().at("h1").all()
    lab.notes["before"] = before[-1].time + 1 if before else 0
    for name in ("h2", "s"):
        with contextlib.suppress(PacketLabError):
            lab.ping("h1", f"{{{name}.ip}}", timeout=0.05)
            answer = lab.fill(f"icmp.type == 0 && ip.src == {{{name}.ip}} || {LAST_RESORT}")
            lab.until(lambda answer=answer: lab.look().at("h1").all(answer, after=lab.notes["before"]))


def wrong_prefix(ev):
    """Names a wrong subnet of an address that h1 has been given."""
    card = next(card for card in ev.host("h1").interfaces() if card.name == "eth0")
    given = {address.prefix_length for address in card.addresses if address.address == ip_bytes(ev.value("h1.ip"))}
    if given and 24 not in given:
        lengths = " and ".join(f"/{length}" for length in sorted(given))
        ev.mistake(f"h1 has the address {{h1.ip}} with {lengths} now: its subnet should have 24 bits, /24. "
                   "(Without a number `ip` takes /32.)", *ev.at("h1").all("eth.src == {h1.mac}")[-1:])
    if not any(len(address.address) == 4 for address in card.addresses):
        ev.mistake("h1 has no IPv4 address at all now.")


def check_lost(ev):
    h1, when = ev.at("h1"), {"after": ev.notes["before"]}
    h1.mistake(LAST_RESORT,
               "h1 still speaks from its address of last resort, and nobody can answer that. It needs one of the "
               "subnet {lan}.", **when)
    near = h1.all("icmp.type == 8 && eth.src == {h1.mac} && ip.dst == {h2.ip}", **when)
    far = h1.all("icmp.type == 8 && eth.src == {h1.mac} && ip.dst == {s.ip}", **when)
    if not near and not far:
        wrong_prefix(ev)
        ev.mistake("h1 sends nothing towards h2: with an address that begins with 169.254 it has no way there.",
                   *h1.all()[:1])
    asked = h1.all("arp.opcode == 1 && eth.src == {h1.mac} && arp.dst.proto_ipv4 == {s.ip}", **when)
    if asked:
        ev.mistake("h1 asks ARP for s, as if it were on its own link. s is behind the router {lan.r}.", asked[0])
    if near and not far:
        stray = h1.all("arp.opcode == 1 && eth.src == {h1.mac} && arp.dst.proto_ipv4 != {h2.ip} && "
                       "arp.dst.proto_ipv4 != {lan.r}", **when)  # fmt: skip
        if stray:
            ev.mistake("h1 looks for a router that is not there. The router of this link is {lan.r}.", stray[0])
        ev.mistake("h1 reaches h2, but sends nothing towards s: its default route has gone with its address.", near[0])
    if near and whose(ev, near[-1]) == "router":
        ev.mistake("h1 gives its packets for h2 to the router, as if h2 were far away: its subnet should have 24 bits.",
                   near[-1])
    h1.first("icmp.type == 8 && ip.dst == {h2.ip} && ip.src == {lan}", why="h1 pings h2 from an address of the subnet",
             **when)
    h1.first("icmp.type == 0 && ip.src == {h2.ip}", why="and h2 answers", **when)
    wrong_prefix(ev)
    sent = h1.first("icmp.type == 8 && ip.dst == {s.ip}", why="h1 pings s", **when)
    name = whose(ev, sent)
    ev.expect(name == "router", "a frame for r", f"one for {name}", "by way of the router", [sent])
    h1.first("icmp.type == 0 && ip.src == {s.ip}", why="and s answers", **when)
