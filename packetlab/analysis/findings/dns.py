"""DNS over UDP: questions without answer, slow answers, errors.

The twelve bytes of a DNS header and the ports are read as columns; Python matches questions with answers by
addresses, port and identifier (about a microsecond each), and only what went wrong is taken apart for its name.
"""

from packetlab.analysis.findings.finding import Kind, Notebook
from packetlab.analysis.findings.seen import Seen, address
from packetlab.application.dns import DNS, RESPONSE_CODES, TYPES
from packetlab.model.packet import Packet
from packetlab.transport.udp import UDP

MOST_OPEN = 50_000
"""Questions that wait for their answer at a time; those waiting longest are given up."""
MOST_NAMES = 5_000
"""Packets that are taken apart for the name in question."""
SLOW = 1_000_000_000
"""Nanoseconds."""

UNANSWERED = Kind(
    "dns-unanswered", "warning", "application", "DNS questions without answer",
    "A DNS server did not answer. The asker waits for seconds before it asks again, so everything seems slow. "
    "The server is off, not reached, or a firewall drops the question or the answer.",
    "Does the server answer others? Ask it yourself: packetlab dns NAME @SERVER", "dns",
)  # fmt: skip
SLOW_ANSWER = Kind(
    "dns-slow", "warning", "application", "Slow DNS answers",
    "The answer took more than a second; whoever asked did nothing in the meantime. The server itself probably "
    "waited for others.",
    "Ask the same name again: is only the first answer slow? Then it is the way to the servers behind.", "dns",
)  # fmt: skip
NO_NAME = Kind(
    "dns-no-such-name", "note", "application", "Names that do not exist (NXDOMAIN)",
    "The server says with authority that there is no such name. Often a slip, or a search list that is tried first; "
    "very many random names come from malware that looks for its master.",
    "Is the name spelled as it should be? Who asks for it?", "dns.flags.rcode == 3",
)  # fmt: skip
FAILED = Kind(
    "dns-failure", "warning", "application", "The DNS server could not find out",
    "The server answered with an error instead of an address: it could not reach the servers that know, their answers "
    "failed a check (DNSSEC), or it is not willing to answer.",
    "Ask another server for the same name: does only this one fail?", "dns.flags.rcode > 0 && !(dns.flags.rcode == 3)",
)  # fmt: skip

_Key = tuple[bytes, bytes, int, int]


class DNSAnswers:
    def __init__(self, notes: Notebook) -> None:
        self.notes = notes
        self.open: dict[_Key, tuple[int, int]] = {}
        self.unanswered: dict[tuple[bytes, bytes], list[int]] = {}
        self.answered: dict[tuple[bytes, bytes], int] = {}
        self.names_left = MOST_NAMES

    def take(self, seen: Seen) -> None:
        found = seen.found(UDP, 20)
        source, target = found.number(0, 2), found.number(2, 2)
        chosen = ((source == 53) | (target == 53)) & (found.stop - found.at >= 20)
        found, source, target = found.chosen(chosen), source[chosen], target[chosen]
        flags, identifier = found.number(10, 2), found.number(8, 2)
        # A question has one question and no answer; what is something else on port 53 is left alone.
        counted = found.number(12, 2)
        columns = zip(
            found.rows.tolist(), seen.ends(found.rows), source.tolist(), target.tolist(), identifier.tolist(),
            flags.tolist(), seen.time[found.rows].tolist(), counted.tolist(), strict=True,
        )  # fmt: skip
        for row, (src, dst), port, to, number, flag, time, questions in columns:
            if flag & 0x8000 and port == 53:
                self._answer(seen, row, (dst, src, to, number), flag & 15, time)
            elif not flag & 0x8000 and to == 53 and questions == 1:
                self._question(seen, row, (src, dst, port, number), time)

    def _question(self, seen: Seen, row: int, key: _Key, time: int) -> None:
        if key in self.open:
            return  # asked again: the time counts from the first
        if len(self.open) >= MOST_OPEN:
            oldest = next(iter(self.open))
            self._give_up(oldest)
        self.open[key] = (seen.first + row, time)

    def _answer(self, seen: Seen, row: int, key: _Key, code: int, time: int) -> None:
        question = self.open.pop(key, None)
        pair = (key[0], key[1])
        if pair in self.answered or len(self.answered) < MOST_OPEN:
            self.answered[pair] = self.answered.get(pair, 0) + 1
        number = seen.first + row
        if question is not None and time - question[1] > SLOW:
            about = f"{self._name(seen, row)} from {address(key[1])}"
            detail = f"{(time - question[1]) / 1e9:.1f} s"
            self.notes.add_all(SLOW_ANSWER, about, [question[0], number], detail=detail)
        if code == 3:
            self.notes.add(NO_NAME, self._name(seen, row), number)
        elif code:
            meaning = RESPONSE_CODES.get(code, f"error {code}")
            self.notes.add(FAILED, f"{self._name(seen, row)} from {address(key[1])}", number, detail=meaning)

    def _name(self, seen: Seen, row: int) -> str:
        if not self.names_left:
            return "other names"
        self.names_left -= 1
        return name_in(seen.packet(row))

    def _give_up(self, key: _Key) -> None:
        number, _ = self.open.pop(key)
        if (key[0], key[1]) in self.unanswered or len(self.unanswered) < MOST_OPEN:
            self.unanswered.setdefault((key[0], key[1]), []).append(number)

    def end(self) -> None:
        for key in list(self.open):
            self._give_up(key)
        for (src, dst), numbers in self.unanswered.items():
            good = self.answered.get((src, dst), 0)
            detail = f"{good} others were answered" if good else "not one was answered"
            self.notes.add_all(UNANSWERED, f"{address(src)} asks {address(dst)}", sorted(numbers), detail=detail)


def name_in(packet: Packet) -> str:
    """The name in question, and the kind of record if it is not an IPv4 address."""
    message = packet.get(DNS)
    if message is None or not message.questions:
        return "?"
    question = message.questions[0]
    kind = TYPES.get(question.qtype, str(question.qtype))
    return str(question.qname).rstrip(".") + (f" ({kind})" if kind != "A" else "")
