"""Ethernet frames by hand: for one, for everybody, built and taken apart."""

from packetlab.link.ethernet import Ethernet
from packetlab.model.addresses import mac_text

TYPE, OTHER = 0x88B5, 0x88B6  # IEEE 802 local experimental EtherTypes 1 and 2
NAMES = ("h1", "h2", "h3")
EVERYBODY = "ff:ff:ff:ff:ff:ff"
SENT = "eth.type == 0x88b5 && eth.src == {h1.mac}"


def hello(lab):
    """The switch learns where everybody is. Of the other type: these frames are nobody's attempt."""
    for name in NAMES:
        lab.device(name).send(Ethernet(dst=EVERYBODY, src=lab.value(f"{name}.mac"), type=OTHER) / b"here I am")


def header(data):
    """Destination, source and type, also where the type is a length."""
    return mac_text(data[:6]), mac_text(data[6:12]), int.from_bytes(data[12:14], "big")


def carries(seen, word):
    """Whether the data are that word; a card may have filled the frame up with zeros."""
    return seen.data[14:].rstrip(b"\0") == word.encode()


def of_learner(ev, host):
    """The frames that left a host in a do step."""
    return [seen for seen in ev.at(host).all() if seen.direction == "out" and header(seen.data)[2] != OTHER]


def attempt(ev, to, word):
    """The frames that left h1, and those of them that are right."""
    sent = of_learner(ev, "h1")
    wanted = to, ev.value("h1.mac"), TYPE
    right = [seen for seen in sent if header(seen.data) == wanted and carries(seen, word)]
    for name in NAMES[1:] if not right else ():
        if others := of_learner(ev, name):
            ev.mistake(f"You sent that frame from {name}. Open the shell of h1: `packetlab lab shell h1`.", *others)
    if not sent:
        ev.mistake("h1 has sent nothing yet. Type the command in the shell of h1, with your values in it.")
    return sent, right


def wrong_frame(ev, seen, word):
    """Says what is wrong with a frame whose destination is right."""
    _, source, kind = header(seen.data)
    if source != ev.value("h1.mac"):
        ev.mistake(f"Your frame says that it comes from {source}. The card of h1 is {{h1.mac}}.", seen)
    if kind != TYPE:
        ev.mistake(f"Your frame has the type {kind:#06x}; 0x88b5 was wanted.", seen)
    if not carries(seen, word):
        ev.mistake(f'The header of your frame is right, but its data are not "{word}".', seen)


# -- guess


def traffic_guess(lab):
    hello(lab)
    for to, data in ((lab.value("h2.mac"), b"for h2"), (EVERYBODY, b"for everybody")):
        lab.device("h1").send(Ethernet(dst=to, src=lab.value("h1.mac"), type=TYPE) / data)
    lab.until_seen("h2", SENT, 2)
    lab.until_seen("h3", SENT + f" && eth.dst == {EVERYBODY}")


def answers_guess(ev):
    ev.at("h2").first(SENT + " && eth.dst == {h2.mac}", why="h2 gets the frame for h2")
    ev.at("h2").first(SENT + f" && eth.dst == {EVERYBODY}", why="and the frame for everybody")
    h3 = ev.at("h3")
    counts = []
    for what, to in (("for h2", "{h2.mac}"), ("for everybody", EVERYBODY)):
        which = SENT + f" && eth.dst == {to}"
        counts.append(h3.count(which, why=f"frames {what} that came to h3: {len(h3.all(which))}"))
    return dict(zip(("one", "all"), ("yes" if count else "no" for count in counts), strict=True))


def diagnose_guess(ev, given, right):
    if given["one"].lower() in ("yes", "y", "true"):
        return ("You think of a hub, a box that repeats each frame at all its sockets. A switch reads the destination, "
                "and it knows where h2 is.")
    return "ff:ff:ff:ff:ff:ff means everybody: the switch sends such a frame to every socket but the one it came from."


# -- send


def begin_send(lab):
    hello(lab)


def check_send(ev):
    h2, word = ev.value("h2.mac"), ev.value("word")
    sent, right = attempt(ev, h2, word)
    if sent and not right:
        last = sent[-1]
        to = header(last.data)[0]
        if to == EVERYBODY:
            ev.mistake("That frame is for everybody. Address it to h2 alone: {h2.mac}.", last)
        if to == ev.value("h3.mac"):
            ev.mistake("That is the address of h3, but the frame was to go to h2.", last)
        if to == ev.value("h1.mac"):
            ev.mistake("You sent that frame to h1 itself. dst says where it goes: to h2, {h2.mac}.", last)
        if to != h2:
            ev.mistake(f"Nobody here has the address {to}. The card of h2 is {{h2.mac}}.", last)
        wrong_frame(ev, last, word)
    ev.at("h1").some(SENT + " && eth.dst == {h2.mac}", why="your frame leaves h1")
    forged = [seen for seen in sent if header(seen.data)[1] == h2]
    if forged and not ev.at("h2").all(SENT + " && eth.dst == {h2.mac}"):
        ev.mistake("Your frame is right, but an earlier one had the source {h2.mac}: since then the switch believes "
                   "that h2 is behind the socket of h1. Check again, for a new beginning, and send the right one "
                   "alone.", *forged)
    came = ev.at("h2").some(SENT + " && eth.dst == {h2.mac}", why="h2 gets it")
    ev.expect(any(carries(seen, word) for seen in came), word, "other data", "with your word inside", came)
    flooded = ev.at("h3").all(SENT + " && eth.dst == {h2.mac}")
    if flooded:  # a switch forgets a card that was silent for 300 s
        ev.expect(True, "", "", "h3 got it as well: h2 was silent for so long that the switch had forgotten where it "
                  "is, and had to send your frame to all its sockets", flooded)  # fmt: skip
    else:
        ev.at("h3").none(SENT + " && eth.dst == {h2.mac}", why="h3 does not get it")


# -- look


def answers_look(ev):
    word = ev.value("word")
    came = ev.at("h2").some(SENT + " && eth.dst == {h2.mac}", why="your frame, as it reached h2")
    mine = next(seen for seen in reversed(came) if carries(seen, word))
    return {"source": header(mine.data)[1], "bytes": len(mine.data), "header": mine.data.index(word.encode())}


def diagnose_look(ev, given, right):
    if given["source"].lower() == ev.value("h2.mac"):
        return "That is where the frame goes. The first address is the destination, the second one is the source."
    if given["bytes"] == str(right["bytes"] - 14):
        return "You counted the data alone. The header is part of the frame."
    if given["bytes"] in ("60", "64"):
        return "A real card would fill the frame up to that length. This cable is virtual: count what is there."
    if given["header"] == "12":
        return "Two addresses are 12 bytes, but the type stands before the data as well."
    return None


# -- everyone


def begin_everyone(lab):
    hello(lab)


def check_everyone(ev):
    word = ev.value("shout")
    sent, right = attempt(ev, EVERYBODY, word)
    if sent and not right:
        last = sent[-1]
        each = {seen.data[:6]: seen for seen in sent if carries(seen, word)}
        if len(each) > 1:
            ev.mistake("You sent one frame to each of them. A single frame to the broadcast address does it.",
                       *each.values())
        if header(last.data)[0] != EVERYBODY:
            ev.mistake("That frame is for one card alone. Which address means everybody?", last)
        wrong_frame(ev, last, word)
    ev.at("h1").some(SENT + f" && eth.dst == {EVERYBODY}", why="your frame leaves h1")
    for name in NAMES[1:]:
        came = ev.at(name).some(SENT + f" && eth.dst == {EVERYBODY}", why=f"{name} gets it")
        ev.expect(any(carries(seen, word) for seen in came), word, "other data", f"{name} reads your word", came)


# -- frame


def traffic_frame(lab):
    """Two frames of the learner's from h1, and one of each other host for `read`."""
    hello(lab)
    chance, mine = lab.random("frame"), lab.functions()
    built, read = [], []
    for name, kind in (("h2", TYPE), ("h3", OTHER)):
        data = lab.value("word").encode() + chance.randbytes(chance.randrange(50, 90))
        made = mine.build(lab.value(f"{name}.mac"), lab.value("h1.mac"), kind, data)
        built.append((name, kind, data, made))
        if isinstance(made, bytes) and 14 <= len(made) <= 1514:
            lab.device("h1").send(made)
            if header(made)[0] == lab.value(f"{name}.mac"):
                lab.until_seen(name, f"eth.dst == {{{name}.mac}}")
    for name, kind in (("h2", OTHER), ("h3", TYPE)):
        data = chance.randbytes(chance.randrange(50, 90))
        lab.device(name).send(Ethernet(dst=lab.value("h1.mac"), src=lab.value(f"{name}.mac"), type=kind) / data)
    lab.until_seen("h1", "eth.dst == {h1.mac}", 2)
    lab.notes["built"], lab.notes["read"] = built, read
    for seen in lab.look().at("h1").all("eth.dst == {h1.mac}"):
        read.append((seen.data, mine.read(seen.data)))


def check_frame(ev):
    given = ev.at("h1").some("eth.dst == {h1.mac}", at_least=2, why="two frames of other hosts, for `read`")
    for name, kind, data, made in ev.notes["built"]:
        check_built(ev, name, kind, data, made)
    for frame, said in ev.notes["read"]:
        check_read(ev, next(seen for seen in given if seen.data == frame), said)


def check_built(ev, name, kind, data, made):
    to, source = ev.value(f"{name}.mac"), ev.value("h1.mac")
    if not isinstance(made, bytes):
        ev.mistake(f"build returned {type(made).__name__}; it should return bytes.")
    mine = [seen for seen in ev.at("h1").all() if seen.direction == "out" and seen.data == made]
    if to.encode() in made or to.replace(":", "").encode() in made:
        ev.mistake("An address is six bytes in a frame, and not the letters that people write for it.", *mine)
    if len(made) < 14:
        ev.mistake(f"build returned {len(made)} bytes; the header alone has 14.")
    first, second, third = header(made)
    if (first, second) == (source, to):
        ev.mistake(f"Your frame goes from {name} to h1. The destination comes first, then the source.", *mine)
    if (first, second) == (to, source) and made[12:14] == kind.to_bytes(2, "little"):
        ev.mistake("The two bytes of the type are the wrong way round: in a frame, the larger half comes first.", *mine)
    if (first, second) == (to, source) and third != kind:
        ev.mistake(f"Your frame has the type {third:#06x}, but build was asked for {kind:#06x}.", *mine)
    came = ev.at(name).first(f"eth.dst == {{{name}.mac}}", why=f"the frame that you built reaches {name}")
    right = header(made) == (to, source, kind) and made[14:] == data
    ev.expect(right and came.data == made, f"14 bytes of header and {len(data)} bytes of data",
              f"{len(made)} bytes in all, or other data", "with its header and all of its data", [came])


def check_read(ev, seen, said):
    to, source, kind = header(seen.data)
    if not isinstance(said, list) or len(said) != 4:
        ev.mistake("read should return a list of four things: destination, source, type and data.", seen)
    if any(isinstance(each, bytes) for each in said[:2]):
        ev.mistake('read should return the addresses as text, as "02:00:5e:10:00:07".', seen)
    if said[:2] == [source, to]:
        ev.mistake("read takes the source for the destination. The destination stands first.", seen)
    if said[3] == seen.data:
        ev.mistake("read returns the whole frame as its data. The header does not belong to them.", seen)
    if said[2] in (seen.data[12:14], kind.to_bytes(2, "little"), int.from_bytes(seen.data[12:14], "little")):
        ev.mistake(f"read should return the type as the number {kind:#06x}: two bytes, the larger half first.", seen)
    said = [each.lower() if isinstance(each, str) else each for each in said]
    wanted = f"{to}, {source}, {kind:#06x} and {len(seen.data) - 14} bytes"
    ev.expect(said == [to, source, kind, seen.data[14:]], wanted, f"{str(said)[:150]}", "read finds all four parts",
              [seen])
