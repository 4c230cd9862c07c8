"""Every declared field equals tshark's, on a sample; in full: python -m tests.oracle.tshark_fields."""

import io
from pathlib import Path

import pytest

from packetlab.capture import read
from tests.oracle import tshark_fields
from tests.oracle.ours import Ours, equal, fields_of
from tests.oracle.reasons import REASONS
from tests.oracle.tshark import Reading, Shown, readings


@pytest.mark.needs("tshark")
def test_every_declared_field_equals_tsharks_on_a_sample_of_captures(corpora: Path) -> None:
    del corpora
    total = tshark_fields.compare(tshark_fields.corpus_files(every=17), limit=40)
    out = io.StringIO()
    tshark_fields.report(total, out)
    assert total.frames > 500 and total.equal.total() > 10_000
    assert not total.unexplained, out.getvalue()


@pytest.mark.needs("tshark")
def test_a_wrong_value_is_found_and_named(corpora: Path) -> None:
    path = corpora / "CESNET+ipfixprobe/tests/functional/inputs/dns.pcap"
    with read(path) as frames:
        frame = next(frames)
    reading = next(readings(path, tshark_fields.wanted_protocols(), 1))
    names = tshark_fields.declared_names()
    packet = tshark_fields.decapsulate(frame.data)
    before = [diff for _, same, diff in tshark_fields.compare_frame(packet, reading, names) if not same]
    assert all(diff is None or tshark_fields.reason_for(diff) for diff in before)
    for shown in reading.fields:
        if shown.name == "ip.ttl":
            shown.text = str(int(shown.text) + 1)
        if shown.name == "udp.srcport":
            shown.name = "udp.somethingelse"
    after = [diff for _, same, diff in tshark_fields.compare_frame(packet, reading, names) if not same]
    wrong = [diff for diff in after if diff and diff.name not in {old.name for old in before if old}]
    assert {(diff.name, diff.kind) for diff in wrong if diff} == {
        ("ip.ttl", "values differ"), ("udp.srcport", "only packetlab has it"),
    }  # fmt: skip
    assert not any(tshark_fields.reason_for(diff) for diff in wrong)


def test_values_of_each_kind_are_made_comparable() -> None:
    packet = tshark_fields.decapsulate(bytes.fromhex("0200000000020200000000010800") + bytes(20))
    mine: dict[str, Ours] = {ours.name: ours for ours in fields_of(packet)}
    assert equal(mine["eth.src"], "02:00:00:00:00:01", "FT_ETHER")
    assert not equal(mine["eth.src"], "02:00:00:00:00:02", "FT_ETHER")
    assert equal(mine["eth.type"], "0x0800", "FT_UINT16")
    assert equal(mine["ip.src"], "0.0.0.0", "FT_IPv4")
    assert not equal(mine["ip.src"], "no address", "FT_IPv4")
    assert equal(mine["ip.flags.df"], "0", "FT_BOOLEAN")


def test_no_reason_explains_a_plain_difference_of_values() -> None:
    packet = tshark_fields.decapsulate(bytes.fromhex("0200000000020200000000010800") + bytes(20))
    reading = Reading(1, packet.data or b"", "eth:ethertype:ip")
    mine = next(ours for ours in fields_of(packet) if ours.name == "eth.src")
    shown = Shown("eth.src", "02:00:00:00:00:09", 6, 6)
    difference = tshark_fields.Difference("eth.src", mine, shown, packet, reading)
    assert not [text for text, check in REASONS if check(difference)]
