"""Tables: what their columns hold, held against single packets; files that other programs can read."""

import json
from pathlib import Path
from typing import Any

import pytest

import packetlab.protocols  # noqa: F401
from packetlab.analysis.open_capture import open_capture
from packetlab.analysis.tables import TABLES, spec
from packetlab.capture import CaptureWriter
from packetlab.internet.ipv4 import IPv4
from packetlab.internet.ipv6 import IPv6
from packetlab.link.ethernet import Ethernet
from packetlab.link.vlan import VLAN, ServiceVLAN
from packetlab.model.addresses import ip_text
from packetlab.model.errors import PacketLabError, UsageError
from packetlab.model.frame import Frame
from packetlab.model.packet import Packet
from packetlab.show.summary import protocol
from packetlab.transport.tcp import TCP, MaximumSegmentSize
from packetlab.transport.udp import UDP
from tests.conftest import ROOT

CAPTURES = ROOT / "captures"


def written(path: Path, *packets: Packet | bytes) -> Path:
    with CaptureWriter(str(path)) as writer:
        for number, packet in enumerate(packets):
            data = packet if isinstance(packet, bytes) else packet.encapsulate()
            writer.write(Frame(data, 1_700_000_000_123_456_789 + number * 1_000_000_001, len(data)))
    return path


def tcp(src: str = "10.0.0.1", **fields: Any) -> Packet:
    ends = Ethernet(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
    return ends / IPv4(src=src, dst="10.0.0.2") / TCP(src_port=40000, dst_port=80, **fields)


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    ethernet = Ethernet(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
    return written(
        tmp_path / "some.pcapng",
        tcp(flags="SYN", sequence=1000, options=(MaximumSegmentSize(size=1400),)),
        tcp(flags="PSH ACK", sequence=1001, acknowledgment=1) / b"=HYPERLINK",
        ethernet / ServiceVLAN(id=7) / VLAN(id=8) / IPv6(src="2001:db8::1", dst="2001:db8::2") / UDP(
            src_port=5000, dst_port=5001) / b"hello",
        ethernet / IPv4(src="10.9.9.9", dst="10.9.9.8", ttl=3) / IPv4(src="10.0.0.5", dst="10.0.0.6", ttl=9),
        b"\x00\x01",
    )  # fmt: skip


def test_packets_have_the_values_of_their_headers_and_null_elsewhere(capture: Path) -> None:
    rows = list(open_capture(capture).table("packets").rows())
    assert [row["number"] for row in rows] == [1, 2, 3, 4, 5]
    assert rows[0]["time"] == "2023-11-14T22:13:20.123456789Z" and rows[1]["seconds"] == 1.000000001
    assert [row["protocol"] for row in rows] == ["TCP", "TCP", "UDP", "IPv4", "Ethernet"]
    assert (rows[1]["flags"], rows[1]["tcp_flags"], rows[1]["payload"]) == ("PSH ACK", 0x18, 10)
    assert (rows[1]["tcp_stream"], rows[1]["tcp_seq"], rows[1]["tcp_seq_raw"]) == (0, 1, 1001)
    assert rows[0]["tcp_ack"] is None and rows[0]["tcp_header"] == 24
    assert (rows[2]["vlan"], rows[2]["vlan_inner"], rows[2]["src"]) == (7, 8, "2001:db8::1")
    assert (rows[2]["ip_version"], rows[2]["src_port"], rows[2]["ip_dont_fragment"]) == (6, 5000, None)
    assert (rows[3]["src"], rows[3]["ttl"]) == ("10.0.0.5", 9), "in a tunnel the innermost header counts"
    assert {name for name, value in rows[4].items() if value is not None} == {
        "number", "time", "seconds", "length", "captured", "interface", "link_type", "protocol"}  # fmt: skip


def test_packets_of_real_captures_equal_single_packets(corpora: Path) -> None:
    files = sorted(path for path in corpora.rglob("*.pcap*") if path.stat().st_size < 40_000)[::19]
    compared = 0
    for file in files:
        try:
            capture = open_capture(file)
        except PacketLabError:
            continue
        rows = list(capture.table("packets").rows())
        packets = list(capture.packets())
        assert len(rows) == len(packets)
        for packet, row in zip(packets, rows, strict=True):
            where = (file.name, row["number"])
            if packet.layers and not protocol(packet).startswith("HTTP"):
                assert row["protocol"] == protocol(packet), where
            ip = next((one for one in reversed(packet.layers) if isinstance(one, IPv4 | IPv6) and not one.is_cut), None)
            assert row["src"] == (None if ip is None else ip_text(ip.src)), where
            ports = next(
                (one for one in reversed(packet.layers) if isinstance(one, TCP | UDP) and not one.is_cut), None
            )
            assert row["dst_port"] == (None if ports is None else ports.dst_port), where
            compared += 1
    assert compared > 500


def test_any_field_is_a_column_under_both_names(capture: Path) -> None:
    names = ("number", "frame.len", "ip.ttl", "ipv4.ttl", "tcp.flags.syn", "tcp.options.mss_val", "tcp.len", "eth.src")
    made = open_capture(capture).columns(*names)
    assert made["ip.ttl"].tolist() == made["ipv4.ttl"].tolist() == [64, 64, None, 3, None]
    assert made["tcp.flags.syn"].tolist() == [True, False, None, None, None]
    assert made["tcp.options.mss_val"].tolist() == [1400, None, None, None, None]
    assert made["tcp.len"].tolist() == [0, 10, None, None, None]
    every = open_capture(capture).columns("ip.ttl", "ip.addr", occurrence="all").arrow().to_pydict()
    assert every["ip.ttl"] == [[64], [64], None, [3, 9], None]
    assert every["ip.addr"][0] == ["10.0.0.1", "10.0.0.2"]
    assert open_capture(capture).columns("ip.ttl", occurrence="last")["ip.ttl"].tolist()[3] == 9


@pytest.mark.parametrize("name", ["tcp.sequenec", "srcc", "tcp", "ip.nothing"])
def test_a_name_that_means_nothing_is_an_error_with_a_remedy(capture: Path, name: str) -> None:
    with pytest.raises(UsageError) as error:
        open_capture(capture).columns(name)
    assert error.value.remedy


def test_flows_are_numbered_as_their_packets(capture: Path) -> None:
    rows = list(open_capture(capture).table("flows").rows())
    assert [(row["protocol"], row["tcp_stream"], row["state"], row["packets_out"]) for row in rows] == [
        ("TCP", 0, "syn answered", 2), ("UDP", None, None, 1)]  # fmt: skip
    assert rows[0]["src"] == "10.0.0.1" and rows[0]["dst_port"] == 80 and rows[0]["first_packet"] == 1


@pytest.mark.parametrize("name", TABLES)
def test_every_table_has_the_columns_it_declares_for_every_sample(name: str) -> None:
    schema = spec(name)
    assert all(column.text for column in schema.columns) and len(set(schema.names)) == len(schema.names)
    for file in sorted(CAPTURES.glob("*.pcap*")):
        made = open_capture(file).table(name).arrow()
        assert tuple(made.column_names) == schema.names, file


@pytest.mark.parametrize("suffix", ["parquet", "arrow", "csv", "ndjson"])
def test_a_table_is_the_same_read_back_from_each_format(capture: Path, tmp_path: Path, suffix: str) -> None:
    import duckdb
    import pyarrow as pa

    target = tmp_path / f"packets.{suffix}"
    table = open_capture(capture).table("packets")
    assert table.write(str(target)) == 5
    assert list(tmp_path.glob(".*")) == [], "no hidden file is left"
    if suffix == "arrow":
        found = pa.ipc.open_file(str(target)).read_all()
    elif suffix == "parquet":
        found = pa.parquet.read_table(str(target))
    else:
        reader = "read_csv" if suffix == "csv" else "read_json"
        relation = duckdb.sql(f"SELECT * FROM {reader}('{target}')")
        assert relation is not None
        found = relation.to_arrow_table()
    mine = table.arrow()
    assert found.column_names == mine.column_names
    for name in ("number", "src", "vlan", "flags", "tcp_seq_raw", "protocol"):
        assert found.column(name).to_pylist() == mine.column(name).to_pylist(), name


def test_texts_that_spreadsheets_would_obey_get_an_apostrophe_unless_exact(tmp_path: Path) -> None:
    import pyarrow as pa

    from packetlab.analysis.tables.write import write_batches

    batch = pa.record_batch([pa.array(["=1+1", "plain", 'a"b\n', None]), pa.array([-1, 2, 3, 4])], names=["t", "n"])
    for exact in (False, True):
        path = tmp_path / "x.csv"
        write_batches([batch], batch.schema, str(path), exact=exact)
        text = path.read_text()
        assert text.splitlines()[1] == ('"=1+1",-1' if exact else '"\'=1+1",-1')
    write_batches([batch], batch.schema, str(tmp_path / "x.ndjson"))
    lines = (tmp_path / "x.ndjson").read_text().splitlines()
    assert json.loads(lines[2]) == {"t": 'a"b\n', "n": 3} and json.loads(lines[3])["t"] is None


def test_memory_does_not_grow_with_the_capture(tmp_path: Path) -> None:
    import pyarrow as pa

    packet = tcp(flags="ACK").encapsulate()
    path = tmp_path / "many.pcap"
    with CaptureWriter(str(path)) as writer:
        for number in range(200):
            writer.write(Frame(packet, number, len(packet)))
    record = path.read_bytes()
    head, body = record[:24], record[24:]
    path.write_bytes(head + body * 1000)
    most = rows = 0
    for batch in open_capture(path).table("packets").batches():
        rows += len(batch)
        most = max(most, pa.total_allocated_bytes())
    assert rows == 200_000 and most < 80_000_000
