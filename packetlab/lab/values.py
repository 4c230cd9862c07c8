"""Values that differ from attempt to attempt, all drawn from one printed seed, and their places in texts.

`{name}` and `{name.part}` in a lab's files stand for values: those declared under `values:` (a network, a port, a
word, ...) and, once the topology is known, facts about its nodes: {h1.ip}, {h1.mac}, {r.left.ip}. Braces around
anything else (filter sets, YAML mappings, shell) are left alone. Never drawn: what is a common default.
"""

import ipaddress
import random
import re
import secrets
from collections.abc import Mapping
from typing import Any
from zlib import crc32

from packetlab.model.errors import UsageError
from packetlab.net.topology import Topology

PLACE = re.compile(r"\{([a-z][a-z0-9_-]*(?:\.[a-z0-9_-]+)*)\}")
KINDS = """network | network /26 in 192.168.0.0/16 | network6 | port | word | mac | number 3 to 9 | one of a, b, c |
bytes 16""".replace("\n", " ")

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def new_seed() -> int:
    """A seed for one attempt, short enough to be typed."""
    return secrets.randbelow(100_000)


class Values:
    """The values of one attempt. `text("lan.h1")` gives one; `fill` puts them into a text."""

    def __init__(self, seed: int, declared: Mapping[str, str] | None = None, where: Mapping[str, str] | None = None):
        self.seed = seed
        self._known: dict[str, str] = {"seed": str(seed)}
        self._networks: dict[str, tuple[Network, dict[str, int]]] = {}
        taken: list[Network] = []
        for name, kind in (declared or {}).items():
            made = self._draw(name, kind.split(), kind, (where or {}).get(name, ""), taken)
            self._known[name] = made

    def _draw(self, name: str, words: list[str], kind: str, where: str, taken: list[Network]) -> str:
        chance = random.Random(f"{self.seed} {name}")
        head = words[0] if words else ""
        if head in ("network", "network6"):
            network = self._network(words, chance, taken, where)
            taken.append(network)
            self._networks[name] = (network, {})
            return str(network)
        if head == "port":
            # Two of a lab's ports are never the same one: "closed" would be "open". And none is the same with its
            # two bytes turned round: who does that by mistake shall be told so, and nobody else.
            while (drawn := chance.randrange(20_011, 29_990)) % 257 == 0 or str(drawn) in self._known.values():
                pass
            return str(drawn)
        if head == "word":
            return "".join(chance.choice("bdfgklmnprstv") + chance.choice("aeiou") for _ in range(4))
        if head == "mac":
            return bytes([2, *(chance.randrange(16, 250) for _ in range(5))]).hex(":")
        if head == "bytes" and len(words) == 2 and words[1].isdecimal():
            return chance.randbytes(int(words[1])).hex()
        if head == "number" and len(words) == 4 and words[2] == "to":
            return str(chance.randint(int(words[1]), int(words[3])))
        if words[:2] == ["one", "of"]:
            return chance.choice([each.strip() for each in kind.split("of", 1)[1].split(",")])
        raise UsageError(f"{where}{name}: {kind!r} is no kind of value", remedy=f"there are: {KINDS}")

    @staticmethod
    def _network(words: list[str], chance: random.Random, taken: list[Network], where: str) -> Network:
        six = words[0] == "network6"
        outer = ipaddress.ip_network("fd00::/8" if six else "10.0.0.0/8")
        length = 64 if six else 24
        rest = words[1:]
        try:
            while rest:
                if rest[0] == "in":
                    outer, rest = ipaddress.ip_network(rest[1]), rest[2:]
                elif rest[0].startswith("/"):
                    length, rest = int(rest[0][1:]), rest[1:]
                else:
                    raise ValueError(f"{rest[0]!r} is not understood")
            for _ in range(100):
                # Not the first subnets, which everybody uses: 10.0.0.0/24, 192.168.1.0/24.
                count = 1 << (length - outer.prefixlen)
                number = chance.randrange(min(2, count - 1), count)
                base = int(outer.network_address) + (number << (outer.max_prefixlen - length))
                found = ipaddress.ip_network((base, length))
                if not any(found.version == other.version and found.overlaps(other) for other in taken):
                    return found
            raise ValueError("there is no room for so many networks")
        except (ValueError, IndexError) as error:
            raise UsageError(f"{where}{' '.join(words)!r}: {error}", remedy="as network /26 in 10.9.0.0/16") from None

    def _host(self, network: Network, given: dict[str, int], name: str) -> str:
        """An address of the network: a number means that host; any other word, one of its own, never the first ten."""
        count = min(network.num_addresses, 1 << 16)
        if name.isdecimal() and int(name) < count:
            return str(network.network_address + int(name))
        if name not in given:
            low = 11 if count > 30 else 1
            room = count - low - 1  # the last is the broadcast address
            if room <= len(given):
                raise UsageError(f"there is no room for {name!r} in {network}", remedy="declare a larger network")
            number = low + crc32(f"{self.seed} {network} {name}".encode()) % room
            while number in given.values():
                number = low + (number - low + 1) % room
            given[name] = number
        return str(network.network_address + given[name])

    def get(self, name: str) -> str | None:
        """The value of a name, or None."""
        if name in self._known:
            return self._known[name]
        head, _, part = name.partition(".")
        if head not in self._networks or not part or "." in part:
            return None
        network, given = self._networks[head]
        facts: dict[str, Any] = {
            "length": network.prefixlen, "mask": network.netmask, "network": network.network_address,
            "broadcast": network.broadcast_address,
        }  # fmt: skip
        return str(facts[part]) if part in facts else self._host(network, given, part)

    def text(self, name: str) -> str:
        """The value of a name; UsageError where there is none."""
        found = self.get(name)
        if found is None:
            known = ", ".join([*self._known, *(f"{each}.NAME" for each in self._networks)])
            raise UsageError(f"there is no value {{{name}}}", remedy=f"there are: {known}")
        return found

    def fill(self, text: str, where: str = "", *, strict: bool = False) -> str:
        """The text with values in their places. `strict`: a place without a value is an error."""

        def value(match: re.Match[str]) -> str:
            found = self.get(match[1])
            if found is None and strict:
                try:
                    self.text(match[1])
                except UsageError as error:
                    raise UsageError(f"{where}{error}", remedy=error.remedy) from None
            return match[0] if found is None else found

        return PLACE.sub(value, text)

    def learn(self, topology: Topology) -> None:
        """Facts about the nodes: {h1.ip} {h1.ip6} {h1.local6} {h1.mac} {h1.name}; of one interface {r.PEER.ip}."""
        for node in topology.nodes.values():
            self._known[node.name] = self._known[f"{node.name}.name"] = node.name
        for pair in topology.ports():
            for port in pair:
                facts = {"mac": port.mac.hex(":"), "port": port.name}
                if port.has_ipv6:
                    facts["local6"] = str(_link_local(port.mac))
                for address in port.addresses:
                    key = "ip" if address.version == 4 else "ip6"
                    facts.setdefault(key, str(address.ip))
                    facts.setdefault("prefix" if address.version == 4 else "prefix6", str(address.network))
                for key, value in facts.items():
                    self._known.setdefault(f"{port.node.name}.{key}", value)
                    self._known.setdefault(f"{port.node.name}.{port.peer}.{key}", value)

    def random(self, what: str) -> random.Random:
        """A generator of its own for `what`, the same for the same seed."""
        return random.Random(f"{self.seed} {what}")


def _link_local(mac: bytes) -> ipaddress.IPv6Address:
    """The link-local address that Linux makes of a MAC address (RFC 4291, appendix A)."""
    own = bytes([mac[0] ^ 2]) + mac[1:3] + b"\xff\xfe" + mac[3:]
    return ipaddress.IPv6Address(bytes.fromhex("fe80000000000000") + own)
