"""What is said of each TCP segment, against tshark's tcp.analysis (one pass, its default preferences).

    python -m tests.oracle.tcp_analysis [--every N] [FILE...]

Each TCP packet of the corpora is compared in what was found of it (fifteen kinds), the round trip it ends, the bytes
in flight, how long a retransmission waited, and the duplicate acknowledgements counted. tshark prints no time that
is zero; neither does this. Reasons for differences:

* the connection holds packets inside another protocol that packetlab does not know;
* packetlab reads a segment of the connection where tshark gives up before (fuzz-1011.pcap, packet 2: IP version 2);
* its header length is impossible (less than 20): tshark judges nothing, packetlab takes it for 20;
* a sequence number lies before the connection's first one (corrupted, or forged): tshark counts bytes in flight
  without a sign from there, finds more than 2**31 and prints none, packetlab gives the distance;
* a segment without ACK (a SYN or RST sent late) has an acknowledgment field: tshark takes it for an acknowledgement
  all the same and forgets segments that nobody acknowledged (206_example_a.pcap, packet 47);
* a sequence number or acknowledgment is 0: tshark takes that for "none seen yet" (tcp_handshake_synthetic.pcap,
  packet 50; syn-then-ack-then-rst.pcap, packet 2);
* tshark counts -1 duplicate acknowledgements after bytes not seen, without a sign, and so takes the next
  retransmission for a fast one (reassembly.pcap, packet 8);
* of more than 10,000 unacknowledged segments tshark does not count a FIN (telnet-long-line-no-eol.pcapng.gz, 13987);
* the capture ends inside the TCP header (truncated-header.pcap), or the timestamps are outside of what nanoseconds
  in 64 bits hold (pcapng-example.pcapng.zst.raw.pcap).
"""

import argparse
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from packetlab.analysis.tcp_health import Kind, health
from packetlab.analysis.tcp_health.kinds import MEANINGS
from packetlab.model.errors import CaptureError
from tests.oracle.segments import around_tcp, captures
from tests.oracle.table import Row, print_table

KINDS = {kind: f"tcp.analysis.{meaning.name}" for kind, meaning in MEANINGS.items() if kind != Kind.REPEATED}
NUMBERS = ("tcp.analysis.ack_rtt", "tcp.analysis.acks_frame", "tcp.analysis.bytes_in_flight",
           "tcp.analysis.push_bytes_sent", "tcp.analysis.rto", "tcp.analysis.duplicate_ack_num",
           "tcp.analysis.duplicate_ack_frame", "tcp.analysis.initial_rtt")  # fmt: skip
WHAT = ("kinds", "round trip, packet acknowledged", "bytes in flight, since PSH", "wait before retransmission",
        "duplicate acknowledgements", "first round trip")  # fmt: skip


@dataclass(slots=True)
class Said:
    """What is said of one packet: the mask of kinds, and the numbers as text."""

    kinds: int
    numbers: tuple[tuple[int, ...], ...]
    stream: int
    protocols: str = ""
    sequence: int = 0
    """Counted from the connection's first one."""
    acknowledges: bool = True
    """Has ACK."""
    broken: bool = False
    """Its header length is impossible, or it is not all there."""
    zero: bool = False
    """Its sequence number or acknowledgment is 0."""


def ours(path: Path) -> dict[int, Said]:
    """Packet number: what packetlab says."""
    found = {}
    for part in health(path):
        columns = (part.number, part.stream, part.kinds, part.round_trip, part.acknowledges, part.in_flight,
                   part.pushed, part.waited, part.duplicate, part.duplicate_of, part.handshake)  # fmt: skip
        for number, stream, kinds, trip, to, flight, pushed, waited, again, of, first in zip(
            *(column.tolist() for column in columns), strict=True
        ):
            found[number] = Said(
                kinds & ~int(Kind.REPEATED),
                ((trip or -1, to), (flight, pushed), (waited or -1,), (again, of), (first,)), stream,
            )  # fmt: skip
    return found


def theirs(path: Path) -> dict[int, Said]:
    """The same of tshark."""
    names = ("frame.number", "frame.protocols", "tcp.stream", "tcp.seq", "tcp.flags.ack", "tcp.hdr_len",
             "_ws.short", "_ws.malformed", "tcp.seq_raw", "tcp.ack_raw", *KINDS.values(), *NUMBERS)  # fmt: skip
    out = subprocess.run(
        ["tshark", "-n", "-r", str(path), "-E", "occurrence=l", "-Y", "tcp && !icmp && !icmpv6", "-T", "fields",
         *(part for name in names for part in ("-e", name))],
        capture_output=True, text=True, errors="replace",
    ).stdout  # fmt: skip
    found = {}
    for line in out.splitlines():
        cells = line.split("\t")
        if len(cells) != len(names) or not cells[0] or not cells[2]:
            continue
        kinds = sum(kind for kind, cell in zip(KINDS, cells[10:], strict=False) if cell)
        trip, to, flight, pushed, rto, again, of, first = cells[10 + len(KINDS) :]
        found[int(cells[0])] = Said(
            kinds, ((_ns(trip), int(to or 0)), (int(flight or -1), int(pushed or -1)), (_ns(rto),),
                    (int(again or 0), int(of or 0)), (_ns(first),)), int(cells[2]), cells[1], int(cells[3] or 0),
            cells[4] in ("1", "True"),
            int(cells[5] or 0) < 20 or bool(cells[6] or cells[7]), "0" in (cells[8], cells[9]),
        )  # fmt: skip
    return found


def _ns(text: str) -> int:
    if not text:
        return -1
    whole, _, part = text.partition(".")
    value = abs(int(whole)) * 1_000_000_000 + int((part + "0" * 9)[:9])
    return -value if text.startswith("-") else value


@dataclass(slots=True)
class Count:
    """One line of the table."""

    what: str
    files: int = 0
    compared: int = 0
    equal: int = 0
    explained: int = 0
    examples: list[str] = field(default_factory=list)

    def note(self, same: bool, why: str | bool, example: str) -> None:
        self.compared += 1
        self.equal += same
        self.explained += not same and bool(why)
        if not same and not why:
            self.examples.append(example)


def names(kinds: int) -> str:
    return "+".join(MEANINGS[kind].name for kind in MEANINGS if kinds & kind) or "nothing"


def compare(path: Path, counts: list[Count]) -> None:
    """Compare one capture's packets."""
    try:
        mine = ours(path)
    except CaptureError:
        return
    other = theirs(path)
    strange = {said.stream for said in other.values() if around_tcp(said.protocols)}
    strange |= {said.stream for number, said in mine.items() if number not in other}
    early = {said.stream for said in other.values() if said.sequence >= 1 << 31}
    unflagged: set[int] = set()
    broken = {said.stream for said in other.values() if said.broken}
    zero = {said.stream for said in other.values() if said.zero and said.acknowledges}
    seen: set[int] = set()
    for said in other.values():
        if said.stream in seen and not said.acknowledges:
            unflagged.add(said.stream)
        seen.add(said.stream)
    frozen = {said.stream for number, said in other.items() if number in mine  # the same packets, another time
              and mine[number].numbers[0][1] == said.numbers[0][1] and mine[number].numbers[0] != said.numbers[0]}
    for count in counts:
        count.files += 1
    for number, said in other.items():
        if number not in mine:
            continue
        here = mine[number]
        why = "another protocol around" if said.stream in strange else ""
        why = why or ("broken header" if said.stream in broken else "")
        differs = here.kinds ^ said.kinds
        fast = bool(said.kinds & Kind.FAST_RETRANSMISSION and not here.kinds & Kind.FAST_RETRANSMISSION)
        unseen = differs == Kind.ACK_LOST_SEGMENT and number > 10_000
        whys = (why or said.stream in unflagged | zero | frozen,
                why or said.stream in early | unflagged, why or fast or said.stream in unflagged,
                why or said.stream in zero, why or said.stream in frozen)  # fmt: skip
        if said.numbers[-1] == (-1,):  # tshark shows the first round trip only with another finding
            here.numbers = (*here.numbers[:-1], (-1,))
        why = why or ("zero" if said.stream in zero | unflagged or fast or unseen else "")
        counts[0].note(here.kinds == said.kinds, why,
                       f"{path.name} {number}: {names(here.kinds)}, tshark {names(said.kinds)}")  # fmt: skip
        for count, our, their, reason in zip(counts[1:], here.numbers, said.numbers, whys, strict=True):
            if max(*our, *their) > 0 or our != their:
                count.note(our == their, bool(reason), f"{path.name} {number}: {our}, tshark {their}")


def verdict(every: int = 1, paths: list[Path] | None = None, shown: int = 1) -> list[Row]:
    """One row for each thing compared."""
    counts = [Count(what) for what in WHAT]
    for path in paths or captures("tcp", every):
        compare(path, counts)
    return [Row(f"tcp.analysis: {one.what}", one.files, one.compared, one.equal, one.explained,
                "\n    ".join(one.examples[:shown])) for one in counts]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--show", type=int, default=1, help="differences shown of each kind")
    parser.add_argument("files", nargs="*", type=Path)
    given = parser.parse_args()
    print_table(verdict(given.every, given.files, given.show))


if __name__ == "__main__":
    main()
