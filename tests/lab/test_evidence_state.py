"""What checks are told of the state of hosts, beside their frames; and what they say where there are no frames."""

import socket

import pytest

from packetlab.lab.evidence import Evidence
from packetlab.lab.format import labs_folder, read_lab
from packetlab.lab.run import Running
from packetlab.lab.values import Values
from packetlab.lab.verdict import NotYet, Seen, Verdict
from packetlab.model.errors import NamespaceError
from packetlab.model.frame import Frame
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


def test_where_nothing_was_seen_a_plain_sentence_comes_before_what_was_looked_for() -> None:
    def said(*frames: Seen) -> str:
        evidence = Evidence(frames, Values(1, {}), places=["h1 eth0", "h2 eth0"])
        with pytest.raises(NotYet) as caught:
            evidence.at("h2").some("icmp.type == 8")
        assert caught.value.statement is not None
        verdict = Verdict("not yet", "ping", [caught.value.statement], caught.value.message)
        return verdict.text().split("\n", 1)[1]

    looked_for = "  expected  at h2: a frame with icmp.type == 8\n"
    nothing = looked_for + "  seen      nothing at all in this attempt"
    assert said() == "  Nothing was sent yet: in this attempt no frame was seen anywhere.\n" + nothing
    elsewhere, here = (Seen(Frame(bytes(60), 1, 60, number=1), place) for place in ("h1 eth0", "h2 eth0"))
    assert said(elsewhere) == "  No frame at all was seen at h2 in this attempt.\n" + nothing
    assert said(elsewhere, here).startswith(looked_for), "there is something to be quoted"
