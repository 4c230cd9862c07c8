"""Kinds of MAC addresses: one card, groups, everybody; their two bits; changing one, and having one twice."""

import re
import socket
import struct

from packetlab.model.addresses import ip_bytes, mac_bytes, mac_text

PORT = 9  # discard: nobody listens there
EVERYBODY = "ff:ff:ff:ff:ff:ff"
FOUR, SIX = "224.0.0.251", "ff02::1"
TO_H2 = "(ip.dst == {h2.ip} || ipv6.dst == {h2.ip6})"
TO_ALL = "(ip.dst == {lan.broadcast} || ip.dst == 255.255.255.255)"


def send_to_group(lab, group):
    """One datagram from h1, through its card."""
    six = ":" in group
    with lab["h1"].socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_DGRAM) as sock:
        if six:
            card = struct.pack("@I", lab["h1"].port().index)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, card)
        else:
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(lab.value("h1.ip")))
        sock.sendto(lab.value("token").encode(), (group, PORT))


def to(group):
    return f"{'ipv6' if ':' in group else 'ip'}.dst == {group}"


def sent(ev, host, kind):
    """The frames of a kind that left a host. The learner may have changed its MAC address before."""
    return [seen for seen in ev.at(host).all(kind) if seen.direction == "out"]


def mac_now(host):
    return next(card.mac for card in host.interfaces() if card.name == "eth0").hex(":")


def forget(lab):
    for host in lab.net.hosts:
        host.forget_neighbours()


# -- guess


def traffic_guess(lab):
    for group in (lab.fill("239.1.2.{x}"), lab.fill("ff12::1:{y}")):
        send_to_group(lab, group)
        lab.until_seen("h3", to(group))


def answers_guess(ev):
    four = ev.at("h1").first(to("239.1.2.{x}"), why="h1 sends to the IPv4 group")
    six = ev.at("h1").first(to("ff12::1:{y}"), why="h1 sends to the IPv6 group")
    came = ev.at("h3").count(to("239.1.2.{x}") + " || " + to("ff12::1:{y}"), why="the frames that came to h3")
    return {"four": mac_text(four.data[:6]), "six": mac_text(six.data[:6]), "h3": "yes" if came else "no"}


def diagnose_guess(ev, given, right):
    four, six = given["four"].lower(), given["six"].lower()
    if EVERYBODY in (four, six):
        return "That is broadcast, for everybody. A group has an address of its own, made from its IP address."
    if four == ev.fill("01:00:5e:01:02:{x}")[:17]:
        return "You copied the decimal number. A MAC address is written in hexadecimal numbers."
    if four.startswith("33:33") or six.startswith("01:00:5e"):
        return "You took one rule for the other: 01:00:5e is for groups of IPv4, 33:33 for groups of IPv6."
    if four == right["four"] and six == right["six"]:
        return "This switch does not know who has joined a group, so it sends such a frame to all its sockets."
    return None


# -- reach


def begin_reach(lab):
    forget(lab)


def check_reach(ev):
    wanted = {"{h2.ip}": TO_H2, "{lan.broadcast}": TO_ALL, FOUR: to(FOUR), SIX: to(SIX)}
    macs = {"{lan.broadcast}": EVERYBODY, FOUR: "01:00:5e:00:00:fb", SIX: "33:33:00:00:00:01"}
    there = {what: sent(ev, "h1", kind) for what, kind in wanted.items()}
    missing = [what for what, frames in there.items() if not frames]
    for name in ("h2", "h3") if missing else ():
        if wrong := [seen for kind in (TO_ALL, to(FOUR), to(SIX)) for seen in sent(ev, name, kind)]:
            ev.mistake(f"You sent that from {name}. Open the shell of h1: `packetlab lab shell h1`.", *wrong)
    if 0 < len(missing) < len(wanted):
        ev.mistake(f"Still missing: a ping from h1 to {' and to '.join(missing)}. Send all four before you check.",
                   *[frames[0] for frames in there.values() if frames])
    one = ev.at("h1").first(TO_H2, why="a packet for h2 leaves h1")
    ev.expect(not one.data[0] & 1, "the frame is for one card", f"it goes to {mac_text(one.data[:6])}",
              f"in a frame for one card, {mac_text(one.data[:6])}", [one])
    ev.at("h3").none(TO_H2, window=(one, one.time + 1_000_000_000), why="it does not come to h3")
    for what, right in macs.items():
        for name in ("h2", "h3"):
            came = ev.at(name).first(wanted[what], why=f"{name} gets the packet for {what}")
            mac = mac_text(came.data[:6])
            ev.expect(mac == right, right, mac, f"in a frame for {mac}", [came])


# -- bits


def two_bits(mac):
    return f"{mac[0] & 3:02b}"


def answers_bits(ev):
    h2 = ev.at("h2")
    four, six = h2.first(to(FOUR), why="to the IPv4 group"), h2.first(to(SIX), why="to the IPv6 group")
    one = h2.first(TO_H2, why="to h2 alone")
    return {"h1": two_bits(one.data[6:]), "h2": two_bits(one.data), "four": two_bits(four.data),
            "six": two_bits(six.data)}  # fmt: skip


def diagnose_bits(ev, given, right):
    if given["h1"] == "01" or given["four"] == "10":
        return "You wrote them in the other order. G is the very last bit of the byte, U stands before it."
    if given["h1"] == "00":
        return "Those are the first two bits of the byte. U and G are its last two: 0x02 is 0000 0010."
    if given["h2"] == "10":
        return "The address of h2 begins with 0x00: a maker's block of addresses, and no bit of that byte is set."
    return None


# -- group


def groups(lab):
    """Groups of all kinds; the bit that does not fit is 1 in some of them."""
    chance = lab.random("groups")
    low = [chance.randrange(3, 250) for _ in range(12)]
    return [
        f"224.0.{low[0]}.{low[1]}", f"239.{low[2] % 100}.{low[3]}.{low[4]}", f"239.{128 + low[5] % 100}.{low[6]}.9",
        f"ff02::{low[7]:x}", f"ff15::{chance.randrange(1 << 12, 1 << 16):x}:{chance.randrange(1 << 12, 1 << 16):x}",
        f"ff02::{low[8]:x}:{low[9]:x}:{chance.randrange(1 << 12, 1 << 16):x}",
    ]  # fmt: skip


def traffic_group(lab):
    mine = lab.functions()
    lab.notes["macs"] = {group: mine.group_mac(group) for group in groups(lab)}
    lab.ping("h1", "{h2.ip}")
    for group in groups(lab):
        send_to_group(lab, group)
        lab.until_seen("h1", to(group))
    seen = lab.look().at("h1").all(f"udp.dstport == {PORT} || icmp || arp")
    addresses = {mac_text(part) for each in seen for part in (each.data[:6], each.data[6:12])}
    lab.notes["bits"] = {mac: mine.bits(mac) for mac in sorted(addresses)}


def check_group(ev):
    frames = {group: ev.at("h1").first(to(group), why=f"h1 sends to {group}") for group in ev.notes["macs"]}
    for group, said in ev.notes["macs"].items():
        check_mac(ev, group, said, frames[group])
    for mac, said in ev.notes["bits"].items():
        first = int(mac[:2], 16)
        right = [first >> 1 & 1, first & 1]
        seen = ev.at("h1").all(f"eth.dst == {mac} || eth.src == {mac}")[0]
        if not isinstance(said, list) or len(said) != 2:
            ev.mistake(f"bits should return a list of two numbers; it returned {str(said)[:60]}.", seen)
        if said != right and said == right[::-1]:
            ev.mistake(f"For {mac}, bits returned {said}: U comes first, and G second.", seen)
        if said != right and said == [first >> 7, first >> 6 & 1]:
            ev.mistake(f"For {mac}, bits returned the first two. U and G are the last two of the first byte.", seen)
        ev.expect(said == right, f"U and G of {mac}: {right}", str(said)[:60], f"U and G of {mac}: {right}", [seen])


def check_mac(ev, group, said, frame):
    right = mac_text(frame.data[:6])
    packed = ip_bytes(group)
    if not isinstance(said, str):
        ev.mistake(f"group_mac returned {type(said).__name__}; it should return text, as 01:00:5e:00:00:09.", frame)
    said = said.lower()
    if said == right:
        return
    if len(packed) == 4 and said == "01:00:5e:" + packed[1:].hex(":"):
        ev.mistake(f"For {group} you say {said}: you took 24 bits of the group. Only 23 fit, so h1 sent to "
                   f"{right}.", frame)
    if said.startswith("33:33:") and len(packed) == 16 and said.endswith(packed[13:].hex(":")):
        ev.mistake(f"For {group} you say {said}, and h1 sent to {right}: the last 32 bits, that is four bytes.", frame)
    if not re.fullmatch("([0-9a-f]{2}:){5}[0-9a-f]{2}", said):
        ev.mistake(f"For {group} you say {said[:60]}. A MAC address is written as six numbers of two hexadecimal "
                   "digits each.", frame)
    ev.mistake(f"For {group} you say {said}, but h1 sent to {right}.", frame)


# -- change


def is_good(ev_or_lab, mac):
    """One card's, given by software, and nobody else's."""
    others = {mac_now(ev_or_lab[name]) for name in ("h2", "h3")} | {ev_or_lab.value("h1.mac")}
    return mac_bytes(mac)[0] & 3 == 2 and mac not in others


def begin_change(lab):
    """A bad choice is taken back; a good one stays, though the ping may be missing yet."""
    if not is_good(lab, mac_now(lab["h1"])):
        lab.run("h1", "ip link set dev eth0 address {h1.mac}")
    forget(lab)


def check_change(ev):
    old, now = ev.value("h1.mac"), mac_now(ev.host("h1"))
    mine = sent(ev, "h1", "ip || ipv6 || arp")
    forged = [seen for seen in sent(ev, "h1", "eth") if mac_text(seen.data[6:12]) not in (old, now)]
    if now == old and forged:
        ev.mistake("You wrote another source into a frame by hand. The card of h1 still has its old address, {h1.mac}.",
                   *forged)
    if now == old and mine:
        ev.mistake("h1 still sends from its old address, {h1.mac}. If `ip` said that it cannot assign the requested "
                   "address: G was 1, and that would be the address of a group.", *mine[:1])
    for name in ("h2", "h3"):
        if now == mac_now(ev.host(name)):
            ev.mistake(f"{name} has that address already, and two cards on one link must not have the same.", *mine[:1])
    if now != old and not mac_bytes(now)[0] & 2:
        ev.mistake(f"The first byte of your address {now} is 0x{now[:2]}. Its bit U is 0, which says that a maker gave "
                   "it. You made it up, so U has to be 1.", *mine[:1])
    new = ev.at("h1").first(f"eth.src == {now} && {TO_H2}", why="h1 sends to h2")
    ev.expect(now != old, "a new source address", f"the old one, {old}", f"with the new source {now}", [new])
    came = ev.at("h2").first(f"eth.src == {now} && {TO_H2}", why="h2 sees the new source")
    ev.at("h1").first(f"eth.dst == {now} && (ip.src == {{h2.ip}} || ipv6.src == {{h2.ip6}})", after=new,
                      why="and its answer goes to the new address")
    ev.at("h3").none(f"eth.dst == {now}", window=(came, came.time + 1_000_000_000),
                     why="the switch has learned where that is: h3 does not get it")


# -- twins


def begin_twins(lab):
    if "twins" not in lab.notes:
        lab.notes["twins"] = mac_now(lab["h2"])
        lab.run("h3", ["ip", "link", "set", "dev", "eth0", "address", lab.notes["twins"]])
    forget(lab)


def traffic_twins(lab):
    forget(lab)
    for name in ("h2", "h3", "h2"):
        lab.ping("h1", f"{{{name}.ip}}", timeout=0.5)


def check_twins(ev):
    h1, asked = ev.at("h1"), "icmp.type == 8 && ip.dst == "
    looks = h1.some("arp.opcode == 1 || icmp.type == 8", why="h1 looks for h2 and h3")
    macs = {name: mac_now(ev.host(name)) for name in ("h1", "h2", "h3")}
    stray = [seen for seen in ev.at("h3").all(asked + "{h2.ip}") if mac_text(seen.data[:6]) == macs["h3"]]
    if stray and macs["h2"] == macs["h3"]:
        ev.mistake(f"The ping for h2 came to h3: both cards have the address {macs['h3']}, and h3 had spoken last.",
                   *stray)
    for one, other in (("h1", "h2"), ("h1", "h3"), ("h2", "h3")):
        if macs[one] == macs[other]:
            ev.mistake(f"Now {one} and {other} have the same address, {macs[one]}.", *looks[:1])
    first = h1.first(asked + "{h3.ip}", why="h1 pings h3")
    second = h1.first(asked + "{h2.ip}", after=first, why="and h2 after it")
    for name, request in (("h3", first), ("h2", second)):
        ev.at(name).first(asked + f"{{{name}.ip}}", after=request, why=f"the ping reaches {name}")
        h1.first(f"icmp.type == 0 && ip.src == {{{name}.ip}} && eth.src == {macs[name]}", after=request,
                 why=f"and {name} answers, from {macs[name]}")
