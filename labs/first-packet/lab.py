"""A client and a server: who speaks first, by UDP and by TCP, and from which ports."""

import socket

from packetlab.net.servers import TCPEchoServer, UDPEchoServer
from packetlab.transport.udp import UDP

ASKED = "udp.dstport == {port} && ip.src == {c.ip} && !icmp"  # an ICMP error quotes what it is about
ANSWERED = "udp.srcport == {port} && ip.src == {s.ip}"


def setup(lab):
    lab.serve(TCPEchoServer(lab["s"], int(lab.value("port"))))
    lab.serve(UDPEchoServer(lab["s"], int(lab.value("port"))))


# -- guess


def traffic_guess(lab):
    with lab["c"].socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(2)
        for number in range(3):
            sock.sendto(f"{lab.value('word')} {number}".encode(), (lab.value("s.ip"), int(lab.value("port"))))
            sock.recv(100)


def answers_guess(ev):
    s = ev.at("s")
    first = s.first("udp.port == {port}", why="the first datagram at s")
    s.exactly(3, ASKED, why="three questions came to s")
    return {"server": s.count(ANSWERED, why="what the server sent"),
            "first": "client" if first.direction == "in" else "server"}


def diagnose_guess(ev, given, right):
    if given["first"] == "server":
        return "The server cannot speak first: it does not know that there is a client, nor where."
    if given["server"] == "0":
        return "This server sends back what it hears, so it does answer."
    if given["server"] == "6":
        return "You counted both directions; the question is about the server alone."
    return None


# -- speak


def check_speak(ev):
    c = ev.at("c")
    asked, opened = c.all(ASKED), c.all("tcp.flags.syn == 1 && ip.src == {c.ip} && tcp.dstport == {port}")
    if not asked and not opened:
        ev.at("s").mistake("(udp || tcp.flags == 2) && eth.src == {s.mac} && !icmp",
                           "This came from s. You are the client: type the commands in the shell of c.")
        c.mistake("(udp || tcp.flags == 2) && eth.src == {c.mac} && ip.dst == {s.ip} && !icmp",
                  "You sent to another port; the server waits at {port}.")
        c.mistake("eth.src == {c.mac} && arp.opcode == 1 && arp.dst.proto_ipv4 != {s.ip}",
                  "c asked who has an address that is not the server's. The server is {s.ip}.")
        if not c.all("ip.src == {c.ip}"):
            ev.mistake("c has sent nothing yet. Type the two commands of this step in its shell, then check again.")
    if asked and not opened:
        ev.mistake("UDP is done, TCP is missing: send {other} by TCP too.", *asked[:1])
    if opened and not asked:
        ev.mistake("TCP is done, UDP is missing: send {word} by UDP too.", *opened[:1])
    if asked and not c.all(ASKED + ' && udp contains "{word}"'):
        ev.mistake("Your datagram does not say {word}.", *asked[:1])
    said_by_tcp = c.all("ip.src == {c.ip} && tcp.dstport == {port} && tcp.len > 0")
    if opened and not c.all('ip.src == {c.ip} && tcp.dstport == {port} && tcp contains "{other}"'):
        ev.mistake("Your TCP connection did not say {other}.", *(said_by_tcp or opened)[:1])
    said = c.first(ASKED + ' && udp contains "{word}"', why="your datagram")
    # Only of this conversation: an answer to what was tried before may stand in front of it.
    c.none(f"udp && ip.src == {{s.ip}} && udp.dstport == {said[UDP].src_port} && !icmp", before=said,
           why="the server says nothing before it is asked")
    c.first(ANSWERED + ' && udp contains "{word}"', after=said, why="and then it echoes it")
    hello = c.first("tcp.port == {port}", why="the first TCP segment")
    ev.expect(hello.direction == "out", "the first TCP segment comes from c", "it came from s",
              "by TCP too the client speaks first", [hello])
    told = c.first('ip.src == {c.ip} && tcp.dstport == {port} && tcp contains "{other}"', after=hello,
                   why="your word by TCP")
    c.first('ip.src == {s.ip} && tcp.srcport == {port} && tcp contains "{other}"', after=told, why="and its echo")


# -- look


def answers_look(ev):
    said = ev.at("c").first(ASKED + ' && udp contains "{word}"', why="your datagram")
    return {"service": said[UDP].dst_port, "own": said[UDP].src_port}


def diagnose_look(ev, given, right):
    if given["service"] == str(right["own"]):
        return "You have the two ports the wrong way round: the service is the destination of your datagram."
    if given["own"] == str(right["service"]):
        return "The two ports are different: only the server's was fixed in advance."
    return None
