"""UDP on a bad cable: what is lost is lost, unless somebody builds more on top."""

import socket
import time
from bisect import bisect_left
from itertools import pairwise

from packetlab.internet.ipv4 import IPv4
from packetlab.net.servers import UDPEchoServer
from packetlab.transport.udp import UDP

SENT = "udp && !icmp && ip.src == {c.ip} && udp.dstport == {port}"
MESSAGE = "ip.src == {c.ip} && udp.dstport == {careful}"
RECEIPT = "ip.src == {s.ip} && udp.srcport == {careful}"
HEADER = 8


class Sink(UDPEchoServer):
    """Takes everything and says nothing."""

    def datagram(self, sock, data, peer):
        pass


class Receipts(UDPEchoServer):
    """Acknowledges each message twice."""

    def datagram(self, sock, data, peer):
        for _ in range(2):
            sock.sendto(data[:2], peer)


def setup(lab):
    lab.serve(Sink(lab["s"], int(lab.value("port"))))
    lab.serve(Receipts(lab["s"], int(lab.value("careful"))))
    # The cable would lose ARP as well, and ARP waits a whole second before it asks again.
    lab["c"].add_neighbour(lab.value("s.ip"), lab.value("s.mac"))
    lab["s"].add_neighbour(lab.value("c.ip"), lab.value("c.mac"))


def data_of(seen):
    start = 14 + 4 * seen[IPv4].header_length + HEADER
    return seen.data[start : 14 + seen[IPv4].total_length]


def settled(lab, kind, silence=0.05, ended=lambda: False, host="s", most=1 << 60):
    """Waits until no more frames of a kind were seen at a host for some time (s), there are more than `most`, or
    something has ended. Gives their number."""
    last, since = -1, time.monotonic()
    while time.monotonic() - since < silence and not ended() and last <= most:
        found = len(lab.look().at(host).all(kind))
        if found != last:
            last, since = found, time.monotonic()
        time.sleep(0.005)
    return last


# -- guess


def traffic_guess(lab):
    with lab["c"].socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for number in range(1, int(lab.value("count")) + 1):
            sock.sendto(lab.value("token").encode() + b" %d" % number, (lab.value("s.ip"), int(lab.value("port"))))
    settled(lab, SENT)


def answers_guess(ev):
    sent = ev.at("c").some(SENT, at_least=int(ev.value("count")), why="what c sent")
    came = ev.at("s").some(SENT, why="what s got")
    ev.expect(len(came) < len(sent), "fewer datagrams at s than at c", f"{len(came)} and {len(sent)}",
              f"{len(sent)} left c, {len(came)} reached s", came[-1:])
    told = ev.at("c").count("ip.dst == {c.ip}", why="packets that came to c")
    return {"again": len(sent) - len({data_of(seen) for seen in sent}), "told": "yes" if told else "no"}


def diagnose_guess(ev, given, right):
    if given["again"] != "0":
        return "You think of TCP. UDP does not number its datagrams, so nobody can notice that one is missing."
    if given["told"].lower().startswith("y"):
        return "Who should tell? The cable does not talk, and s does not know what it did not get."
    return None


# -- small


def traffic_small(lab):
    with lab["c"].socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for _ in range(8):
            sock.sendto(b"", (lab.value("s.ip"), int(lab.value("port"))))
    settled(lab, SENT)


def answers_small(ev):
    sent = ev.at("c").first(SENT, why="a datagram without data")
    came = ev.at("s").first(SENT, why="it reached s")
    ev.expect(came[UDP].length == HEADER, "a length of 8", f"{came[UDP].length}", "nothing but a header", [came])
    return {"arrives": "yes", "size": sent[IPv4].total_length}


def diagnose_small(ev, given, right):
    if given["arrives"].lower().startswith("n"):
        return "A datagram is a message, and a message may be empty. It has its header, and that is enough to travel."
    if given["size"] == "20":
        return "You forgot the UDP header: it has a length even where there is no data."
    if given["size"] == "42":
        return "That is the frame, with the Ethernet header. The IP packet in it is shorter by 14 bytes."
    if given["size"] == "40":
        return "A TCP header has 20 bytes. That of UDP is much shorter."
    return None


# -- burst


def traffic_burst(lab):
    settled(lab, SENT)


def run_of(ev):
    """The datagrams of the last run that has all sizes, at c and at s; of the last of all where there is none."""
    count = int(ev.value("count"))
    all_sent = ev.at("c").all(SENT)
    found = ([], [])
    for port in reversed(dict.fromkeys(seen[UDP].src_port for seen in all_sent)):
        run = tuple([seen for seen in view if seen[UDP].src_port == port]
                    for view in (all_sent, ev.at("s").all(SENT)))  # fmt: skip
        if {len(data_of(seen)) for seen in run[0]} >= set(range(1, count + 1)):
            return run
        found = found if found[0] else run
    return found


def check_burst(ev):
    c, count = ev.at("c"), int(ev.value("count"))
    sent, came = run_of(ev)
    if not sent:
        c.mistake("tcp && ip.src == {c.ip}", "That was TCP. Datagrams are wanted: use UDP.")
        c.mistake("udp && !icmp && ip.src == {c.ip}", "Your datagrams went to another port than {port}.")
        c.mistake("udp && !icmp && ip.src == {s.ip}", "Those datagrams came from s. Send them from c.")
        c.some(SENT, why="datagrams leave c")
    sizes = [len(data_of(seen)) for seen in sent]
    if len(sent) > 1 and len(set(sizes)) == 1:
        ev.mistake(f"All of your datagrams have {sizes[0]} bytes, so they cannot be told apart. Let the first have 1, "
                   "the second 2, and so on.", *sent[:3])
    missing = sorted(set(range(1, count + 1)) - set(sizes))
    if missing:
        ev.mistake(f"{count} datagrams were wanted, with 1 to {count} bytes of data; c sent none with {missing[0]} "
                   "bytes.", *sent[-3:])
    more = sorted(set(sizes) - set(range(1, count + 1)))
    if more or len(sent) > count:
        ev.mistake(f"{count} datagrams were wanted, with 1 to {count} bytes of data; c sent {len(sent)}.", *sent[-3:])
    ev.expect(True, "", "", "datagrams leave c", sent)
    ev.expect(bool(came), "some of them at s", "none", "some reach s", came or sent[:3])
    there = {len(data_of(seen)) for seen in came}
    lost = [seen for seen in sent if len(data_of(seen)) not in there]
    ev.expect(bool(lost), "some that did not reach s", "all did", "others left c and never reached s", lost[:3])
    c.none("ip.dst == {c.ip} && udp", after=sent[0], why="and nobody says a word: not one datagram comes back to c")


# -- look


def answers_look(ev):
    left, came = run_of(ev)
    ev.expect(bool(left and came), "your datagrams", "none", "what left c and what came to s", [*left[:3], *came[:3]])
    sent = {len(data_of(seen)) for seen in left}
    longest = max(came, key=lambda seen: len(data_of(seen)))
    back = [seen for one, seen in pairwise(came) if len(data_of(seen)) < len(data_of(one))]
    ev.expect(True, "", "", "the longest", [longest])
    ev.expect(True, "", "", f"{len(back)} are shorter than the one before", back or [longest])
    return {"field": longest[UDP].length, "lost": len(sent - {len(data_of(seen)) for seen in came}), "back": len(back)}


def diagnose_look(ev, given, right):
    longest = max(len(data_of(seen)) for seen in run_of(ev)[0]) + HEADER
    if given["field"] != str(right["field"]):
        if given["field"] == str(right["field"] - HEADER):
            return "That is the number of bytes of data. The length field counts the 8 bytes of the header as well."
        if given["field"] == str(longest):
            return "That is the longest that left c, and it was lost. Look at those that came to s."
        return None
    if given["lost"] != str(right["lost"]):
        if given["lost"] == str(len(run_of(ev)[1])):
            return "So many did reach s. The others are lost."
        return None
    return ("Go through the list of s from the top, and compare each size with the one before it alone. One late "
            "datagram counts once, whatever it has been overtaken by.")


# -- reliable


HURRY = 15_000_000
"""Nanoseconds in which no program has waited in vain: the file that a learner begins with waits 20 ms."""
LATE = 5_000_000
"""Nanoseconds after which a program has read what had come."""
PATIENCE = 2.5
"""Seconds in which a program has to send something, or it is taken to stand still."""
FLOOD = 4000
"""Messages that no program needs."""


def traffic_reliable(lab):
    program = lab.program("c", "{s.ip}", "{careful}", "{many}", "{token}", ready="")
    number = settled(lab, MESSAGE, PATIENCE, lambda: program.wait(0.005) is not None, "c", FLOOD)
    lab.notes["ended"] = program.process.returncode is not None
    lab.notes["flood"] = number > FLOOD
    if lab.notes["flood"]:
        program.process.kill()
    else:
        settled(lab, MESSAGE)


def last_line(ev):
    lines = ev.output.strip().splitlines()
    return lines[-1] if lines else ""


def check_reliable(ev):
    many, token = int(ev.value("many")), ev.value("token")
    if ev.notes["flood"]:
        ev.mistake(f"Your program sent more than {FLOOD} messages, and goes on: it sends one again and again without "
                   "waiting, or never returns. `sock.recv` waits for an acknowledgment.")
    c = ev.at("c")
    if not c.all(MESSAGE):
        why = (f" It ended: {last_line(ev)}" if last_line(ev) else " It ended at once." if ev.notes["ended"]
               else " It is still running: is it in a loop that sends nothing?")
        ev.mistake("Your program has sent nothing to port {careful} of s." + why)
    sent = c.some(MESSAGE, why="your program sends")
    by_number = {}
    for seen in sent:
        by_number.setdefault(int.from_bytes(data_of(seen)[:2]), []).append(seen)
    came = {}
    for seen in ev.at("s").all(MESSAGE):
        came.setdefault(int.from_bytes(data_of(seen)[:2]), []).append(seen)
    heard = {}
    for seen in c.all(RECEIPT):
        heard.setdefault(int.from_bytes(data_of(seen)[:2]), []).append(seen)
    last = max(by_number)
    if ev.notes["ended"] and last < many - 1 and "Traceback" in ev.output:
        catch = " Nothing came in time: catch that, and send again." if "TimeoutError" in last_line(ev) else ""
        ev.mistake(f"Your program ended after sending message {last}: {last_line(ev)}.{catch}", *by_number[last][-1:])
    if not ev.notes["ended"] and len(by_number[last]) == 1 and last not in heard:
        lost = "its acknowledgments, all of them" if last in came else "it"
        ev.mistake(f"Your program stands still: it waits for the acknowledgment of message {last}, but the cable has "
                   f"lost {lost}. Wait for some time only, and send it again.", *by_number[last])
    if not ev.notes["ended"]:
        ev.mistake(f"Your program has not ended; it sent message {last} last, {len(by_number[last])} times. Does "
                   f"`deliver` return when the acknowledgment has come? And 20 ms are enough to wait.",
                   *by_number[last][-2:])
    # A program that takes any acknowledgment for its own has had one for each message that it went on from. One that
    # does not listen may by chance be slow enough at one message, never at all of them.
    receipts = sorted(seen.time for each in heard.values() for seen in each)
    listens = all(bisect_left(receipts, by_number[number + 1][0].time) > number
                  for number in by_number if number + 1 in by_number)
    for number, copies in sorted(by_number.items()):
        if number in came or number >= many:
            continue
        until = by_number[number + 1][0].time if number + 1 in by_number else copies[0].time
        stale = [seen for earlier in range(number) for seen in heard.get(earlier, []) if seen.time < until]
        old = [seen for seen in stale if copies[0].time < seen.time]
        if not old and until - copies[0].time < HURRY:
            old = stale[-1:]  # it lay there already when this was sent
        if listens and old:
            ev.mistake(f"Message {number} never reached s, and you went on. What had come in was an acknowledgment of "
                       "an earlier message, its second copy: look at the number.", *copies, old[0])
        if number < last or ev.notes["ended"]:
            ev.mistake(f"Message {number} never reached s, and you went on after sending it "
                       f"{'once' if len(copies) == 1 else f'{len(copies)} times'}. Wait for its acknowledgment.",
                       *copies)
    quickest = min((heard[number][0].time - copies[0].time for number, copies in by_number.items() if number in heard),
                   default=0)
    hasty = [copies for copies in by_number.values() if len(copies) > 1 and copies[1].time - copies[0].time < quickest]
    if len(hasty) > many // 2:
        ev.mistake("You send each message several times without waiting. An acknowledgment needs "
                   f"{quickest / 1e6:.1f} ms: wait longer than that before you send again.", *hasty[0])
    deaf = [number for number, copies in by_number.items()
            if number in heard and any(seen.time > heard[number][0].time + LATE for seen in copies)]
    if len(deaf) > many // 2:
        ev.mistake(f"You go on sending message {deaf[0]} although its acknowledgment has come. Listen with "
                   "`sock.recv`, and return when it is there.", heard[deaf[0]][0], by_number[deaf[0]][-1])
    for number in range(many):
        text = number.to_bytes(2) + f"{token} {number}".encode()
        right = [seen for seen in came.get(number, []) if data_of(seen) == text]
        if not right:
            ev.mistake(f"Message {number} is not at s as it should be: two bytes with the number (the larger half "
                       f"first), then {text[2:].decode()!r}. Leave `message` as the file makes it.",
                       *came.get(number, by_number.get(number, sent[-1:]))[:2])
        if number not in heard:
            ev.mistake(f"Message {number} reached s, but its acknowledgment never reached you: how do you know? Send "
                       "it again until one comes.", *by_number[number])
    again = [copies for copies in by_number.values() if len(copies) > 1]
    ev.expect(True, "", "", f"{len(again)} messages had to be repeated",
              [seen for copies in again[:2] for seen in copies])
    ev.expect(True, "", "", f"{many} of {many} messages arrived, over a cable that loses a quarter",
              [came[number][0] for number in range(many)])
