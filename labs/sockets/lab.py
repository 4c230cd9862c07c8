"""Sockets: 4-tuples tell connections of one port apart; the kernel's table; what answers where there is none."""

import contextlib
import socket
import struct

from packetlab.internet.icmp import ICMP
from packetlab.internet.icmpv6 import ICMPv6
from packetlab.internet.ipv4 import IPv4
from packetlab.lab.verdict import Inconclusive
from packetlab.net.servers import TCPEchoServer
from packetlab.transport.tcp import TCP
from packetlab.transport.udp import UDP

SYN = "tcp.flags.syn == 1 && tcp.flags.ack == 0 && ip.src == {c.ip}"
ACCEPTED = "tcp.flags.syn == 1 && tcp.flags.ack == 1 && ip.src == {s.ip}"
ASKED = "ip.src == {c.ip} && tcp.dstport == {port}"
ANSWERED = "ip.src == {s.ip} && tcp.srcport == {port}"
SAID = 'ip.src == {c.ip} && tcp.dstport == {hidden} && tcp contains "{token}"'
TCP_SHUT = "tcp.flags.syn == 1 && tcp.dstport == {shut} && (ip.src == {c.ip} || ipv6.src == {c.ip6})"
REFUSED = "tcp.flags.reset == 1 && tcp.srcport == {shut}"
UDP_SHUT = "udp && udp.dstport == {shut} && !icmp && !icmpv6"
FOUR = ("client-address", "client-port", "server-address", "server-port")
PATIENCE = 2.0


def setup(lab):
    lab.serve(TCPEchoServer(lab["s"], int(lab.value("one"))))
    lab.serve(TCPEchoServer(lab["s"], int(lab.value("two"))))
    # Errors are limited to some in a second for each target; those who try again shall hear each of them.
    lab["s"].set_sysctl("net.ipv4.icmp_ratelimit", 0)
    lab["s"].set_sysctl("net.ipv6.icmp.ratelimit", 0)


def client(lab, stack, port, own=0, *, cut=True):
    """A connection of c with s. `cut`: it ends by RST, so that its 4-tuple is free again at once."""
    sock = stack.enter_context(lab["c"].socket(socket.AF_INET, socket.SOCK_STREAM))
    if cut:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.settimeout(PATIENCE)
    if own:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((lab.value("c.ip"), own))
    sock.connect((lab.value("s.ip"), port))
    return sock


def data(seen):
    """What a segment carries."""
    start = 14 + 4 * seen[IPv4].header_length + 4 * seen[TCP].data_offset
    return seen.data[start : 14 + seen[IPv4].total_length]


def stream(frames):
    """The bytes of one direction, in order of sequence numbers; what was sent twice is there once."""
    found = {}
    for seen in frames:
        if data(seen):
            found.setdefault(seen[TCP].sequence, data(seen))
    start = min(found, default=0)
    return b"".join(found[number] for number in sorted(found, key=lambda number: (number - start + 2**31) % 2**32))


# -- guess


def traffic_guess(lab):
    with contextlib.ExitStack() as stack:
        socks = [client(lab, stack, int(lab.value("one"))) for _ in range(3)]
        for sock in socks:
            sock.sendall(lab.value("token").encode())
            sock.recv(100)


def answers_guess(ev):
    came = ev.at("s").some("ip.src == {c.ip} && tcp.dstport == {one}", why="what c sends to the three connections")
    own = {seen[TCP].src_port for seen in came}
    went = [seen for seen in ev.at("s").all("ip.src == {s.ip} && tcp") if seen[TCP].dst_port in own]
    ev.expect(bool(went), "answers", "none", "what s sends to them", went)
    return {"server": len({seen[TCP].src_port for seen in went}), "client": len(own)}


def diagnose_guess(ev, given, right):
    if given["server"] in ("3", "4"):
        return ("You let the server take a port of its own for each client. How would the client hear of it? It knows "
                "{one} alone, and takes answers from there alone.")
    if given["client"] == "1":
        return "If all three connections had the same ports at both ends, nobody could tell their packets apart."
    return None


# -- server


def traffic_server(lab):
    """Three clients connect, then speak in an order of their own, twice; in between we read the kernel's table."""
    lab.notes.update(refused=False, table=[], ended=None)
    program = lab.program("s", "{port}", ready="")
    lab.until(lambda: program.process.poll() is not None or waiting(lab.look()), 3)
    order = [1, 0, 2] if lab.random("order").random() < 0.5 else [2, 0, 1]
    lines = lab.random("lines")
    words = [[f"{lab.value('token')}{lines.randrange(100, 999)}".encode() for _ in range(3)] for _ in range(2)]
    with contextlib.ExitStack() as stack:
        try:
            clients = [client(lab, stack, int(lab.value("port")), cut=False) for _ in range(3)]
        except OSError:
            lab.notes["refused"] = True
            lab.notes["table"], lab.notes["ended"] = sockets_of(lab.look()), program.wait(0.01)
            return
        own = [sock.getsockname()[1] for sock in clients]
        lab.notes["words"] = {port: [words[0][n], words[1][n]] for n, port in enumerate(own)}
        if not all(ask(clients[n], words[0][n]) for n in order):
            for earlier in clients[: order[0]]:
                earlier.close()  # does anything happen now?
            heard(clients[order[0]], 0.5)
            # A thread that failed has hung up before it tells why.
            lab.until(lambda: program.wait(0.01) is not None or "Error" in program.said(), 0.5)
            return
        lab.notes["table"] = sockets_of(lab.look())
        for n in reversed(order):
            ask(clients[n], words[1][n])


def ask(sock, word):
    try:
        sock.sendall(word + b"\n")
    except OSError:
        return False
    return heard(sock)


def heard(sock, at_most=PATIENCE):
    """Whether a whole line comes back."""
    sock.settimeout(at_most)
    line = b""
    try:
        while not line.endswith(b"\n"):
            piece = sock.recv(1000)
            if not piece:
                return False
            line += piece
    except OSError:
        return False
    return True


def sockets_of(ev):
    return [row for protocol in ("tcp", "tcp6") for row in ev.sockets("s", protocol)]


def waiting(ev):
    """Sockets that wait for somebody, but for those of the lab's own servers."""
    known = {int(ev.value("one")), int(ev.value("two"))}
    listening = [row for row in sockets_of(ev) if row[4] == "LISTEN" and row[1] not in known]
    return listening or ev.sockets("s", "udp")


def check_server(ev):
    s = ev.at("s")
    hello = s.first(SYN + " && tcp.dstport == {port}", why="the first client says hello")
    if ev.notes["refused"]:
        nobody(ev, hello)
    words, port = ev.notes["words"], int(ev.value("port"))
    answers = {own: stream(s.all(ANSWERED + f" && tcp.dstport == {own}")) for own in words}
    hellos = {own: s.first(SYN + f" && tcp.srcport == {own}", why="a client connects") for own in words}
    judge_answers(ev, answers, hellos)
    for own, said in words.items():
        wanted = [word + b" %d" % own for word in said]
        got = [line.strip() for line in answers[own].splitlines()]
        frames = s.all(f"tcp.port == {own} && tcp.len > 0")
        ev.expect(got == wanted, f"the client at port {own} hears {text(wanted)}", text(got),
                  f"the client at port {own} hears its lines, with its own port", frames or [hellos[own]])
    tuples = {(seen[IPv4].src, seen[TCP].src_port, seen[IPv4].dst, seen[TCP].dst_port)
              for seen in s.all(SYN + " && tcp.dstport == {port}")}
    ev.expect(len(tuples) == 3, "three 4-tuples", str(len(tuples)), "three connections, three 4-tuples",
              list(hellos.values()))
    rows = [row for row in ev.notes["table"] if row[1] == port]
    if not any(row[4] == "LISTEN" for row in rows):
        ev.mistake("You closed the socket that listens. A fourth client would be refused.", hello)
    peers = {row[3] for row in rows if row[4] == "ESTABLISHED"}
    ev.expect(peers == set(words), f"ESTABLISHED sockets for the ports {ports(words)} of c",
              f"for {ports(peers) or 'none'}", "the kernel of s has one socket that listens, and one for each of them",
              list(hellos.values()))


def text(lines):
    return ", ".join(line.decode("ascii", "replace") for line in lines) or "nothing"


def ports(numbers):
    return ", ".join(map(str, sorted(numbers)))


def printed(ev):
    """The error that the program ended with, as its last line has it."""
    errors = [line for line in ev.output.splitlines() if line[:1].isalpha() and "Error" in line.partition(":")[0]]
    return f" It printed: {errors[-1]}" if errors else ""


def nobody(ev, hello):
    """Why a SYN was refused: what the kernel's table says of the program's sockets."""
    port = int(ev.value("port"))
    refused = ev.at("s").all("tcp.flags.reset == 1 && tcp.srcport == {port}")
    known = {int(ev.value("one")), int(ev.value("two"))}
    for address, number, *_ in [row for row in ev.notes["table"] if row[4] == "LISTEN" and row[1] not in known]:
        if number == port and address in ("127.0.0.1", "::1"):
            ev.mistake(f"Your program listens at {address}, port {port}: that is for programs on s itself. Packets "
                       'from outside go to {s.ip}; give "" as the address, for all of them.', hello, *refused[:1])
        if number == port and ":" in address:
            ev.mistake("Your program listens for IPv6 only, and c has come by IPv4.", hello, *refused[:1])
        if number != port:
            ev.mistake(f"Your program listens at port {number}. It shall use the port it is given: {port}.", hello,
                       *refused[:1])
    if not refused:
        ev.mistake("The kernel of s did not complete three handshakes: the queue of your listening socket is full. "
                   "Accept sooner, or give `listen` a larger number.", hello)
    old = [row for row in ev.notes["table"] if row[1] == port and row[4] == "TIME_WAIT"]
    if ev.notes["ended"] is not None and old and "Address already in use" in ev.output:
        ev.mistake(f"Your program has ended, and port {port} still has a connection of your last attempt (TIME_WAIT), "
                   "for a minute. Set SO_REUSEADDR before you `bind`, and that does no harm.", hello, *refused[:1])
    if ev.notes["ended"] is not None:
        ev.mistake(f"The SYN for port {port} was refused: your program has ended (code {ev.notes['ended']}), so nobody "
                   f"listens.{printed(ev)}", hello, *refused[:1])
    ev.mistake(f"The SYN for port {port} was refused: no TCP socket listens there. Did you `listen`, and is the socket "
               "one of SOCK_STREAM?", hello, *refused[:1])


def judge_answers(ev, answers, hellos):
    """Known mistakes of servers."""
    s, words = ev.at("s"), ev.notes["words"]
    first = next(iter(words))
    gone = s.all(f"(tcp.flags.fin == 1 || tcp.flags.reset == 1) && tcp.srcport == {first}")
    later = [own for own in words if own != first and s.all(ANSWERED + f" && tcp.dstport == {own} && tcp.len > 0")]
    if gone and later and all(
        not s.all(ANSWERED + f" && tcp.dstport == {own} && tcp.len > 0", before=gone[0]) for own in later
    ):
        after = s.all(ANSWERED + f" && tcp.dstport == {later[0]} && tcp.len > 0")
        ev.mistake("Your server talks to one client at a time: the others heard nothing until the first had hung up "
                   "(the kernel had completed their handshakes all the same). Accept the next client before the first "
                   "one is done.", gone[0], after[0])
    for own, answer in answers.items():
        frames = s.all(f"tcp.port == {own} && tcp.len > 0")
        asked = [seen for seen in frames if seen.direction == "in"]
        # Who hangs up first?
        closed = [seen for seen in s.all(f"tcp.port == {own} && tcp.flags.fin == 1")[:1] if seen.direction == "out"]
        if asked and not answer:
            if closed:
                ev.mistake(f"Your server hung up before it had answered.{printed(ev)}", asked[0], closed[0])
            ev.mistake("A client has sent a line and your server does not answer it, though the kernel of s has taken "
                       f"it.{printed(ev)}", asked[0])
        if answer and b"\n" not in answer:
            ev.mistake("Your answer has no end of line, so the client still waits for the rest of it.", *frames)
        if b"\n %d\n" % own in answer:
            ev.mistake("The end of line of the client's own line stands in the middle of your answer, so it is two "
                       "lines. Take it off first: `line.strip()`.", *frames)
        numbers = [line.split()[-1] for line in answer.splitlines() if b" " in line]
        if answer and not numbers:
            ev.mistake("You sent back the line alone. The client's port shall follow, after a space.", *frames)
        others = {b"%d" % each for each in words if each != own}
        if others & set(numbers):
            ev.mistake(f"The client at port {own} was told the port of another client. A variable is shared by your "
                       "threads: give each its own, as an argument.", *frames)
        if b"%d" % int(ev.value("port")) in numbers:
            ev.mistake("That is the server's own port, the same for all. The client's is in what `accept` returns.",
                       *frames)
        if closed and len(answer.splitlines()) == 1:
            ev.mistake("Your server hung up after one line. Go on until the client hangs up.", frames[0], closed[0])


# -- look


def answers_look(ev):
    s = ev.at("s")
    hellos = s.some(SYN + " && tcp.dstport == {port}", at_least=3, why="the three SYNs")
    tuples = [(seen[IPv4].src, seen[TCP].src_port, seen[IPv4].dst, seen[TCP].dst_port) for seen in hellos]
    differ = [name for name, *column in zip(FOUR, *tuples, strict=True) if len(set(column)) > 1]
    said = s.first(ASKED + " && tcp.len > 0", why="the first segment with data")
    ev.expect(len(differ) == 1, "one difference", ", ".join(differ), "they differ in one number", hellos)
    return {"differ": differ[0], "spoke": said[TCP].src_port}


def diagnose_look(ev, given, right):
    if given["differ"].startswith("server"):
        return "All three went to the same address and the same port of s. Look at the other end."
    if given["differ"] == "client-address":
        return "All three came from the same machine, c. A machine has many ports."
    hellos = ev.at("s").all(SYN + " && tcp.dstport == {port}")
    if given["spoke"] == str(hellos[0][TCP].src_port):
        return "That one connected first. Another one spoke first: which was the first segment with data?"
    if given["spoke"] == ev.value("port"):
        return "That is the server's port, the same in all three."
    return None


# -- same


def traffic_same(lab):
    own, one, two = (int(lab.value(name)) for name in ("own", "one", "two"))
    with contextlib.ExitStack() as stack:
        client(lab, stack, one, own)
        for port in (two, one):
            with contextlib.suppress(OSError):
                client(lab, stack, port, own)


def answers_same(ev):
    c = ev.at("c")
    c.first(ACCEPTED + " && tcp.srcport == {one} && tcp.dstport == {own}", why="the first connection opens")
    second = c.count(ACCEPTED + " && tcp.srcport == {two} && tcp.dstport == {own}",
                     why="SYN-ACKs for the second connection")
    first = SYN + " && tcp.srcport == {own} && tcp.dstport == {one}"
    numbers = {seen[TCP].sequence for seen in c.all(first)}
    c.count(first, why="SYNs from that port to the first server port")
    return {"other": "yes" if second else "no", "again": "yes" if len(numbers) > 1 else "no"}


def diagnose_same(ev, given, right):
    if given["other"].lower().startswith("n"):
        return ("You let the client's port alone decide. The server's port is part of the 4-tuple as well, and it is "
                "another one.")
    if given["again"].lower().startswith("y"):
        return ("The third has the same four numbers as the first. If a segment came in for them, to which of the two "
                "sockets would it belong?")
    return None


# -- table


def begin_table(lab):
    """A program of s with some clients; one of them has said something that the program does not read."""
    listener = lab.serve(lab["s"].socket(socket.AF_INET, socket.SOCK_STREAM))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("0.0.0.0", int(lab.value("hidden"))))
    listener.listen(8)
    stack = lab.serve(contextlib.ExitStack())
    pairs = []
    for _ in range(int(lab.value("many"))):
        ours = client(lab, stack, int(lab.value("hidden")))
        theirs, _ = listener.accept()
        theirs.settimeout(PATIENCE)
        pairs.append((ours, stack.enter_context(theirs)))
    lab.notes["attempt"] = lab.notes.get("attempt", 0) + 1
    chosen = lab.random(f"chosen {lab.notes['attempt']}").randrange(len(pairs))
    pairs[chosen][0].sendall(lab.value("token").encode())
    lab.notes["pairs"], lab.notes["chosen"] = pairs, chosen


def traffic_table(lab):
    for number, (ours, theirs) in enumerate(lab.notes["pairs"]):
        ours.sendall(lab.value("token").encode())
        if number != lab.notes["chosen"]:
            theirs.sendall(theirs.recv(100))
            ours.recv(100)
    lab.until_seen("c", SAID, len(lab.notes["pairs"]))


def answers_table(ev):
    c = ev.at("c")
    said = c.some(SAID, at_least=3, why="each connection carries a word to s")
    answered = c.some('ip.src == {s.ip} && tcp.srcport == {hidden} && tcp contains "{token}"', at_least=2,
                      why="and all but one bring an answer")
    asking = {seen[TCP].src_port for seen in said}
    left = asking - {seen[TCP].dst_port for seen in answered}
    if len(left) != 1:
        raise Inconclusive("the connections were disturbed, so that no single one is left without an answer")
    return {"listen": said[0][TCP].dst_port, "open": len(asking), "waits": left.pop()}


def diagnose_table(ev, given, right):
    if given["listen"] in (ev.value("one"), ev.value("two")):
        return "There a program waits that you know. Find the third line with the state 0A."
    # A port such as 55512 (d8 d8) is the same when it is turned round.
    if any(given[name] == swapped(right[name]) != str(right[name]) for name in ("listen", "waits")):
        return "You turned the bytes of the port round. In this table only the addresses are turned round."
    if given["open"] == str(right["open"] + 1):
        return "You counted the socket that listens. It is no connection: it waits for them."
    if given["listen"] != str(right["listen"]):
        return "The port is behind the colon of `local_address`, in a line with 0A. Turn it into decimal."
    if given["waits"] == str(right["listen"]):
        return "That is the port of s. The other end of the connection is in `rem_address`."
    if (given["listen"], given["open"]) == (str(right["listen"]), str(right["open"])):
        return "At that one nothing waits. `rx_queue` is the number behind the colon, and not 0 in one line."
    return None


def swapped(port):
    return str(int.from_bytes(port.to_bytes(2, "big"), "little"))


# -- closed


def check_closed(ev):
    c = ev.at("c")
    knocked, four, six = c.all(TCP_SHUT), c.all(UDP_SHUT + " && ip.dst == {s.ip}"), c.all(UDP_SHUT + " && ipv6")
    if not knocked:
        c.mistake("tcp.flags.syn == 1 && tcp.flags.ack == 0 && ip.src == {c.ip} && tcp.dstport != {shut}",
                  "You knocked by TCP at another port. Nothing listens at {shut}; take that one.")
    if not four or not six:
        c.mistake("udp && !icmp && !icmpv6 && (ip.src == {c.ip} || ipv6.src == {c.ip6}) && udp.dstport != {shut}",
                  "Your datagram went to another port than {shut}.")
    done = [*knocked[:1], *four[:1], *six[:1]]
    if not done:
        c.mistake("(tcp.dstport == {shut} || udp.dstport == {shut}) && !icmp && !icmpv6 && eth.src == {s.mac}",
                  "That came from s. Knock from c, at s.")
    if done and not knocked:
        ev.mistake("UDP is done, TCP is missing: connect to port {shut} as well.", *done)
    if done and not four and not six:
        ev.mistake("TCP is done, UDP is missing: send a datagram to port {shut} as well.", *done)
    if done and not six:
        ev.mistake("IPv4 is done. Send a datagram over IPv6 as well, to {s.ip6}.", *done)
    if done and not four:
        ev.mistake("IPv6 is done. Send a datagram over IPv4 as well, to {s.ip}.", *done)
    hello = c.first(TCP_SHUT, why="c says hello by TCP")
    no = c.first(REFUSED, after=hello, why="TCP itself says no: RST")
    ev.expect(no[TCP].acknowledgment == (hello[TCP].sequence + 1) % 2**32, "RST acknowledges the SYN",
              f"it acknowledges {no[TCP].acknowledgment}", "and its number shows which SYN it means", [hello, no])
    refused(ev, "IPv4", UDP_SHUT + " && ip.dst == {s.ip}", "icmp.type == 3 && icmp.code == 3 && ip.src == {s.ip}")
    refused(ev, "IPv6", UDP_SHUT + " && ipv6.dst == {s.ip6}",
            "icmpv6.type == 1 && icmpv6.code == 4 && ipv6.src == {s.ip6}")
    c.none("udp && !icmp && !icmpv6 && udp.srcport == {shut}", why="no datagram says no: UDP cannot")


def refused(ev, version, sent, error):
    """A datagram and the error that quotes it."""
    asked = ev.at("c").first(sent, why=f"a datagram over {version}")
    told = ev.at("c").first(error, after=asked, why="is answered by ICMP: port unreachable")
    quoted = told.packet.quoted
    own = quoted[UDP].src_port if quoted and UDP in quoted else None
    sources = {seen[UDP].src_port for seen in ev.at("c").all(sent)}
    ev.expect(own in sources, f"a quote of your datagram from port {ports(sources)}", f"port {own}",
              "which quotes your datagram, with its ports", [asked, told])


# -- quote


def answers_quote(ev):
    c = ev.at("c")
    told = c.first("icmp.type == 3 && ip.src == {s.ip}", why="the ICMP message")
    told6 = c.first("icmpv6.type == 1 && ipv6.src == {s.ip6}", why="the ICMPv6 message")
    return {"code": told[ICMP].code, "code6": told6[ICMPv6].code, "own": told.packet.quoted[UDP].src_port}


def diagnose_quote(ev, given, right):
    if given["code6"] == given["code"]:
        return "The two number their codes differently. Look at the ICMPv6 message itself."
    if given["own"] == ev.value("shut"):
        return "That is the port of s that was closed, the destination of your datagram. c's is the source."
    told6 = ev.at("c").first("icmpv6.type == 1 && ipv6.src == {s.ip6}")
    if told6.packet.quoted and given["own"] == str(told6.packet.quoted[UDP].src_port):
        return "That one is from your datagram over IPv6."
    return None
