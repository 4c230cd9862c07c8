"""DNS zones: what an authoritative server knows, and what it answers (RFC 1034 section 4.3.2).

A zone is a mapping of names to records below an origin. Records of another name server below the origin cut a
part off: names there are answered with a referral to that server, with its addresses as glue.
"""

import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from packetlab.application.dns import AAAA, CNAME, MX, NS, PTR, SOA, SRV, TXT, A, Record, ResourceRecord
from packetlab.model.errors import UsageError

MAX_ALIASES = 8
LARGEST = 1 << 20
"""Characters of a master file."""
ANY_TYPE = 255
NO_ERROR, NO_SUCH_NAME, REFUSED = 0, 3, 5

Records = Mapping[str, Sequence[ResourceRecord]]


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes into the sections of an answer."""

    answers: tuple[Record, ...] = ()
    authorities: tuple[Record, ...] = ()
    additionals: tuple[Record, ...] = ()
    code: int = NO_ERROR
    authoritative: bool = True


def lower(name: str) -> str:
    """Names without regard to case and without the last dot."""
    return name.lower().rstrip(".")


@dataclass
class Zone:
    """The records of one zone. `origin` "" is the root."""

    origin: str
    records: dict[str, list[ResourceRecord]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.origin = lower(self.origin)

    @classmethod
    def of(cls, origin: str, records: Records) -> "Zone":
        """From a mapping of names to records."""
        return cls(lower(origin), {lower(name): list(rows) for name, rows in records.items()})

    def add(self, *records: ResourceRecord) -> "Zone":
        """Adds records under the names of their owners; returns the zone."""
        for record in records:
            self.records.setdefault(lower(record.owner), []).append(record)
        return self

    def delegate(self, name: str, servers: Mapping[str, str | Sequence[str]], *, ttl: int = 300) -> "Zone":
        """Cuts a part off: {"ns.shop.test": "10.0.3.2"} are its servers and their addresses."""
        for server, addresses in servers.items():
            self.add(NS(owner=name, ttl=ttl, server=server))
            for address in (addresses,) if isinstance(addresses, str) else addresses:
                self.add(address_record(server, address, ttl))
        return self

    def holds(self, name: str) -> bool:
        """Whether a name is at or below the origin."""
        return not self.origin or name == self.origin or name.endswith("." + self.origin)

    def answer(self, name: str, kind: int) -> Answer:
        """What this zone says of records of type `kind` of a name."""
        found: list[Record] = []
        wanted = lower(name)
        for _ in range(MAX_ALIASES):
            if not self.holds(wanted):
                return Answer(tuple(found))
            cut = self._cut(wanted)
            if cut is not None:
                return self._referral(cut, found)
            rows, exists = self._rows(wanted)
            matching = [row for row in rows if kind in (ANY_TYPE, row.type)]
            alias = next((row for row in rows if isinstance(row, CNAME)), None)
            if matching or alias is None:
                found += matching
                code = NO_ERROR if exists or found else NO_SUCH_NAME
                return Answer(tuple(found), () if matching else (self.authority(),), self._glue(matching), code)
            found.append(alias)
            wanted = lower(alias.target)
        return Answer(tuple(found))

    def authority(self) -> SOA:
        """The record that says where the zone begins and how long "no such name" may be remembered."""
        known = next((row for row in self.records.get(self.origin, ()) if isinstance(row, SOA)), None)
        if known is not None:
            return known
        below = f".{self.origin}" if self.origin else ""
        return SOA(owner=self.origin or ".", primary=f"ns{below}", mailbox=f"hostmaster{below}")

    def _cut(self, name: str) -> str | None:
        """The topmost name at or above `name`, below the origin, that other servers know of."""
        labels = name.split(".")
        for start in reversed(range(len(labels))):
            above = ".".join(labels[start:])
            below_origin = above != self.origin and self.holds(above)
            if below_origin and any(isinstance(row, NS) for row in self.records.get(above, ())):
                return above
        return None

    def _referral(self, cut: str, found: Iterable[Record]) -> Answer:
        servers = [row for row in self.records[cut] if isinstance(row, NS)]
        return Answer(tuple(found), tuple(servers), self._glue(servers), authoritative=False)

    def _glue(self, rows: Sequence[ResourceRecord]) -> tuple[Record, ...]:
        names = [row.server if isinstance(row, NS) else row.exchange for row in rows if isinstance(row, NS | MX)]
        return tuple(row for name in names for row in self.records.get(lower(name), ()) if isinstance(row, A | AAAA))

    def _rows(self, name: str) -> tuple[list[ResourceRecord], bool]:
        """The records of a name, those of a wildcard where it has none, and whether the name exists."""
        if name in self.records:
            return self.records[name], True
        if any(known.endswith("." + name) for known in self.records):
            return [], True  # an empty name between others (RFC 4592 section 2.2.2)
        parent = name.partition(".")[2]
        while self.holds(parent) and parent != name:
            if "*." + parent in self.records:
                return [row.replace(owner=name) for row in self.records["*." + parent]], True
            if parent in self.records or not parent:
                break
            parent = parent.partition(".")[2]
        return [], False


def address_record(name: str, address: str, ttl: int = 300) -> ResourceRecord:
    """An A or AAAA record."""
    return AAAA(owner=name, ttl=ttl, address=address) if ":" in address else A(owner=name, ttl=ttl, address=address)


def zone(hosts: Mapping[str, str | Sequence[str]], *, ttl: int = 300) -> dict[str, list[ResourceRecord]]:
    """Records of names and addresses: {"www.lab.test": ["10.0.0.2", "fd00::2"], "web.lab.test": "www.lab.test"}.

    A value that is no address is an alias.
    """
    made: dict[str, list[ResourceRecord]] = {}
    for name, values in hosts.items():
        for value in (values,) if isinstance(values, str) else values:
            is_address = ":" in value or value.replace(".", "").isdecimal()
            row = address_record(name, value, ttl) if is_address else CNAME(owner=name, ttl=ttl, target=value)
            made.setdefault(lower(name), []).append(row)
    return made


def _origin(text: str, source: Path | str) -> str:
    """The zone that a master file is for: its $ORIGIN, or its name: shop.test.zone."""
    found = re.search(r"^\$ORIGIN\s+(\S+)", text, re.MULTILINE | re.IGNORECASE)
    if found:
        return found[1]
    stem = source.name.removesuffix(".zone") if isinstance(source, Path) else ""
    if "." not in stem:
        raise UsageError(f"{source if isinstance(source, Path) else 'the zone'} does not say which zone it is",
                         remedy="begin it with $ORIGIN shop.test.")  # fmt: skip
    return stem


def read_zone(source: Path | str, origin: str = "") -> Zone:
    """A zone from a master file (RFC 1035 section 5): a path, or its text. "." is the root.

    Without `origin` it is that of its first $ORIGIN line, or of its name, as shop.test.zone.
    Types A, AAAA, NS, CNAME, SOA, PTR, MX, TXT and SRV. UsageError names the line that cannot be read.
    """
    import dns.exception
    import dns.zone

    text = source if isinstance(source, str) else _text(source)
    origin = lower(origin or _origin(text, source)) if origin != "." else ""
    where = str(source) if isinstance(source, Path) else "the zone"
    try:
        parsed = dns.zone.from_file(io.StringIO(text), origin=origin + ".", relativize=False, check_origin=False)
    except (dns.exception.DNSException, ValueError) as error:
        raise UsageError(f"{where} is no master file: {error}",
                         remedy="one record per line: www 300 IN A 10.0.0.2") from None  # fmt: skip
    made = Zone(origin)
    for name, ttl, data in parsed.iterate_rdatas():
        owner, words = name.to_text(omit_final_dot=True), data.to_text().split()
        record = _from_words(owner, ttl, data.rdtype, words, getattr(data, "strings", ()))
        if record is None:
            raise UsageError(f"{where}: {owner} has a record of type {data.rdtype.name}, which this server cannot hold",
                             remedy="leave it out")  # fmt: skip
        made.add(record)
    return made


def _text(path: Path) -> str:
    if not path.is_file():
        raise UsageError(f"there is no file {path} with a zone")
    with path.open(encoding="utf-8") as file:
        text = file.read(LARGEST + 1)
    if len(text) > LARGEST:
        raise UsageError(f"{path} is larger than a zone can be here (1 MiB)")
    return text


def _from_words(owner: str, ttl: int, kind: int, words: list[str], strings: Sequence[bytes]) -> ResourceRecord | None:
    name: dict[str, Any] = {"owner": owner, "ttl": ttl}
    if kind in (1, 28):
        return address_record(owner, words[0], ttl)
    if kind in (2, 5, 12):
        target = words[0].rstrip(".")
        return (NS(**name, server=target) if kind == 2 else CNAME(**name, target=target) if kind == 5
                else PTR(**name, target=target))  # fmt: skip
    if kind == 6:
        serial, refresh, retry, expire, minimum = map(int, words[2:7])
        return SOA(**name, primary=words[0].rstrip("."), mailbox=words[1].rstrip("."), serial=serial, refresh=refresh,
                   retry=retry, expire=expire, minimum=minimum)  # fmt: skip
    if kind == 15:
        return MX(**name, preference=int(words[0]), exchange=words[1].rstrip("."))
    if kind == 16:
        return TXT(**name, strings=tuple(strings))
    if kind == 33:
        priority, weight, port = map(int, words[:3])
        return SRV(**name, priority=priority, weight=weight, port=port, target=words[3].rstrip("."))
    return None
