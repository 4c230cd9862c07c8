"""Subnets: whom a host sends its frames to, and what a wrong prefix does."""

import ipaddress
import socket

from packetlab.link.ethernet import Ethernet
from packetlab.model.addresses import ip_text, mac_text

PORT = 9
TO = f"udp.dstport == {PORT} && !icmp && ip.src == {{a.ip}} && ip.dst == "


def send(lab, *targets):
    with lab["a"].socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        for target in targets:
            sock.sendto(lab.value("word").encode(), (target, PORT))


def whose(ev, seen):
    """The name of the machine to which a frame is."""
    macs = {ev.value("b.mac"): "b", ev.value("d.mac"): "d", ev.value("r.sw.mac"): "r"}
    return macs.get(mac_text(seen[Ethernet].dst), "nobody")


def near(lab_or_ev):
    return ipaddress.ip_network(lab_or_ev.value("near"))


def as_built(lab):
    """Takes back what the step mask breaks, for whoever has looked at it before, and what does not belong to b.

    The smallest address of the subnet may stay: the learner gave it to b.
    """
    if lab.notes.pop("mask", False):
        lab.run("a", "ip -4 address flush dev eth0; ip address add {near.a}/26 dev eth0; "
                     "ip route replace default via {near.2}")
    right = {lab.value("b.ip"), str(near(lab).network_address + 1)}
    for card in lab["b"].interfaces():
        for address in card.addresses:
            if card.name == "eth0" and len(address.address) == 4 and ip_text(address.address) not in right:
                lab.run("b", f"ip address del {address} dev eth0")  # also one that no host can have
    for host in lab.net.hosts:
        host.forget_neighbours()


# -- guess


def begin_guess(lab):
    as_built(lab)


def traffic_guess(lab):
    for name in ("b", "d"):
        send(lab, lab.value(f"{name}.ip"))
        lab.until_seen(name, TO + f"{{{name}.ip}}", 1)


def answers_guess(ev):
    a = ev.at("a")
    return {"near": whose(ev, a.first(TO + "{b.ip}", why="the packet for b")),
            "far": whose(ev, a.first(TO + "{d.ip}", why="the packet for d"))}


def diagnose_guess(ev, given, right):
    if given["far"] == "d":
        return "d is on another link, and its card would never see the frame. Somebody has to carry the packet over."
    if given["near"] == "r":
        return "b is in the same subnet: look at the first 26 bits. No router is needed."
    return None


# -- bounds


def begin_bounds(lab):
    as_built(lab)


def traffic_bounds(lab):
    send(lab, str(near(lab).broadcast_address))
    lab.until_seen("b", TO + "{near.broadcast}", 1)


def answers_bounds(ev):
    sent = ev.at("a").first(TO + "{near.broadcast}", why="a sends to all of its subnet")
    ev.expect(sent[Ethernet].dst == b"\xff" * 6, "a broadcast frame", "another", "in a frame for all", [sent])
    ev.at("b").first(TO + "{near.broadcast}", why="b gets it")
    net = near(ev)
    hosts = net.num_addresses - 2
    return {"network": str(net.network_address), "broadcast": str(net.broadcast_address), "hosts": hosts}


def diagnose_bounds(ev, given, right):
    if given["hosts"] == "64":
        return "64 addresses, but the first and the last are no host's."
    if given["hosts"] == "254":
        return "You count with 8 bits for the machine. A /26 leaves 6."
    return None


# -- smallest


def begin_smallest(lab):
    as_built(lab)


def check_smallest(ev):
    a = ev.at("a")
    wanted = str(near(ev).network_address + 1)
    if not a.all(f"arp.opcode == 1 && arp.src.proto_ipv4 == {{a.ip}} && arp.dst.proto_ipv4 == {wanted}"):
        wrong_address(ev)
    asked = a.some("arp.opcode == 1 && arp.src.proto_ipv4 == {a.ip} || icmp.type == 8 && ip.src == {a.ip}",
                   why="a looks for an address")
    if not ev.at("b").all(f"arp.opcode == 2 && arp.src.proto_ipv4 == {wanted}"):
        a.mistake(f"arp.opcode == 1 && arp.dst.proto_ipv4 == {wanted}",
                  "That is the smallest address, but nobody has it. Give it to b, in the shell of b.")
    question = a.first(f"arp.opcode == 1 && arp.dst.proto_ipv4 == {wanted}", why="a asks who has the smallest address")
    a.first(f"arp.opcode == 2 && arp.src.proto_ipv4 == {wanted} && arp.src.hw_mac == {{b.mac}}", after=question,
            why="b says: I have")
    a.first(f"icmp.type == 0 && ip.src == {wanted}", after=asked[0], why="and answers the ping")


def wrong_address(ev):
    """Names the address that a has looked for instead."""
    a = ev.at("a")
    a.mistake("icmp.type == 8 && ip.src == {a.ip} && ip.dst == {b.ip}",
              "You pinged b at its old address. Give it one more, and ping that.")
    a.mistake("icmp.type == 8 && ip.src == {a.ip} && ip.dst == {near.2}",
              "That is the second address, and the router has it already.")
    for seen in a.all("icmp.type == 8 && ip.src == {a.ip}"):
        if whose(ev, seen) == "r":
            ev.mistake("That address is not in the subnet of a: a gave the packet to the router.", seen)
    a.mistake("arp.opcode == 1 && arp.src.proto_ipv4 == {a.ip} && arp.dst.proto_ipv4 != {near.2} && "
              "arp.dst.proto_ipv4 != {b.ip}",
              "That address is in the subnet, but it is not the smallest one.")
    ev.at("b").mistake("(arp.opcode == 1 || icmp.type == 8) && eth.src == {b.mac}",
                       "You pinged from b. Let a ping: open the shell of a.")


# -- choose


def routes(lab):
    ten, more = lab.value("ten"), lab.value("more")
    b, r = lab.value("b.ip"), lab.value("near.2")
    return [["0.0.0.0/0", r], [f"10.{ten}.{more}.0/24", b], ["10.0.0.0/8", b], [f"10.{ten}.0.0/16", r]]


def begin_choose(lab):
    as_built(lab)


def traffic_choose(lab):
    table, chance = routes(lab), lab.random("choose")
    for prefix, gateway in table[1:]:
        lab["a"].add_route(prefix, gateway)
    ten, more = int(lab.value("ten")), int(lab.value("more"))
    host = chance.randrange(1, 255)
    targets = [f"10.{ten}.{more}.{host}", f"10.{ten}.{(more + 1) % 256}.{host}", f"10.{ten + 1}.{more}.{host}",
               f"10.{ten}.{more}.{255 - host}", f"172.16.{ten}.{host}", f"10.{ten - 1}.1.{host}"]  # fmt: skip
    chance.shuffle(table)
    mine = lab.functions()
    lab.notes["said"] = {target: mine.choose(table, target) for target in targets}
    lab.notes["alone"] = mine.choose([["10.0.0.0/8", lab.value("b.ip")]], "172.16.0.1")
    send(lab, *targets)
    lab.until(lambda: all(lab.look().at("a").all(TO + target) for target in targets), 2)


def check_choose(ev):
    frames = {target: ev.at("a").first(TO + target, why=f"a sends to {target}") for target in ev.notes["said"]}
    names = {ev.value("b.ip"): "b", ev.value("near.2"): "r"}
    wrong = []
    for target, said in ev.notes["said"].items():
        if said is not None and not isinstance(said, str):
            ev.mistake(f"choose returned {type(said).__name__}; it should return the gateway as text.", frames[target])
        if names.get(said) != whose(ev, frames[target]):
            wrong.append(target)
    missing = [target for target in wrong if ev.notes["said"][target] is None]
    if missing:
        ev.mistake(f"Your function finds no way to {missing[0]}. The prefix 0.0.0.0/0 fits every address.",
                   frames[missing[0]])
    if wrong:
        said, right = names.get(ev.notes["said"][wrong[0]], "another"), whose(ev, frames[wrong[0]])
        ev.mistake(f"To {wrong[0]} you would go by {said}; the kernel of a took {right}. Several prefixes fit: the "
                   "longest wins.", frames[wrong[0]])
    if ev.notes["alone"] is not None:
        ev.mistake("Where no prefix fits, there is no way: return None.", *list(frames.values())[:1])
    ev.expect(not wrong, "", "", "your choices are those of the kernel", list(frames.values()))


# -- mask


def outside(lab_or_ev):
    """An address in the other half of the /25 around the subnet."""
    return str(ipaddress.ip_address(int(near(lab_or_ev).network_address) ^ 64) + 11)


def begin_mask(lab):
    if "mask" in lab.notes:
        return
    lab.notes["mask"] = True
    lab.run("a", "sh -c 'ip address add {near.a}/16 dev eth0 && ip address del {near.a}/26 dev eth0; "
                 "ip route replace default via {near.2}'")


def traffic_mask(lab):
    lab["a"].forget_neighbours()
    try:
        send(lab, lab.value("d.ip"), outside(lab))
    except OSError:
        return  # there is no way at all now
    lab.until(lambda: lab.look().at("d").all(TO + "{d.ip}"), 0.3)


def check_mask(ev):
    a, other = ev.at("a"), outside(ev)
    a.mistake("arp.opcode == 1 && arp.src.proto_ipv4 == {a.ip} && arp.dst.proto_ipv4 == {d.ip}",
              "a asks ARP for the address of d: it still believes that d is in its own subnet.")
    a.mistake(f"arp.opcode == 1 && arp.src.proto_ipv4 == {{a.ip}} && arp.dst.proto_ipv4 == {other}",
              f"d is reached, but a asks ARP for {other}, which is in the next subnet: the prefix is still too short.")
    if not a.all(TO + "{d.ip}"):
        ev.mistake("a does not send anything towards d: has it lost its default route?", *a.all("frame")[:1])
    sent = a.first(TO + "{d.ip}", why="a sends to d")
    ev.expect(whose(ev, sent) == "r", "a frame for r", f"one for {whose(ev, sent)}", "by way of the router", [sent])
    ev.at("d").first(TO + "{d.ip}", why="and d gets it")
    second = a.first(TO + other, why="the next subnet is the router's business, too")
    ev.expect(whose(ev, second) == "r", "a frame for r", f"one for {whose(ev, second)}", "as it should be", [second])
