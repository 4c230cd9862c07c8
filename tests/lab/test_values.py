"""Facts about nodes that labs' texts and filters can name."""

import pytest

from packetlab.lab.values import Values
from packetlab.model.errors import UsageError
from packetlab.net.topology import Topology, subnet


def test_an_interface_with_ipv6_has_a_link_local_address_made_of_its_mac_address_and_one_without_has_none() -> None:
    topology = Topology()
    for name, mac, address in (("a", "00163e0a0b0c", "fd00::1/64"), ("b", "02ffee010203", "10.0.0.2/24")):
        node = topology.add("host", name)
        node.mac, node.addresses = bytes.fromhex(mac), [subnet(address)]
    topology.connect("a", "b")
    values = Values(1)
    values.learn(topology)
    assert values.text("a.local6") == values.text("a.b.local6") == "fe80::216:3eff:fe0a:b0c"
    assert values.get("b.local6") is None


def test_no_two_ports_of_a_lab_are_the_same() -> None:
    values = Values(7, {f"port{number}": "port" for number in range(2000)})
    assert len({values.text(f"port{number}") for number in range(2000)}) == 2000


def test_no_port_is_its_own_mistake() -> None:
    for seed in range(2000):
        port = int(Values(seed, {"port": "port"}).text("port"))
        assert port >> 8 != port & 0xFF


@pytest.mark.parametrize(("length", "room"), [(30, 2), (29, 6), (31, 0), (32, 0), (24, 244)])
def test_each_name_in_a_network_has_an_address_of_its_own_and_one_too_many_is_an_error(length: int, room: int) -> None:
    values = Values(3, {"lan": f"network /{length} in 10.0.0.0/8"})
    drawn = {values.text(f"lan.host{number}") for number in range(room)}
    assert len(drawn) == room
    with pytest.raises(UsageError, match="no room for 'more'"):
        values.text("lan.more")
