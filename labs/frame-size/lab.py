"""Frames from 64 to 1518 bytes: what cards add and take off, and what happens outside of the limits."""

import contextlib
import os
import select
import socket
import threading

from packetlab.internet.ipv4 import IPv4
from packetlab.model.addresses import mac_bytes
from packetlab.model.errors import UnreachableError
from packetlab.wire.packet_socket import PacketDevice

TYPE = 0x88B6  # IEEE 802 local experimental EtherType 2
OURS = f"eth.type == {TYPE}"
PING = "ip.src == {h1.ip} && ip.dst == {h2.ip} && ip.proto == 1"
BACK = "ip.src == {h2.ip} && ip.dst == {h1.ip} && ip.proto == 1"
HEADER, FCS, SHORTEST, LARGEST = 14, 4, 60, 1514
ALL_PROTOCOLS, SOL_PACKET, IGNORE_OUTGOING = 3, 263, 23
JUMBO = 9000


class Clamp:
    """Copies each frame on the cable between h1 and h2 to the machine tap, as it is on the cable."""

    def __init__(self, lab):
        self.wire = lab.net.wire("h1", "h2")
        # One socket for both ends of the wire, so that the order of the frames is kept.
        self.listener = self.wire.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL_PROTOCOLS))
        self.listener.setsockopt(SOL_PACKET, IGNORE_OUTGOING, 1)
        self.out = PacketDevice("port1", lab.net["clamp"], protocol=0)
        self.ending, self.ended = os.pipe()
        self.thread = threading.Thread(target=self.run, daemon=True, name="clamp")

    def run(self):
        while self.ending not in select.select([self.listener, self.ending], [], [])[0]:
            with contextlib.suppress(UnreachableError):
                self.out.send(self.wire.as_on_a_wire(self.listener.recv(65536)))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        os.close(self.ended)
        self.thread.join(2)
        os.close(self.ending)
        self.listener.close()
        self.out.close()


def setup(lab):
    lab.serve(Clamp(lab))


def raw(lab, payload):
    """A frame of h1 for h2 that carries no protocol at all."""
    macs = mac_bytes(lab.value("h2.mac")) + mac_bytes(lab.value("h1.mac"))
    lab.device("h1").send(macs + TYPE.to_bytes(2, "big") + payload)


def on_cable(view, seen):
    """The frame at tap that is this one of h1."""
    wanted = seen.data.ljust(SHORTEST, b"\0")
    return next((one for one in view.all() if one.data[:-FCS] == wanted), None)


def as_built(lab):
    """Whoever has looked at the step giant before comes back to ordinary cards."""
    lab.notes.pop("giant", None)
    for name in ("h1", "h2"):
        lab[name].set_mtu(1500)


# -- guess


def begin_guess(lab):
    as_built(lab)

def traffic_guess(lab):
    tiny = (lab.value("word") * 4)[: int(lab.value("tiny"))].encode()
    for payload in (tiny, tiny + bytes(int(lab.value("zeros"))), lab.random("full").randbytes(1500)):
        raw(lab, payload)
    for host in ("h2", "tap"):
        lab.until_seen(host, OURS, 3)


def answers_guess(ev):
    sent = ev.at("h1").exactly(3, OURS, why="h1 sends three frames")
    cable = ev.at("tap").exactly(3, OURS, why="and this is what they are on the cable")
    came = ev.at("h2").exactly(3, OURS, why="and these reached h2")
    return {"leaves": len(sent[0].data), "cable": len(cable[0].data), "arrives": len(came[0].data),
            "full": len(cable[2].data)}  # fmt: skip


def diagnose_guess(ev, given, right):
    tiny, bare = ev.value("tiny"), str(right["leaves"])
    if given["leaves"] == tiny:
        return "That is the payload alone. The kernel puts the Ethernet header of 14 bytes in front of it."
    if given["leaves"] in ("60", "64"):
        return "The kernel does not pad: that is left to the card, on the way out."
    if given["cable"] in (bare, str(int(bare) + FCS)):
        return "So short a frame may not go onto the cable: the card pads it."
    if given["cable"] == "60":
        return "60 bytes, and the FCS of 4 bytes behind them."
    if given["arrives"] == "64":
        return "The card of h2 checks the FCS and takes it off; its kernel never sees it."
    if given["arrives"] == bare:
        return "The card of h2 cannot tell padding from payload, so the padding stays."
    if given["full"] in ("1500", "1514"):
        return "1500 bytes are the payload. On the cable a header of 14 bytes stands before it, and the FCS behind."
    return None


# -- look


def answers_look(ev):
    sent = ev.at("h1").first(OURS, why="the first frame, as h1 made it")
    cable = ev.at("tap").first(OURS, why="on the cable")
    came = ev.at("h2").exactly(3, OURS, why="and at h2, with the two others")
    return {"padding": len(came[0].data) - len(sent.data), "fcs": cable.data[-FCS:].hex(),
            "same": came[0].data == came[1].data}  # fmt: skip


def diagnose_look(ev, given, right):
    fcs = given["fcs"].lower().removeprefix("0x")
    plain = "".join(each for each in fcs if each in "0123456789abcdef")
    if given["padding"] == str(right["padding"] + FCS):
        return "You counted the FCS. It is no padding, and h2 does not see it."
    if given["padding"] == str(SHORTEST - HEADER):
        return "That is the smallest payload. Some of it is not padding, but what h1 sent."
    if fcs != right["fcs"] and plain == right["fcs"]:
        return "These are the right bytes. Write them as 8 hex digits, with nothing between them."
    if plain == "00000000":
        return "That is the padding: the last bytes at h2. At tap there are 4 more behind it."
    if plain == bytes.fromhex(right["fcs"])[::-1].hex():
        return "You turned them round. Write the four bytes in the order in which they stand in the frame."
    if given["same"].lower().startswith("n"):
        return "Compare the bytes of both at h2: the zeros that were sent look like the zeros that were added."
    return None


# -- fill


def begin_fill(lab):
    as_built(lab)
    for host in lab.net.hosts:
        host.forget_neighbours()


def traffic_fill(lab):
    def all_there():
        seen = lab.look()
        return all(on_cable(seen.at("tap"), one) for one in from_h1(seen))

    lab.until(all_there)


def from_h1(ev):
    """What h1 sent to h2, but for ARP."""
    found = ev.at("h1").all("eth.src == {h1.mac} && eth.dst == {h2.mac} && eth.type != 0x0806")
    return [seen for seen in found if seen.direction == "out"]


def is_fragment(seen):
    return IPv4 in seen and bool(seen[IPv4].more_fragments or seen[IPv4].fragment_offset)


def check_fill(ev):
    sent = from_h1(ev)
    if not sent:
        ev.at("h1").first(PING, why="h1 pings h2")
    small = next((seen for seen in sent if len(seen.data) == SHORTEST and not is_fragment(seen)), None)
    full = next((seen for seen in sent if len(seen.data) == LARGEST and not is_fragment(seen)), None)
    if not (small and full):
        explain_fill(ev, sent, small, full)
    for seen, size in ((small, 64), (full, 1518)):
        cable = on_cable(ev.at("tap"), seen)
        ev.expect(cable is not None, f"that frame on the cable, with {size} bytes", "none", f"{size} bytes on the "
                  "cable", [cable or seen])
        came = [one for one in ev.at("h2").all("eth.src == {h1.mac}") if one.data == seen.data]
        ev.expect(bool(came), "the same frame at h2", "none", "and h2 gets all that h1 sent, and no padding",
                  came[:1] or [seen])


def explain_fill(ev, sent, small, full):
    """Why these frames are not those that were asked for."""
    pieces = [seen for seen in sent if is_fragment(seen)]
    padded = [seen for seen in sent if len(seen.data) < SHORTEST and not is_fragment(seen)]
    others = [seen for seen in sent if SHORTEST < len(seen.data) < LARGEST and not is_fragment(seen)]
    if pieces and not full:
        ev.mistake("One ping was cut into several frames. It should fit into one: its data and both of its headers "
                   "together have room for 1500 bytes.", *pieces[:2])
    for size, name in ((46, "smallest"), (1500, "largest")):
        whole = [seen for seen in others if len(seen.data) == size + HEADER + 28]
        if whole:
            ev.mistake(f"You gave that ping {size} bytes of data. The headers of IPv4 and ICMP are part of the frame's "
                       f"payload as well, so it is not the {name} frame.", whole[0])
    beyond = next((seen for seen in others if len(seen.data) == SHORTEST + FCS), None)
    if beyond and not small:
        ev.mistake("That frame has 64 bytes at h1, but the card adds the FCS: on the cable it has 68.", beyond)
    if padded and not small:
        seen = padded[-1]
        ev.mistake(f"The kernel of h1 sent a frame of {len(seen.data)} bytes, so the card added "
                   f"{SHORTEST - len(seen.data)} bytes of padding. Send more data.", seen)
    if small and not full:
        closest = max(sent, key=lambda seen: len(seen.data))
        ev.mistake("The smallest frame is right. The largest one is missing: your longest has "
                   f"{max(len(closest.data), SHORTEST) + FCS} bytes on the cable, not 1518.", closest)
    if full and not small:
        closest = min(sent, key=lambda seen: len(seen.data))
        ev.mistake("The largest frame is right. The smallest one is missing: your shortest has "
                   f"{len(closest.data) + FCS} bytes on the cable, not 64.", closest)
    sizes = ", ".join(str(max(len(seen.data), SHORTEST) + FCS) for seen in sent[:6])
    ev.expect(False, "frames of 64 and 1518 bytes on the cable", f"frames of {sizes} bytes", "", sent)


# -- over


def begin_over(lab):
    as_built(lab)
    lab.ping("h1", "{h2.ip}")


def traffic_over(lab):
    word = lab.value("word").encode()
    raw(lab, word.ljust(1500, b"."))
    with contextlib.suppress(UnreachableError):
        raw(lab, word.ljust(1501, b"."))
    lab.ping("h1", "{h2.ip}", size=1473)
    lab.until_seen("tap", PING, 2)


def fate(frames):
    return "refused" if not frames else "sent" if len(frames) == 1 else "cut"


def answers_over(ev):
    h1, tap = ev.at("h1"), ev.at("tap")
    h1.first(f"{OURS} && frame.len == {LARGEST}", why="a frame with 1500 bytes of payload is sent")
    longer = h1.all(f"{OURS} && frame.len > {LARGEST}") + tap.all(f"{OURS} && frame.len > {LARGEST + FCS}")
    if not longer:
        h1.none(f"{OURS} && frame.len > {LARGEST}", why="one with 1501 is not")
    pieces = h1.some(PING, why="the ping")
    cable = tap.last(PING, why="and its last frame on the cable")
    return {"frame": fate(longer), "ping": fate(pieces), "last": len(cable.data)}


def diagnose_over(ev, given, right):
    if given["frame"] == "cut":
        return "Ethernet has no field that could say which piece of what a frame is. So it cannot cut."
    if given["frame"] == "sent":
        return "1515 bytes with the header: one more than the kernel lets through. It says EMSGSIZE."
    if given["ping"] == "refused":
        return "The ping is an IP packet, and IPv4 may cut: it has fields for it, and was permitted to."
    if given["ping"] == "sent":
        return "20 + 8 + 1473 bytes are 1501. No frame takes as much in one piece."
    if given["last"] in ("35", "39", "60"):
        return "You forgot what the card does: padding up to 60 bytes, and the FCS behind it."
    if given["last"] == "1518":
        return "That is the first piece. How much is left for the last?"
    return None


# -- card


def begin_card(lab):
    as_built(lab)
    for host in lab.net.hosts:
        host.forget_neighbours()


def traffic_card(lab):
    chance = lab.random("card")
    for size in (chance.randrange(1, 17), chance.randrange(40, 200), 1472):
        lab.ping("h1", "{h2.ip}", size=size)
    lab.until_seen("h1", f"{BACK} && icmp.type == 0", 3)
    lab.until(lambda: all(on_cable(lab.look().at("tap"), one) for one in made_by_h1(lab.look())))
    mine, seen = lab.functions(), lab.look()
    frames = made_by_h1(seen)
    lab.notes["to"] = {one.data: mine.to_cable(one.data) for one in frames}
    lab.notes["from"] = {}
    for one in seen.at("tap").all("eth.src == {h2.mac} || eth.src == {h1.mac}"):
        lab.notes["from"][one.data] = mine.from_cable(one.data)
        for damaged in (flipped(one.data, chance), swapped(one.data)):
            lab.notes["from"][damaged] = mine.from_cable(damaged)


def made_by_h1(ev):
    return [seen for seen in ev.at("h1").all("eth.src == {h1.mac}") if seen.direction == "out"]


def flipped(data, chance):
    """One bit is wrong."""
    bit = chance.randrange(len(data) * 8)
    return (int.from_bytes(data, "big") ^ 1 << bit).to_bytes(len(data), "big")


def swapped(data):
    """Two words behind the Ethernet header have changed places; sums do not see that."""
    return data[:14] + data[16:18] + data[14:16] + data[18:]


def check_card(ev):
    tap = ev.at("tap")
    ev.at("h1").some(f"{BACK} && icmp.type == 0", at_least=3, why="h1 pinged h2, with little data and with much")
    pairs = [(seen, on_cable(tap, seen)) for seen in made_by_h1(ev)]
    ev.expect(all(cable for _, cable in pairs), "each of its frames on the cable", "one is missing",
              "tap has seen each of its frames", [seen for seen, _ in pairs])
    for seen, cable in pairs:
        check_to(ev, seen, cable, ev.notes["to"].get(seen.data))
    ev.expect(True, "", "", "your frames are those on the cable, byte for byte", [cable for _, cable in pairs])
    whole = {seen.data: seen for seen in tap.all("eth.src == {h2.mac} || eth.src == {h1.mac}")}
    for data, said in ev.notes["from"].items():
        check_from(ev, data, said, whole)
    ev.expect(True, "", "", "and you take the good ones and throw the damaged ones away", whole.values())


def check_to(ev, seen, cable, said):
    """What to_cable made of a frame of h1."""
    right, fcs = cable.data, cable.data[-FCS:]
    if not isinstance(said, bytes):
        ev.mistake(f"to_cable returned {type(said).__name__}; it should return bytes.", cable)
    if said == right:
        return
    if said == seen.data:
        ev.mistake("Your to_cable returned the frame as it came. The card adds the FCS at least.", cable)
    if len(said) == SHORTEST and len(seen.data) < SHORTEST:
        ev.mistake("Your frame has 60 bytes. They are there without the FCS; on the cable it has 64.", cable)
    if len(said) < 64:
        ev.mistake(f"You put {len(said)} bytes onto the cable. No frame may be shorter than 64 there.", cable)
    if len(said) == 68 and len(seen.data) < SHORTEST:
        ev.mistake("You padded to 64 bytes, and added the FCS then. The 64 bytes count it already.", cable)
    if len(said) != len(right):
        ev.mistake(f"You put {len(said)} bytes onto the cable for a frame of {len(seen.data)}; the card of h1 put "
                   f"{len(right)}.", cable)
    if said[:-FCS] != right[:-FCS]:
        ev.mistake("What stands before your FCS is not the frame with zeros behind it.", cable)
    last = said[-FCS:]
    if last == fcs[::-1] != fcs:
        ev.mistake("Your FCS is the right number, but its bytes are the wrong way round: the least significant byte "
                   "comes first.", cable)
    if last in (crc(seen.data), crc(seen.data)[::-1]):
        ev.mistake("You computed the FCS before you padded. It covers the padding, too.", cable)
    turned = bytes(255 - each for each in fcs)
    if last in (turned, turned[::-1]):
        ev.mistake("Your CRC lacks its last step: all bits are turned round in the end.", cable)
    ev.expect(False, f"the FCS {fcs.hex()}", f"yours is {last.hex()}", "as it is on the cable", [cable])


def crc(data):
    """The FCS by the book (IEEE 802.3 3.2.9), bit by bit."""
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0xEDB88320 if value & 1 else 0)
    return (value ^ 0xFFFFFFFF).to_bytes(FCS, "little")


def check_from(ev, data, said, whole):
    """What from_cable made of a frame that came, whole or damaged."""
    quoted = [whole[data]] if data in whole else list(whole.values())[:1]
    if said is not None and not isinstance(said, bytes):
        ev.mistake(f"from_cable returned {type(said).__name__}; it should return bytes, or None.", *quoted)
    if data not in whole:
        if said is not None:
            ev.mistake("A frame came with damage, and your from_cable passed it on. Compute the FCS again, and "
                       "compare it with the one that came.", *quoted)
        return
    if said is None:
        ev.mistake("Your from_cable threw away a frame that had come whole.", *quoted)
    if said == data:
        ev.mistake("Your from_cable left the FCS in the frame. The kernel does not want it.", *quoted)
    if said != data[:-FCS] and data.startswith(said):
        ev.mistake(f"From a frame of {len(data)} bytes on the cable you left {len(said)}. Take off the FCS only: you "
                   "cannot know which zeros are padding.", *quoted)
    if said != data[:-FCS]:
        ev.expect(False, f"the {len(data) - FCS} bytes before the FCS", f"{len(said)} others", "", quoted)


# -- giant


def begin_giant(lab):
    if "giant" not in lab.notes:
        lab["h1"].set_mtu(JUMBO)
        lab.notes["giant"] = True
    lab["h2"].set_mtu(1500)
    lab.ping("h2", "{h1.ip}")


def traffic_giant(lab):
    last = "ip.frag_offset > 0 && ip.flags.mf == 0"
    # The learner may have pinged before the repair: what counts comes after that.
    before = next(reversed(lab.look().at("h1").all()), None)
    lab.notes["before"] = before.time if before else 0

    def over():
        seen, when = lab.look(), {"after": lab.notes["before"] + 1}
        lost = seen.at("h1").all(f"{PING} && frame.len > {LARGEST}", **when)
        back = seen.at("h1").all(f"{BACK} && {last}", **when)
        return lost or (back and seen.at("tap").all(f"{PING} && {last}", **when))

    lab.ping("h1", "{h2.ip}", size=int(lab.value("big")), timeout=0.05)
    lab.until(over)


def check_giant(ev):
    h1, tap, when = ev.at("h1"), ev.at("tap"), {"after": ev.notes["before"] + 1}
    sent = h1.some(f"{PING} && frame.len > 600", why="h1 sends a large ping", **when)
    giants = [seen for seen in sent if len(seen.data) > LARGEST]
    if giants:
        size = len(giants[0].data)
        more = " You have changed h2, but the cable between them takes no giants either." if mtu_of(ev, "h2") > 1500 \
            else ""
        ev.mistake(f"h1 still sends a frame of {size} bytes, and the card takes no more than {LARGEST}. At tap you see "
                   f"that it never got onto the cable.{more}", giants[0])
    largest = max(sent, key=lambda seen: len(seen.data))
    if len(largest.data) < LARGEST - 7:
        ev.mistake(f"That works, but h1 cuts its packets into frames of {len(largest.data)} bytes. Ethernet takes "
                   f"{LARGEST}: give h1 back all 1500 bytes of payload.", largest)
    cable = tap.some(PING, why="the pieces are on the cable", **when)
    ev.expect(max(len(seen.data) for seen in cable) <= LARGEST + FCS, "frames of at most 1518 bytes", "a longer one",
              "none of them is longer than 1518 bytes", cable)
    back = ev.at("h2").all(f"{BACK} && frame.len > {LARGEST}", **when)
    if back:
        ev.mistake("h1 is as it should be, but h2 is not any more: it sends a giant back. Give h2 its 1500 again.",
                   back[0])
    h1.first(f"{BACK} && icmp.type == 0", why="h2 got all of it, and answers", **when)
    h1.none(f"eth.src == {{h1.mac}} && frame.len > {LARGEST}", why="h1 sends no giants any more", **when)


def mtu_of(ev, name):
    return next(one.mtu for one in ev.host(name).interfaces() if one.name == "eth0")
