"""`packetlab pcap findings` and `pcap plot`: what people and programs get to see."""

import json
from pathlib import Path

from click.testing import CliRunner, Result

from packetlab.cli.main import cli
from tests.analysis.made import capture

CAPTURES = Path(__file__).parent.parent.parent / "captures"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["pcap", "findings", *arguments], standalone_mode=False)


def test_the_report_fits_eighty_columns_and_explains_each_kind_once() -> None:
    done = run(str(CAPTURES / "credentials.pcapng"))
    assert done.return_value == 1 and max(map(len, done.output.splitlines())) <= 80
    assert done.output.count("A password in clear text") == 1 and done.output.count("user alice") == 6
    assert "Next:" in done.output and "\x1b" not in done.output


def test_nothing_found_is_said_and_the_exit_code_is_zero() -> None:
    done = run(str(CAPTURES / "ping.pcapng"))
    assert done.return_value == 0 and done.output == "Nothing deserves attention.\n"


def test_notes_alone_leave_the_exit_code_zero_and_can_be_hidden() -> None:
    path = str(CAPTURES / "dns.pcapng")
    assert run(path).return_value == 0 and "NXDOMAIN" in run(path).output
    assert "NXDOMAIN" not in run(path, "--severity", "warning").output


def test_json_holds_everything() -> None:
    (found,) = json.loads(run(str(CAPTURES / "arp.pcapng"), "--json").output)["findings"]
    assert (
        found["kind"] == "arp-unanswered" and found["packets"] == [5, 6, 7] and found["next"] and found["explanation"]
    )


def test_bytes_from_the_wire_do_not_reach_the_terminal(tmp_path: Path) -> None:
    from packetlab.internet.ipv4 import IPv4
    from packetlab.link.ethernet import Ethernet
    from packetlab.transport.tcp import TCP
    from tests.analysis.made import FIRST, SECOND, A, B

    to_ftp = Ethernet(src=FIRST, dst=SECOND) / IPv4(src=A, dst=B) / TCP(src_port=1, dst_port=21, flags=TCP.ACK)
    path = tmp_path / "a.pcapng"
    path.write_bytes(capture(to_ftp / b"USER \x1b[2Jevil\r\nPASS x\r\n").getvalue())
    done = run(str(path))
    assert "\x1b" not in done.output and "\\x1b[2Jevil" in done.output
