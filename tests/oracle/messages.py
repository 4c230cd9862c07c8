"""HTTP, DNS and TLS messages against what tshark says of the corpora.

    python -m tests.oracle.messages [--every N]

Compared are contents (per connection for HTTP and TLS), not packet numbers: tshark gives a message the number of the
packet that completes its head or its body, packetlab knows both. Reasons for differences are checked:

* A second reading by tshark agrees: one that does not wait for bodies, puts segments in order, knows multicast DNS,
  and leaves out what ICMP errors quote, what is sent again, and what it decrypts.
* Only tshark has it: it is no TCP at all (QUIC, SSDP, SCTP), an SSL 2.0 hello, the second hello that a server asked
  for, or a request whose method is unknown and that names no version.
* Only packetlab has it, and tshark lost the place: a handshake answered twice, a gap filled by a retransmission.
* The connection lacks bytes or its beginning; protocols that packetlab does not know are around the TCP.
"""

import argparse
import subprocess
from collections import Counter
from pathlib import Path

from packetlab.analysis.messages import DNSMessage, HTTPExchange, Message, TLSHandshake, messages
from packetlab.analysis.streams import streams
from packetlab.application.http import METHODS
from packetlab.model.errors import CaptureError
from tests.oracle.follow import strange, truth
from tests.oracle.table import Row, print_table

Key = tuple[object, ...]
SEPARATOR = "\x01"


def http_of_tshark(rows: list[dict[str, str]]) -> Counter[Key]:
    """(stream, request or response, what it says): how often."""
    found: Counter[Key] = Counter()
    for row in rows:
        methods, targets = split(row["http.request.method"]), row["http.request.uri"]
        for method, target in zip(methods, split(targets), strict=False):
            found[row["tcp.stream"], "request", method, target] += 1
        for code in split(row["http.response.code"]):
            if not code.startswith("1") or code == "101":
                found[row["tcp.stream"], "response", code] += 1
    return found


def split(cell: str) -> list[str]:
    """The values of a cell."""
    return cell.split(SEPARATOR) if cell else []


def separated(row: dict[str, str]) -> dict[str, str]:
    """A row of the truth with another separator: semicolons also stand inside of targets."""
    found = {name: cell.replace(";", SEPARATOR) for name, cell in row.items()}
    target = row.get("http.request.uri", "")
    if target.count(";") != row.get("http.request.method", "").count(";"):
        found["http.request.uri"] = target
    return found


def http_of_ours(found: list[Message]) -> Counter[Key]:
    counts: Counter[Key] = Counter()
    for one in found:
        if isinstance(one, HTTPExchange):
            if one.request is not None:
                method, target, _ = one.request.message.start
                counts[str(one.stream), "request", method, target] += 1
            if one.response is not None:
                counts[str(one.stream), "response", one.response.message.start[1]] += 1
    return counts


def dns_of_tshark(rows: list[dict[str, str]]) -> Counter[Key]:
    names = ("dns.id", "dns.flags.response", "dns.count.queries", "dns.count.answers", "dns.qry.type")
    return Counter(tuple(number(row["frame.number"] if name == "frame.number" else row[name]) for name in names)
                   for row in rows if row["dns.id"])  # fmt: skip


def number(cell: str) -> tuple[int, ...]:
    """Numbers of a cell, whatever their base."""
    return tuple(int(one, 0) for one in split(cell))


def where_tshark_looks(one: DNSMessage) -> bool:
    """DNS over UDP is read on its ports alone there, here on any."""
    return one.transport != "udp" or bool({one.src_port, one.dst_port} & {53, 5353, 5355})


def dns_of_ours(found: list[Message]) -> Counter[Key]:
    return Counter(
        ((m.identifier,), (m.response,), (m.question_count,), (m.answer_count,), tuple(q.qtype for q in m.questions))
        for m in (one.message for one in found if isinstance(one, DNSMessage) and where_tshark_looks(one))
    )  # fmt: skip


def tls_of_tshark(rows: list[dict[str, str]]) -> Counter[Key]:
    found: Counter[Key] = Counter()
    for row in rows:
        kinds = split(row["tls.handshake.type"])
        if "1" in kinds:
            name, ja3 = row["tls.handshake.extensions_server_name"], row["tls.handshake.ja3"]
            found[row["tcp.stream"], "client", name, ja3] += 1
        if "2" in kinds:
            found[row["tcp.stream"], "server", split(row["tls.handshake.ciphersuite"])[-1]] += 1
    return found


def tls_of_ours(found: list[Message]) -> Counter[Key]:
    counts: Counter[Key] = Counter()
    for one in found:
        if isinstance(one, TLSHandshake):
            if one.hello is not None:
                counts[str(one.stream), "client", one.hello.server_name, one.hello.ja3] += 1
            if one.answer is not None:
                counts[str(one.stream), "server", f"{one.answer.cipher_suite:#06x}"] += 1
    return counts


COLUMNS = {
    "http": ["tcp.stream", "http.request.method", "http.request.uri", "http.response.code"],
    "dns": ["dns.id", "dns.flags.response", "dns.count.queries", "dns.count.answers", "dns.qry.type"],
    "tls": ["tcp.stream", "tls.handshake.type", "tls.handshake.extensions_server_name",
            "tls.handshake.ciphersuite", "tls.handshake.ja3"],
}  # fmt: skip
SIDES = {"http": (http_of_tshark, http_of_ours), "dns": (dns_of_tshark, dns_of_ours),
         "tls": (tls_of_tshark, tls_of_ours)}  # fmt: skip


def damaged_streams(path: Path) -> set[str]:
    """Connections of which bytes lack, or whose beginning was not captured."""
    return {str(one.index) for one in streams(path) if sum(one.missing) or not one.handshake}


READING = {
    "http": ("http && !icmp && !tls && !tcp.analysis.retransmission && !tcp.analysis.spurious_retransmission", (
        "http.desegment_body:FALSE", "http.dechunk_body:FALSE", "http.decompress_body:FALSE",
        "tcp.reassemble_out_of_order:TRUE")),
    "dns": ("(dns || mdns || llmnr) && !icmp && !icmpv6", ()),
    "tls": ("tls.handshake", ("tcp.reassemble_out_of_order:TRUE",)),
}  # fmt: skip


def second_reading(path: Path, kind: str, columns: list[str], condition: str = "") -> list[dict[str, str]]:
    """The same columns as in the truth, from a reading that meets packetlab's: see the module's words."""
    usual, preferences = READING[kind]
    command = ["tshark", "-n", "-r", str(path), "-Y", condition or usual, "-T", "fields", "-E",
               f"aggregator={SEPARATOR}"]  # fmt: skip
    command += [word for preference in preferences for word in ("-o", preference)]
    command += [word for name in columns for word in ("-e", name)]
    shown = subprocess.run(command, capture_output=True, text=True, errors="replace").stdout
    return [dict(zip(columns, line.split("\t"), strict=False)) for line in shown.splitlines()]


def lost_place(path: Path) -> set[str]:
    """Connections whose handshake was answered twice with other numbers, or in which a gap was filled later."""
    condition = "tcp.analysis.reused_ports || tcp.analysis.lost_segment"
    return {row["tcp.stream"] for row in second_reading(path, "http", ["tcp.stream"], condition)}


def other_reason(kind: str, key: Key, retried: set[str]) -> bool:
    """Whether a message only tshark gives is of a kind that packetlab leaves out, and says so."""
    if kind == "dns":
        return False
    if key[0] == "":
        return True  # not over TCP
    if kind == "http" and key[1] == "request" and str(key[2]).encode() not in METHODS:
        return True  # a word that is no method, without a version behind it
    return kind == "tls" and (key[0] in retried or key[1:] == ("client", "", ""))  # SSL 2.0 has no JA3


def verdict(every: int = 1, kinds: tuple[str, ...] = tuple(SIDES)) -> list[Row]:
    """A row for each protocol: each message, requests and responses apart."""
    rows = []
    for kind in kinds:
        theirs, ours = SIDES[kind]
        files = compared = equal = explained = 0
        example = ""
        for path, table in truth(kind)[::every]:
            try:
                found = list(messages(path, kinds=(kind,), kept=0))
            except CaptureError:
                continue
            files += 1
            mine, his = ours(found), theirs([separated(row) for row in table])
            same, union = sum((mine & his).values()), sum((mine | his).values())
            compared, equal = compared + union, equal + same
            if same == union:
                continue
            again = theirs(second_reading(path, kind, COLUMNS[kind]))
            sent_again = theirs(second_reading(path, kind, COLUMNS[kind], "http")) if kind == "http" else again
            lacking = damaged_streams(path) if kind != "dns" else set()
            retried = {str(one.stream) for one in found if isinstance(one, TLSHandshake) and one.retried}
            for key in {*mine, *his}:
                count = abs(mine[key] - his[key])
                if not count:
                    continue
                if (mine[key] in (again[key], sent_again[key]) or (kind != "dns" and key[0] in lacking) or strange(path)
                        or (kind != "dns" and mine[key] > his[key] and key[0] in lost_place(path))
                        or (his[key] > mine[key] and other_reason(kind, key, retried))):  # fmt: skip
                    explained += count
                elif not example:
                    example = f"{path.name}: {key} {mine[key]} times, tshark {his[key]} or {again[key]}"
        rows.append(Row(f"{kind.upper()} messages", files, compared, equal, explained, example))
    return rows


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, default=1)
    print_table(verdict(parser.parse_args().every))
