"""What checks are told of the state of hosts, beside their frames."""

import socket

import pytest

from packetlab.lab.format import labs_folder, read_lab
from packetlab.lab.run import Running
from packetlab.model.errors import NamespaceError
from packetlab.net import probe
from tests.conftest import missing


@pytest.fixture(scope="module")
def virtual_networks() -> None:
    try:
        probe()
    except NamespaceError as error:
        missing(f"virtual networks are not there: {error}")


@pytest.mark.usefixtures("virtual_networks")
def test_sockets_are_told_with_their_addresses_of_both_families_and_their_states() -> None:
    with Running(read_lab(labs_folder() / "sockets"), 1) as run, run["s"].socket(socket.AF_INET6) as listener:
        listener.bind((run.value("s.ip6"), 7))
        listener.listen()
        with run["c"].socket(socket.AF_INET6) as client:
            client.connect((run.value("s.ip6"), 7))
            own = client.getsockname()[1]
            six = run.look().sockets("s", "tcp6")
            four = run.look().sockets("s")
    here, there = run.value("s.ip6"), run.value("c.ip6")
    assert (here, 7, "::", 0, "LISTEN") in six
    assert (here, 7, there, own, "ESTABLISHED") in six
    assert ("0.0.0.0", int(run.value("one")), "0.0.0.0", 0, "LISTEN") in four
