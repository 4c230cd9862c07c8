"""The Internet checksum: what it finds, what it does not, and how TCP uses it."""

import socket

from packetlab.internet.ipv4 import IPv4
from packetlab.link.ethernet import Ethernet
from packetlab.model.checksum import internet_checksum, ones_complement_sum
from packetlab.net.servers import TCPEchoServer, UDPEchoServer
from packetlab.transport.tcp import TCP
from packetlab.transport.udp import UDP

ASKED = "ip.src == {h1.ip} && udp.dstport == {port}"
ECHOED = "ip.src == {h2.ip} && udp.srcport == {port}"
STREAM = "ip.src == {h1.ip} && tcp.dstport == {sink}"


class Sink(TCPEchoServer):
    """Takes everything and says nothing."""

    def received(self, sock, data):
        pass


def setup(lab):
    lab.serve(UDPEchoServer(lab["h2"], int(lab.value("port"))))
    lab.serve(Sink(lab["h2"], int(lab.value("sink"))))
    # At the port that datagrams come from somebody listens, lest h1 answer the echoes with "port unreachable".
    own = lab.serve(lab["h1"].socket(socket.AF_INET, socket.SOCK_DGRAM))
    own.bind(("0.0.0.0", int(lab.value("from"))))
    # Frames made by hand ask nobody for a MAC address, but their echoes do.
    lab["h1"].add_neighbour(lab.value("h2.ip"), lab.value("h2.mac"))
    lab["h2"].add_neighbour(lab.value("h1.ip"), lab.value("h1.mac"))


def segment(seen):
    """The transport header and data, without padding."""
    return seen.data[14 + 4 * seen[IPv4].header_length : 14 + seen[IPv4].total_length]


def pseudo(seen, part):
    return seen.data[26:34] + bytes([0, seen[IPv4].protocol]) + len(part).to_bytes(2)


def is_right(seen):
    part = segment(seen)
    return ones_complement_sum(pseudo(seen, part) + part) == 0xFFFF


def header_is_right(seen):
    return ones_complement_sum(seen.data[14 : 14 + 4 * seen[IPv4].header_length]) == 0xFFFF


def datagram(lab, data, checksum=None):
    """A whole frame from h1 to the program on h2, with the right checksum or another."""
    udp = UDP(src_port=int(lab.value("from")), dst_port=int(lab.value("port")))
    if checksum is not None:
        udp = UDP(src_port=udp.src_port, dst_port=udp.dst_port, checksum=checksum)
    head = Ethernet(src=lab.value("h1.mac"), dst=lab.value("h2.mac"))
    return (head / IPv4(src=lab.value("h1.ip"), dst=lab.value("h2.ip"), protocol=17) / udp / data).encapsulate()


def counters(host):
    return {name: number for name, number in host.counters("h2").items()
            if name in ("Udp.InCsumErrors", "Ip.InHdrErrors", "Ip.InCsumErrors")}


# -- guess


def traffic_guess(lab):
    chance, device = lab.random("three"), lab.device("h1")
    data = chance.randbytes(16)
    while len({data[i : i + 2] for i in range(0, 16, 2)}) < 8:
        data = chance.randbytes(16)
    bit = chance.randrange(128)
    flipped = (int.from_bytes(data) ^ 1 << bit).to_bytes(16)
    swapped = data[:2] + data[8:10] + data[4:8] + data[2:4] + data[10:]
    good = datagram(lab, data)
    for each in (data, flipped, swapped):
        device.send(good[:-16] + each)  # the checksum is that of the good one
    lab.until_seen("h1", ECHOED, 2, 1)


def answers_guess(ev):
    came = ev.at("h2").exactly(3, ASKED, why="three datagrams came to h2")
    wrong = [seen for seen in came if not is_right(seen)]
    ev.expect(len(wrong) == 1, "one with a wrong checksum", f"{len(wrong)}", "for one of them the sum is wrong", wrong)
    return {"echoes": ev.at("h1").count(ECHOED, why="echoes"),
            "errors": ev.at("h1").count("icmp", why="error messages")}


def diagnose_guess(ev, given, right):
    if given["echoes"] == "1":
        return "Words that change places do not change the sum: the third datagram is taken for good."
    if given["echoes"] == "3":
        return "A single flipped bit always changes the sum: the second datagram is thrown away."
    if given["errors"] in ("1", "2"):
        return ("A bad datagram is thrown away in silence: nothing in it can be trusted, not even the address of its "
                "sender.")
    return None


# -- bad


def begin_bad(lab):
    lab.notes["before"] = counters(lab.look())


def traffic_bad(lab):
    lab.settle()
    lab.until_seen("h2", ASKED, len(lab.look().at("h1").all(ASKED)))  # the relay of the wire may not have had its turn
    lab.until_seen("h1", ECHOED, 1, 0.3)


def check_bad(ev):
    h2 = ev.at("h2")
    if not h2.all(ASKED):
        h2.mistake("udp && !icmp && ip.src == {h1.ip}", "Your datagram went to another port than {port}.")
        h2.mistake("tcp && ip.src == {h1.ip}", "That was TCP; here a UDP datagram is wanted.")
        h2.mistake("udp && !icmp && ip.src == {h2.ip}", "Your datagram was sent by h2. Send it from h1.")
    came = h2.some(ASKED, why="datagrams came to h2")
    zero = [seen for seen in came if seen[UDP].checksum == 0]
    right = [seen for seen in came if seen not in zero and is_right(seen)]
    bad = [seen for seen in came if seen not in zero and not is_right(seen)]
    if zero and not bad:
        ev.mistake("A checksum of 0 means that none was made: h2 has nothing to compare, and takes it. Send "
                   "0x{wrong}.", *zero)
    if not bad:
        ev.mistake("All that came had the right checksum. Now send one with checksum=0x{wrong}.", *came)
    meant = [seen for seen in bad if seen[UDP].checksum == int(ev.value("wrong"), 16)]
    if not meant:
        ev.mistake(f"Its checksum is wrong, but it is 0x{bad[0][UDP].checksum:04x}; 0x{{wrong}} was wanted.", *bad)
    if not right:
        ev.mistake("That one was bad. Now send a good one as well, without checksum=..., to compare.", *meant)
    good = [seen for seen in right if ev.value("token").encode() in segment(seen)]
    ev.expect(bool(good), "a good datagram with {token}", "none has this word", "one was good", good or right)
    ev.expect(any(ev.value("token").encode() in segment(seen) for seen in meant), "{token} in the bad one too",
              "it is not in it", "one was bad: its sum does not come to 0xffff", meant)
    echoes = ev.at("h1").some(ECHOED, why="the good one came back")
    ev.expect(len(echoes) <= len(right) + len(zero), f"{len(right) + len(zero)} echoes at most", f"{len(echoes)}",
              "the bad one did not", echoes)
    ev.at("h1").none("icmp && eth.src == {h2.mac} && udp.dstport == {port}", why="and no error message about it")
    more = counters(ev)["Udp.InCsumErrors"] - ev.notes["before"]["Udp.InCsumErrors"]
    ev.expect(more >= 1, "Udp InCsumErrors of h2 has gone up", f"by {more}", f"h2 counted it: InCsumErrors +{more}",
              meant)


# -- header


def begin_header(lab):
    lab.notes["before"] = counters(lab.look())


def traffic_header(lab):
    lab.until_seen("h2", ASKED, 1, 0.3)


def check_header(ev):
    came = ev.at("h2").some("eth.type == 0x0800 && ip.src == {h1.ip} && ip.proto == 17", why="a datagram came")
    bad = [seen for seen in came if not header_is_right(seen)]
    if not bad:
        if [seen for seen in came if not is_right(seen)]:
            ev.mistake("The checksum of UDP is wrong now. Put the wrong one into the brackets of IPv4.", *came)
        ev.mistake("The checksum of its IP header is right. The kernel mends it: send a whole frame, with "
                   "Ethernet(...) and -I eth0, and with checksum=0x{wrong} in IPv4.", *came)
    first = bad[0]
    if first[IPv4].checksum != int(ev.value("wrong"), 16):
        ev.mistake(f"The checksum of the IP header is 0x{first[IPv4].checksum:04x}; 0x{{wrong}} was wanted.", first)
    if not is_right(first):
        ev.mistake("Both checksums are wrong. Leave out the one of UDP, and it is computed for you.", first)
    to = first.text(Ethernet, "dst")
    ev.expect(to == ev.value("h2.mac"), "a frame for h2 ({h2.mac})", f"one for {to}", "the frame was for h2", [first])
    ev.expect(True, "", "", "the sum over its IP header does not come to 0xffff", [first])
    ev.at("h1").none(ECHOED, after=first, why="the program on h2 never got it")
    now, old = counters(ev), ev.notes["before"]
    more = now["Ip.InHdrErrors"] - old["Ip.InHdrErrors"]
    ev.expect(more >= 1, "Ip InHdrErrors of h2 has gone up", f"by {more}", f"h2 counted it: InHdrErrors +{more}",
              [first])
    ev.expect(now["Udp.InCsumErrors"] == old["Udp.InCsumErrors"], "no UDP checksum error", "one",
              "UDP was never asked", [first])


# -- sum


def traffic_sum(lab):
    chance, mine, device = lab.random("sum"), lab.functions(), lab.device("h1")
    made = []
    for size in (6, 40, 9, 600, 301):
        data = b"\xff" * 5 + chance.randbytes(size - 5)  # so that there is something to carry
        blank = datagram(lab, data, 0)
        part = blank[34:]
        words = blank[26:34] + b"\0\x11" + len(part).to_bytes(2) + part
        said = mine.checksum(words)
        made.append((words, said))
        if not isinstance(said, int) or isinstance(said, bool) or not 0 <= said <= 0xFFFF:
            break
        device.send(datagram(lab, data, said or 0xFFFF))
    lab.notes["made"] = made
    lab.until_seen("h2", ASKED, len(made), 1)
    lab.until_seen("h1", ECHOED, len(made), 0.2)


def wrong_ways(words):
    """What known mistakes make of these bytes: the value, and its name."""
    even = words + b"\0" * (len(words) % 2)
    total = sum(int.from_bytes(even[i : i + 2]) for i in range(0, len(even), 2))
    right = internet_checksum(even)
    yield right ^ 0xFFFF, "You forgot the last step: turn every bit round."
    yield (total & 0xFFFF) ^ 0xFFFF, "You threw away what was carried out at the top: add it at the bottom."
    yield total & 0xFFFF, "You threw away what was carried out, and did not turn the bits round in the end."
    turned = right >> 8 | (right & 0xFF) << 8
    yield turned, "Your two bytes are the wrong way round: the first byte of a word is the high one."
    if len(words) % 2:
        yield internet_checksum(b"\0" + words), "For an odd number of bytes the zero goes to the end, not to the front."
        yield internet_checksum(words[:-1]), "You left out the last byte of an odd number of bytes."
        alone = sum(int.from_bytes(words[i : i + 2]) for i in range(0, len(words), 2))
        alone = (alone & 0xFFFF) + (alone >> 16)
        yield alone ^ 0xFFFF, "The last of an odd number of bytes is the high byte of its word: a zero follows it."


def check_sum(ev):
    made = ev.notes["made"]
    came = ev.at("h2").all(ASKED)
    for words, said in made:
        if not isinstance(said, int) or isinstance(said, bool):
            ev.mistake(f"checksum returned {type(said).__name__}; it should return a number.", *came[:1])
        if said > 0xFFFF or said < 0:
            ev.mistake(f"checksum returned {said}, which has more than 16 bits (or is below 0).", *came[:1])
        right = internet_checksum(words + b"\0" * (len(words) % 2))
        if said != right:
            bad = [seen for seen in came if not is_right(seen)][:1]
            for value, message in wrong_ways(words):
                if value == said:
                    ev.mistake(f"{message} For {words[:12].hex(' ')}... ({len(words)} bytes) you said 0x{said:04x}.",
                               *bad)
            ev.mistake(f"For {words.hex(' ')[:200]} ({len(words)} bytes) you said 0x{said:04x}; h2 did not take it.",
                       *bad)
    came = ev.at("h2").exactly(len(made), ASKED, why="datagrams with your checksums came to h2")
    ev.expect(all(map(is_right, came)), "sums of 0xffff", "others", "with them, the sum comes to 0xffff", came)
    ev.at("h1").exactly(len(made), ECHOED, why="and the kernel of h2 took them all: the echoes came back")


# -- cheat


def traffic_cheat(lab):
    lab.until_seen("h1", ECHOED, 1, 0.3)


def checksum_with(seen, token):
    """The checksum of a datagram, had it carried the token."""
    part = segment(seen)[:6] + b"\0\0" + token
    return internet_checksum(pseudo(seen, part) + part) or 0xFFFF


def is_cheat(ev, seen, token):
    return (len(segment(seen)) == 8 + len(token) and is_right(seen) and seen[UDP].src_port == int(ev.value("from"))
            and seen[UDP].checksum == checksum_with(seen, token))  # fmt: skip


def check_cheat(ev):
    token = ev.value("token").encode()
    h2 = ev.at("h2")
    if not h2.all(ASKED):
        h2.mistake("udp && !icmp && ip.src == {h1.ip}", "Your datagram went to another port than {port}.")
        h2.mistake("udp && !icmp && ip.src == {h2.ip}", "Your datagram was sent by h2. Send it from h1.")
    came = h2.some(ASKED, why="datagrams came to h2")
    tried = [seen for seen in came if segment(seen)[8:] != token]
    if not tried:
        ev.mistake("That is {token} itself. Find another word with the same checksum.", *came)
    fits = [seen for seen in tried if is_cheat(ev, seen, token)]
    cheat = (fits or tried)[-1]
    word = segment(cheat)[8:]
    if len(word) != len(token):
        ev.mistake(f"Your word has {len(word)} bytes; it should have {len(token)}, as {{token}} has.", cheat)
    if not is_right(cheat):
        ev.mistake("Its checksum does not fit its data, so h2 threw it away. Leave out checksum=..., and find a word "
                   "for which it comes out the same.", cheat)
    if cheat[UDP].src_port != int(ev.value("from")):
        ev.mistake("The ports are in the sum as well: send it from port {from}.", cheat)
    meant = checksum_with(cheat, token)
    got = cheat[UDP].checksum
    if got != meant:
        ev.mistake(f"Your word has the checksum 0x{got:04x}, and {{token}} has 0x{meant:04x}. Letters have to keep "
                   "their place within their pair.", cheat)
    ev.expect(True, "", "", f"another word, the same checksum 0x{got:04x}", [cheat])
    echoes = [seen for seen in ev.at("h1").all(ECHOED, after=None) if segment(seen)[8:] == word]
    ev.expect(bool(echoes), "an echo of it", "none", "and h2 took it", echoes or [cheat])


# -- tcp


def traffic_tcp(lab):
    lab.until_seen("h2", STREAM + " && tcp.flags.fin == 1", 1, 0.5)


def pieces(ev):
    """The stream's SYN, and its segments with data at h2 as (offset, data, seen), by arrival."""
    hello = ev.at("h2").last(STREAM + " && tcp.flags.syn == 1", why="h1 says hello")
    found = []
    for seen in ev.at("h2").all(STREAM + f" && tcp.srcport == {hello[TCP].src_port}", after=hello):
        data = segment(seen)[4 * seen[TCP].data_offset :]
        if data:
            found.append(((seen[TCP].sequence - hello[TCP].sequence - 1) % 2**32, data, seen))
    return hello, found


def check_tcp(ev):
    if not ev.at("h2").all(STREAM + " && tcp.flags.syn == 1"):
        ev.at("h2").mistake("tcp.flags.syn == 1 && tcp.flags.ack == 0 && ip.src == {h1.ip}",
                            "You connected to another port; the program listens at {sink}.")
        ev.at("h2").mistake("udp && !icmp && ip.src == {h1.ip}", "That was UDP. Nobody would send it again: use TCP.")
    hello, found = pieces(ev)
    wanted = ev.value("token").encode() * 3600
    stream = bytearray()
    for offset, data, seen in sorted(found, key=lambda piece: piece[0]):
        if is_right(seen) and offset <= len(stream):
            stream[offset : offset + len(data)] = data
    damaged = [(offset, seen) for offset, _, seen in found if not is_right(seen)]
    if not damaged:
        ev.mistake(f"Only {len(found)} segments with data came: too few for the cable to damage one. Send {{token}} "
                   "3600 times on one connection.", hello)
    if bytes(stream) != wanted:
        ev.mistake(f"{len(stream)} bytes arrived; {len(wanted)} were wanted: the word {{token}}, 3600 times." + (
            " What came is something else." if len(stream) == len(wanted) else ""), hello)
    for offset, seen in damaged:
        again = [each for place, data, each in found if place <= offset < place + len(data) and is_right(each)
                 and each.number > seen.number]
        ev.expect(bool(again), "the damaged segment once more, right", "it did not come", "damaged, and sent again",
                  [seen, *again[:1]])
    asked = (damaged[0][0] + hello[TCP].sequence + 1) % 2**32
    ev.at("h1").some(f"ip.src == {{h2.ip}} && tcp.srcport == {{sink}} && tcp.ack_raw == {asked}",
                     why="h2 says which byte it is still waiting for")
    ev.expect(True, "", "", f"all {len(wanted)} bytes are right in the end", [found[-1][2]])


# -- look


def answers_look(ev):
    _, found = pieces(ev)
    bad = [(offset, seen) for offset, _, seen in found if not is_right(seen)]
    ev.expect(bool(bad), "a damaged segment", "none", "the first damaged segment", [seen for _, seen in bad[:1]])
    same = [seen for offset, _, seen in found if offset == bad[0][0]]
    ev.expect(True, "", "", "those with its sequence number", same)
    return {"offset": bad[0][0], "times": len(same)}


def diagnose_look(ev, given, right):
    if given["times"] == "1":
        return "A damaged segment is sent again, with the same sequence number. Look further down."
    if given["offset"] == str(right["offset"] + 1):
        return "One too many: the SYN took a number as well, and it was no data."
    if given["offset"].isdecimal() and int(given["offset"]) > 28_800:
        return "That is the raw sequence number. Take off the one of the SYN, and 1."
    return None
