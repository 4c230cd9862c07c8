"""A topology as plain text: a tree of cables from the best connected node, with addresses, in ASCII.

A general graph does not fit 80 columns; a tree always does, and labs are nearly trees. Cables that would close a
circle are named at the end.
"""

import textwrap

from packetlab.net.topology import Link, Node, Port, Topology
from packetlab.show.safe import safe_text

SERVICE_WIDTH = 40
"""Characters of a service that are shown."""
_JOINT = "\xa0"
"""A space at which no line ends."""
_SHAPES = {"host": "{}", "switch": "[{}] switch", "hub": "[{}] hub", "router": "({}) router", "nat": "({}) NAT"}


def draw(topology: Topology, width: int = 80) -> str:
    """The diagram, lines joined by newlines, none longer than `width` where names and addresses allow it."""
    ports: dict[str, list[Port]] = {name: [] for name in topology.nodes}
    for pair in topology.ports():
        for port in pair:
            ports[port.node.name].append(port)
    drawing = _Drawing(topology, ports, width)
    for name in sorted(topology.nodes, key=lambda name: -len(ports[name])):
        if name not in drawing.seen:
            drawing.node(topology.nodes[name], None, "", "")
    extra = [link for link in topology.links if id(link) not in drawing.drawn]
    for link in extra:
        drawing.lines.append(f"also: {link.near} -- {link.far}{_wire(link)}")
    return "\n".join(line.rstrip() for line in drawing.lines)


class _Drawing:
    def __init__(self, topology: Topology, ports: dict[str, list[Port]], width: int) -> None:
        self.topology, self.ports, self.width = topology, ports, width
        self.seen: set[str] = set()
        self.drawn: set[int] = set()
        self.lines: list[str] = []

    def node(self, node: Node, link: Link | None, first: str, rest: str) -> None:
        """Draws a node and all that hangs on it: `first` opens its own line, `rest` those below."""
        self.seen.add(node.name)
        below: list[Port] = []
        for port in self.ports[node.name]:
            if id(port.link) not in self.drawn and port.peer not in self.seen | {other.peer for other in below}:
                below.append(port)
        text = first + _SHAPES[node.kind].format(node.name) + (_wire(link) if link else "")
        details = self._details(node)
        continued = rest + ("|    " if below else "     ")
        lines = textwrap.wrap(
            f"{text}  {details}", self.width, subsequent_indent=continued, drop_whitespace=True,
            break_long_words=False, break_on_hyphens=False,
        )  # fmt: skip
        self.lines += [line.replace(_JOINT, " ") for line in lines]
        for number, port in enumerate(below):
            if port.peer in self.seen:
                continue
            self.drawn.add(id(port.link))
            last = number == len(below) - 1
            self.node(self.topology.nodes[port.peer], port.link, rest + "+-- ", rest + ("    " if last else "|   "))

    def _details(self, node: Node) -> str:
        ports = self.ports[node.name]
        many = len([port for port in ports if port.addresses]) > 1
        words = []
        for port in ports:
            if port.addresses:
                words.append((f"{port.name} " if many else "") + " ".join(map(str, port.addresses)))
        if node.gateways:
            words.append("via " + " ".join(node.gateways))
        if node.services:
            shown = [safe_text(service.text) for service in node.services]
            short = [text if len(text) <= SERVICE_WIDTH else text[: SERVICE_WIDTH - 3] + "..." for text in shown]
            words.append("serves " + ", ".join(text.replace(" ", _JOINT) for text in short))
        return ", ".join(words)


def _wire(link: Link) -> str:
    """ " ~ delay 10ms, loss 1% ~" for a link that is more than a cable."""
    options = dict(link.wire) | ({"mtu": link.mtu} if link.mtu != 1500 else {})
    texts = {name: " ".join(map(str, one)) if isinstance(one, list | tuple) else one for name, one in options.items()}
    return " ~ " + ", ".join(f"{name} {text}" for name, text in texts.items()) + " ~" if texts else ""
