"""`packetlab pcap messages` and `pcap export --objects` on captures that the project recorded."""

import json
from pathlib import Path

from click.testing import CliRunner, Result

from packetlab.cli.main import cli
from tests.conftest import ROOT

CAPTURES = ROOT / "captures"


def run(*words: str) -> Result:
    return CliRunner().invoke(cli, ["pcap", *words], standalone_mode=False)


def test_requests_and_responses_are_printed_in_80_columns() -> None:
    shown = run("messages", str(CAPTURES / "http.pcapng"))
    assert shown.exception is None and shown.return_value == 0
    assert "HTTP GET 10.0.0.2/chunks" in shown.output and "404 Not Found" in shown.output
    assert all(len(line) <= 80 for line in shown.output.splitlines())


def test_a_kind_can_be_chosen_and_json_is_one_document() -> None:
    shown = run("messages", str(CAPTURES / "tls12.pcapng"), "--kind", "tls", "--json")
    (one,) = json.loads(shown.stdout)["messages"]
    assert one["server_name"] == "www.lab.test" and one["kind"] == "tls"
    none = run("messages", str(CAPTURES / "tls12.pcapng"), "--kind", "dns", "--json")
    assert none.return_value == 1 and json.loads(none.stdout) == {"messages": []}


def test_a_capture_without_messages_says_so() -> None:
    shown = run("messages", str(CAPTURES / "arp.pcapng"))
    assert shown.return_value == 1 and "no HTTP, DNS or TLS was found" in shown.output


def test_objects_become_files_with_a_manifest(tmp_path: Path) -> None:
    shown = run("export", str(CAPTURES / "http.pcapng"), "--objects", str(tmp_path / "made"), "--json")
    assert shown.exception is None and shown.return_value == 0
    objects = json.loads(shown.stdout)["objects"]
    assert len(objects) == 5 and all((tmp_path / "made" / one["file"]).is_file() for one in objects)


def test_the_first_messages_alone_can_be_asked_for() -> None:
    shown = run("messages", str(CAPTURES / "http.pcapng"), "--limit", "2", "--json")
    everything = run("messages", str(CAPTURES / "http.pcapng"), "--json")
    assert json.loads(shown.stdout)["messages"] == json.loads(everything.stdout)["messages"][:2]
