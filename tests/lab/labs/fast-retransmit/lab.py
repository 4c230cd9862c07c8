"""Congestion control: slow start doubles; three duplicate acknowledgments and a retransmission; half, or 7/10."""

import contextlib
import socket
import struct

from packetlab.lab.verdict import Inconclusive
from packetlab.model.errors import UsageError
from packetlab.net.servers import TCPEchoServer

TO_S = "tcp.dstport == {port}"
DATA = "tcp.dstport == {port} && tcp.len > 0"
TIMER, LONGER = 200_000, 1_000_000
"""Microseconds beyond a round trip: the shortest retransmission timeout of Linux, and one for slow machines."""
BETWEEN = 0.58
"""Reno goes down to 0.5, CUBIC to 0.7; what was sent on the first two duplicates makes both a bit less."""


class Sink(TCPEchoServer):
    """Takes everything and says nothing."""

    def received(self, sock, data):
        pass


def setup(lab):
    lab.serve(Sink(lab["s"], int(lab.value("port"))))
    for host in ("c", "d"):
        # ARP would be the first round trip.
        lab[host].add_neighbour(lab.value(f"s.{host}.ip"), lab.value(f"s.{host}.mac"))
        lab["s"].add_neighbour(lab.value(f"{host}.ip"), lab.value(f"{host}.mac"), host)
        # Neither programs nor their buffers shall be what slows it down.
        lab[host].set_sysctl("net.ipv4.tcp_wmem", "4096 1000000 4000000")
        # Three duplicates, as in RFC 5681, and no other sign of a loss (RACK, tail loss probes).
        lab[host].set_sysctl("net.ipv4.tcp_recovery", 0)
        lab[host].set_sysctl("net.ipv4.tcp_early_retrans", 0)
    lab["s"].set_sysctl("net.ipv4.tcp_rmem", "4096 1000000 6000000")
    lab.notes["timer"] = TIMER
    with contextlib.suppress(UsageError):  # from Linux 6.11 on
        for host in ("c", "d"):
            lab[host].set_sysctl("net.ipv4.tcp_rto_min_us", LONGER)
        lab.notes["timer"] = LONGER


def lose(lab, *numbers):
    for host in ("c", "d"):
        lab.net.wire(host, "s").change(drop=list(numbers), match="tcp-data")


# -- rounds


def begin_rounds(lab):
    lose(lab)


def traffic_rounds(lab):
    with lab["c"].socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.settimeout(3)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"reno")
        sock.connect((lab.value("s.c.ip"), int(lab.value("port"))))
        sock.sendall(bytes(50_000))
        lab.until_seen("c", DATA, 70)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def answers_rounds(ev):
    found = ev.at("c").connections(TO_S)
    ev.expect(bool(found), "a connection of c with port {port}", "none", "c connects", [one.hello for one in found])
    rounds = found[0].there.rounds()
    ev.expect(len(rounds) > 2, "three round trips with data", f"{len(rounds)}", "three round trips", [found[0].hello])
    for number, segments in enumerate(rounds[:3], 1):
        ev.expect(True, "", "", f"round trip {number}: {len(segments)} segments", [one.seen for one in segments])
    return {"third": len(rounds[2])}


def diagnose_rounds(ev, given, right):
    if given["third"] in ("30", "12"):
        return "That would be so much more each time. But each acknowledged segment allows two: it doubles."
    if given["third"] == "70":
        return "So many are sent in all three together."
    return None


# -- lost


def begin_lost(lab):
    lose(lab, int(lab.value("lost")))


def traffic_lost(lab):
    lab.settle()


def one_loss(ev, host):
    """The connection of a host and what it had to send again, once it is clear that three duplicates made it do so."""
    number = int(ev.value("lost"))
    found = [one for one in ev.at(host).connections(TO_S) if one.there.segments]
    ev.expect(bool(found), f"a connection of {host} with port {{port}}, and data", "none", f"{host} sends data",
              [one.hello for one in found])
    first = found[0]
    new = [one for one in first.there.segments if not one.again]
    again = first.there.repeats()
    if len(new) < number:
        ev.mistake(f"{host} sent {len(new)} segments, and the {number}th is the one that gets lost. Send {{size}} "
                   "bytes.", new[-1].seen)
    ev.expect(bool(again), f"segment {number} of {host} twice", "nothing twice", f"{host} sends something again",
              [first.hello])
    behind, shown = len(new) - number, [again[0].first.seen, *again[0].duplicates, again[0].again.seen]
    if behind < 3:
        ev.mistake(f"{host} sent only {behind} segments after the lost one, so there were {len(again[0].duplicates)} "
                   f"duplicates, and a timer of {again[0].waited / 1e6:.0f} ms had to run out. Send {{size}} bytes.",
                   *shown)
    if len(again[0].duplicates) < 3 or len(again) > 1:
        raise Inconclusive(f"this machine was too busy: the timer of {host} ran out, or more than one segment was "
                           "sent again")
    ev.expect(new[number - 1].start == again[0].first.start, f"segment {number} twice",
              f"another one, byte {again[0].first.start}", f"the {number}th segment of {host} is lost", shown[:1])
    ev.expect(True, "", "", f"{len(again[0].duplicates)} duplicate acknowledgments reach {host}",
              again[0].duplicates)
    ev.expect(True, "", "", f"{host} sends it again after {again[0].waited / 1e6:.0f} ms",
              [again[0].first.seen, again[0].again.seen])
    return first, again[0]


def remaining(ev, host):
    """Which part of what was in flight is in flight after the loss, and a frame then."""
    first, repeat = one_loss(ev, host)
    if repeat.waited >= 1000 * ev.notes["timer"]:
        raise Inconclusive(f"this machine was too busy: {host} waited for as long as its timer")
    rounds = first.there.rounds()
    healing = max(at for at, one in enumerate(rounds) if one[0].seen.number < repeat.again.seen.number)
    later = [one.seen for segments in rounds[healing + 1 : healing + 3] for one in segments]
    if not later:
        ev.mistake(f"{host} had nothing left to send after its loss. Send {{size}} bytes.", repeat.again.seen)
    most = max(later, key=first.there.in_flight)
    return first.there.in_flight(most) / first.there.in_flight(repeat.again.seen), most


def check_lost(ev):
    ev.at("c").mistake("tcp.flags.syn == 1 && ip.src == {c.ip} && tcp.dstport != {port}",
                       "You connected to another port; s listens at {port}.")
    for host, name, goes_down in (("c", "reno", True), ("d", "cubic", False)):
        part, frame = remaining(ev, host)
        if (part < BETWEEN) != goes_down:
            other = "cubic" if goes_down else "reno"
            ev.mistake(f"{host} has {part:.0%} in flight after the loss of what it had before: that is {other}. Say "
                       f"--congestion {name} at {host}.", frame)
        ev.expect(True, "", "", f"after that, {host} has {part:.0%} of it in flight: that is {name}", [frame])


# -- look


def answers_look(ev):
    first, repeat = one_loss(ev, "c")
    new = [one for one in first.there.segments if not one.again]
    waited = repeat.waited / 1e6
    return {"segment": 1 + [one.start for one in new].index(repeat.first.start), "waited": (waited - 1, waited + 1)}


def diagnose_look(ev, given, right):
    if given["segment"] == str(right["segment"] - 1):
        return "Count from 1; frames without data, as the handshake, do not count."
    return None
