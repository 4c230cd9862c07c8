"""Frames with a length: what switches tell each other in them, LLC and SNAP by hand, and a root that is none."""

from packetlab.link.ethernet import IEEE8023, Ethernet
from packetlab.link.llc import LLC, ConfigurationBPDU
from packetlab.model.addresses import mac_text

TYPE, OTHER = 0x88B5, 0x88B6  # IEEE 802 local experimental EtherTypes 1 and 2
SMALLEST_TYPE = 0x0600
SWITCHES = ("left", "right")
BRIDGES = "01:80:c2:00:00:00"
STP, SNAP = b"\x42\x42\x03", b"\xaa\xaa\x03"
MESSAGE = f"stp.type == 0 && eth.dst == {BRIDGES}"
AGREED = MESSAGE + " && stp.root.prio < 32768"
PATIENCE = 6  # a switch sends one message a second at each port, and not more (802.1D: hello time, hold time)


def setup(lab):
    """Gives {boss} the better priority, and lets it say so now; by itself it would within a second."""
    better, prio = lab.value("boss"), int(lab.value("prio"))
    lab.run(better, f"ip link set dev br0 type bridge priority {4096 * prio}")
    port = lab[better].port({"left": "right", "right": "left"}[better])
    own = next(card.mac for card in lab[better].interfaces() if card.name == "br0")
    message = ConfigurationBPDU(
        root_priority=prio, root_address=own, bridge_priority=prio, bridge_address=own,
        port=0x8000 + int(port.name.removeprefix("port")), max_age=6 * 256, hello_time=256, forward_delay=2 * 256,
    )  # fmt: skip
    frame = IEEE8023(dst=BRIDGES, src=port.mac) / LLC(dsap=0x42, ssap=0x42) / message
    lab.device(better, port.name).send(frame)


def fresh_tree(lab):
    """What an earlier attempt has told the switches, they would believe for 20 s: they begin anew."""
    # `ip` of some versions prints the bridge itself as designated_root; the way to the root it has right.
    if " root_port 0 " in lab.run(lab.value("boss"), "ip -d link show dev br0").stdout:
        return
    for name in SWITCHES:
        lab.run(name, "ip link set dev br0 type bridge stp_state 0")
    for name in SWITCHES:
        for port in lab[name].ports:
            lab[name].set_link(False, port.name)
    for name in SWITCHES:
        for port in lab[name].ports:
            lab[name].set_link(True, port.name)
    for name in SWITCHES:
        lab.run(name, "ip link set dev br0 type bridge stp_state 1")
    setup(lab)


begin_guess = begin_hello = begin_frame = begin_root = fresh_tree


def number(data):
    """The two bytes behind the addresses."""
    return int.from_bytes(data[12:14], "big")


def of_learner(ev, host="h1"):
    return [seen for seen in ev.at(host).all() if seen.direction == "out"]


def wrong_place(ev):
    if not of_learner(ev):
        if sent := of_learner(ev, "h2"):
            ev.mistake("You sent that from h2. Open the shell of h1: `packetlab lab shell h1`.", *sent)
        ev.mistake("h1 has sent nothing yet. Type the command of this step in its shell, with your values in it.")


# -- guess


def traffic_guess(lab):
    lab.until_seen("h2", AGREED, at_most=PATIENCE)


def answers_guess(ev):
    seen = ev.at("h2").last(AGREED, why="right sends a message to h2")
    passed = ev.at("h2").all(MESSAGE + " && eth.src == {left.right.mac}")
    ev.at("h2").count(MESSAGE + " && eth.src == {left.right.mac}", why=f"messages of left at h2: {len(passed)}")
    return {"number": number(seen.data), "kind": "length" if number(seen.data) < SMALLEST_TYPE else "type",
            "passes": "yes" if passed else "no"}  # fmt: skip


def diagnose_guess(ev, given, right):
    if given["number"] == "35":
        return "The LLC header in front of the message is counted as well."
    if given["number"] in ("52", "49"):
        return "The header of the frame itself is not counted, only what follows the two bytes."
    if given["kind"].lower() == "type":
        return "A type is 0x0600 (1536) or more. This number is far below."
    if given["passes"].lower() in ("yes", "y", "true"):
        return ("Every message at h2 comes from right itself. A message between neighbours ends at the neighbour, or a "
                "switch could not tell who is next to it.")  # fmt: skip
    return None


# -- look


def answers_look(ev):
    seen = ev.at("h2").last(AGREED, why="the message of right to h2")
    message = seen[ConfigurationBPDU]
    own = message.root_address == message.bridge_address
    return {"dst": mac_text(seen.data[:6]), "sap": f"{seen[LLC].dsap:02X}", "who": "right" if own else "left"}


def diagnose_look(ev, given, right):
    if given["dst"].lower() in (ev.value("h2.mac"), "ff:ff:ff:ff:ff:ff"):
        return "The message is not for h2, nor for everybody: the first six bytes of the frame are a group's address."
    if given["sap"] != "42":
        return "Look at `dsap` in the header LLC; its first two bytes are 42 42."
    if given["who"] == "right":
        return "The message at h2 comes from right, but it names another one as the root: root_address is not its own."
    return "The message at h2 comes from right, and its root_address is right's own address: right is the root."


# -- hello


def check_hello(ev):
    word = ev.value("word").encode()
    wrong_place(ev)
    sent = of_learner(ev)
    snap = SNAP + bytes(3) + TYPE.to_bytes(2, "big") + word
    right = [seen for seen in sent if mac_text(seen.data[:6]) == ev.value("h2.mac") and number(seen.data) == len(snap)
             and seen.data[14 : 14 + len(snap)] == snap and not any(seen.data[14 + len(snap) :])]  # fmt: skip
    if sent and not right:
        wrong_hello(ev, sent[-1], word, snap)
    ev.at("h1").some("llc.dsap == 0xaa && eth.dst == {h2.mac}", why="your frame leaves h1")
    came = ev.at("h2").some("llc.dsap == 0xaa && eth.dst == {h2.mac}", why="and h2 gets it")[-1]
    ev.expect(number(came.data) == len(snap), f"the length {len(snap)}", f"{number(came.data)}",
              f"with the length {number(came.data)}: 3 bytes of LLC, 5 of SNAP, and your word", [came])
    ev.expect(came.data[14 : 14 + len(snap)] == snap, "AA AA 03, 000000, 88b5 and your word", "others",
              "with AA AA 03 and SNAP in front of your word", [came])


def wrong_hello(ev, seen, word, snap):
    data, size = seen.data, number(seen.data)
    to, rest = mac_text(data[:6]), len(data) - 14
    if size >= SMALLEST_TYPE:
        ev.mistake(f"The two bytes of your frame are {size:#06x}. That is a type, as in most frames. "
                   "IEEE8023(...) makes a frame with a length.", seen)
    if len(data) < 22:
        ev.mistake(f"Your frame has {len(data)} bytes. The three headers alone have 22.", seen)
    if to == BRIDGES:
        ev.mistake("A frame to 01:80:c2:00:00:00 ends at the next switch. Send yours to h2: {h2.mac}.", seen)
    if to != ev.value("h2.mac"):
        ev.mistake(f"Your frame goes to {to}. The address of h2 is {{h2.mac}}.", seen)
    if data[14:16] == b"\x42\x42":
        ev.mistake("0x42 is the SAP of the spanning tree. The one that opens the door to SNAP is 0xAA.", seen)
    if 0xAA in data[14:16] and data[14:16] != SNAP[:2]:
        ev.mistake(f"The two SAPs are {data[14]:#04x} and {data[15]:#04x}. For SNAP, both are 0xAA.", seen)
    if data[14:16] != SNAP[:2]:
        ev.mistake(f"The SAPs of your frame are {data[14]:#04x} and {data[15]:#04x}. SNAP stands behind 0xAA.", seen)
    if data[16] != 3:
        ev.mistake(f"Control is {data[16]:#04x} in your frame. Plain data have 0x03.", seen)
    if size > rest or size < len(snap) <= rest:
        ev.mistake(f"Your frame says that {size} bytes follow, but there are {rest}. Leave the length to packetlab, or "
                   "count all that stands behind it.", seen)
    if any(data[17:20]):
        ev.mistake(f"The first three bytes of SNAP are {data[17:20].hex(' ')}. 00 00 00 says that a type of Ethernet "
                   "follows.", seen)
    if data[20:22] != TYPE.to_bytes(2, "big"):
        ev.mistake(f"SNAP carries the type 0x{data[20:22].hex()} in your frame; 0x88b5 was wanted.", seen)
    ev.mistake(f'All the headers are right, but the data are not "{word.decode()}".', seen)


# -- frame


def frames_to_read(lab):
    """Of both kinds, near the border between them too; short ones filled up as a card would."""
    chance = lab.random("frames")
    short, some = chance.randbytes(chance.randrange(5, 30)), chance.randbytes(chance.randrange(60, 200))
    for kind, data in (("length", short), ("type", short), ("length", some), ("length", chance.randbytes(1500)),
                       (SMALLEST_TYPE, some), ("type", some)):  # fmt: skip
        value = len(data) if kind == "length" else TYPE if kind == "type" else kind
        ends = lab.value("h1.mac") + lab.value("h2.mac")
        yield (bytes.fromhex(ends.replace(":", "")) + value.to_bytes(2, "big") + data).ljust(60, b"\0")


def traffic_frame(lab):
    mine, chance = lab.functions(), lab.random("snap")
    device = lab.device("h2")
    wanted = list(frames_to_read(lab))
    for data in wanted:
        device.send(data)
    lab.until_seen("h1", "eth.src == {h2.mac}", len(wanted))
    lab.notes["read"] = [(seen.data, mine.read(seen.data)) for seen in lab.look().at("h1").all("eth.src == {h2.mac}")]
    lab.notes["snap"] = built = []
    for size, kind in ((chance.randrange(5, 30), TYPE), (chance.randrange(60, 200), OTHER)):
        data = chance.randbytes(size)
        made = mine.snap(lab.value("h2.mac"), lab.value("h1.mac"), kind, data)
        built.append((kind, data, made))
        if isinstance(made, bytes) and 14 <= len(made) <= 1514:
            lab.device("h1").send(made)
            if mac_text(made[:6]) == lab.value("h2.mac"):
                lab.until_seen("h2", "eth.dst == {h2.mac}", len(built))


def check_frame(ev):
    frames = ev.at("h1").some("eth.src == {h2.mac}", at_least=6, why="six frames that came to h1, for `read`")
    for data, said in ev.notes["read"]:
        check_read(ev, next(seen for seen in frames if seen.data == data), said)
    for kind, data, made in ev.notes["snap"]:
        check_snap(ev, kind, data, made)


def check_read(ev, seen, said):
    size = number(seen.data)
    kind = "length" if size < SMALLEST_TYPE else "type"
    if not isinstance(said, list) or len(said) != 3:
        ev.mistake('read should return a list of three: "length" or "type", the number, and the data.', seen)
    if said[1] == int.from_bytes(seen.data[12:14], "little") != size:
        ev.mistake(f"You read the two bytes the wrong way round: {seen.data[12:14].hex(' ')} is {size}.", seen)
    if size == SMALLEST_TYPE and said[0] == "length":
        ev.mistake("0x0600 itself is a type already: lengths end at 1500.", seen)
    if size == 1500 and said[0] == "type":
        ev.mistake("1500 itself is a length: types begin at 0x0600, which is 1536.", seen)
    if said[0] != kind:
        ev.mistake(f"read says {str(said[0])[:20]} of a frame whose two bytes are {size}: that is a {kind}.", seen)
    if kind == "length" and said[2] == seen.data[14:] and len(seen.data) - 14 > size:
        ev.mistake(f"The frame says that {size} bytes follow. Behind them is padding, and your data hold it.", seen)
    right = seen.data[14 : 14 + size] if kind == "length" else seen.data[14:]
    ev.expect(said == [kind, size, right], f"{kind}, {size} and {len(right)} bytes of data", str(said)[:150],
              f"read is right about a {kind} of {size}", [seen])


def check_snap(ev, kind, data, made):
    if not isinstance(made, bytes):
        ev.mistake(f"snap returned {type(made).__name__}; it should return bytes.")
    if len(made) < 22:
        ev.mistake(f"snap returned {len(made)} bytes; the three headers alone have 22.")
    mine = [seen for seen in of_learner(ev) if seen.data == made]
    right, size = 8 + len(data), number(made)
    ends = bytes.fromhex((ev.value("h2.mac") + ev.value("h1.mac")).replace(":", ""))
    if made[:12] != ends:
        ev.mistake("A frame begins with the destination, six bytes, and the source, six bytes.", *mine)
    if size == int.from_bytes(right.to_bytes(2, "big"), "little"):
        ev.mistake("The two bytes of the length are the wrong way round: the larger half comes first.", *mine)
    if made[14:17] == SNAP and made[17:].startswith(kind.to_bytes(2, "big") + data):
        ev.mistake("Your SNAP header has two bytes only. Three bytes 00 00 00 stand in front of the type.", *mine)
    if size in (right + 14, len(made)):
        ev.mistake(f"The length says {size}: you counted the frame's own header. Count what follows the length.", *mine)
    if size in (len(data), len(data) + 3, len(data) + 5):
        ev.mistake(f"The length says {size}: LLC (3 bytes) and SNAP (5 bytes) are counted as well as the data.", *mine)
    if size > right and size == len(made) - 14:
        ev.mistake(f"The length says {size}: you counted the padding. Then the receiver takes it for data.", *mine)
    if made[14:17] != SNAP:
        ev.mistake(f"Behind the length stands {made[14:17].hex(' ')}; it should be AA AA 03.", *mine)
    if made[17:20] == b"\0\0\0" and made[20:22] != kind.to_bytes(2, "big"):
        ev.mistake(f"SNAP carries the type 0x{made[20:22].hex()}, but snap was asked for {kind:#06x}.", *mine)
    if len(made) < 60:
        ev.mistake(f"Your frame has {len(made)} bytes. Fill it up with zeros to 60, as a card would.", *mine)
    came = ev.at("h2").all("eth.dst == {h2.mac} && llc")
    came = [seen for seen in came if seen.data == made]
    wanted = ends + right.to_bytes(2, "big") + SNAP + bytes(3) + kind.to_bytes(2, "big") + data
    ev.expect(bool(came) and made == wanted.ljust(60, b"\0"), f"LLC, SNAP, {len(data)} bytes of data, zeros up to 60",
              f"{made[14:].hex(' ')[:150]}", f"h2 gets your frame with the length {size}", came or mine)


# -- root


def claims(ev):
    """The learner's messages that any switch would take for one."""
    return [seen for seen in of_learner(ev) if mac_text(seen.data[:6]) == BRIDGES and seen.data[14:17] == STP
            and ConfigurationBPDU in seen]  # fmt: skip


def is_better(ev, seen):
    message = seen[ConfigurationBPDU]
    return message.root_priority < int(ev.value("prio")) and mac_text(message.root_address) == ev.value("h1.mac")


def traffic_root(lab):
    # What the learner sent passed the card of h1 before this, so it is seen before this.
    marker = Ethernet(dst=lab.value("h1.mac"), src=lab.value("h2.mac"), type=OTHER) / b"seen until here"
    lab.device("left", "h1").send(marker)
    lab.until_seen("h1", f"eth.type == {OTHER}")
    if any(is_better(lab, seen) for seen in claims(lab.look())):
        lab.until_seen("h2", "stp.root.hw == {h1.mac}", at_most=PATIENCE)


def check_root(ev):
    wrong_place(ev)
    sent, prio = of_learner(ev), int(ev.value("prio"))
    if sent and not any(is_better(ev, seen) for seen in claims(ev)):
        seen = sent[-1]
        if number(seen.data) >= SMALLEST_TYPE:
            ev.mistake(f"Your frame has a type ({number(seen.data):#06x}). The messages of switches are in frames "
                       "with a length: IEEE8023(...).", seen)
        if mac_text(seen.data[:6]) != BRIDGES:
            ev.mistake(f"Your frame goes to {mac_text(seen.data[:6])}. Switches listen at {BRIDGES}.", seen)
        if seen.data[14:17] != STP:
            ev.mistake(f"Your LLC header is {seen.data[14:17].hex(' ')}. The spanning tree is behind 42 42 03.", seen)
        if ConfigurationBPDU not in seen:
            ev.mistake("What follows your LLC header is no ConfigurationBPDU.", seen)
        message = seen[ConfigurationBPDU]
        if mac_text(message.root_address) != ev.value("h1.mac"):
            ev.mistake(f"Your message says that {mac_text(message.root_address)} is the root. It should name h1: "
                       "{h1.mac}.", seen)
        if message.root_priority == prio:
            ev.mistake(f"Your priority is {prio}, the same as that of {{boss}}. Then the lower address decides, and "
                       "that is not yours.", seen)
        ev.mistake(f"Your priority is {message.root_priority}, and {{boss}} has {prio}. The lower number wins, so the "
                   "switches took no notice.", seen)
    claim = ev.at("h1").first("stp.root.hw == {h1.mac}", why="h1 says that it is the root")
    seen = ev.at("h2").first(f"stp.root.hw == {{h1.mac}} && eth.dst == {BRIDGES}", after=claim,
                             why="right tells h2 that the root is h1")
    cost = seen[ConfigurationBPDU].root_cost
    ev.expect(cost > 0, "a root behind left", f"cost {cost}", f"and that the way there costs {cost}: it goes over left",
              [seen])
