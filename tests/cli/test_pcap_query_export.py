"""`packetlab pcap query` and `packetlab pcap export`, run as a user runs them."""

import csv
import io
import json
import os
import pty
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from packetlab.analysis.tables import TABLES, spec
from packetlab.capture import CaptureWriter
from packetlab.cli.main import main
from packetlab.model.frame import Frame
from tests.conftest import ROOT
from tests.show.packets import HOSTILE, udp

CAPTURES = ROOT / "captures"
HTTP = str(CAPTURES / "http.pcapng")
DAMAGED = str(CAPTURES / "damaged_garbage.pcap")


def run(*arguments: str, stdin: bytes = b"") -> tuple[int, str, str]:
    """(exit code, standard output, standard error); in this process, which is quick, unless there is an input."""
    if stdin:
        words = [sys.executable, "-m", "packetlab.cli.main", "pcap", *arguments]
        done = subprocess.run(words, input=stdin, capture_output=True)
        assert b"Traceback" not in done.stderr, done.stderr.decode()
        return done.returncode, done.stdout.decode(), done.stderr.decode()
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
        main(["pcap", *arguments])
    texts = [stream.buffer.getvalue().decode() for stream in (out, err)]
    return int(ended.value.code or 0), texts[0], texts[1]


def in_terminal(*arguments: str, columns: int = 80) -> str:
    """What a terminal of that width is shown."""
    import fcntl
    import struct
    import termios

    controller, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    words = [sys.executable, "-m", "packetlab.cli.main", "pcap", *arguments]
    clean = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    with subprocess.Popen(words, stdout=terminal, stderr=subprocess.PIPE, env={**clean, "TERM": "xterm"}) as process:
        os.close(terminal)
        shown = b""
        while True:
            try:
                part = os.read(controller, 65536)
            except OSError:
                break
            if not part:
                break
            shown += part
        assert process.stderr is not None and b"Traceback" not in process.stderr.read()
    os.close(controller)
    return shown.decode()


def test_an_answer_is_plain_aligned_text_in_a_pipe() -> None:
    code, out, err = run("query", HTTP, "SELECT protocol, count(*) AS packets FROM packets GROUP BY 1 ORDER BY 1")
    lines = out.splitlines()
    assert code == 0 and err == "" and lines[0] == "protocol  packets"
    assert lines[1].split() == ["ARP", "2"] and "\x1b" not in out


def test_an_answer_is_json_and_csv_for_programs() -> None:
    statement = "SELECT number, time, src, flags, ip_dont_fragment FROM packets WHERE tcp_stream = 0 LIMIT 2"
    document = json.loads(run("query", HTTP, statement, "--json")[1])
    assert document["columns"] == ["number", "time", "src", "flags", "ip_dont_fragment"] and document["damage"] == []
    assert document["rows"][0]["flags"] == "SYN" and document["rows"][0]["time"].endswith("Z")
    rows = list(csv.DictReader(io.StringIO(run("query", HTTP, statement, "--csv")[1])))
    assert [row["flags"] for row in rows] == ["SYN", "SYN ACK"]


def test_a_display_filter_comes_before_the_statement() -> None:
    code, out, _ = run("query", HTTP, "SELECT count(*) AS n FROM packets", "-Y", "tcp.flags.syn == 1", "--csv")
    assert code == 0 and out.splitlines() == ['"n"', "2"]


def test_tables_and_columns_can_be_looked_up_without_a_file() -> None:
    _, tables, _ = run("query", "--tables")
    _, columns, _ = run("query", "--schema")
    for name in TABLES:
        assert f"{name} " in tables and f"{name}: " in columns
        assert all(f"  {column.name} " in columns for column in spec(name).columns)
    assert max(map(len, columns.splitlines())) <= 80
    assert {one["table"] for one in json.loads(run("query", "--schema", "--json")[1])} == set(TABLES)


@pytest.mark.parametrize(
    ("statement", "cause"),
    [
        ("SELECT srcc FROM packets", "there is no column 'srcc' (column 8)\n  try: did you mean src?"),
        ("SELECT 1 FROM pakets", "there is no table 'pakets' (column 15)\n  try: did you mean packets?"),
        ("COPY packets TO 'x'", "COPY statements do not run here"),
        ("SELECT * FROM read_text('/etc/hostname')", "reaches for files"),
    ],
)
def test_mistakes_are_usage_errors_in_one_sentence(statement: str, cause: str) -> None:
    code, out, err = run("query", HTTP, statement)
    assert code == 2 and out == "" and cause in err and len(err.splitlines()) == 2


def test_damage_is_reported_and_is_exit_code_1(tmp_path: Path) -> None:
    code, out, err = run("query", DAMAGED, "SELECT count(*) FROM packets")
    assert code == 1 and out and err.startswith("damaged: offset ")
    code, _, err = run("export", DAMAGED, "-o", str(tmp_path / "x.parquet"))
    assert code == 1 and "damaged: offset " in err and (tmp_path / "x.parquet").exists()


def test_a_terminal_is_shown_no_line_wider_than_itself_and_obeys_no_byte(tmp_path: Path) -> None:
    data = udp(HOSTILE).encapsulate()
    path = tmp_path / "hostile.pcapng"
    with CaptureWriter(str(path)) as writer:
        writer.write(Frame(data, 1, len(data), interface="\x1b[31mred"))
    for statement in (
        "SELECT * FROM packets", "SELECT interface, protocol FROM packets",
        "SELECT chr(27) || '[31m' || '[b]' AS a, repeat('wide ', 40) AS b FROM packets",
    ):  # fmt: skip
        shown = in_terminal("query", str(path), statement)
        plain = shown.replace("\r\n", "\n")
        assert "\x1b[31m" not in plain and "red" not in statement and plain.strip()
        without = "".join(part.partition("m")[2] if index else part for index, part in enumerate(plain.split("\x1b[")))
        assert max(map(len, without.splitlines())) <= 80, without
    assert "[b]" in shown


def test_standard_input_is_asked_once() -> None:
    data = Path(HTTP).read_bytes()
    code, out, _ = run("query", "-", "SELECT count(*) AS n FROM packets", "--csv", stdin=data)
    assert code == 0 and int(out.splitlines()[1]) > 10
    code, _, err = run("query", "-", "SELECT count(*) FROM packets a JOIN packets b USING (number)", stdin=data)
    assert code == 2 and "can be read only once" in err and "record it to a file" in err


@pytest.mark.parametrize("suffix", ["parquet", "arrow", "csv", "ndjson"])
def test_a_table_is_exported_by_suffix(tmp_path: Path, suffix: str) -> None:
    target = tmp_path / f"flows.{suffix}"
    code, out, err = run("export", HTTP, "--table", "flows", "-o", str(target))
    assert code == 0 and out == "" and err == f"1 row of flows written to {target}\n" and target.stat().st_size


def test_chosen_fields_go_to_a_pipe() -> None:
    fields = "frame.number,ip.ttl,tcp.options.mss_val,ip.addr"
    arguments = ("--fields", fields, "-o", "-", "--format", "csv", "--occurrence", "all", "-Y", "tcp.flags.syn == 1")
    code, out, _ = run("export", HTTP, *arguments)
    rows = list(csv.reader(io.StringIO(out)))
    assert code == 0 and rows[0] == fields.split(",") and rows[1][1:] == ["64", "1460", "10.0.0.1; 10.0.0.2"]


def test_export_says_what_it_wrote_in_json(tmp_path: Path) -> None:
    target = str(tmp_path / "p.parquet")
    document = json.loads(run("export", HTTP, "-o", target, "--json")[1])
    assert document["rows"] > 10 and document["file"] == target and document["table"] == "packets"


@pytest.mark.parametrize(
    ("arguments", "cause"),
    [
        ((), "where the table should go is not said"),
        (("-o", "x.txt"), "does not say which format"),
        (("-o", "x.csv", "--table", "packtes"), "there is no table 'packtes'"),
        (("-o", "x.csv", "--fields", "ip.tll"), "did you mean"),
        (("-o", "/nonexistent/x.csv"), "cannot be written"),
    ],
)
def test_mistakes_of_export_are_one_sentence_and_leave_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], cause: str
) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, err = run("export", HTTP, *arguments)
    assert code in (1, 2) and cause in err and list(tmp_path.iterdir()) == []


def test_the_parquet_file_is_no_larger_than_the_headers(tmp_path: Path) -> None:
    target = tmp_path / "p.parquet"
    data = udp(b"x" * 100).encapsulate()
    path = tmp_path / "p.pcap"
    with CaptureWriter(str(path)) as writer:
        for number in range(20_000):
            writer.write(Frame(data, 1_700_000_000_000_000_000 + number * 137_000, len(data)))
    assert run("export", str(path), "-o", str(target))[0] == 0
    assert target.stat().st_size < 20_000 * 42
