"""The declared language of topologies, in YAML or as a mapping:

    hosts:
      client: 10.0.1.2/24 fd00:1::2/64 via 10.0.1.1 fd00:1::1
      server:
        address: 10.0.2.2/24
        via: 10.0.2.1
        mac: 02:00:00:00:00:99
        services: [echo, http 80 ./site, https, dns lab.test, run 8080: python3 server.py]
    routers:
      r: {left: 10.0.1.1/24 fd00:1::1/64, right: 10.0.2.1/24}
    nat:
      home: {sw: 192.168.1.1/24, isp: 203.0.113.2/24, via: 203.0.113.1, outside: isp, forward: [tcp 8080 -> 192.168.1.2:80]}
    switches: [left, right]
    hubs: [hub]
    links:
      - client -- left -- r -- right
      - right -- server: {delay: 10ms, loss: 1%, mtu: 1400}
    allow: [duplicate-address]

Addresses of a node go to its first link, or, under the name of a neighbour, to the link that leads there. Every
error names file and line. Values are taken as text, so that YAML's own ideas (12:30:00 is a number) do no harm.

Services run from the moment the network is up until it goes down. Each is one sentence, in a list under `services:`
of a host, router or NAT box; `- http: 80 ./site` says the same as `- http 80 ./site`, and "echo, http 80" on one line
is a list of two:

    echo [PORT]                      gives back what it gets, TCP and UDP; port 7
    http [PORT] [FOLDER]             port 80. With a folder, its files; without, what the path asks for: /delay/2,
                                     /status/503, /echo, ... (/ lists them; see servers/behaviours.py)
    https [PORT] [FOLDER]            the same on port 443, with a certificate of the network's own authority
    dns [DOMAIN]                     port 53. The hosts of this network below DOMAIN (`test`), and their addresses
                                     backwards: with `dns lab.test`, the host www is www.lab.test
    dns FILE.zone [ORIGIN]           a zone from a master file; several on one host are one server
    dns recursive ROOT ...           asks from these root servers (addresses, or names of hosts) down
    dhcp FIRST-LAST [router A] [dns A] [domain NAME] [lease SECONDS]
                                     addresses of that range, on the link of the subnet that it lies in; router, DNS
                                     server and domain are those of this network where they are not given
    run: COMMAND                     any program or script, by /bin/sh; `python3` is the one that packetlab runs on
    run PORT: COMMAND                and the network is up once something listens on PORT

Paths are relative to the YAML file, and commands start in its folder. Hosts without `dns:` of their own ask the DNS
servers declared here: recursive ones first, then those for hosts, then the others. In the hosts of a network with
`https`, $PACKETLAB_CA is the file with the authority's certificate (curl --cacert "$PACKETLAB_CA"), and so are
$SSL_CERT_FILE and $CURL_CA_BUNDLE: curl, openssl and Python trust it without being told. What a program prints is kept (its
beginning and its end) for `packetlab net log HOST`. A program that fails at once, within a second or before it
listens, fails the network; one that ends with exit code 0 has done its work.
"""  # noqa: E501 - the example is clearer with whole lines

import difflib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count, pairwise
from pathlib import Path
from typing import Any

from packetlab.model.addresses import ip_bytes, mac_bytes
from packetlab.model.errors import UsageError
from packetlab.net.impairment import read_flag, read_impairment
from packetlab.net.services import Service, read_service
from packetlab.net.topology import ALLOWANCES, BRIDGES, Node, Topology, subnet

SECTIONS = {"hosts": "host", "routers": "router", "nat": "nat", "switches": "switch", "hubs": "hub"}
MOST_VALUES = 100_000
"""Values in a file, each counted as often as an alias (*name) repeats it."""
OPTIONS = ("address", "via", "dns", "mac", "routes", "services")
"""Of every node that has addresses; the others are in _OTHER_OPTIONS."""
_OTHER_OPTIONS = {"stp": ("switch",), "outside": ("nat",), "forward": ("nat",)}
_MISPLACED = {"mtu": "links: [a -- b: {mtu: 1400}]", "run": "services: [run: python3 server.py]"}
"""Options that people write under a node, and where they belong."""
_LARGEST = 1 << 20
_TAG = re.compile(r"tag:yaml\.org,2002:\w+")
"""What YAML gives to plain values, and not what !words say."""
_LINK = "as client -- switch -- server"


@dataclass(frozen=True, slots=True)
class Item:
    """A value with its place: text, a list of items or a mapping to items."""

    value: "str | list[Item] | dict[str, Item]"
    where: str

    def text(self, what: str) -> str:
        """The single value; UsageError where it is none, about `what` ("a link")."""
        if not isinstance(self.value, str):
            raise UsageError(
                f"{self.where}{what} should be a single value", remedy="write one value, without [ ] and { }"
            )
        return self.value

    def items(self, what: str) -> "list[Item]":
        """The values of a list, which may be written as words in one line."""
        if isinstance(self.value, list):
            return self.value
        if isinstance(self.value, str):
            return [Item(word, self.where) for word in self.value.replace(",", " ").split()]
        raise UsageError(f"{self.where}{what} should be a list", remedy="as [one, two]")

    def mapping(self, what: str) -> "dict[str, Item]":
        """The values by their names; nothing is an empty one."""
        if isinstance(self.value, dict):
            return self.value
        if self.value in ("", []):
            return {}
        raise UsageError(f"{self.where}{what} should be a mapping", remedy="as `name: value`, one per line")

    def plain(self) -> Any:
        """The value without places."""
        if isinstance(self.value, list):
            return [item.plain() for item in self.value]
        if isinstance(self.value, dict):
            return {key: item.plain() for key, item in self.value.items()}
        return self.value


def read_spec(spec: "str | Path | Mapping[str, Any] | Any", topology: Topology, *, source: str = "",
              first_line: int = 1, folder: Path | None = None) -> None:  # fmt: skip
    """Declares in `topology` what a file (Path), YAML text, items (see `compose`), a composed YAML node or a mapping
    says, and checks it.

    `source` and `first_line` are where a text comes from, for the errors. Paths in it are relative to `folder`: that
    of the file, or else the current one.
    """
    topology.folder = (folder or (spec.parent if isinstance(spec, Path) else Path())).absolute()
    if isinstance(spec, Path):
        root = compose(_text_of(spec), source or str(spec), first_line)
    elif isinstance(spec, str):
        root = compose(spec, source or "topology", first_line)
    elif isinstance(spec, Item):
        root = spec
    elif isinstance(spec, Mapping):
        root = _wrap(spec, f"{source or 'topology'}, ")
    else:
        root = _convert(spec, source or "topology", first_line - 1, 0, count())
    _declare(root, topology)
    topology.check()


def _text_of(path: Path) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(_LARGEST + 1)
    except UnicodeError:
        raise UsageError(f"{path} is not text in UTF-8", remedy="packetlab net up --help shows such a file") from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise UsageError(
            f"cannot read the topology {path}: {reason}", remedy="check its name and who may read it"
        ) from None
    if len(text) > _LARGEST:
        raise UsageError(
            f"{path} is larger than a topology can be (1 MiB)", remedy="packetlab net up --help shows such a file"
        )
    return text


def compose(text: str, source: str, first_line: int) -> Item:
    """YAML text as items that know their places; `first_line` is the number of its first line in `source`."""
    import yaml

    try:
        node = yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        raise _no_yaml(error, text, source, first_line) from None
    except RecursionError:
        raise UsageError(f"{source}: the YAML is nested too deep", remedy="a topology has few levels") from None
    if node is None:
        raise UsageError(f"{source}: there is nothing in it", remedy="declare hosts and links")
    return _convert(node, source, first_line, 0, count())


def _no_yaml(error: Exception, text: str, source: str, first_line: int) -> UsageError:
    mark, position = getattr(error, "problem_mark", None), getattr(error, "position", None)
    number = mark.line if mark else text.count("\n", 0, position) if position is not None else None
    place = source if number is None else f"{source}, line {number + first_line}"
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    remedy = "check indentation, colons, quotes and brackets"
    lines = text.split("\n")
    if mark and "\t" in lines[min(number or 0, len(lines) - 1)][: mark.column + 1]:
        problem, remedy = "a tab cannot indent", "use spaces"
    elif position is not None and position < len(text):
        problem = f"it contains the control character {text[position]!a}"
        remedy = "take it out"
    elif "another document" in problem:
        problem, remedy = "a second document begins", "take out the line ---"
    return UsageError(f"{place}: this is not YAML: {problem}", remedy=remedy)


def _convert(node: Any, source: str, first_line: int, depth: int, counted: Iterator[int]) -> Item:
    where = f"{source}, line {node.start_mark.line + first_line}: "
    if depth > 8:
        raise UsageError(f"{where}this is nested deeper than a topology can be", remedy="a topology has few levels")
    if next(counted) >= MOST_VALUES:
        raise UsageError(f"{where}there are more values in it than a topology can have ({MOST_VALUES})",
                         remedy="look for an alias (*name) within what aliases repeat")  # fmt: skip
    if not _TAG.fullmatch(node.tag):
        raise UsageError(f"{where}the tag {node.tag} has no meaning in a topology", remedy="take it out")
    if node.id == "scalar":
        return Item("" if node.tag.endswith(":null") else str(node.value), where)
    if node.id == "sequence":
        return Item([_convert(child, source, first_line, depth + 1, counted) for child in node.value], where)
    found: dict[str, Item] = {}
    for key, child in node.value:
        place = f"{source}, line {key.start_mark.line + first_line}: "
        if key.id != "scalar":
            raise UsageError(f"{place}a key should be a word", remedy="as name: value")
        if key.value == "<<":
            raise UsageError(f"{place}mappings are not merged here (<<)", remedy="repeat a whole value: b: *name")
        if key.value in found:
            raise UsageError(f"{place}{key.value!r} is there twice", remedy="the second hides the first; join them")
        found[key.value] = Item(_convert(child, source, first_line, depth + 1, counted).value, place)
    return Item(found, where)


def _wrap(value: Any, path: str) -> Item:
    if isinstance(value, Mapping):
        return Item({str(key): _wrap(child, f"{path}{key}: ") for key, child in value.items()}, path)
    if isinstance(value, list | tuple):
        return Item([_wrap(child, path) for child in value], path)
    if isinstance(value, bool):
        return Item(str(value).lower(), path)
    return Item("" if value is None else str(value), path)


def _declare(root: Item, topology: Topology) -> None:
    sections = root.mapping("a topology")
    known = (*SECTIONS, "links", "allow")
    for name, section in sections.items():
        if name not in known:
            cause = f"{section.where}{name!r} is no part of a topology"
            raise UsageError(cause, remedy=f"there are: {', '.join(known)}")
    names = {name for section_name in SECTIONS if section_name in sections for name in _names(sections[section_name])}
    if not names and not topology.nodes:
        raise UsageError(f"{root.where}no host is declared", remedy="as hosts: {client: 10.0.0.1/24}")
    for section_name, kind in SECTIONS.items():
        if section_name in sections:
            _declare_nodes(sections[section_name], kind, topology, {*names, *topology.nodes})
    for link in _links(sections["links"]) if "links" in sections else ():
        _declare_link(link, topology)
    for node in topology.nodes.values():
        for peer in node.at:
            if peer in topology.nodes and not topology.link_between(node.name, peer):
                topology.connect(node.name, peer, where=node.where)
    for item in sections["allow"].items("allow") if "allow" in sections else ():
        if (allowed := item.text("allow")) not in ALLOWANCES:
            raise UsageError(f"{item.where}allow: {allowed!r} is unknown", remedy=f"there are: {', '.join(ALLOWANCES)}")
        topology.allow.add(allowed)


def _names(section: Item) -> list[str]:
    if isinstance(section.value, dict):
        return list(section.value)
    return [item.value for item in section.items("the names") if isinstance(item.value, str)]


def _links(section: Item) -> list[Item]:
    if isinstance(section.value, str):  # one line, as "a -- b, b -- c"
        return [Item(text.strip(), section.where) for text in section.value.split(",") if text.strip()]
    if isinstance(section.value, dict):  # without the dashes before each
        return [Item({chain: options}, options.where) for chain, options in section.value.items()]
    return section.value


def _declare_nodes(section: Item, kind: str, topology: Topology, names: Collection[str]) -> None:
    if not isinstance(section.value, dict):
        for item in section.items(f"the {kind} names"):
            topology.add(kind, item.text("a name"), item.where)
        return
    for name, item in section.value.items():
        node = topology.add(kind, name, item.where)
        if isinstance(item.value, dict):
            for key, value in item.value.items():
                _read_option(node, key, value, topology.folder, names)
        elif item.value:
            addresses, gateways = _addresses(item)
            node.addresses, node.gateways = addresses, gateways


def _addresses(item: Item) -> tuple[list[Any], list[str]]:
    """ "10.0.1.2/24 fd00:1::2/64 via 10.0.1.1" as addresses and gateways."""
    words = [word.text("an address") for word in item.items("the addresses")]
    middle = words.index("via") if "via" in words else len(words)
    gateways = words[middle + 1 :]
    if middle < len(words) and not gateways:
        raise UsageError(f"{item.where}there is no address after `via`", remedy="as via 10.0.1.1")
    return [subnet(word, item.where) for word in words[:middle]], [_address(word, item.where) for word in gateways]


def _address(text: str, where: str) -> str:
    try:
        ip_bytes(text)
    except UsageError as error:
        raise UsageError(f"{where}{error}", remedy=error.remedy) from None
    return text


def _read_option(node: Node, key: str, item: Item, folder: Path, names: Collection[str]) -> None:
    if node.kind not in _OTHER_OPTIONS.get(key, (node.kind,)):
        kind = _OTHER_OPTIONS[key][0]
        raise UsageError(f"{item.where}{key!r} is for a {kind}; {node.name} is a {node.kind}",
                         remedy=f"take it out, or declare {node.name} as a {kind}")  # fmt: skip
    if key == "address":
        addresses, gateways = _addresses(item)
        node.addresses += addresses
        node.gateways += gateways
    elif key == "via":
        node.gateways += [_address(word.text("a gateway"), item.where) for word in item.items("the gateways")]
    elif key == "dns":
        node.resolver += [_address(word.text("a server"), item.where) for word in item.items("the DNS servers")]
    elif key == "mac":
        try:
            node.mac = mac_bytes(item.text("the MAC address"))
        except UsageError as error:
            raise UsageError(f"{item.where}{error}", remedy=error.remedy) from None
    elif key == "routes":
        for prefix, gateway in item.mapping("the routes").items():
            if prefix != "default":
                _prefix(prefix, gateway.where)
            node.routes.append((prefix, _address(gateway.text("a gateway"), gateway.where)))
    elif key == "services":
        node.services += read_services(item, folder)
    elif key == "stp":
        node.stp = read_flag(item.text("stp"), "stp", item.where)
    elif key == "outside":
        node.outside = item.text("outside")
    elif key == "forward":
        node.forward += [_forward(rule) for rule in _rules(item)]
    elif key in names:
        addresses, gateways = _addresses(item)
        node.at[key] = addresses
        node.gateways += gateways
    else:
        raise _unknown_option(node, key, item.where, names)


def _unknown_option(node: Node, key: str, where: str, names: Collection[str]) -> UsageError:
    if key in _MISPLACED:
        return UsageError(f"{where}{key!r} is no option of a {node.kind}", remedy=f"write it as {_MISPLACED[key]}")
    known = [] if node.kind in BRIDGES else [*OPTIONS]
    known += [option for option, kinds in _OTHER_OPTIONS.items() if node.kind in kinds]
    near = difflib.get_close_matches(key, [*known, *names], n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    options = f"options are {', '.join(known)}" if known else "it has no options"
    return UsageError(f"{where}{key!r} is neither an option of a {node.kind} nor a node of this network",
                      remedy=f"{hint}{options}; an address goes under its neighbour's name")  # fmt: skip


def read_services(item: Item, folder: Path) -> list[Service]:
    """The services under one node: a list of sentences, or of `name: the rest`, or one mapping of these."""
    if isinstance(item.value, str):
        # One line holds several, but a command keeps its commas.
        texts = [item.value] if item.value.lstrip().startswith("run") else item.value.split(",")
        return [read_service(text, item.where, folder) for text in texts if text.strip()]
    if isinstance(item.value, dict):
        return [_read_pair(key, value, folder) for key, value in item.value.items()]
    found = []
    for each in item.value:
        if isinstance(each.value, str):
            found.append(read_service(each.value, each.where, folder))
        else:
            found += [_read_pair(*pair, folder) for pair in each.mapping("a service").items()]
    return found


def _read_pair(key: str, item: Item, folder: Path) -> Service:
    """ "http: 80 ./site"."""
    if not isinstance(item.value, str):
        raise UsageError(f"{item.where}the service {key} is one line", remedy="as http: 80 ./site")
    return read_service(f"{key}: {item.value}", item.where, folder)


def _prefix(text: str, where: str) -> None:
    import ipaddress

    try:
        ipaddress.ip_network(text)
    except ValueError as error:
        raise UsageError(f"{where}{text!r} is not a subnet: {error}", remedy="as 10.0.3.0/24 or default") from None


def _rules(item: Item) -> Iterable[Item]:
    return item.value if isinstance(item.value, list) else [item]


def _forward(item: Item) -> tuple[str, int, str, int]:
    """ "tcp 8080 -> 192.168.1.2:80"."""
    rule = item.text("a forward rule")
    remedy = "as tcp 8080 -> 192.168.1.2:80"
    left, arrow, right = rule.partition("->")
    words = left.split()
    address, colon, port = right.strip().rpartition(":")
    if not arrow or not colon or len(words) != 2 or words[0] not in ("tcp", "udp"):
        raise UsageError(f"{item.where}{rule!r} is no forward rule", remedy=remedy)
    ports = [words[1], port]
    if not all(text.isdecimal() and 0 < int(text) < 65536 for text in ports):
        raise UsageError(f"{item.where}{rule!r}: a port is a number from 1 to 65535", remedy=remedy)
    return words[0], int(ports[0]), _address(address.strip("[]"), item.where), int(ports[1])


def _declare_link(item: Item, topology: Topology) -> None:
    options: dict[str, Any] = {}
    chain, where = item.value, item.where
    if isinstance(chain, dict):
        if len(chain) != 1:
            raise UsageError(f"{where}a link with options has one chain", remedy="as - a -- b: {delay: 10ms}")
        (text, inner), *_ = chain.items()
        where = inner.where
        if not isinstance(inner.value, dict) and inner.value:
            raise UsageError(f"{where}the options of a link should be a mapping", remedy="as a -- b: {delay: 10ms}")
        options = {key: value.plain() for key, value in inner.mapping("the options of a link").items()}
    elif isinstance(chain, list):
        raise UsageError(f"{where}a link is one line, no list", remedy=_LINK)
    else:
        text = chain
    names = [name.strip() for name in text.split("--")]
    if len(names) < 2 or not all(names):
        raise UsageError(f"{where}{text!r} is no link", remedy=_LINK)
    mtu = options.pop("mtu", 1500)
    if not str(mtu).isdecimal():
        raise UsageError(f"{where}the MTU {mtu!r} is not a number", remedy="as mtu: 1400")
    read_impairment(options, where)
    for near, far in pairwise(names):
        topology.connect(near, far, int(mtu), options, where)
