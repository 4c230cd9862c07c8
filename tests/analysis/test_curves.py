"""Curves of captures: what is counted is all there is, and round trips are those of segments sent once."""

import io
import json

import numpy as np
import pytest
from click.testing import CliRunner

from packetlab.analysis.curves import curves
from packetlab.analysis.filter import parse
from packetlab.analysis.rates import rates
from packetlab.analysis.tcp_curves import round_trips
from packetlab.capture.writer import CaptureWriter
from packetlab.cli.main import cli
from packetlab.internet.ipv4 import IPv4
from packetlab.link.ethernet import Ethernet
from packetlab.model.errors import UsageError
from packetlab.model.frame import Frame
from packetlab.transport.tcp import TCP

A, B = "10.0.0.1", "10.0.0.2"


def frame(at: float, src: str = A, dst: str = B, data: bytes = b"", **tcp: int) -> Frame:
    ports = {"src_port": 1000, "dst_port": 80} if src == A else {"src_port": 80, "dst_port": 1000}
    made = (
        Ethernet(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / IPv4(src=src, dst=dst) / TCP(**ports, **tcp) / data
    ).encapsulate()
    return Frame(made, round(at * 1e9), len(made))


def capture(*frames: Frame) -> io.BytesIO:
    made = io.BytesIO()
    with CaptureWriter(made) as writer:
        for one in frames:
            writer.write(one)
    return io.BytesIO(made.getvalue())


def test_every_packet_and_byte_is_in_some_interval() -> None:
    random = np.random.default_rng(1)
    times = np.concatenate([random.uniform(0, 5, 500), [1e9, 3.5]])
    found = rates(capture(*(frame(float(at), data=b"x" * 10) for at in times)))
    assert found.packets.sum() == 502 and found.bytes.sum() == 502 * 64 and len(found.packets) <= 150


def test_an_interval_that_was_asked_for_is_kept() -> None:
    found = rates(capture(*(frame(at / 10) for at in range(100))), interval=2)
    assert found.packets.tolist() == [20] * 5 and found.time.tolist() == [0, 2, 4, 6, 8]


def test_a_filter_counts_only_what_fits() -> None:
    found = rates(capture(*(frame(at / 10, data=b"x" * (at % 2)) for at in range(10))), parse("ip.len == 41"))
    assert found.packets.sum() == 5


def test_a_segment_that_was_sent_twice_gives_no_round_trip() -> None:
    time, trips = round_trips([0, 1, 2, 3], [0, 10, 10, 20], [10, 20, 20, 30], [0.5, 2.5, 3.25], [10, 20, 30])
    assert time.tolist() == [0, 3] and trips.tolist() == [0.5, 0.25]


def connection() -> io.BytesIO:
    near_the_end = (1 << 32) - 5
    return capture(
        frame(0, flags=TCP.SYN, sequence=near_the_end),
        frame(0.1, B, A, flags=TCP.SYN | TCP.ACK, sequence=7, acknowledgment=near_the_end + 1),
        frame(0.1, flags=TCP.ACK, sequence=near_the_end + 1, acknowledgment=8),
        frame(0.2, flags=TCP.ACK, sequence=near_the_end + 1, acknowledgment=8, data=b"x" * 100),
        frame(0.5, B, A, flags=TCP.ACK, sequence=8, acknowledgment=96, window=500),
    )


def test_sequence_numbers_go_on_where_they_wrap() -> None:
    sent, acknowledged, window = curves(connection(), "sequence").series
    assert np.asarray(sent.y).tolist() == [1, 101] and np.asarray(acknowledged.y).tolist() == [1, 101]
    assert np.asarray(window.y)[-1] == 601


def test_round_trips_are_those_of_the_capture() -> None:
    (series,) = curves(connection(), "rtt").series
    assert np.allclose(series.y, [100, 300]) and np.allclose(series.x, [0, 0.2])


def test_a_connection_that_is_not_there_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="no TCP connection 3"):
        curves(connection(), "rtt", stream=3)


def test_the_command_draws_and_prints_json(tmp_path) -> None:
    path = tmp_path / "a.pcapng"
    path.write_bytes(connection().getvalue())
    for what in ("io", "rtt", "sequence", "throughput", "window"):
        done = CliRunner().invoke(cli, ["pcap", "plot", str(path), "--what", what], standalone_mode=False)
        assert done.return_value == 0 and max(map(len, done.output.splitlines())) <= 80
        done = CliRunner().invoke(cli, ["pcap", "plot", str(path), "--what", what, "--json"], standalone_mode=False)
        assert json.loads(done.output)["series"][0]["x"]
