"""A TCP conversation from the first SYN to the last FIN, and what a closed port answers."""

import socket

from packetlab.internet.ipv4 import IPv4
from packetlab.net.servers import TCPEchoServer
from packetlab.transport.tcp import TCP

SYN_SENT = "tcp.flags.syn == 1 && tcp.flags.ack == 0 && ip.src == {c.ip} && tcp.dstport == {port}"
SYN_ACK = "tcp.flags.syn == 1 && tcp.flags.ack == 1 && ip.src == {s.ip} && tcp.srcport == {port}"
FROM_CLIENT = "ip.src == {c.ip} && tcp.dstport == {port}"
FROM_SERVER = "ip.src == {s.ip} && tcp.srcport == {port}"


def setup(lab):
    lab.serve(TCPEchoServer(lab["s"], int(lab.value("port"))))


def talk(lab, *words):
    """One conversation of c with s: each word is sent and its echo read; then both sides close."""
    with lab["c"].socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.settimeout(2)
        sock.connect((lab.value("s.ip"), int(lab.value("port"))))
        for word in words:
            sock.sendall(word)
            left = len(word)
            while left:
                left -= len(sock.recv(left))
        sock.shutdown(socket.SHUT_WR)
        sock.recv(1)


def length(seen):
    return seen[IPv4].total_length - 4 * seen[IPv4].header_length - 4 * seen[TCP].data_offset


# -- guess


def traffic_guess(lab):
    talk(lab, lab.value("token").encode())
    lab.until_seen("c", "tcp.flags.fin == 1", 2)


def answers_guess(ev):
    ev.at("c").one(SYN_SENT, why="the client's hello")
    said = ev.at("c").first(FROM_CLIENT + " && tcp.len > 0", why="the first data")
    return {"before": ev.at("c").count("tcp.port == {port}", before=said, why="segments before the first data"),
            "fins": ev.at("c").count("tcp.port == {port} && tcp.flags.fin == 1", why="segments with FIN")}


def diagnose_guess(ev, given, right):
    if given["before"] == "4":
        return "You counted two hellos and two receipts. The server puts its hello and its receipt into one segment."
    if given["before"] in ("0", "1", "2"):
        return "The server may not trust the client's address yet: it waits until its own hello is acknowledged too."
    if given["fins"] == "1":
        return "One FIN ends one direction only; the other side may go on sending until it hangs up as well."
    return None


# -- talk


HELLO = "tcp.flags.syn == 1 && tcp.flags.ack == 0"
WORD = FROM_CLIENT + ' && tcp contains "{token}"'


def conversation(hello):
    """The end of a filter for the frames of the connection that began with this SYN."""
    return f" && tcp.port == {hello[TCP].src_port}"


def is_whole(c, hello):
    own = conversation(hello)
    return (c.all(WORD + own, after=hello) and c.all(FROM_CLIENT + " && tcp.flags.fin == 1" + own, after=hello)
            and c.all(FROM_SERVER + " && tcp.flags.fin == 1" + own, after=hello)
            and not c.all("tcp.flags.reset == 1" + own, after=hello))


def check_talk(ev):
    c = ev.at("c")
    hellos = c.all(SYN_SENT)
    whole = [hello for hello in hellos if is_whole(c, hello)]
    if not whole:
        not_whole(ev, c, hellos)
    own = conversation(whole[0])
    hello = c.first(SYN_SENT + own, why="the client says hello")
    agreed = c.first(SYN_ACK + own, after=hello, why="the server says hello too, and that it heard")
    c.first(FROM_CLIENT + " && tcp.flags == 0x10" + own, after=agreed, why="the client has heard as well")
    word = c.first(WORD + own, after=agreed, why="your word")
    c.first(FROM_CLIENT + " && tcp.flags.fin == 1" + own, after=hello, why="the client hangs up")
    c.first(FROM_SERVER + " && tcp.flags.fin == 1" + own, after=word, why="and so does the server")


def not_whole(ev, c, hellos):
    """What is wrong with the last conversation. Ends the check."""
    if not hellos:
        c.mistake(HELLO + " && ip.src == {c.ip} && tcp.dstport != {port}",
                  "You connected to another port; the server listens at {port}.")
        c.mistake(HELLO + " && ip.src == {s.ip}", "That connection was opened by s. Open one from c to s.")
        c.mistake("udp && ip.src == {c.ip}", "That was UDP, which has no handshake. Use TCP.")
        c.first(SYN_SENT, why="the client says hello")
    hello, own = hellos[-1], conversation(hellos[-1])
    c.first(SYN_ACK + own, after=hello, why="the server says hello too, and that it heard")
    c.mistake("tcp.flags.reset == 1" + own, "The connection was cut off by RST, not closed. Read the echo before you "
              "close it.", after=hello)
    said = c.all(FROM_CLIENT + " && tcp.len > 0" + own, after=hello)
    ends = c.all("tcp.flags.fin == 1" + own, after=hello)
    if not said and ends:
        ev.mistake("You connected and closed, but sent nothing in between. Send the word {token}.", hello, *ends)
    if said and not c.all(WORD + own, after=hello):
        ev.mistake("You sent data, but not the word {token} in one piece.", *said[:2])
    ev.mistake("The connection is still open: " + (
        "c has not said FIN." if not any(seen.direction == "out" for seen in ends) else "s has not said FIN yet.")
        + " End the program that opened it, and check again.", hello, *ends)


# -- look


def answers_look(ev):
    # Of several conversations, the one that the learner looked at.
    meant = [seen for seen in ev.at("c").all(SYN_SENT) if str(seen[TCP].sequence) == ev.given.get("start", "").strip()]
    own = conversation(meant[0]) if meant else ""
    hello = ev.at("c").first(SYN_SENT + own, why="the client's SYN")
    agreed = ev.at("c").first(SYN_ACK + conversation(hello), after=hello, why="the server's SYN-ACK")
    return {"start": hello[TCP].sequence, "ack": agreed[TCP].acknowledgment}


def diagnose_look(ev, given, right):
    if given["start"] in ("0", "1") or given["ack"] in ("0", "1"):
        return "Those are relative numbers, counted from the start of the connection; the raw ones are wanted."
    agreed = ev.at("c").all(SYN_ACK)[0]
    if given["start"] == str(agreed[TCP].sequence):
        return "That is the number of the server's SYN-ACK. The client's SYN is the segment before it."
    if given["ack"] == given["start"]:
        return "The server does not repeat the number it got: it names the next one that it expects."
    if given["ack"] == str(agreed[TCP].sequence):
        return "That is the sequence number of the SYN-ACK, with which s begins to count its own bytes."
    return None


# -- refused


def check_refused(ev):
    c = ev.at("c")
    asked = c.all("tcp.flags.syn == 1 && ip.src == {c.ip} && tcp.dstport == {shut}")
    if not asked:
        c.mistake(SYN_SENT, "You knocked at {port}, where somebody listens. Try {shut}.")
        c.mistake("udp.dstport == {shut}", "That was UDP; its closed ports answer by ICMP. Use TCP.")
        c.mistake(HELLO + " && ip.src == {c.ip} && ip.dst == {s.ip}", "You knocked at another port. Try {shut}.")
        c.mistake(HELLO + " && ip.src == {s.ip}", "That came from s. Knock from c.")
    asked = c.first("tcp.flags.syn == 1 && ip.src == {c.ip} && tcp.dstport == {shut}", why="c says hello")
    refused = c.first("tcp.flags.reset == 1 && ip.src == {s.ip} && tcp.srcport == {shut}", after=asked,
                      why="s answers: there is nobody")
    ev.expect(refused[TCP].acknowledgment == (asked[TCP].sequence + 1) % 2**32, "RST acknowledges the SYN",
              f"it acknowledges {refused[TCP].acknowledgment}", "and proves by its number that it got that SYN",
              [asked, refused])


# -- count


def traffic_count(lab):
    chance = lab.random("lengths")
    for _ in range(2):
        talk(lab, *(chance.randbytes(chance.randrange(2, 900)) for _ in range(3)))
    lab.until_seen("s", FROM_CLIENT + " && tcp.flags.fin == 1", 2)
    mine = lab.functions()
    segments = lab.look().at("s").all(FROM_CLIENT)
    lab.notes["said"] = [(seen[TCP].sequence, mine.next_expected(seen[TCP].sequence, length(seen),
                                                                 bool(seen[TCP].flags & TCP.SYN),
                                                                 bool(seen[TCP].flags & TCP.FIN)))
                         for seen in segments]
    lab.notes["lap"] = mine.next_expected(2**32 - 5, 20, False, False)


def check_count(ev):
    s = ev.at("s")
    said = dict(ev.notes["said"])
    s.exactly(2, SYN_SENT, why="the lab opened two connections")
    for answer in s.all(FROM_SERVER + " && tcp.flags.ack == 1"):
        port, ack = answer[TCP].dst_port, answer[TCP].acknowledgment
        came = [seen for seen in s.all(FROM_CLIENT, before=answer)
                if seen[TCP].src_port == port and (length(seen) or seen[TCP].flags & (TCP.SYN | TCP.FIN))]
        latest = came[-1]
        got = said.get(latest[TCP].sequence)
        if got == ack:
            continue
        if not isinstance(got, int):
            forgot = " Does it end with `return`?" if got is None else ""
            ev.mistake(f"next_expected returned {got!r}; it should return a number.{forgot}", latest, answer)
        if got == latest[TCP].sequence + length(latest) - 1 and length(latest):
            ev.mistake("That is the last byte that came. The acknowledgment names the next one.", latest, answer)
        if latest[TCP].flags & TCP.SYN and got == ack - 1:
            ev.mistake("You forgot that a SYN takes one number, although it carries no data.", latest, answer)
        if latest[TCP].flags & TCP.FIN and got == ack - 1:
            ev.mistake("You forgot that a FIN takes one number, as a SYN does.", latest, answer)
        if length(latest) and got == ack - length(latest):
            ev.mistake("You forgot the data: each byte takes one number.", latest, answer)
        ev.expect(False, f"acknowledgment {ack}", f"your function said {got}", "what the kernel of s expects next",
                  [latest, answer])
    if ev.notes["lap"] != 15:
        ev.mistake("Numbers have 32 bits: after 4294967295 comes 0. 20 bytes from 4294967291 on end before 15, and you "
                   f"said {ev.notes['lap']}.", *s.all(SYN_SENT))
    ev.expect(True, "", "", "your numbers are those of the kernel", s.all(FROM_SERVER)[:4])
