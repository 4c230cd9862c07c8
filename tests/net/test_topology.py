"""The declared language of topologies: what it says, and every way of getting it wrong. Needs no namespace."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packetlab.model.errors import UsageError
from packetlab.net import Network
from packetlab.net.spec import read_spec
from packetlab.net.topology import Topology

LAB = """\
hosts:
  client: 10.0.1.2/24 fd00:1::2/64 via 10.0.1.1 fd00:1::1
  server: {address: 10.0.2.2/24, via: 10.0.2.1, dns: 10.0.2.53, mac: 12:00:00:00:00:59, routes: {10.9.0.0/16: 10.0.2.9}}
routers:
  r: {left: 10.0.1.1/24 fd00:1::1/64, right: 10.0.2.1/24}
switches: [left]
hubs: [right]
links:
  - client -- left -- r
  - right -- server: {delay: 10ms, loss: 1%, mtu: 1400}
"""


def test_a_topology_reads_as_it_is_written() -> None:
    topology = Network.from_spec(LAB).topology
    server = topology.nodes["server"]
    assert (server.gateways, server.resolver, server.mac) == (["10.0.2.1"], ["10.0.2.53"], b"\x12\0\0\0\0\x59")
    assert server.routes == [("10.9.0.0/16", "10.0.2.9")]
    # The link r -- right follows from the router's address there.
    assert [(link.near, link.far, link.mtu) for link in topology.links] == [
        ("client", "left", 1500), ("left", "r", 1500), ("right", "server", 1400), ("r", "right", 1500)]  # fmt: skip
    assert {port.name: [str(one) for one in port.addresses] for pair in topology.ports() for port in pair
            if port.node.name == "r"} == {"eth0": ["10.0.1.1/24", "fd00:1::1/64"], "eth1": ["10.0.2.1/24"]}  # fmt: skip


def test_a_mapping_and_yaml_text_mean_the_same() -> None:
    spec = {"hosts": {"a": "10.0.0.1/24", "b": ["10.0.0.2/24"]}, "links": [{"a -- b": {"delay": "10ms"}}]}
    text = "hosts: {a: 10.0.0.1/24, b: [10.0.0.2/24]}\nlinks:\n - a -- b: {delay: 10ms}"
    one, other = (Network.from_spec(given).topology.ports() for given in (spec, text))
    assert [[(port.name, port.addresses, port.link.wire) for port in pair] for pair in one] == [
        [(port.name, port.addresses, port.link.wire) for port in pair] for pair in other
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hosts: {a: 10.0.0.1/24}\nlinks:\n - a -- b", "line 3: there is no node 'b'"),
        ("hosts:\n  a: 10.0.0.300/24", "line 2: '10.0.0.300/24' is not an address"),
        ("hosts:\n  a: 10.0.0.1", "line 2: '10.0.0.1' lacks its prefix length"),
        ("hosts:\n  a: 10.0.0.0/24", "line 2: .* is the address of the network"),
        ("hosts: [\n", "line 2: this is not YAML"),
        ("hosts:\n a: 10.0.0.1/24\n a: 10.0.0.2/24", "line 3: 'a' is there twice"),
        ("hosts:\n a: 10.0.0.1/24\n b: 10.0.0.1/24\nlinks:\n - a -- b", "line 3: a and b on one link both have"),
        ("switches: [x, y, z]\nlinks:\n - x -- y -- z\n - z -- x", "line 4: the link z -- x closes a loop"),
        ("hosts:\n a: 10.0.0.1/24\n b: 10.0.0.2/24\n c: 10.0.0.3/25\n d: 10.0.0.4/25\nlinks: [a -- b, c -- d]",
         "line 5: the subnets .* overlap"),
        ("hosts:\n a: 10.0.0.1/24 via 10.9.9.9\nswitches: [s]\nlinks: [a -- s]", "line 2: the gateway 10.9.9.9"),
        ("hosts:\n a: 10.0.0.1/24 via\nlinks: []", "line 2: there is no address after `via`"),
        ("hosts: {a: , b: }\nlinks:\n - a -- b: {delay: 10x}", "line 3: delay: '10x'"),
        ("hosts: {a: , b: }\nlinks:\n - a -- b: {dely: 10ms}", "line 3: a wire has no 'dely'"),
        ("hosts: {a: , b: }\nlinks:\n - a -- b: {mtu: big}", "line 3: the MTU 'big'"),
        ("hosts: {a: 10.0.0.1/24}", "line 1: a has an address but no link"),
        ("hosts: {a: {mac: 1}}", "line 1: '1' is not a MAC address"),
        ("hosts: {_x: }", "line 1: '_x' cannot be the name"),
        ("foo: 1", "line 1: 'foo' is no part of a topology"),
        ("", "there is nothing in it"),
        ("hosts:\n a: 10.0.0.1/24\nallow: [everything]\nswitches: [s]\nlinks: [a -- s]", "line 3: .*'everything'"),
        ("hosts:\n\ta: 10.0.0.1/24", "line 2: this is not YAML: a tab cannot indent"),
        ("hosts:\n a: \0", "line 2: this is not YAML: it contains the control character"),
        ("hosts: {a: }\n---\nhosts: {b: }", "line 2: this is not YAML: a second document"),
        ("hosts:\n a: &a {address: 10.0.0.1/24}\n b: {<<: *a}", "line 3: mappings are not merged"),
        ("hosts: !!python/object/apply:os.system [id]", "line 1: the tag .* has no meaning"),
        ("hosts: &a [*a]", "line 1: this is nested deeper"),
        ("links: []", "line 1: no host is declared"),
        ("hosts: {17: }", "line 1: '17' cannot be the name"),
        ("hosts: {localhost: }", "line 1: 'localhost' has a meaning of its own"),
        ("hosts:\n a:\n  addres: 10.0.0.1/24", "line 3: 'addres' is neither an option of a host nor a node"),
        ("hosts:\n a:\n  stp: true", "line 3: 'stp' is for a switch"),
        ("hosts:\n a:\n  mtu: 1400", "line 3: 'mtu' is no option of a host"),
        ("switches: {s: {stp: perhaps}}", "line 1: stp: 'perhaps' is neither true nor false"),
        ("hosts: {a: , b: }\nlinks:" + "\n - a -- b" * 4097, "line 4099: a network has at most 4096 links"),
        ("hosts: {a: , b: }\nlinks:\n - a -- b: {drop: " + "7 " * 4097 + "}", "line 3: drop: 4097 numbers are more"),
        ("hosts: {a: , b: }\nlinks:\n - [a, b]", "line 3: a link is one line"),
        ("hosts: {a: , b: }\nlinks:\n - a -- b: 10ms", "line 3: the options of a link should be a mapping"),
        ("hosts: {a: 0.0.0.0/0}", "0.0.0.0/0 is no address of a host"),
        ("hosts: {a: 127.0.0.2/8}", "127.0.0.2/8 is a loopback address"),
        ("hosts: {a: 'fe80::1%eth0/64'}", "names an interface"),
        ("hosts: {a: 255.255.255.255/32}", "is the broadcast address"),
        ("hosts:\n a: fd00::1/64\n b: \nlinks:\n - a -- b: {mtu: 1279}", "line 5: the MTU 1279 of a -- b is too small"),
        ("hosts: {a: {mac: 01:00:5e:00:00:01}}", "the MAC address 01:00:5e:00:00:01 of a cannot be"),
        ("hosts:\n a: {mac: 02:00:00:00:00:09}\n b: {mac: 02:00:00:00:00:09}\nlinks: [a -- b]",
         "line 3: a and b on one link both have 02:00:00:00:00:09"),
        ("hosts:\n a: 10.0.0.1/24 via 10.0.0.1\n b:\nlinks: [a -- b]", "line 2: the gateway 10.0.0.1 of a is its own"),
        ("hosts:\n a: 10.0.0.1/24 via 10.0.0.255\n b:\nlinks: [a -- b]", "line 2: the gateway .* is no address of a"),
        ("hosts:\n a: 10.0.0.1/24 via 10.0.0.2 10.0.0.3\n b:\nlinks: [a -- b]", "line 2: a has two default gateways"),
        ("hosts:\n a: {address: 10.0.0.1/24, routes: {fd00::/64: 10.0.0.2}}\n b:\nlinks: [a -- b]",
         "line 2: the route of a to fd00::/64 has the gateway 10.0.0.2"),
        ("hosts: {a: , b: }\nnat: {n: {a: 10.0.0.1/24, b: 1.0.0.1/24, outside: b,\n"
         " forward: [tcp 80 -> 10.0.0.2:80, tcp 80 -> 10.0.0.3:80]}}", "n forwards one port twice"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_sentence_with_its_line_and_a_remedy(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        Network.from_spec(text)
    assert "\n" not in str(caught.value)
    assert caught.value.remedy


def test_aliases_that_multiply_end_in_a_sentence_and_not_in_hours() -> None:
    rows = ["a: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    rows += [f"b{number}: &a{number} [{', '.join([f'*a{number - 1}'] * 10)}]" for number in range(1, 8)]
    with pytest.raises(UsageError, match=r"line \d+: there are more values in it than a topology can have"):
        Network.from_spec("\n".join(rows))


def test_a_file_that_cannot_be_read_or_is_no_text_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "bytes.yaml").write_bytes(b"hosts: \xeb\xff")
    (tmp_path / "large.yaml").write_bytes(b"#" * (2 << 20))
    for name, message in {"bytes": "is not text", "large": "is larger than", "absent": "No such file"}.items():
        with pytest.raises(UsageError, match=rf"{name}\.yaml.*{message}|{message}.*{name}\.yaml") as caught:
            Network.from_spec(tmp_path / f"{name}.yaml")
        assert "\n" not in str(caught.value) and "Errno" not in str(caught.value)
        assert caught.value.remedy


@pytest.mark.parametrize("links", ["a -- b, b -- c", "[a -- b, b -- c]", "\n  a -- b:\n  b -- c: {delay: 1ms}"])
def test_links_may_be_one_line_a_list_or_a_mapping(links: str) -> None:
    topology = Network.from_spec(f"hosts: {{a: , b: , c: }}\nlinks: {links}").topology
    assert [(link.near, link.far) for link in topology.links] == [("a", "b"), ("b", "c")]


def test_the_name_of_the_file_opens_the_sentence(tmp_path: Path) -> None:
    path = tmp_path / "lab.yaml"
    path.write_text("hosts:\n  a: nonsense\n")
    with pytest.raises(UsageError, match=r"lab\.yaml, line 2"):
        Network.from_spec(path)


def test_a_text_from_inside_a_file_is_counted_from_its_place() -> None:
    with pytest.raises(UsageError, match=r"lab\.md, line 12: "):
        Network.from_spec("hosts:\n  a: nonsense\n", source="lab.md", first_line=11)


def test_what_is_allowed_by_name_is_no_mistake() -> None:
    text = "hosts:\n a: 10.0.0.1/24\n b: 10.0.0.1/24\nlinks: [a -- b]\nallow: [duplicate-address]"
    assert len(Network.from_spec(text).topology.nodes) == 2


def test_a_loop_of_switches_with_spanning_tree_is_no_mistake() -> None:
    names = ("x", "y", "z")
    text = "switches: {" + ", ".join(f"{name}: {{stp: true}}" for name in names) + "}\nlinks: [x -- y -- z -- x]"
    assert len(Network.from_spec(text).topology.links) == 3


@given(st.text(max_size=60))
def test_no_text_gives_anything_but_a_usage_error(text: str) -> None:
    try:
        read_spec(text, Topology())
    except UsageError:
        pass


def test_the_diagram_fits_eighty_columns_and_names_everything() -> None:
    drawn = Network.from_spec(LAB).diagram()
    assert max(map(len, drawn.splitlines())) <= 80
    assert drawn.isascii()
    for part in ("client", "[left] switch", "(r) router", "[right] hub", "10.0.2.2/24", "fd00:1::2/64", "delay 10ms"):
        assert part in drawn, drawn


def test_a_cable_that_closes_a_circle_is_named_below_the_diagram() -> None:
    text = "hosts: {a: , b: , c: }\nlinks: [a -- b -- c -- a]"
    assert "also:" in Network.from_spec(text).diagram()


def test_options_of_a_wire_are_drawn_as_people_write_them() -> None:
    assert "~ drop 3 7, match udp ~" in Network.from_spec(
        "hosts: {a: , b: }\nlinks: [a -- b: {drop: [3, 7], match: udp}]").diagram()  # fmt: skip
