"""Three machines on a switch and three on a hub: who else hears a conversation?"""

from packetlab.link.ethernet import Ethernet

PINGS = (("a1", "a2"), ("b1", "b2"))
STATIONS = ("a1", "a2", "a3")
ETHER_TYPE = 0x88B6  # IEEE 802 local experimental EtherType 2


def forget(lab):
    for host in lab.net.hosts:
        host.forget_neighbours()


# -- guess


def traffic_guess(lab):
    for one, other in PINGS:
        lab.ping(one, f"{{{other}.ip}}", count=2)
        lab.until_seen(one, "icmp.type == 0", 2)


def answers_guess(ev):
    for _, other in PINGS:
        ev.at(other).exactly(2, "icmp.type == 8", why=f"two echo requests reached {other}")
    return {
        "switch": ev.at("a3").count("icmp", why="what a3 heard of the conversation across the switch"),
        "hub": ev.at("b3").count("icmp", why="what b3 heard of the conversation across the hub"),
    }


def diagnose_guess(ev, given, right):
    if given["switch"] == given["hub"]:
        return "You gave both boxes the same number. One of them reads addresses, the other repeats what it hears."
    if given["hub"] == "2":
        return "You counted one way only: each ping is a request and a reply, and a hub repeats both."
    if given["switch"] in ("1", "2"):
        return ("You let the switch flood: it would, for an address it does not know. But a1 and a2 have exchanged ARP "
                "frames before the first ICMP frame, so it knows both.")
    return None


# -- ping


def begin_ping(lab):
    forget(lab)


def wrong_machines(ev, pings):
    """Names a ping between two machines that the step did not speak of."""
    for one, box, others in (("a1", "switch", "b1 b2 b3"), ("b1", "hub", "a1 a2 a3")):
        for other in others.split():
            ev.at(one).mistake(f"arp.opcode == 1 && arp.dst.proto_ipv4 == {{{other}.ip}}",
                               f"{one} asks for {other}, but the two boxes are not joined: stay on the {box}.")
    for one, other in PINGS:
        for sender in (other, one[0] + "3"):
            if not pings[one]:
                ev.at(sender).mistake(f"icmp.type == 8 && eth.src == {{{sender}.mac}}",
                                      f"You pinged from {sender}. Ping from {one} to {other}.")


def check_ping(ev):
    pings = {one: ev.at(one).all(f"icmp.type == 8 && ip.dst == {{{other}.ip}}") for one, other in PINGS}
    for one, other in PINGS:
        if not pings[one]:
            third = one[0] + "3"
            ev.at(third).mistake(f"icmp.type == 8 && ip.dst == {{{third}.ip}}",
                                 f"You pinged the listener {third} itself. It should overhear a conversation of "
                                 f"others: ping {other}.")
    if not all(pings.values()):
        wrong_machines(ev, pings)
    if pings["a1"] and not pings["b1"]:
        ev.mistake("The switch is done, the hub is missing: ping b2 from b1 as well.", *pings["a1"][:2])
    if pings["b1"] and not pings["a1"]:
        ev.mistake("The hub is done, the switch is missing: ping a2 from a1 as well.", *pings["b1"][:2])
    for one in pings:
        if len(pings[one]) == 1:
            ev.mistake(f"That was one ping from {one}; send two at least (-c 2), so that there is something to "
                       "overhear.", *pings[one])
    if not ev.at("a3").all("arp.opcode == 1 && arp.dst.proto_ipv4 == {a2.ip}"):
        ev.at("a3").mistake("arp.opcode == 1 && arp.src.proto_ipv4 == {a2.ip}",
                            "a2 has asked for a1 before, so a1 knows it and need not ask. Check again, for a new "
                            "beginning, and ping from a1 to a2 and from b1 to b2 only.")
    asked = ev.at("a3").first("arp.opcode == 1 && arp.dst.proto_ipv4 == {a2.ip}",
                              why="a1 asked everybody who has a2's address, so a3 heard it")
    ev.at("a1").some("icmp.type == 0 && ip.src == {a2.ip}", at_least=2, why="a2 answered a1")
    ev.at("a3").none("icmp && (ip.dst == {a2.ip} || ip.src == {a2.ip})", after=asked,
                     why="the switch knew a2's socket: a3 heard nothing of the pings")
    ev.at("b1").some("icmp.type == 0 && ip.src == {b2.ip}", at_least=2, why="b2 answered b1")
    ev.at("b3").some("icmp.type == 8 && ip.dst == {b2.ip}", at_least=2, why="the hub gave b3 every request")
    ev.at("b3").some("icmp.type == 0 && ip.dst == {b1.ip}", at_least=2, why="and every reply")


# -- look


def answers_look(ev):
    frame = ev.at("a3").first("!icmp", why="the frame that reached a3")
    return {"protocol": "arp" if frame[Ethernet].type == 0x0806 else "ip",
            "sender": frame.text(Ethernet, "src")}


def diagnose_look(ev, given, right):
    if given["sender"].lower() == ev.value("a3.mac"):
        return "That is a3's own address; a3 only listened. The source of a frame is who sent it."
    if given["sender"].lower() == "ff:ff:ff:ff:ff:ff":
        return "That is the destination, everybody; no machine sends from it."
    return None


# -- switch


def traffic_switch(lab):
    """Frames of invented stations, through the kernel's switch and through the learner's."""
    # New stations in each attempt: the kernel's switch remembers those of the last one.
    lab.notes["attempt"] = lab.notes.get("attempt", 0) + 1
    chance = lab.random(f"stations {lab.notes['attempt']}")
    behind = {bytes([2, 0xAB, *(chance.randrange(256) for _ in range(4))]): chance.randrange(3) for _ in range(5)}
    for port in range(3):
        behind[bytes([2, 0xCD, port, *(chance.randrange(256) for _ in range(3))])] = port
    stations = list(behind)
    devices = [lab.device(name) for name in STATIONS]
    mine = lab.functions().make("Switch", [0, 1, 2])
    said = []
    for number in range(24):
        source = chance.choice(stations)
        # Early frames go to stations that have not spoken; later ones mostly to those that have.
        destination = chance.choice([mac for mac in stations if mac != source])
        said.append(mine.receive(behind[source], source.hex(":"), destination.hex(":")))
        payload = f"{lab.value('token')} {number:03}".encode()
        frame = Ethernet(dst=destination, src=source, type=ETHER_TYPE) / payload
        devices[behind[source]].send(frame)
    lab.notes["said"] = said
    lab.until_seen("a1", f"eth.type == {ETHER_TYPE}", 8)


def check_switch(ev):
    said = ev.notes["said"]
    sent, real = {}, {number: set() for number in range(len(said))}
    quoted = {number: [] for number in real}
    for port, name in enumerate(STATIONS):
        for seen in ev.at(name).all(f"eth.type == {ETHER_TYPE}"):
            number = int(seen.data[14:].rstrip(b"\0").split()[1])
            quoted[number].append(seen)
            if seen.direction == "out":
                sent[number] = (port, seen)
            else:
                real[number].add(port)
    ev.expect(len(sent) == len(said), f"{len(said)} frames sent", f"{len(sent)} were", "", quoted[0])
    wrong = []
    for number, ports in enumerate(said):
        came = sent[number][0]
        if not isinstance(ports, list) or not all(isinstance(port, int) for port in ports):
            ev.mistake(f"receive returned {ports!r}; it should return a list of ports, [] for none.", *quoted[number])
        if came in ports:
            ev.mistake(f"Your switch sent frame {number + 1} back out at port {came}, where it came in: its sender "
                       "would get its own frame.", *quoted[number])
        if set(ports) != real[number]:
            wrong.append(number)
    if wrong:
        first = wrong[0]
        if all(set(ports) == {0, 1, 2} - {sent[number][0]} for number, ports in enumerate(said)):
            ev.mistake("Your box sends every frame to all other ports. That is a hub: it never learns.",
                       *quoted[first])
        if all(not ports for ports in said):
            ev.mistake("Your switch never sends anything. Where it does not know the destination, it has to send the "
                       "frame to all other ports.", *quoted[first])
        if all(len(ports) <= 1 for ports in said):
            ev.mistake("Your switch drops frames for destinations it has not learned yet; it has to send them to all "
                       "other ports.", *quoted[first])
        ev.expect(False, f"frame {first + 1}, from port {sent[first][0]}, leaves at {sorted(real[first])}, as the "
                  "kernel's switch sent it", f"your switch sent it to {sorted(set(said[first]))}",
                  "learn where sources are; forward to where destinations are", quoted[first])
    ev.expect(True, "", "", f"all {len(said)} frames leave where the kernel's switch sent them",
              [frame for frames in quoted.values() for frame in frames])
