"""What each layer puts in front of the data, and what a router changes of it."""

import socket

from packetlab.internet.ipv4 import IPv4
from packetlab.net.servers import UDPEchoServer
from packetlab.transport.udp import UDP

SENT = "ip.src == {c.ip} && ip.dst == {s.ip} && udp.dstport == {port} && !icmp"
BACK = "ip.src == {s.ip} && ip.dst == {c.ip} && udp.srcport == {port}"


def setup(lab):
    lab.serve(UDPEchoServer(lab["s"], int(lab.value("port"))))


# -- guess


def traffic_guess(lab):
    with lab["c"].socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(data_of(lab), (lab.value("s.ip"), int(lab.value("port"))))
        lab.until_seen("c", BACK, 1)


def data_of(lab):
    return (lab.value("word").encode() + b" ").ljust(int(lab.value("size")), b".")


def answers_guess(ev):
    frame = ev.at("c").first(SENT, why="the frame leaves c")
    ev.at("s").first(SENT, why="and reaches s")
    offset = frame.data.index(ev.value("word").encode())
    return {"frame": len(frame.data), "offset": offset, "length": frame[UDP].length}


def diagnose_guess(ev, given, right):
    size = int(ev.value("size"))
    if given["frame"] == str(size):
        return "The data do not travel alone. Add the headers of all layers."
    if given["frame"] == str(size + 28):
        return "That is the IP packet. The frame has an Ethernet header, too."
    if given["frame"] == str(size + 46):
        return "The four bytes of the frame's checksum are on the wire, but the card takes them off."
    if given["length"] == str(size):
        return "The length in a UDP header counts the header itself as well."
    return None


# -- exact


def traffic_exact(lab):
    lab.until(lambda: lab.look().at("s").all(SENT), 0.3)


def check_exact(ev):
    c, total = ev.at("c"), int(ev.value("total"))
    if not c.all(SENT):
        c.mistake("tcp && ip.src == {c.ip}", "That was TCP. A datagram is wanted: use UDP.")
        c.mistake("udp && !icmp && ip.src == {c.ip} && udp.dstport != {port}",
                  "Your datagram went to another port than {port}.")
        c.mistake("udp && !icmp && ip.src == {c.ip}", "Your datagram went to another machine than s, {s.ip}.")
        ev.at("s").mistake("ip && ip.src == {s.ip} && ip.dst == {c.ip}",
                           "s has sent this. c has to send: open the shell of c.")
    sent = c.last(SENT, why="your datagram leaves c")
    size = len(sent.data)
    if size == total + 42:
        ev.mistake(f"Your data have {total} bytes, and the frame {size}: the headers came on top.", sent)
    if size == total + 14:
        ev.mistake(f"The IP packet has {total} bytes, but the frame has the 14 bytes of Ethernet as well.", sent)
    if size == total + 34:
        ev.mistake("You took off the 8 bytes of UDP only. There are two more headers.", sent)
    if size == total - 4:
        ev.mistake("You took off four bytes too many: the frame's checksum is the card's, and is not counted here.",
                   sent)
    ev.expect(size == total, f"a frame of {total} bytes", f"one of {size}", "exactly as long as was asked for", [sent])
    ev.at("s").some(SENT, why="and it reached s")


# -- look


def answers_look(ev):
    sent = ev.at("c").first(SENT, why="as c sent it")
    came = ev.at("s").first(SENT, why="as s got it")
    start = 14 + 4 * sent[IPv4].header_length
    same = sent.data[start:] == came.data[start:]
    return {"mac": came.packet.layers[0].src, "ttl": came[IPv4].ttl, "data": "no" if same else "yes"}


def diagnose_look(ev, given, right):
    if given["mac"].lower() == ev.value("c.mac"):
        return "That is the address of c. The frame that reaches s was made by another machine."
    if given["mac"].lower() == ev.value("s.mac"):
        return "That is where the frame goes to, not where it comes from."
    if given["ttl"] == "64":
        return "64 is what c wrote. Look at the frame at s: `packetlab lab frames s`."
    return None


# -- wrap


def traffic_wrap(lab):
    # The router asks for s before: its question would keep the frame waiting.
    lab["r"].add_neighbour(lab.value("s.ip"), lab.value("s.mac"))
    ends = lab.value("c.mac"), lab.value("r.c.mac")
    macs = [bytes.fromhex(mac.replace(":", "")) for mac in ends]
    addresses = [socket.inet_aton(lab.value(name)) for name in ("c.ip", "s.ip")]
    own = lab.random("own").randrange(20_000, 30_000)
    with lab["c"].socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((lab.value("c.ip"), own))
        data = data_of(lab)
        made = lab.functions().wrap(*macs, *addresses, own, int(lab.value("port")), data)
        lab.notes["own"], lab.notes["data"] = own, data
        lab.notes["made"] = made if isinstance(made, bytes) else repr(type(made).__name__)
        if isinstance(made, bytes) and 14 <= len(made) <= 1514:
            lab.device("c").send(made)
            lab.until_seen("c", BACK, 1, 0.5)


def check_wrap(ev):
    made, own, data = ev.notes["made"], ev.notes["own"], ev.notes["data"]
    if not isinstance(made, bytes):
        ev.mistake(f"wrap returned {made}; it should return bytes.")
    if len(made) < 42:
        ev.mistake(f"Your frame has {len(made)} bytes; the headers alone have 42.")
    if len(made) > 1514:
        ev.mistake(f"Your frame has {len(made)} bytes; 42 of headers and {len(data)} of data make {42 + len(data)}.")
    c = ev.at("c")
    frame = next((seen for seen in c.all("frame") if seen.data[:60] == made[:60] and seen.direction == "out"), None)
    if frame is None:
        ev.mistake("Your frame did not get onto the cable.")
    if made[:6] == bytes.fromhex(ev.value("c.mac").replace(":", "")):
        ev.mistake("The two MAC addresses are the wrong way round: in a frame, the receiver comes first.", frame)
    if made[12:14] != b"\x08\x00":
        ev.mistake("The type behind the MAC addresses should be 0x0800: IPv4.", frame)
    if IPv4 not in frame:
        ev.mistake("Behind the Ethernet header there is no IPv4 header that can be read: its first byte is 0x45.",
                   frame)
    told, there = frame[IPv4].total_length, len(made) - 14
    if told != there:
        ev.mistake(f"The total length in the IP header says {told}, but header and content have {there} bytes.", frame)
    if frame[IPv4].checksum == 0:
        ev.mistake("The checksum of the IP header is 0, so the router throws the packet away.", frame)
    if UDP in frame:
        sizes = frame[UDP].length, len(made) - 34
        if sizes[0] != sizes[1]:
            ev.mistake(f"The UDP header says {sizes[0]}, but header and data have {sizes[1]} bytes.", frame)
        turned = int.from_bytes(own.to_bytes(2, "little"), "big")
        if frame[UDP].src_port == turned != own:
            ev.mistake('The bytes of the ports are turned round. Use "!" in struct: the order of the network.', frame)
    ev.at("s").some(SENT, why="the router forwarded it, so its IP header is right")
    answer = c.some(BACK, why="s took it for a datagram like any other and sent the data back")
    same = any(seen[UDP].dst_port == own and data in seen.data for seen in answer)
    ev.expect(same, "the same data, back at the port", "others", "they are your data", answer[:1])
