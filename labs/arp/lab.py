"""ARP: the question to everybody and the answer to one; caches, ghosts and forged claims."""

import re
import time

from packetlab.link.arp import ARP
from packetlab.link.ethernet import Ethernet
from packetlab.model.addresses import mac_text

ASKED = "arp.opcode == 1 && arp.dst.proto_ipv4 == {h2.ip}"
ANSWERED = "arp.opcode == 2 && arp.src.proto_ipv4 == {h2.ip}"
LONGEST_TICK = 0.012
"""Seconds: a kernel counts time in ticks of 1 to 10 ms."""


def forget(lab):
    for host in lab.net.hosts:
        host.forget_neighbours()


# -- guess


def begin_guess(lab):
    forget(lab)


def traffic_guess(lab):
    lab.ping("h1", "{h2.ip}")


def answers_guess(ev):
    ev.at("h2").one(ASKED, why="h1 asked for h2's address")
    ev.at("h1").one(ANSWERED, why="h2 answered")
    return {
        "requests": ev.at("h3").count("arp.opcode == 1", why="requests that reached h3: the question is for everybody"),
        "replies": ev.at("h3").count("arp.opcode == 2", why="replies that reached h3: the answer is for h1"),
    }


def diagnose_guess(ev, given, right):
    if given["requests"] == "0":
        return ("You think that h3 hears nothing. But h1 does not know yet which card is h2's, so it cannot address "
                "the question to it: it asks everybody.")
    if given["replies"] != "0":
        return "h2 knows who asked, for it stands in the question. It need not tell everybody."
    if given["requests"] != "1":
        return "h2 learns h1's address from the question itself, so there is only one question."
    return None


# -- ping


def begin_ping(lab):
    forget(lab)


def check_ping(ev):
    h1 = ev.at("h1")
    if not h1.all(ASKED + " && arp.src.proto_ipv4 == {h1.ip}"):
        h1.mistake("arp.opcode == 1 && arp.src.proto_ipv4 == {h2.ip}",
                   "The question came from h2: you pinged from the wrong end, and h1 knows h2 since then. Check again, "
                   "for a new beginning, and ping from h1 to h2.")
        h1.mistake("arp.opcode == 1 && arp.src.proto_ipv4 == {h1.ip} && arp.dst.proto_ipv4 == {h3.ip}",
                   "h1 asked for h3's address: you pinged h3. Ping h2.")
        for name in ("h2", "h3"):
            ev.at(name).mistake(f"arp.opcode == 1 && arp.src.proto_ipv4 == {{{name}.ip}}",
                                f"You pinged from {name}. h1 has to ask: open the shell of h1.")
        h1.mistake("arp.opcode == 1 && arp.src.proto_ipv4 == {h1.ip}",
                   "h1 asked for an address that nobody here has. Ping h2, {h2.ip}.")
    asked = h1.first(ASKED, why="h1 asks: who has h2's address?")
    to = asked.text(Ethernet, "dst")
    ev.expect(to == "ff:ff:ff:ff:ff:ff", "the question goes to everybody", f"to {to}", "its frame is a broadcast",
              [asked])
    ev.at("h3").some(ASKED, why="so h3 hears it too")
    answered = h1.first(ANSWERED, after=asked, why="h2 answers")
    to = answered.text(Ethernet, "dst")
    ev.expect(to == ev.value("h1.mac"), "the answer goes to h1", f"to {to}",
              "the answer is for the one who asked", [answered])
    ev.at("h3").none(ANSWERED + " && arp.dst.proto_ipv4 == {h1.ip}", why="h3 does not hear the answer")
    h1.first("icmp.type == 0 && ip.src == {h2.ip}", after=answered, why="and only then the ping could leave")
    ev.expect(ev.neighbour("h1", "{h2.ip}") == ev.value("h2.mac"), "h1 remembers h2's MAC address",
              ev.neighbour("h1", "{h2.ip}") or "no entry", "h1 keeps the answer in its cache", [answered])


# -- look


def answers_look(ev):
    asked = ev.at("h1").first(ASKED, why="the question")
    answered = ev.at("h1").first(ANSWERED, why="the answer")
    return {"owner": answered.text(ARP, "sender_hardware"), "target": asked.text(Ethernet, "dst")}


def diagnose_look(ev, given, right):
    if given["owner"].lower() == ev.value("h1.mac"):
        return "That is h1, who asked. The answer's sender is the owner of the address."
    if given["target"].lower() in ("00:00:00:00:00:00", ev.value("h2.mac")):
        return ("The target field inside ARP is the blank to be filled in (zeros). The question is about the frame "
                "around it: the Ethernet header's destination.")
    return None


# -- second


def begin_second(lab):
    forget(lab)
    lab.ping("h1", "{h2.ip}")


def traffic_second(lab):
    lab.ping("h1", "{h2.ip}")


def answers_second(ev):
    ev.at("h2").one("icmp.type == 8 && ip.src == {h1.ip}", why="h1 pinged h2 again")
    return {"frames": ev.at("h3").count("arp", why="ARP frames for everybody")
            + ev.at("h1").count("arp", why="ARP frames at h1")}


def diagnose_second(ev, given, right):
    if given["frames"] in ("1", "2"):
        return "You let h1 ask again. It has just been told, and keeps what it has learned in its cache."
    return None


# -- reply


def begin_reply(lab):
    forget(lab)


def traffic_reply(lab):
    lab.program("h3", "{h3.mac}", "{lan.ghost}")
    lab.ping("h1", "{lan.ghost}", timeout=0.02)  # nobody answers; h1's kernel goes on asking for the address
    lab.until_seen("h3", "icmp.type == 8 && ip.dst == {lan.ghost}", at_most=0.4)


GHOST_ASKED = "arp.opcode == 1 && arp.src.proto_ipv4 == {h1.ip} && arp.dst.proto_ipv4 == {lan.ghost}"


def check_reply(ev):
    asked = ev.at("h3").first(GHOST_ASKED, why="h1 asks for the ghost's address")
    sent = [seen for seen in ev.at("h3").all("eth.type == 0x0806", after=asked) if seen.direction == "out"]
    if not sent:
        last = (ev.output.strip().splitlines() or [""])[-1]
        if re.match(r"\w+(Error|Exception|Interrupt)\b", last):
            ev.mistake(f"Your program has ended with an error: {last}", asked)
        ev.expect(False, "an ARP reply from h3", "h3 sent no ARP frame",
                  "h1 asked, so `answer` returned None or no Ethernet frame of type 0x0806, or has not returned at all",
                  [asked])
    reply = sent[0]
    if ARP not in reply or reply.packet.faults:
        ev.mistake("Your frame says that it carries ARP, but cannot be read as ARP: it should be 42 bytes.", reply)
    operation = reply[ARP].operation
    owner, address = reply.text(ARP, "sender_hardware"), reply.text(ARP, "sender_protocol")
    if operation != 2:
        ev.mistake(f"You sent operation {operation}; 1 is a request. A reply has operation 2.", reply)
    if address == ev.value("h1.ip") or owner == ev.value("h1.mac"):
        ev.mistake("You sent the question's addresses back as they were. In the reply they change places: you are the "
                   "sender now, h1 is the target.", reply)
    if address != ev.value("lan.ghost"):
        ev.mistake(f"Your reply's sender IP is {address}: it should be the address that was asked for, "
                   "{lan.ghost}.", reply)
    if owner != ev.value("h3.mac"):
        ev.mistake(f"Your reply names {owner} as the ghost's MAC address; it should be h3's, {{h3.mac}}, so that the "
                   "frames come to you.", reply)
    if reply.text(Ethernet, "dst") == "ff:ff:ff:ff:ff:ff":
        ev.mistake("You told everybody. That works, but an answer goes to the one who asked: the frame's destination "
                   "should be h1's MAC address.", reply)
    ev.at("h1").one("arp.opcode == 2 && arp.src.proto_ipv4 == {lan.ghost}", after=asked,
                    why="h1 hears your answer, once")
    ev.at("h3").first("icmp.type == 8 && ip.dst == {lan.ghost}", after=reply,
                      why="h1 believes it: its echo request for the ghost comes to h3")


# -- forge


def begin_forge(lab):
    # Linux ignores a change to an entry that is younger than locktime (1 s); and always one within the same tick.
    lab["h1"].set_sysctl("net.ipv4.neigh.eth0.locktime", 0)
    forget(lab)
    lab.ping("h1", "{h2.ip}")
    known = time.monotonic()
    lab.until(lambda: time.monotonic() > known + LONGEST_TICK)


def traffic_forge(lab):
    lab.notes["before"] = len(lab.look().at("h1").all("icmp"))
    lab.ping("h1", "{h2.ip}", timeout=0.02)
    lab.until_seen("h3", "icmp.type == 8 && ip.dst == {h2.ip}", at_most=0.1)


def check_forge(ev):
    sent = [seen for seen in ev.at("h3").all("arp") if seen.direction == "out"]
    if not sent:
        for name in ("h1", "h2"):
            ev.at(name).mistake("arp.src.proto_ipv4 == {h2.ip} && arp.src.hw_mac == {h3.mac}",
                                f"You sent from {name}. The claim has to come from h3: open the shell of h3.")
    claims = [(seen, seen.text(ARP, "sender_protocol"), seen.text(ARP, "sender_hardware")) for seen in sent]
    mine = [seen for seen, address, owner in claims if (address, owner) == (ev.value("h2.ip"), ev.value("h3.mac"))]
    answers = [seen for seen in mine if seen[ARP].operation == 2]
    swapped = [seen for seen, address, _ in claims if address == ev.value("h1.ip")]
    if swapped and not answers:
        ev.mistake("Sender and target are the wrong way round: the sender is who is said to have the address.",
                   *swapped)
    true = [seen for seen, address, owner in claims if (address, owner) == (ev.value("h2.ip"), ev.value("h2.mac"))]
    if true and not answers:
        ev.mistake("Your claim names h2's own MAC address; then the frames go where they always went. Name h3's.",
                   *true)
    ev.expect(bool(mine), "an ARP message from h3 that says: {h2.ip} is at {h3.mac}", f"{len(sent)} ARP frames from h3",
              "h3 claims h2's address", mine or sent)
    if not answers:
        ev.mistake("That was a question (operation 1). It may even work, but here an answer is wanted: operation 2.",
                   *mine)
    heard = ev.at("h1").first("arp.opcode == 2 && arp.src.proto_ipv4 == {h2.ip} && arp.src.hw_mac == {h3.mac}",
                              why="h1 hears the claim")
    ev.at("h3").first("icmp.type == 8 && ip.dst == {h2.ip}", after=heard, why="h1's ping for h2 comes to h3")
    ev.at("h2").none("icmp.type == 8 && ip.src == {h1.ip}", after=heard, why="and h2 never sees it")
    ev.expect(ev.neighbour("h1", "{h2.ip}") == ev.value("h3.mac"), "h1's cache has h3's MAC address for {h2.ip}",
              ev.neighbour("h1", "{h2.ip}") or "no entry", "h1's cache holds the forged address", [heard])


# -- repair


def begin_repair(lab):
    forget(lab)
    lab.ping("h2", "{h3.ip}")
    wrong = bytes([2, *lab.random("wrong card").randbytes(5)])
    lab.notes["wrong"] = mac_text(wrong)
    lab["h1"].add_neighbour(lab.value("h2.ip"), mac_text(wrong))


def traffic_repair(lab):
    lab.ping("h1", "{h2.ip}", timeout=0.3)


def check_repair(ev):
    tried = ev.at("h1").last("icmp.type == 8 && ip.dst == {h2.ip}", why="h1 pings h2")
    if tried.text(Ethernet, "dst") == ev.notes["wrong"]:
        ev.mistake(f"h1 still sends to {ev.notes['wrong']}, a card that nobody has. Its permanent entry for {{h2.ip}} "
                   "has to go.", tried)
    if tried.text(Ethernet, "dst") == ev.value("h3.mac"):
        ev.mistake("h1 sends to h3's card now. The address belongs to h2: look up h2's MAC address.", tried)
    ev.at("h1").first("icmp.type == 0 && ip.src == {h2.ip}", why="h2 answers h1 again")
    ev.expect(ev.neighbour("h1", "{h2.ip}") == ev.value("h2.mac"), "h1 has the right MAC address for {h2.ip}",
              ev.neighbour("h1", "{h2.ip}") or "no entry", "and h1's cache is right",
              ev.at("h1").all("icmp.type == 0"))
