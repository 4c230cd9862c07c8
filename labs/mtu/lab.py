"""A small link in the middle: errors of routers, fragments, and a black hole."""

import contextlib
import socket

from packetlab.internet.icmp import DestinationUnreachable
from packetlab.internet.ipv4 import IPv4
from packetlab.net.servers import TCPEchoServer
from packetlab.transport.tcp import TCP
from packetlab.wire.netlink import NetlinkError

NEEDED = "icmp.type == 3 && icmp.code == 4"
AT_S = "ip.src == {c.ip} && ip.dst == {s.ip} && ip.proto == 1"
DATA = "ip.src == {d.ip} && tcp.dstport == {port} && tcp.len > 0"
MTU_DISCOVER, NEVER, ALWAYS = 10, 0, 2
SIZE = 8000


class Sink(TCPEchoServer):
    """Takes everything and says nothing."""

    def received(self, sock, data):
        pass


def setup(lab):
    lab.serve(Sink(lab["s"], int(lab.value("port"))))


def forget(lab):
    """What c has learned about the path."""
    lab.run("c", "sh -c 'echo 1 > /proc/sys/net/ipv4/route/flush'")


def datagram(lab, size, port, fragment, ttl=64):
    with lab["c"].socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.IPPROTO_IP, MTU_DISCOVER, NEVER if fragment else ALWAYS)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)
        sock.sendto(lab.random("data").randbytes(size), (lab.value("s.ip"), port))


# -- guess


def begin_guess(lab):
    forget(lab)


def traffic_guess(lab):
    with lab["c"].socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP) as sock:
        sock.setsockopt(socket.IPPROTO_IP, MTU_DISCOVER, ALWAYS)
        sock.sendto(b"\x08\0\0\0\0\0\0\1" + lab.random("data").randbytes(1300), (lab.value("s.ip"), 0))
        lab.until_seen("c", NEEDED, 1)


def answers_guess(ev):
    sent = ev.at("c").first("icmp.type == 8 && ip.src == {c.ip}", why="the ping leaves c")
    told = ev.at("c").first(NEEDED, after=sent, why="a router says that it was too large")
    came = ev.at("s").count("icmp.type == 8 && ip.src == {c.ip}", why="pings that reached s")
    return {"arrives": "yes" if came else "no", "who": "r1" if told[IPv4].src == sent_by(ev, "r1.c.ip") else "r2",
            "mtu": told[DestinationUnreachable].next_hop_mtu}


def sent_by(ev, name):
    return socket.inet_aton(ev.value(name))


def diagnose_guess(ev, given, right):
    if given["arrives"].lower().startswith("y"):
        return "1300 bytes and two headers do not fit into the tunnel, and DF forbids to cut them."
    if given["who"] == "r2":
        return "r2 never sees the packet: it stands at the other end of the tunnel."
    if given["who"] in ("c", "s"):
        return "The packet fits c's own link, and s never sees it. Which machine has to put it into the tunnel?"
    if given["mtu"] == "1500":
        return "1500 is what c knows already. Which number would help it?"
    return None


# -- pieces


def begin_pieces(lab):
    forget(lab)


def traffic_pieces(lab):
    lab.until(lambda: last_group(lab.look().at("s").all(AT_S)), 0.3)


def last_group(seen):
    """The fragments of the packet that came last."""
    return [one for one in seen if one[IPv4].identification == seen[-1][IPv4].identification]


PINGED = "icmp.type == 8 && eth.src == {c.mac} && ip.dst == {s.ip}"


def cut_in_three(ev):
    """The last ping that left c whole and reached s in three pieces, and these: (frame, pieces); or (None, [])."""
    # Not by the identification alone: it may be the same for each packet of a program.
    until = None
    for whole in reversed(ev.at("c").all(PINGED)):
        pieces = ev.at("s").all(AT_S, after=whole, before=until)
        if len(pieces) == 3 and not whole[IPv4].dont_fragment and not whole[IPv4].more_fragments:
            return whole, pieces
        until = whole
    return None, []


def check_pieces(ev):
    c = ev.at("c")
    whole, pieces = cut_in_three(ev)
    if whole is None:
        if not c.all(PINGED):
            c.mistake("icmp.type == 8 && eth.src == {c.mac}", "You pinged another machine than s.")
            ev.at("d").mistake("icmp.type == 8 && ip.src == {d.ip}", "That ping came from d. Send one from c.")
        last = c.last(PINGED, why="c pings s")
        if last[IPv4].dont_fragment:
            ev.mistake("Your ping forbids fragments (DF), so r1 may not cut it. Leave --df out; the system's own ping "
                       "needs `-M dont`.", last)
        if last[IPv4].more_fragments:
            ev.mistake("c itself had to cut: your packet does not fit the first link. 1472 bytes of data do.", last)
        pieces = last_group(ev.at("s").some(AT_S, after=last, why="what reaches s"))
        ev.mistake(f"Your ping reached s in {len(pieces)} piece{'s' if len(pieces) > 1 else ''}; three were wanted. "
                   f"Send {'more' if len(pieces) < 3 else 'less'}.", last, *pieces)
    ev.expect(True, "", "", "c sends one whole packet", [whole])
    sizes = sum(one[IPv4].total_length - 20 for one in pieces)
    ev.expect(sizes == whole[IPv4].total_length - 20, "all bytes of the packet", f"{sizes}",
              "r1 cut it into three, and nothing is lost", pieces)


# -- look


def answers_look(ev):
    _, pieces = cut_in_three(ev)
    ev.expect(len(pieces) == 3, "three", f"{len(pieces)}", "the three fragments", pieces)
    ordered = sorted(pieces, key=lambda seen: seen[IPv4].fragment_offset)
    return {"second": ordered[0][IPv4].total_length - 20, "more": sum(seen[IPv4].more_fragments for seen in pieces)}


def diagnose_look(ev, given, right):
    if given["second"] == str(right["second"] // 8):
        return "That is the number in the header; it counts units of 8 bytes."
    if given["second"] == str(right["second"] + 20):
        return "You counted the IP header of the first fragment; its data are 20 bytes fewer."
    if given["more"] == "3":
        return "How should s know that the last one is the last?"
    return None


# -- error


def begin_error(lab):
    forget(lab)


def traffic_error(lab):
    datagram(lab, 1300, 9, fragment=False)
    lab.until_seen("c", NEEDED, 1)
    datagram(lab, 10, 9, fragment=True)
    lab.until_seen("c", "icmp.type == 3 && icmp.code == 3", 1)
    datagram(lab, 10, 9, fragment=True, ttl=1)
    lab.until_seen("c", "icmp.type == 11", 1)
    mine = lab.functions()
    for seen in lab.look().at("c").all("icmp.type == 3 || icmp.type == 11"):
        kind = "needed" if seen.data[34:36] == b"\3\4" else "port" if seen.data[34] == 3 else "time"
        lab.notes[kind] = [mine.room(seen.data[34 : 14 + seen[IPv4].total_length])]


def check_error(ev):
    c, small = ev.at("c"), int(ev.value("small"))
    needed = c.first(NEEDED, why="the router's word")
    port = c.first("icmp.type == 3 && icmp.code == 3", why="s's word: no such port")
    late = c.first("icmp.type == 11", why="another router's word: time exceeded")
    said, other = ev.notes["needed"][0], (ev.notes["port"][0], ev.notes["time"][0])
    if other != (None, None):
        told = next(one for one in other if one is not None)
        ev.mistake(f"Your function returned {told!r} for a message about something else; None was wanted. Look at type "
                   "and code.", port if other[0] is not None else late)
    if said is None:
        ev.mistake("Your function returned None for the very message that names a size. Does it return what it found?",
                   needed)
    if not isinstance(said, int):
        ev.mistake(f"Your function returned {said!r}; it should be a whole number.", needed)
    if said == small:
        ev.mistake("That is the MTU: the size of a whole packet. Its headers are no data.", needed)
    if said == small - 20:
        ev.mistake("You took the IP header off. UDP has a header, too.", needed)
    if said == int.from_bytes(small.to_bytes(2, "big"), "little") - 28 != small - 28:
        ev.mistake("You read the two bytes the wrong way round: the larger half comes first.", needed)
    ev.expect(said == small - 28, f"{small - 28}", f"{said}", "so much data fits", [needed])


# -- hole


def begin_hole(lab):
    if not any(route.prefix_length == 0 and route.family == socket.AF_INET for route in lab["d"].routes()):
        with contextlib.suppress(NetlinkError):  # an attempt may have taken even the address
            lab["d"].add_route("default", lab.value("office.r"))


def traffic_hole(lab):
    lab.notes["said"] = "no answer"
    with lab["d"].socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.settimeout(0.5)
        try:
            sock.connect((lab.value("s.ip"), int(lab.value("port"))))
            sock.sendall(lab.random("upload").randbytes(SIZE))
            sock.shutdown(socket.SHUT_WR)
            sock.recv(1)
        except OSError as error:  # no answer is what it is about; but d may have no way to s at all
            lab.notes["said"] = error.strerror or lab.notes["said"]


def mtu_of(host):
    return next(one.mtu for one in host.interfaces() if one.name == "eth0")


def check_hole(ev):
    d, small = ev.at("d"), int(ev.value("small"))
    if not d.all("tcp.flags.syn == 1 && ip.src == {d.ip} && tcp.dstport == {port}"):
        ev.mistake(f"d cannot even connect: {ev.notes['said']}. Has it lost its address or its route? "
                   "`ip address` and `ip route` in the shell of d tell.", *d.all("eth.src == {d.mac}")[:2])
    # The last upload is the lab's own; before the repair, people try it by hand.
    hello = d.last("tcp.flags.syn == 1 && ip.src == {d.ip} && tcp.dstport == {port}", why="d connects")
    large = d.all(f"ip.src == {{d.ip}} && tcp && ip.len > {small}", after=hello)
    if large:
        size = large[0][IPv4].total_length
        word = ev.at("r1").all(NEEDED, after=hello)
        if mtu_of(ev.host("c")) < 1500:
            ev.mistake("You repaired c. Host d is the one that is behind the firewall.", large[0], *word[:1])
        if size < 1400:
            ev.mistake(f"d sends packets of {size} bytes: smaller than before, but the tunnel takes {small}.",
                       large[0], *word[:1])
        ev.mistake(f"d still sends packets of {size} bytes. r1 says that {small} would pass, but d never hears it.",
                   large[0], *word[:1])
    data = f"{DATA} && tcp.srcport == {hello[TCP].src_port}"
    came = {seen[TCP].sequence: seen for seen in ev.at("s").some(data, after=hello, why="data reach s")}
    total = sum(seen[IPv4].total_length - 20 - 4 * seen[TCP].data_offset for seen in came.values())
    ev.expect(total == SIZE, f"{SIZE} bytes", f"{total}", "the whole upload arrived", list(came.values())[:3])
    d.none(NEEDED, after=hello, why="and nobody had to complain")
