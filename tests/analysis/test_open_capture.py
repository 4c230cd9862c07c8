"""open_capture: one object that answers again and again, in Python and in SQL, and reaches nothing else."""

import io
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import packetlab
from packetlab import TCP, IPv4
from packetlab.analysis.open_capture import Capture, open_capture
from packetlab.analysis.sql import SQLError
from packetlab.model.errors import CaptureError, UsageError
from tests.conftest import ROOT

HTTP = ROOT / "captures" / "http.pcapng"
DAMAGED = ROOT / "captures" / "damaged_garbage.pcap"


@pytest.fixture
def capture() -> Capture:
    return packetlab.open_capture(HTTP)


def test_packets_can_be_iterated_again_and_have_their_frames(capture: Capture) -> None:
    first, second = list(capture.packets()), list(capture)
    assert first == second and first[0].frame is not None
    assert [packet.frame.number for packet in first if packet.frame] == list(range(1, len(first) + 1))
    assert [frame.data for frame in capture.frames()] == [packet.data for packet in first]


def test_where_restricts_every_answer_and_can_be_chained(capture: Capture) -> None:
    syns = capture.where("tcp.flags.syn == 1").where("ip || arp")
    packets = list(syns.packets())
    assert len(packets) == 2 and all(packet[TCP].flags & TCP.SYN for packet in packets)
    assert len(syns.table("packets").arrow()) == 2 == len(syns.columns("tcp.seq")["tcp.seq"])
    assert next(iter(syns.sql("SELECT count(*) AS n FROM packets").rows())) == {"n": 2}
    assert syns.summary().packets == 2 and len(syns.flows()) == 1
    with pytest.raises(UsageError, match="nosuch"):
        capture.where("nosuch.field == 1")


def test_columns_are_arrays_and_data_frames(capture: Capture) -> None:
    table = capture.columns("number", "ip.ttl", "ip.src", "tcp.seq")
    arrays = table.arrays()
    packets = list(capture.packets())
    assert np.ma.count(arrays["ip.ttl"]) == sum(IPv4 in packet for packet in packets)
    assert arrays["ip.ttl"].compressed().tolist() == [one[IPv4].ttl for one in packets if IPv4 in one]
    frame = table.to_pandas()
    assert frame["tcp.seq"].dtype == "UInt32" and len(frame) == len(packets)
    assert table.to_polars().shape == (len(packets), 4)


def test_sql_answers_and_says_what_columns_it_has(capture: Capture) -> None:
    answer = capture.sql("SELECT src, sum(length) AS bytes FROM packets WHERE src IS NOT NULL GROUP BY 1 ORDER BY 1")
    assert answer.keys() == ["src", "bytes"]
    expected: dict[str, int] = {}
    for packet in capture:
        if IPv4 in packet and packet.frame:
            key = packet[IPv4].src
            expected[".".join(map(str, key))] = expected.get(".".join(map(str, key)), 0) + packet.frame.wire_length
    assert {row["src"]: row["bytes"] for row in answer.rows()} == expected
    assert list(answer.rows()) == list(answer.rows()), "it can be asked again"


def test_sql_joins_tables_and_names_one_twice(capture: Capture) -> None:
    count = len(list(capture.frames()))
    joined = capture.sql("SELECT count(*) n FROM packets a JOIN packets b USING (number)")
    assert next(iter(joined.rows()))["n"] == count
    rows = list(
        capture.sql("SELECT f.state, count(*) n FROM flows f JOIN packets USING (tcp_stream) GROUP BY 1").rows()
    )
    assert [row["state"] for row in rows] == ["closed"]
    assert capture.sql("SELECT * EXCLUDE (time, src) FROM packets").keys()[:2] == ["number", "seconds"]


@pytest.mark.parametrize(
    ("statement", "cause", "remedy"),
    [
        ("SELECT srcc FROM packets", "there is no column 'srcc' (column 8)", "did you mean src?"),
        ("SELECT *\nFROM pakets", "there is no table 'pakets' (line 2, column 6)", "did you mean packets?"),
        ("SELECT fooo(1)", "there is no function 'fooo' (column 8)", "did you mean"),
        ("SELECT src FROM packets WHERE (number = 3", "syntax error", ""),
        ("SELECT 1; SELECT 2", "2 statements", "write one SELECT"),
        ("", "no statements", "write one SELECT"),
        ("DROP TABLE packets", "DROP statements do not run here", "write one SELECT"),
    ],
)
def test_mistakes_in_sql_are_one_sentence_with_their_place(
    capture: Capture, statement: str, cause: str, remedy: str
) -> None:
    with pytest.raises(SQLError) as error:
        capture.sql(statement)
    assert cause in str(error.value) and remedy in error.value.remedy and "\n" not in str(error.value)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM read_text('{file}')", "SELECT * FROM read_csv('{file}')", "SELECT * FROM '{file}'",
        "SELECT * FROM glob('{folder}/*')", "COPY (SELECT 1) TO '{folder}/made.csv'", "ATTACH '{folder}/made.db'",
        "INSTALL httpfs", "LOAD httpfs", "SET enable_external_access = true", "PRAGMA database_list",
        "EXPORT DATABASE '{folder}/made'", "SELECT * FROM duckdb_secret_in_python",
        "SELECT * FROM read_blob('{file}')", "SELECT * FROM parquet_scan('{file}')", "CALL pragma_version()",
        "WITH a AS (SELECT * FROM read_text('{file}')) SELECT * FROM a", "SELECT * FROM sniff_csv('{file}')",
        "SELECT * FROM query('SELECT * FROM read_text(''{file}'')')",
    ],
)  # fmt: skip
def test_sql_can_reach_no_file_extension_setting_or_variable(capture: Capture, tmp_path: Path, statement: str) -> None:
    duckdb_secret_in_python = [1, 2, 3]
    assert duckdb_secret_in_python
    secret = tmp_path / "secret.csv"
    secret.write_text("a,b\n1,2\n")
    with pytest.raises(SQLError):
        list(capture.sql(statement.format(file=secret, folder=tmp_path)).rows())
    assert [path.name for path in tmp_path.iterdir()] == ["secret.csv"]


def test_an_answer_that_fits_no_memory_spills_to_disk_or_says_so(
    capture: Capture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from packetlab.analysis import sql

    monkeypatch.setattr(sql, "MEMORY_LIMIT", "100MB")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    much = "SELECT a, repeat('x', 200) || a AS b FROM range(800000) t(a) ORDER BY b"
    assert sum(len(batch) for batch in capture.sql(much).batches()) == 800_000
    monkeypatch.setattr(sql, "SPILL_LIMIT", "1MB")
    with pytest.raises(SQLError, match="memory"):
        list(capture.sql(much).batches())
    assert list(tmp_path.iterdir()) == [], "nothing is left behind"


def test_what_can_be_read_once_answers_once_and_says_so() -> None:
    capture = open_capture(io.BytesIO(HTTP.read_bytes()))
    assert capture.is_one_shot and len(list(capture.packets())) > 10
    with pytest.raises(UsageError, match="only once, and packets"):
        list(capture.frames())


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_named_pipe_is_known_to_be_read_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert open_capture(tmp_path / "pipe").is_one_shot


def test_damage_is_known_after_any_pass_and_without_one() -> None:
    found = [str(one) for one in open_capture(DAMAGED).damage]
    assert found
    asks: list[Callable[[Capture], object]] = [
        lambda one: list(one.packets()), lambda one: one.table("packets").arrow(),
        lambda one: one.columns("ip.ttl").arrow(),
        lambda one: one.sql("SELECT * FROM packets").arrow(), lambda one: list(one.where("ip").frames()),
    ]  # fmt: skip
    for ask in asks:
        capture = open_capture(DAMAGED)
        ask(capture)
        assert [str(one) for one in capture.damage] == found


def test_no_capture_is_an_error_at_once(tmp_path: Path) -> None:
    (tmp_path / "x.pcap").write_bytes(b"hello, this is no capture at all")
    with pytest.raises(CaptureError):
        open_capture(tmp_path / "x.pcap")
    with pytest.raises(CaptureError):
        open_capture(tmp_path / "missing.pcap")


def test_opening_a_capture_loads_no_heavy_library() -> None:
    import subprocess

    code = (f"import sys, packetlab; packetlab.open_capture({str(HTTP)!r}); "
            "print([one for one in ('pyarrow', 'duckdb', 'pandas') if one in sys.modules])")  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_same_questions_can_be_asked_in_python_and_as_tables() -> None:
    capture = open_capture(ROOT / "captures" / "retransmission.pcapng")
    judged = sum(len(part.number) for part in capture.health())
    assert judged == len(capture.table("tcp_health").arrow()) > 10
    found = [row["kind"] for row in capture.table("findings").rows()]
    assert found == [one.kind for one in capture.findings()] and found
    rows = list(capture.sql("SELECT number FROM tcp_health WHERE found = 'retransmission'").rows())
    assert len(rows) == 1
    assert [one.index for one in capture.streams()] == [0] and len(capture.flows()) == 1
