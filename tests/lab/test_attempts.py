"""What attempts do within this process, to be quick, is what their commands would do."""

import inspect
import re
import time

import pytest

from packetlab.lab.attempts import read_do
from packetlab.lab.format import labs_folder, read_lab
from packetlab.lab.run import Running
from packetlab.lab.shortcuts import _SHORTCUTS, shortcut
from packetlab.model.errors import NamespaceError
from packetlab.net import probe
from packetlab.net.servers import TCPEchoServer
from tests.conftest import missing

FRAME = 'Ethernet(dst="{h2.mac}", src="{h1.mac}") / "hello"'


@pytest.fixture(scope="module")
def virtual_networks() -> None:
    try:
        probe()
    except NamespaceError as error:
        missing(f"virtual networks are not there: {error}")


@pytest.mark.usefixtures("virtual_networks")
@pytest.mark.parametrize("frame", [FRAME, FRAME.replace("Ethernet", "IEEE8023").replace("/", "/ LLC(dsap=6) /")])
def test_send_within_this_process_puts_the_same_frame_on_the_cable_as_the_command(frame: str) -> None:
    lab = read_lab(labs_folder() / "arp")
    with Running(lab, 1) as run:
        run.begin(lab.steps[0])
        command = f"packetlab send -I eth0 -W 0 '{frame}'"
        assert shortcut(run, "h1", command)
        run.run("h1", command)
        assert run.until_seen("h2", "!arp", 2)
        here, there = (seen.data for seen in run.look().at("h2").all("!arp"))
        assert here == there and here.endswith(b"hello")


@pytest.mark.usefixtures("virtual_networks")
@pytest.mark.parametrize("words", [
    f"-I eth0 '{FRAME}'", f"-W 0 '{FRAME}'", f"-I eth0 -W 0 -n '{FRAME}'", f"-I eth0 -W 1 '{FRAME}'",
    "-I eth0 -W 0 'Ethernet(destination=1)'", "-I eth9 -W 0 ffffffffffff", "-I eth0 -W 0 'IPv4(src=\"1.2.3.4\")'",
])  # fmt: skip
def test_a_send_that_waits_or_cannot_be_is_left_to_the_command(words: str) -> None:
    lab = read_lab(labs_folder() / "arp")
    with Running(lab, 1) as run:
        assert shortcut(run, "h1", f"packetlab send {words}") is None


@pytest.mark.usefixtures("virtual_networks")
def test_a_command_of_several_lines_is_one_for_the_shell_and_for_us() -> None:
    text = """h1$ packetlab send -W 0 \\
    -I eth0 'Ethernet(dst="{h2.mac}",
        src="{h1.mac}")
      / "hello"'
h2$ true
"""
    (host, _, command), (_, _, other) = read_do(text, "here")
    assert (host, other) == ("h1", "true")
    lab = read_lab(labs_folder() / "arp")
    with Running(lab, 1) as run:
        run.begin(lab.steps[0])
        assert shortcut(run, "h1", command)
        run.run("h1", command)
        assert run.until_seen("h2", "!arp", 2)
        assert [seen.data[14:19] for seen in run.look().at("h2").all("!arp")] == [b"hello"] * 2


@pytest.mark.usefixtures("virtual_networks")
def test_a_ping_that_nobody_answers_waits_as_long_as_it_was_told() -> None:
    lab = read_lab(labs_folder() / "arp")
    with Running(lab, 1) as run:
        run.begin(lab.steps[0])
        start = time.monotonic()
        assert shortcut(run, "h1", "packetlab ping -c 1 -W 0.05 {lan.ghost}")
        assert 0.05 <= time.monotonic() - start < 0.9  # 1 s by default
        assert run.look().at("h2").all("arp.opcode == 1 && arp.dst.proto_ipv4 == {lan.ghost}")


@pytest.mark.usefixtures("virtual_networks")
@pytest.mark.parametrize(("command", "filter"), [
    ("packetlab udp --source-port 5000 -W 0.05 {h2.ip} 9 here", "udp && !icmp && udp.srcport == 5000"),
    ("packetlab handshake --source-port 5000 {h2.ip} 9", "tcp.srcport == 5000 && tcp.flags.syn == 1"),
    ("packetlab udp -W 0.05 --ttl 7 {h2.ip} 9 --size 30", "udp && !icmp && ip.ttl == 7 && udp.length == 38"),
    ("packetlab udp -W 0.05 {h2.ip} 9 --size $((30 - 7))", "udp && !icmp && udp.length == 31"),
    ("packetlab udp -W 0.05 {h2.ip} 9 -c 3 --grow -i 0", "udp && !icmp && udp.length == 11"),
    ("packetlab udp -W 0.05 {h2.ip} 9 no -c 3 --number", "udp && !icmp && udp contains \"no 3\""),
    ("packetlab tcp --source-port 5000 --mss 700 {h2.ip} 9 x", "tcp.srcport == 5000 && tcp.options.mss_val == 700"),
    ("packetlab ping --ttl 7 -c 1 {h2.ip}", "icmp.type == 8 && ip.ttl == 7"),
])  # fmt: skip
def test_udp_handshake_and_ping_within_this_process_do_as_the_commands(command: str, filter: str) -> None:  # noqa: A002
    lab = read_lab(labs_folder() / "arp")
    with Running(lab, 1) as run:
        run.begin(lab.steps[0])
        assert shortcut(run, "h1", command)
        assert run.until_seen("h2", filter, 1)
        assert shortcut(run, "h1", f"{command} --json") is None


@pytest.mark.usefixtures("virtual_networks")
def test_tcp_within_this_process_sends_the_same_data_as_the_command() -> None:
    lab = read_lab(labs_folder() / "arp")
    with Running(lab, 1) as run, TCPEchoServer(run["h2"], 7):
        run.begin(lab.steps[0])
        command = "packetlab tcp {h2.ip} 7 'a\\n' --size 5"
        assert shortcut(run, "h1", command)
        run.run("h1", command)
        assert run.until_seen("h2", "tcp.flags.fin == 1 && tcp.dstport == 7", 2)
        assert len(run.look().at("h2").all("tcp.dstport == 7 && tcp.len == 5 && tcp contains 61:0a:61:0a:61")) == 2


@pytest.mark.usefixtures("virtual_networks")
@pytest.mark.parametrize("words", ["tcp h2 7", "udp h2 7", "tcp {h2.ip} 7 -", "tcp {h2.ip}", "tcp {h2.ip} 7 -w x"])
def test_what_needs_names_files_or_a_keyboard_is_left_to_the_command(words: str) -> None:
    lab = read_lab(labs_folder() / "arp")
    with Running(lab, 1) as run:
        assert shortcut(run, "h1", f"packetlab {words}") is None


@pytest.mark.parametrize("name", sorted(_SHORTCUTS))
def test_each_option_that_is_understood_within_this_process_is_one_of_the_command(name: str) -> None:
    import click

    from packetlab.cli.main import cli

    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    known = {word for parameter in command.params for word in (*parameter.opts, *parameter.secondary_opts)}
    understood = set(re.findall(r'"(--?[a-zA-Z][\w-]*)"', inspect.getsource(_SHORTCUTS[name])))
    assert understood and understood <= known
