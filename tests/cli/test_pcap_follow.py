"""`packetlab pcap follow` on captures that the project recorded."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from packetlab.cli.main import cli, main
from packetlab.model.errors import UsageError
from tests.conftest import ROOT

CAPTURES = ROOT / "captures"


def run(*words: str) -> Result:
    return CliRunner().invoke(cli, ["pcap", "follow", *words], standalone_mode=False)


def test_both_sides_are_shown_in_turn_as_they_were_sent() -> None:
    shown = run(str(CAPTURES / "http.pcapng"), "--stream", "0")
    assert shown.exception is None and shown.output.index("GET / HTTP/1.1") < shown.output.index("<h1>Hello</h1>")
    assert "client, packet" in shown.output and "server, packet" in shown.output


def test_raw_bytes_are_exact_and_one_sided(tmp_path: Path) -> None:
    out = tmp_path / "client.bin"
    run(str(CAPTURES / "tls13.pcapng"), "--stream", "0", "--as", "raw", "--direction", "client", "-o", str(out))
    described = json.loads(run(str(CAPTURES / "tls13.pcapng"), "--stream", "0", "--json").output)
    sent = b"".join(bytes.fromhex(one["hex"]) for one in described["chunks"] if one["from"] == "client")
    assert out.read_bytes() == sent and sent.startswith(b"\x16\x03")
    assert len(sent) == described["connection"]["client_bytes"]


def test_a_connection_that_is_not_there_is_named_with_a_remedy(capsys: object) -> None:
    try:
        main(["pcap", "follow", str(CAPTURES / "http.pcapng"), "--stream", "999"])
    except SystemExit as end:
        assert end.code == 2


def test_a_capture_without_tcp_says_so() -> None:
    shown = run(str(CAPTURES / "arp.pcapng"))
    assert shown.return_value == 1


@pytest.mark.parametrize("form", [("--as", "raw"), ("--as", "text"), ("--json",)])
def test_the_capture_is_never_written_over(tmp_path: Path, form: tuple[str, ...]) -> None:
    capture = tmp_path / "one.pcapng"
    capture.write_bytes((CAPTURES / "http.pcapng").read_bytes())
    (tmp_path / "link.pcapng").symlink_to(capture)
    shown = run(str(capture), "--stream", "0", *form, "-o", str(tmp_path / "link.pcapng"))
    assert isinstance(shown.exception, UsageError)
    assert capture.read_bytes() == (CAPTURES / "http.pcapng").read_bytes()


@pytest.mark.parametrize("form", [("--as", "raw"), ("--as", "hex"), ("--json",)])
def test_an_output_that_cannot_be_written_is_an_error_with_a_remedy(tmp_path: Path, form: tuple[str, ...]) -> None:
    shown = run(str(CAPTURES / "http.pcapng"), "--stream", "0", *form, "-o", str(tmp_path / "no" / "x"))
    assert isinstance(shown.exception, UsageError) and shown.exception.remedy


def test_json_goes_to_the_file_that_is_named(tmp_path: Path) -> None:
    out = tmp_path / "x.json"
    shown = run(str(CAPTURES / "http.pcapng"), "--stream", "0", "--json", "-o", str(out))
    assert shown.output == "" and json.loads(out.read_text())["chunks"]
