"""Echo request and echo reply."""

import contextlib
import socket

from packetlab.internet.icmp import ICMP
from packetlab.internet.ipv4 import IPv4
from packetlab.model.checksum import internet_checksum

REQUEST = "icmp.type == 8 && ip.src == {c.ip} && ip.dst == {s.ip}"
REPLY = "icmp.type == 0 && ip.src == {s.ip} && ip.dst == {c.ip}"
IGNORE = "net.ipv4.icmp_echo_ignore_all"


def message(seen):
    start = 14 + 4 * seen[IPv4].header_length
    return seen.data[start : 14 + seen[IPv4].total_length]


def checksum(message):
    """The right checksum of an ICMP message, whatever stands in the field."""
    return internet_checksum(message[:2] + b"\0\0" + message[4:])


def echo(sequence, data, identifier):
    made = b"\x08\0\0\0" + identifier.to_bytes(2, "big") + sequence.to_bytes(2, "big") + data
    return made[:2] + checksum(made).to_bytes(2, "big") + made[4:]


def raw(lab):
    return lab["c"].socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)


def as_built(lab):
    """Takes back what the step silent breaks, for whoever has looked at it before."""
    lab.notes.pop("silent", None)
    lab["s"].set_sysctl(IGNORE, 0)


# -- guess

begin_guess = begin_build = as_built


def traffic_guess(lab):
    with raw(lab) as sock:
        sock.sendto(echo(int(lab.value("number")), lab.value("word").encode(), 77), (lab.value("s.ip"), 0))
        lab.until_seen("c", REPLY, 1)


def answers_guess(ev):
    asked = ev.at("c").first(REQUEST, why="c asks")
    told = ev.at("c").first(REPLY, after=asked, why="s answers")
    data = message(told)[8:]
    same = "same" if data == message(asked)[8:] else "other" if data else "none"
    return {"type": told[ICMP].type, "sequence": int.from_bytes(message(told)[6:8], "big"), "data": same}


def diagnose_guess(ev, given, right):
    if given["type"] == "8":
        return "8 is the request. An answer of the same type would be answered again, for ever."
    if given["data"] in ("none", "other"):
        return "An echo gives back what was called: the data come back unchanged."
    return "Both sides would lose count if the answer had a number of its own. Which number does c look for?"


# -- three


def begin_three(lab):
    as_built(lab)
    # So that the first ping has to wait for ARP, as on a network where nobody has spoken yet.
    lab["c"].forget_neighbours()


def traffic_three(lab):
    lab.until(lambda: len(lab.look().at("c").all(REPLY)) >= len(lab.look().at("c").all(REQUEST)), 0.3)


def check_three(ev):
    c, size = ev.at("c"), int(ev.value("size"))
    c.mistake("icmp.type == 8 && ip.src == {s.ip}", "The pings came from s. Send them from c: packetlab lab shell c.")
    if not c.all(REQUEST):
        ev.mistake("c has sent no ping to s since this attempt began. Type `packetlab ping` in the shell of c.",
                   *c.all("ip.src == {c.ip} && !icmp")[:3])
    asked = c.some(REQUEST, why="c asks")
    right = [seen for seen in asked if len(message(seen)) == size + 8]
    data = len(message(asked[-1])) - 8
    if len(right) < 3 and data == size - 8:
        ev.mistake(f"{size} bytes with the header; but {size} bytes of data were wanted.", asked[-1])
    if len(right) < 3 and data != size:
        ev.mistake(f"Your last ping has {data} bytes of data; {size} were wanted.", asked[-1])
    if len(right) < 3:
        ev.mistake(f"{len(right)} of your pings had {size} bytes of data; three were wanted. Send all three anew: the "
                   "option -c says how many.", *right)
    told = c.some(REPLY, after=right[0], at_least=3, why="s answers each of them")
    same = {message(seen)[4:] for seen in right} & {message(seen)[4:] for seen in told}
    ev.expect(len(same) >= 3, "three answers with the same number and data", f"{len(same)}", "each echo is true", told)


# -- look


def answers_look(ev):
    asked = ev.at("c").last(REQUEST, why="the last ping")
    return {"identifier": int.from_bytes(message(asked)[4:6], "big"), "bytes": len(message(asked))}


def diagnose_look(ev, given, right):
    if given["identifier"] != str(right["identifier"]):
        others = {str(int.from_bytes(message(seen)[4:6], "big")) for seen in ev.at("c").all(REQUEST)}
        if given["identifier"] in others:
            return "That is the identifier of an earlier run of ping. The last request was asked for."
        return "The identifier is in bytes 4 and 5 of the message; the sequence number comes after it."
    if given["bytes"] == str(right["bytes"] - 8):
        return "Those are the data. The ICMP header has 8 bytes more."
    if given["bytes"] in (str(right["bytes"] + 20), str(right["bytes"] + 34)):
        return "You counted the headers around it, too. Only ICMP was asked for."
    return None


# -- build


def traffic_build(lab):
    chance = lab.random("build")
    identifier = chance.randrange(300, 65000)
    data = lab.value("word").encode() + chance.randbytes(chance.randrange(8, 30) * 2)
    mine = lab.functions()
    lab.notes["identifier"], lab.notes["data"] = identifier, data
    with raw(lab) as sock:
        sock.settimeout(0.4)
        made = [mine.request(identifier, number, data) for number in (1, 2, 3)]
        lab.notes["made"] = [one if isinstance(one, bytes) else type(one).__name__ for one in made]
        if not all(isinstance(one, bytes) and 8 <= len(one) < 1400 for one in made):
            return
        for one in made:
            sock.sendto(one, (lab.value("s.ip"), 0))
        # Somebody else's ping, with the number that is_mine will be asked about.
        sock.sendto(echo(2, data, identifier ^ 0x0101), (lab.value("s.ip"), 0))
        try:
            came = [sock.recv(2000)[20:] for _ in range(4)]
        except TimeoutError:
            return
    lab.until_seen("c", REPLY, 4, 0.3)
    lab.notes["said"] = [mine.is_mine(one, identifier, 2) for one in came]
    lab.notes["numbers"] = [int.from_bytes(one[4:8], "big") for one in came]
    lab.notes["request"] = bool(mine.is_mine(made[1], identifier, 2))


def check_build(ev):
    made, identifier, data = ev.notes["made"], ev.notes["identifier"], ev.notes["data"]
    if not isinstance(made[0], bytes):
        ev.mistake(f"request returned {made[0]}; it should return bytes.")
    if len(made[0]) < 8:
        ev.mistake(f"Your message has {len(made[0])} bytes; the header alone has 8.")
    s = ev.at("s")
    sent = [seen for seen in s.all("icmp && ip.src == {c.ip}") if message(seen) in made]
    if not sent:
        ev.mistake("Your messages did not reach s.")
    first = message(sent[0])
    if first[:1] != b"\x08":
        ev.mistake(f"Your message has the type {first[0]}; a request has 8.", sent[0])
    if first[1]:
        ev.mistake(f"Your message has the code {first[1]}; that of an echo request is 0.", sent[0])
    told, right = int.from_bytes(first[2:4], "big"), checksum(first)
    if told != right:
        turned = int.from_bytes(right.to_bytes(2, "big"), "little")
        what = ("is 0" if told == 0 else "has its two bytes the wrong way round" if told == turned
                else "leaves the data out" if told == checksum(first[:8]) else "is wrong")
        ev.mistake(f"The checksum of your message {what}, so s throws it away in silence.", sent[0])
    if first[4:6] != identifier.to_bytes(2, "big") or first[6:8] != b"\0\1":
        ev.mistake(f"Your function was given identifier {identifier} and sequence 1; your message says "
                   f"{int.from_bytes(first[4:6], 'big')} and {int.from_bytes(first[6:8], 'big')}. Behind the checksum "
                   "the identifier comes first, then the sequence number, of two bytes each.", sent[0])
    if first[8:] != data:
        ev.mistake(f"Your function was given {len(data)} bytes of data; your message carries "
                   f"{len(first) - 8 or 'none'}" + (", and not the same" if len(first) - 8 == len(data) else "")
                   + ". They belong behind the header.", sent[0])
    replies = s.some(REPLY, at_least=3, why="the kernel of s answers your requests")
    mine = [seen for seen in replies if message(seen)[4:6] == identifier.to_bytes(2, "big")]
    same = all(message(seen)[8:] == data for seen in mine)
    ev.expect(same, "your data", "others", "the echo carries your data", mine)
    said, numbers = ev.notes["said"], ev.notes["numbers"]
    wanted = [number == (identifier << 16 | 2) for number in numbers]
    wrong = [number for one, want, number in zip(said, wanted, numbers, strict=True) if one and not want]
    if any(number >> 16 != identifier for number in wrong):
        ev.mistake("is_mine takes the answer to somebody else's ping for yours. Look at the identifier.", *replies)
    if wrong:
        ev.mistake("is_mine takes the answer to another of your pings. Look at the sequence number.", *replies)
    if ev.notes["request"]:
        ev.mistake("is_mine takes a request for an answer. Look at the type.", sent[0])
    missed = [one for one, want in zip(said, wanted, strict=True) if want and not one]
    if missed:
        ev.mistake(f"is_mine returned {missed[0]} for the answer to your ping with sequence 2. It should be True for "
                   "this one." + (" Does each way through it end with `return`?" if missed[0] is None else ""),
                   *[seen for seen in mine if message(seen)[6:8] == b"\0\2"])
    ev.expect(len(said) == len(wanted), "all answers judged", f"{len(said)}", "is_mine knows its answer", mine)


# -- silent


def begin_silent(lab):
    lab["s"].set_sysctl("net.ipv4.icmp_echo_ignore_broadcasts", 1)
    if "silent" not in lab.notes:
        lab.notes["silent"] = True
        lab["s"].set_sysctl(IGNORE, 1)


def traffic_silent(lab):
    with raw(lab) as sock:
        with contextlib.suppress(OSError):  # no way out of c
            sock.sendto(echo(9, lab.random("silent").randbytes(16), 99), (lab.value("s.ip"), 0))
        lab.until_seen("c", REPLY, 1, 0.3)


def check_silent(ev):
    asked = ev.at("c").first(REQUEST, why="c asks")
    came = ev.at("s").all(REQUEST)
    if not came:
        ev.mistake("The request does not even reach s now. Is its link still up?", asked)
    if not ev.at("c").all(REPLY):
        if str(ev.host("s").get_sysctl("net.ipv4.icmp_echo_ignore_broadcasts")) == "0":
            ev.mistake("That setting is about pings to the broadcast address. The ping to s itself is still ignored.",
                       came[0])
        ev.mistake("The request reaches s, and s says nothing. Its kernel is still told to ignore it: look at the "
                   "settings in the shell of s.", came[0])
    ev.at("c").some(REPLY, after=asked, why="s answers again")
