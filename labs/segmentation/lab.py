"""How TCP cuts a stream into segments, and how it is put together again."""

import hashlib
import socket

from packetlab.internet.ipv4 import IPv4
from packetlab.net.servers import TCPEchoServer
from packetlab.transport.tcp import TCP

DATA = "ip.src == {c.ip} && tcp.dstport == {port} && tcp.len > 0"
HELLO = "tcp.flags.syn == 1 && ip.src == {c.ip} && tcp.dstport == {port}"
LAST = "ip.src == {c.ip} && tcp.dstport == {port} && tcp.flags.fin == 1"


class Sink(TCPEchoServer):
    """Takes everything and says nothing."""

    def received(self, sock, data):
        pass


def setup(lab):
    lab.serve(Sink(lab["s"], int(lab.value("port"))))


def payload(seen):
    start = 14 + 4 * seen[IPv4].header_length + 4 * seen[TCP].data_offset
    return seen.data[start : 14 + seen[IPv4].total_length]


def write(lab, data):
    with lab["c"].socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.settimeout(2)
        sock.connect((lab.value("s.ip"), int(lab.value("port"))))
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)
        sock.recv(1)
    lab.until_seen("s", LAST, 1)


# -- guess


def traffic_guess(lab):
    write(lab, lab.random("data").randbytes(int(lab.value("size"))))


def answers_guess(ev):
    first = ev.at("s").one(HELLO, why="one connection")[TCP].sequence
    pieces = {seen[TCP].sequence: seen for seen in ev.at("s").some(DATA, why="segments with data reached s")}
    total = sum(len(payload(seen)) for seen in pieces.values())
    ev.expect(total == int(ev.value("size")), "{size} bytes of data", f"{total}", "all data arrived",
              list(pieces.values())[:3])
    ends = max(pieces.values(), key=lambda seen: (seen[TCP].sequence - first - 1) % 2**32)
    ev.expect(ends[TCP].flags & TCP.PSH != 0, "PSH on the last segment with data", f"flags 0x{ends[TCP].flags:03x}",
              "the last one says PSH: hand it on now", [ends])
    return {"segments": len(pieces)}


def diagnose_guess(ev, given, right):
    size = int(ev.value("size"))
    if given["segments"] == "1":
        return "One write, but not one segment: a frame holds 1500 bytes."
    if given["segments"] == str(size // 1448):
        return "You rounded down: the rest needs a segment too, a short one."
    if given["segments"] in (str(-(-size // 1500)), str(-(-size // 1460))):
        return "You forgot headers: 20 bytes of IP, 20 of TCP and 12 of timestamps go off 1500."
    return "How many bytes of data are left of 1500 when all headers are taken off? And what is left at last?"


# -- smaller


def named(hello):
    """The maximum segment size in a SYN."""
    return next((option.size for option in hello[TCP].options if hasattr(option, "size")), None)


def pieces_of(view, hello):
    """The segments with data of the connection that a SYN began, by their sequence numbers."""
    own = f"{DATA} && tcp.srcport == {hello[TCP].src_port}"
    return {seen[TCP].sequence: seen for seen in view.all(own, after=hello)}


def check_smaller(ev):
    c, wanted, size = ev.at("c"), int(ev.value("mss")), int(ev.value("size"))
    if not c.all(HELLO):
        c.mistake("tcp.flags.syn == 1 && tcp.flags.ack == 0 && ip.src == {c.ip}",
                  "You connected to another port; the server listens at {port}.")
        c.mistake("tcp.flags.syn == 1 && tcp.flags.ack == 0 && ip.src == {s.ip}",
                  "That connection was opened by s. Open one from c to s.")
        c.mistake("udp && ip.src == {c.ip}", "That was UDP, which cuts nothing. Use TCP.")
    right = [seen for seen in c.all(HELLO) if named(seen) == wanted and sum(
        len(payload(each)) for each in pieces_of(c, seen).values()) == size]  # fmt: skip
    hello = right[-1] if right else c.last(HELLO, why="c says hello")
    asked = named(hello)
    if asked != wanted:
        ev.mistake(f"Your SYN names a maximum segment size of {asked}, not {wanted}. Set TCP_MAXSEG before you "
                   "connect.", hello)
    pieces = pieces_of(c, hello)
    total = sum(len(payload(seen)) for seen in pieces.values())
    if total != size:
        ev.mistake(f"You sent {total} bytes of data; {size} were wanted.", hello)
    largest = max(pieces.values(), key=lambda seen: len(payload(seen)))
    ev.expect(len(payload(largest)) <= wanted, f"segments of {wanted} bytes at most",
              f"one of {len(payload(largest))}", "no segment is larger than was agreed", [hello, largest])
    place = (hello[TCP].sequence + 1) % 2**32
    for sequence, seen in pieces.items():
        if sequence != place:
            ev.expect(False, f"the next segment at {place}", f"one at {sequence}", "", [seen])
        place = (place + len(payload(seen))) % 2**32
    ev.expect(True, "", "", "each begins where the last one ended", pieces.values())
    ev.at("s").some(f"{DATA} && tcp.srcport == {hello[TCP].src_port}", at_least=len(pieces), after=hello,
                    why="and all of them reached s")


# -- join


def traffic_join(lab):
    chance = lab.random("join")
    data = chance.randbytes(int(lab.value("size")))
    write(lab, data)
    look = lab.look().at("s")
    first = look.first(HELLO)[TCP].sequence + 1
    pieces = [((seen[TCP].sequence - first) % 2**32, payload(seen)) for seen in look.all(DATA)]
    mine = lab.functions()
    lab.notes["plain"] = mine.join([list(piece) for piece in pieces])
    mixed = pieces + chance.sample(pieces, 2)
    chance.shuffle(mixed)
    mixed.append(pieces[0])  # never in order
    lab.notes["mixed"] = mine.join([list(piece) for piece in mixed])
    lab.notes["late"] = mine.join([list(piece) for piece in reversed(pieces)])
    lab.notes["hash"] = hashlib.sha256(data).hexdigest()


def check_join(ev):
    frames = ev.at("s").some(DATA, at_least=4, why="the segments that your function was given")
    said = {name: ev.notes[name] for name in ("plain", "late", "mixed")}
    for made in said.values():
        if not isinstance(made, bytes):
            ev.mistake(f"join returned {type(made).__name__}; it should return bytes.", frames[0])
    right = {name: hashlib.sha256(made).hexdigest() == ev.notes["hash"] for name, made in said.items()}
    if right["plain"] and not right["late"]:
        ev.mistake("Your stream is right only if the segments come in order. Put them in the order of their numbers.",
                   *frames[:3])
    if right["late"] and not right["mixed"]:
        ev.mistake("A segment that came twice is twice in your stream. Take each number once.", *frames[:3])
    lengths, size = {name: len(made) for name, made in said.items()}, int(ev.value("size"))
    if lengths["plain"] != size:
        ev.mistake(f"Your stream has {lengths['plain']} bytes; c wrote {size}. Is each piece in it, whole?",
                   *frames[:3])
    ev.expect(all(right.values()), f"SHA-256 {ev.notes['hash'][:16]}...",
              f"{hashlib.sha256(said['plain']).hexdigest()[:16]}...", "the stream is what c wrote", frames[:3])
