"""Flow control: a sleeping reader, windows that shrink to nothing, probes, and what a small window costs."""

import contextlib
import select
import socket
import struct
import threading
import time

from packetlab.internet.ipv4 import IPv4
from packetlab.link.ethernet import Ethernet
from packetlab.transport.tcp import TCP

FROM_CLIENT = "ip.src == {c.ip} && tcp.dstport == {port}"
FROM_SERVER = "ip.dst == {c.ip} && tcp.srcport == {port}"
HELLO = FROM_CLIENT + " && tcp.flags.syn == 1"
AGREED = FROM_SERVER + " && tcp.flags.syn == 1"
DATA = FROM_CLIENT + " && tcp.len > 0"
CLOSED = "tcp.srcport == {port} && tcp.flags.reset == 0 && tcp.flags.syn == 0 && tcp.window_size_value == 0"
SMALL, BULK, ROUND_TRIP = 8192, 120_000, 0.01


class Reader:
    """Listens on the port of s. Its connections are read when `awake` is set, and not before."""

    def __init__(self, lab, buffer=0):
        self.awake = threading.Event()
        self.over = False
        self.listener = lab["s"].socket(socket.AF_INET, socket.SOCK_STREAM)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if buffer:
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self.listener.bind(("0.0.0.0", int(lab.value("port"))))
        self.listener.listen(16)

    def __enter__(self):
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.over = True
        self.awake.set()
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)  # wakes accept
        self.listener.close()

    def accept(self):
        with contextlib.suppress(OSError):
            while not self.over:
                sock, _ = self.listener.accept()
                threading.Thread(target=self.read, args=(sock,), daemon=True).start()

    def read(self, sock):
        with sock, contextlib.suppress(OSError):
            sock.settimeout(3)
            self.awake.wait(600)
            while not self.over and sock.recv(65536):
                pass


def asleep(lab):
    """A reader with a small buffer that sleeps. The largest buffer there could be decides the factor of windows."""
    largest = 1 << int(lab.value("shift")) + 16
    lab["s"].set_sysctl("net.ipv4.tcp_rmem", f"4096 32768 {largest}")
    lab.notes["reader"] = lab.serve(Reader(lab))


def length(seen):
    return seen[IPv4].total_length - 4 * seen[IPv4].header_length - 4 * seen[TCP].data_offset


def shift(seen):
    return next((option.shift for option in seen[TCP].options if hasattr(option, "shift")), 0)


def past_the_edge(view, data, answers, factor):
    """The first frame with data beyond all that was allowed until then, and by how many bytes it is too far."""
    frames = sorted([(seen.number, seen, True) for seen in view.all(data)]
                    + [(seen.number, seen, False) for seen in view.all(answers)], key=lambda each: each[0])
    start = edge = None
    for _, seen, is_data in frames:
        tcp = seen[TCP]
        if not is_data:
            if start is None:
                start, edge = tcp.acknowledgment, 0
            times = 1 if tcp.flags & TCP.SYN else factor  # RFC 7323 2.2: the window of a SYN is never scaled
            edge = max(edge, (tcp.acknowledgment - start) % 2**32 + tcp.window * times)
        elif start is not None and (tcp.sequence - start) % 2**32 + length(seen) > edge:
            return seen, (tcp.sequence - start) % 2**32 + length(seen) - edge
    return None, 0


# -- guess


def begin_guess(lab):
    # A buffer of a fixed size: no factor, and so the window closes at the end of a full segment. With a factor a rest
    # is left over, for which c waits 200 ms before it sends a short segment.
    lab.notes["reader"] = lab.serve(Reader(lab, 16384))


def traffic_guess(lab):
    data = memoryview(lab.random("data").randbytes(int(lab.value("size"))))
    with lab["c"].socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.settimeout(2)
        sock.connect((lab.value("s.ip"), int(lab.value("port"))))
        sock.setblocking(False)
        sent = 0
        for _ in range(5):
            with contextlib.suppress(BlockingIOError):
                while sent < len(data):
                    sent += sock.send(data[sent:])
            if lab.until_seen("c", CLOSED, 1, 0.3):
                break
        # What was to be seen has been seen. Cut off at once, so that nothing of it is left over for the next step.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    lab.until_seen("s", FROM_CLIENT + " && tcp.flags.reset == 1", 1, 1)


def answers_guess(ev):
    c = ev.at("c")
    hello = c.one(HELLO, why="one connection")
    full = c.first(CLOSED, why="s has no room left")
    last = c.last(FROM_SERVER, why="the last word of s, while its program sleeps")
    arrived = (full[TCP].acknowledgment - hello[TCP].sequence - 1) % 2**32
    ev.expect(arrived > 0, "data arrived", f"{arrived} bytes", f"{arrived} bytes of {{size}} are in the buffer of s",
              [full])
    return {"window": last[TCP].window, "arrives": "all" if arrived >= int(ev.value("size")) else "part"}


def diagnose_guess(ev, given, right):
    if given["arrives"].lower() == "none":
        return ("The program sleeps, but its kernel does not: it takes what comes, and acknowledges it, as long as "
                "there is room.")
    if given["arrives"].lower() == "all":
        return "All of it does not fit: a buffer of some 20000 bytes is full long before. And nobody empties it."
    if given["window"] in ("16000", "16384", "20000"):
        return "That is the room in the beginning. The window is the room that is left."
    return None


# -- stuck


def begin_stuck(lab):
    asleep(lab)


def traffic_stuck(lab):
    mine = gone = ""
    if lab.until_seen("c", HELLO, 1, 1.5):
        mine = f" && tcp.port == {lab.look().at('c').last(HELLO)[TCP].src_port}"
        gone = FROM_CLIENT + mine + " && tcp.flags.reset == 1"
    if mine and lab.until_seen("c", CLOSED + mine, 1, 1.5):
        full = lab.look().at("c").first(CLOSED + mine)
        probe = FROM_CLIENT + mine + f" && tcp.len == 0 && tcp.seq_raw == {before(full)}"
        if lab.until_seen("c", f"({probe}) || ({gone})", 1, 2) and lab.look().at("c").all(probe):
            lab.until(lambda: lab.look().at("c").all(CLOSED + mine, after=lab.look().at("c").first(probe)), 1)
    lab.notes["reader"].awake.set()
    if mine:
        for side in (FROM_CLIENT, FROM_SERVER):
            lab.until_seen("c", f"({side + mine} && tcp.flags.fin == 1) || ({gone})", 1, 1)


def before(full):
    return (full[TCP].acknowledgment - 1) % 2**32


def check_stuck(ev):
    c, size = ev.at("c"), int(ev.value("size"))
    if not c.all(HELLO):
        c.mistake("tcp.flags.syn == 1 && tcp.flags.ack == 0 && ip.src == {c.ip}",
                  "You connected to another port; the sleeper listens at {port}.")
        c.mistake("tcp.flags.syn == 1 && tcp.flags.ack == 0 && ip.src == {s.ip}",
                  "That connection was opened by s. Open one from c to s.")
        c.mistake("udp && !icmp && ip.src == {c.ip}",
                  "That was UDP, which has no window: nobody would hold you back. Use TCP.")
    hello = c.last(HELLO, why="c says hello")
    mine = f" && tcp.port == {hello[TCP].src_port}"
    agreed = c.first(AGREED + mine, why="s says hello")
    start = hello[TCP].sequence + 1
    sent = max([(seen[TCP].sequence + length(seen) - start) % 2**32 for seen in c.all(DATA + mine)], default=0)
    c.mistake(FROM_CLIENT + mine + " && tcp.flags.reset == 1",
              "Your program gave up and cut the connection. Let it wait: s will wake up when you check.")
    if not c.all(CLOSED + mine):
        ev.mistake(f"You sent {sent} bytes, and s had room for all of them: its window never was 0. Send {{size}}.",
                   hello, *c.all(FROM_SERVER + mine)[-1:])
    full = c.first(CLOSED + mine, after=agreed, why="s has no room left: window 0")
    probe = c.first(FROM_CLIENT + mine + f" && tcp.len == 0 && tcp.seq_raw == {before(full)}", after=full,
                    why="c asks, with an old number and no data: is there room?")
    c.first(CLOSED + mine, after=probe, why="s answers: no")
    c.none(DATA + mine, window=(full, probe), why="c sends no data in the meantime")
    opened = c.first(FROM_SERVER + mine + " && tcp.window_size_value > 0", after=probe,
                     why="the program has read: there is room again")
    c.first(DATA + mine, after=opened, why="and c goes on")
    if sent != size:
        ev.mistake(f"You sent {sent} bytes; {{size}} were wanted.", hello)
    seen, far = past_the_edge(c, DATA + mine, FROM_SERVER + mine, 1 << shift(agreed))
    ev.expect(seen is None, "no byte beyond the window", f"one {far} bytes beyond it",
              "c never had more on its way than the window allowed", [seen] if seen else [agreed, full, opened])


# -- look


def answers_look(ev):
    hello = ev.at("c").last(HELLO, why="the SYN of c")
    mine = f" && tcp.port == {hello[TCP].src_port}"
    agreed = ev.at("c").first(AGREED + mine, why="the SYN of s: its option says by how much to shift")
    full = ev.at("c").first(CLOSED + mine, why="the first window of 0")
    return {"factor": 1 << shift(agreed), "full": (full[TCP].acknowledgment - hello[TCP].sequence - 1) % 2**32}


def diagnose_look(ev, given, right):
    if given["factor"] == str(int(right["factor"]).bit_length() - 1) and given["factor"] != str(right["factor"]):
        return "That is the shift: the power of two. The factor is 2 to that power."
    if given["full"] == str(int(right["full"]) + 1):
        return "One too many: the SYN took a number as well, and it was no data."
    if given["full"].isdecimal() and int(given["full"]) > 10 * int(ev.value("size")):
        return "That is the raw number. Count from the start: take off the sequence number of c's SYN, and 1."
    return None


# -- sender

GHOST = "ip.src == {lan.ghost} && tcp.dstport == {port}"
TO_GHOST = "ip.dst == {lan.ghost} && tcp.srcport == {port}"
PIECE = 1400


class ByHand:
    """A TCP sender made of single frames, at an address of c that c's kernel knows nothing of."""

    def __init__(self, lab, sock, source_port):
        self.lab, self.sock, self.port, self.dst_port = lab, sock, source_port, int(lab.value("port"))
        self.start = lab.random(f"start {source_port}").randrange(1 << 20, 1 << 30)
        self.acknowledged = self.window = self.theirs = 0
        self.head = Ethernet(dst=lab.value("s.mac"), src=lab.value("c.mac"))
        self.ip = IPv4(src=lab.value("lan.ghost"), dst=lab.value("s.ip"), protocol=6)

    def send(self, place, flags, data=b""):
        tcp = TCP(src_port=self.port, dst_port=self.dst_port, sequence=(self.start + place) % 2**32,
                  acknowledgment=self.theirs, flags=flags, window=8000)
        self.sock.send((self.head / self.ip / tcp / data).encapsulate())

    def hear(self, timeout):
        """Takes the next frame of s for us; False if none came in time."""
        deadline = time.monotonic() + timeout
        while (left := deadline - time.monotonic()) > 0 and select.select([self.sock], [], [], left)[0]:
            frame = self.sock.recv(2000)
            if frame[23:24] != b"\x06" or int.from_bytes(frame[36:38], "big") != self.port:
                continue
            sequence, ack = int.from_bytes(frame[38:42], "big"), int.from_bytes(frame[42:46], "big")
            self.flags, self.window = frame[47], int.from_bytes(frame[48:50], "big")
            if self.flags & 2:
                self.theirs = (sequence + 1) % 2**32
            self.acknowledged = max(self.acknowledged, (ack - self.start - 1) % 2**32)
            return True
        return False


def begin_sender(lab):
    lab["s"].add_neighbour(lab.value("lan.ghost"), lab.value("c.mac"))
    asleep(lab)


def traffic_sender(lab):
    asker, total = lab.functions(), int(lab.value("part"))
    asleep_ = lab.notes["reader"].awake
    data, sent, repeats, said = lab.random("part").randbytes(total), 0, 0, 0
    with lab["c"].socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800)) as sock:
        sock.bind((lab["c"].port().name, 0x0800))
        # Another port each time, as s may still hold the connection of an attempt that went wrong.
        lab.notes["port"] = 40_000 + (lab.notes.get("port", lab.random("port").randrange(20_000)) + 1) % 20_000
        me = ByHand(lab, sock, lab.notes["port"])
        me.send(0, TCP.SYN)
        if not me.hear(1):
            return
        me.send(1, TCP.ACK)
        me.acknowledged = 0
        while me.acknowledged < total:
            said = asker.allowed(me.acknowledged, sent, me.window, total - sent)
            if not isinstance(said, int) or isinstance(said, bool) or not 0 <= said <= total - sent:
                break
            if said:
                piece = data[sent : sent + min(said, PIECE)]
                me.send(1 + sent, TCP.ACK, piece)
                sent += len(piece)
                if sent > me.acknowledged + me.window:
                    break
                continue
            if me.window == 0:
                asleep_.set()
            if me.hear(0.25):
                continue
            if sent > me.acknowledged:  # s had no memory for a segment that its window allowed: say it again
                sent = me.acknowledged
            asleep_.set()
            repeats += 1
            if repeats > 3:
                break
        lab.notes["said"] = (repr(said)[:60], me.acknowledged, sent, me.window)
        me.send(1 + me.acknowledged, TCP.RST | TCP.ACK)
    lab.until_seen("s", GHOST + " && tcp.flags.reset == 1", 1, 1)


def check_sender(ev):
    c, total = ev.at("c"), int(ev.value("part"))
    said, acknowledged, sent, window = ev.notes["said"]
    asked, answered = (each + f" && tcp.port == {ev.notes['port']}" for each in (GHOST, TO_GHOST))
    agreed = c.first(answered + " && tcp.flags.syn == 1", why="the first window of s")
    where = f"acknowledged {acknowledged}, sent {sent}, window {window}, left {total - sent}"
    if not said.lstrip("-").isdecimal():
        forgot = " Does it end with `return`?" if said == "None" else ""
        ev.mistake(f"allowed returned {said}; it should return a whole number of bytes.{forgot}", agreed)
    seen, far = past_the_edge(c, asked + " && tcp.len > 0", answered, 1)
    if not seen and sent > acknowledged + window:
        # s had made more room already, but this sender had not read of it.
        seen, far = c.last(asked + " && tcp.len > 0", why="the last data"), sent - acknowledged - window
    if seen:
        if int(said) <= window:
            ev.mistake(f"You sent {far} bytes more than s has room for ({where}). The window counts from the byte "
                       "that s has acknowledged: what is on its way already is in it.", agreed, seen)
        ev.mistake(f"You sent {far} bytes more than s has room for ({where}). Mind the window.", agreed, seen)
    if int(said) < 0:
        ev.mistake(f"allowed returned {said}. There is no way to send less than nothing: 0 means wait.", agreed)
    if int(said) > total - sent:
        ev.mistake(f"allowed returned {said}, but only {total - sent} bytes are left to send ({where}).", agreed)
    if acknowledged < total:
        ev.mistake(f"The transfer stands still: allowed said {said} ({where}). There is room for "
                   f"{acknowledged + window - sent} bytes more.", *c.all(answered)[-1:])
    last = c.last(answered + " && tcp.flags.reset == 0", why="the last acknowledgment of s")
    first = c.first(asked + " && tcp.flags.syn == 1", why="the connection by hand")[TCP].sequence + 1
    ev.expect((last[TCP].acknowledgment - first) % 2**32 >= total, "all {part} bytes acknowledged",
              f"{(last[TCP].acknowledgment - first) % 2**32}", "all {part} bytes arrived", [last])
    ev.expect(True, "", "", "and not one of them was beyond the window", c.all(asked + " && tcp.len > 0")[:3])


# -- slow


def begin_slow(lab):
    lab["s"].set_sysctl("net.ipv4.tcp_rmem", f"4096 {SMALL} {SMALL}")
    lab.notes["c settings"] = settings(lab["c"])


def settings(host):
    return [host.get_sysctl(f"net.ipv4.tcp_{which}mem").split() for which in "rw"]


def traffic_slow(lab):
    reader = lab.serve(Reader(lab))  # its buffer is that of the moment
    reader.awake.set()
    with lab["c"].socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.settimeout(3)
        sock.connect((lab.value("s.ip"), int(lab.value("port"))))
        sock.sendall(bytes(BULK))
        sock.shutdown(socket.SHUT_WR)
        sock.recv(1)


def check_slow(ev):
    c = ev.at("c")
    hello = c.last(HELLO, why="the lab opened a connection")
    mine = f" && tcp.port == {hello[TCP].src_port}"
    agreed = c.first(AGREED + mine, why="s says hello")
    factor, need = 1 << shift(agreed), int(int(ev.value("rate")) * 1e6 * ROUND_TRIP)
    answers = c.some(FROM_SERVER + mine + " && tcp.flags.syn == 0", why="s says how much room there is")
    widest = max(answers, key=lambda seen: seen[TCP].window)
    window = widest[TCP].window * factor
    if window <= SMALL:
        if settings(ev.host("c")) != ev.notes["c settings"]:
            ev.mistake(f"You changed c, but it is s that holds c back: it never offers more than {window} bytes.",
                       agreed, widest)
        ev.mistake(f"s still offers {window} bytes at most; c can send no more than that in a round trip. Its buffer "
                   "for receiving is too small.", agreed, widest)
    if window < need:
        ev.mistake(f"Better, but not enough: s offers {window} bytes at most. {{rate}} MB/s at 10 ms needs {need} "
                   "bytes on the way.", agreed, widest)
    ev.expect(True, "", "", f"s offers {window} bytes; {need} are needed", [agreed, widest])
    flight = max((seen[TCP].sequence + length(seen) - before_it[-1][TCP].acknowledgment) % 2**32
                 for seen in c.all(DATA + mine) if (before_it := c.all(FROM_SERVER + mine, before=seen)))
    ev.expect(flight > SMALL // 2, f"more than {SMALL // 2} bytes on the way at a time", f"{flight}",
              f"c had up to {flight} bytes on the way", [widest])
    ev.at("s").first(FROM_CLIENT + mine + " && tcp.flags.fin == 1", why="and all of it was sent")
