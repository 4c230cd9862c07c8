"""Services in topologies: what is declared runs, is found by its name, ends with the network, says what is wrong."""

import http.client
import json
import os
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from packetlab.model.errors import UsageError
from packetlab.net import Network
from packetlab.net.listening import listening
from packetlab.net.serving import KEPT, RunningService
from tests.cli.test_net import _commands, packetlab, until

OFFICE = """\
hosts:
  client: 10.0.0.1/24 fd00::1/64
  www:
    address: 10.0.0.2/24 fd00::2/64
    services:
      - echo
      - http 80 ./site
      - https: 443 ./site
      - http 8080
      - run 9000: python3 server.py
  names:
    address: 10.0.0.53/24
    services: dns lab.test, dhcp 10.0.0.100-10.0.0.150
switches: [sw]
links:
  - client -- sw -- www
  - names -- sw
"""
SERVER = """\
import socket
listener = socket.create_server(("", 9000))
print("serving from", __file__)
while True:
    accepted, _ = listener.accept()
    accepted.sendall(b"from the script")
    accepted.close()
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("office")
    (path / "site").mkdir()
    (path / "site" / "index.html").write_text("the front page")
    (path / "server.py").write_text(SERVER)
    (path / "office.yaml").write_text(OFFICE)
    return path


@pytest.fixture(scope="module")
def office(folder: Path) -> Iterator[Network]:
    with Network.from_spec(folder / "office.yaml") as net:
        yield net


def fetch(net: Network, *words: str) -> str:
    return net["client"].run(["curl", "-sS", "--max-time", "10", *words], timeout=20).stdout


@pytest.mark.needs("curl")
@pytest.mark.parametrize("family", ["-4", "-6"])
def test_a_page_is_found_by_the_name_that_the_networks_dns_gives(office: Network, family: str) -> None:
    assert fetch(office, family, "http://www.lab.test/") == "the front page"


@pytest.mark.needs("curl")
def test_https_is_trusted_inside_and_by_whoever_is_given_the_certificate(office: Network) -> None:
    assert fetch(office, "https://www.lab.test/", "https://10.0.0.2/", "https://www/") == "the front page" * 3
    script = 'curl -sS --cacert "$PACKETLAB_CA" https://www.lab.test/; env -u SSL_CERT_FILE -u CURL_CA_BUNDLE' \
             ' curl -sS https://www.lab.test/; echo $?'  # fmt: skip
    done = office["client"].run(["/bin/sh", "-c", script])
    assert done.stdout == "the front page60\n"
    with office["client"].socket() as sock:
        sock.connect(("10.0.0.2", 443))
        context = office.authority.client_context()
        with context.wrap_socket(sock, server_hostname="www.lab.test") as secure:
            assert secure.version() == "TLSv1.3"


@pytest.mark.needs("curl")
def test_http_without_a_folder_does_what_the_path_asks(office: Network) -> None:
    assert "This is www." in fetch(office, "http://www.lab.test:8080/")
    assert fetch(office, "-o", "/dev/null", "-w", "%{http_code}", "http://www.lab.test:8080/status/503") == "503"


@pytest.mark.needs("dig")
def test_addresses_have_names_and_unknown_names_have_none(office: Network) -> None:
    ask = office["client"].run(["dig", "+short", "-x", "10.0.0.2", "-x", "fd00::2", "WWW.LAB.test", "none.lab.test"])
    assert ask.stdout.split() == ["www.lab.test.", "www.lab.test.", "10.0.0.2"]


def test_echo_gives_back_over_tcp_and_udp(office: Network) -> None:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with office["client"].socket(socket.AF_INET, kind) as sock:
            sock.settimeout(5)
            sock.connect(("10.0.0.2", 7))
            sock.sendall(b"hello")
            assert sock.recv(100) == b"hello"


def test_a_script_runs_in_the_folder_of_the_file_and_listens_when_the_network_is_up(
    office: Network, folder: Path
) -> None:
    with office["client"].socket() as sock:
        sock.settimeout(5)
        sock.connect(("10.0.0.2", 9000))
        assert sock.recv(100) == b"from the script"
    service = next(one for one in office.services if one.service.kind == "run")
    assert service.state == "running" and service.output() == [f"serving from {folder / 'server.py'}"]


def test_dhcp_gives_out_the_range_with_what_the_network_knows(office: Network) -> None:
    server = next(one for one in office.services if one.service.kind == "dhcp").servers[0]
    assert (server.dns, server.domain, server.router, len(server.pool)) == (["10.0.0.53"], "lab.test", "", 51)
    assert str(server.network) == "10.0.0.0/24"


def test_the_diagram_names_what_hosts_serve(office: Network) -> None:
    drawn = office.diagram()
    assert "serves echo, http 80 ./site" in drawn and "dhcp 10.0.0.100-10.0.0.150" in drawn
    assert max(map(len, drawn.splitlines())) <= 80 and drawn.isascii()


@pytest.mark.parametrize(
    ("services", "message", "remedy"),
    [
        ("htpp 80", "line 4: there is no service 'htpp'", "did you mean http"),
        ("python3 x.py", "line 4: there is no service 'python3'", "run: COMMAND"),
        ("run", "does not say which command", "as run: python3"),
        ("run: ''", None, ""),
        ("run python3 x.py", "lacks its colon", "as run: python3"),
        ("run 99999: x", "99999 is no port", "from 1|as run"),
        ("echo 0", "0 is no port", "as echo 7"),
        ("echo 70000", "70000 is no port", "as echo 7"),
        ("echo 7 8", "two ports, 7 and 8", "twice"),
        ("echo seven", "what to do with 'seven'", "as echo 7"),
        ("http ./nowhere", r"the folder \./nowhere of http does not exist", "relative to"),
        ("http ./page", "is a file, not a folder", "as http 80"),
        ("http ./site ./site", "what to do with", "as http"),
        ("http './site", "No closing quotation", "as http"),
        ("dns nowhere.zone", r"there is no file nowhere\.zone", "as dns names.zone"),
        ("dns ./nowhere", r"there is no file \./nowhere", "as dns"),
        ("dns page", "'page' is a file here", r"as dns \./page"),
        ("dns 10.0.0.1,5", "no domain|no service", "as dns|there are"),
        ("dns -x-", "is no domain", "as dns lab.test"),
        ("dns recursive", "does not say whom to ask", "as dns recursive"),
        ("dns recursive nobody", "neither an address nor a host", "as dns recursive"),
        ("dhcp", "which addresses", "as dhcp"),
        ("dhcp 10.0.0.9-10.0.0.5", "ends before it begins", "as dhcp"),
        ("dhcp 10.0.0.5-10.0.0.x", "is no IPv4 address", "as dhcp"),
        ("dhcp 10.0.9.5-10.0.9.9", "is in no network of a", "on the link"),
        ("dhcp 10.0.0.5-10.0.0.9 gateway 10.0.0.1", "what to do with", "router"),
        ("dhcp 10.0.0.5-10.0.0.9 lease soon", "no number of seconds", "as lease"),
        ("[http 80, http]", "both 'http 80' and 'http' on TCP port 80", "another port"),
        ("[echo 53, dns]", "on TCP port 53", "another port"),
        ("[dns, dns recursive 10.0.0.1]", "recursive DNS server and another one", "a host each"),
        ("[http: [80]]", "the service http is one line", "as http: 80"),
        ("[{http: {port: 80}}]", "the service http is one line", "as http: 80"),
        ("[[echo]]", "should be a mapping", "name: value"),
    ],
)  # fmt: skip
def test_a_mistake_names_file_line_and_remedy(tmp_path: Path, services: str, message: str | None, remedy: str) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "page").write_text("x")
    path = tmp_path / "lab.yaml"
    quoted = services if services[0] == "[" else json.dumps(services)
    path.write_text(f"hosts:\n  a:\n    address: 10.0.0.1/24\n    services: {quoted}\n  b: 10.0.0.2/24\n"
                    "links: [a -- b]\n")  # fmt: skip
    if message is None:
        Network.from_spec(path)
        return
    with pytest.raises(UsageError, match=message) as caught:
        Network.from_spec(path)
    assert str(caught.value).startswith(f"{path}, line 4: ") and "\n" not in str(caught.value)
    assert re.search(remedy, caught.value.remedy), caught.value.remedy


def test_a_switch_offers_no_services() -> None:
    with pytest.raises(UsageError, match="line 1: the switch s has no address and can offer no echo"):
        Network.from_spec("switches: {s: {services: echo}}")


def test_all_ways_of_writing_services_mean_the_same() -> None:
    written = (
        "[echo 7, http 80, run: sleep 5]", '"echo 7, http 80"', "{echo: 7, http: 80, run: sleep 5}",
        "[{echo: 7}, {http: 80}, 'run: sleep 5']", "{echo: , http: 80}",
    )  # fmt: skip
    for text in written:
        node = Network.from_spec(f"hosts: {{a: {{services: {text}}}}}").topology.nodes["a"]
        assert [(one.kind, one.port) for one in node.services][:2] == [("echo", 7), ("http", 80)], text
    commas = Network.from_spec('hosts: {a: {services: "run: echo one, two"}}').topology.nodes["a"].services
    assert [one.command for one in commas] == ["echo one, two"]


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("python3 -c 'raise SystemExit(\"no port given\")'", r"exit code 1\): no port given"),
        ("no-such-program-anywhere", r"exit code 12[67]\): .*no-such-program-anywhere"),
        ("kill -SEGV $$", r"killed by SIGSEGV"),
    ],
)
def test_a_program_that_dies_at_once_is_one_sentence_and_no_network(tmp_path: Path, command: str, said: str) -> None:
    path = tmp_path / "lab.yaml"
    path.write_text(f"hosts:\n  a:\n    services:\n    - echo\n    - run: {command}\n")
    net = Network.from_spec(path)
    with pytest.raises(UsageError, match=said) as caught:
        net.start()
    assert f"{path}, line 5: " in str(caught.value) and "on a ended at once" in str(caught.value)
    assert str(tmp_path) in caught.value.remedy and not net.is_up and "\n" not in str(caught.value)


def test_a_program_that_never_listens_where_it_should_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("packetlab.net.serving.PATIENCE", 0.3)
    with pytest.raises(UsageError, match=r"`echo busy; sleep 60` on a does not listen on port 81 after .*: busy"):
        Network.from_spec("hosts: {a: {services: 'run 81: echo busy; sleep 60'}}").start()


def test_a_program_that_ends_well_has_done_its_work_and_may_leave_a_child_behind() -> None:
    command = "(python3 -c \"import socket, time; s = socket.create_server(('', 81)); time.sleep(60)\" &)"
    net = Network()
    net.host("a", services=[f"run 81: {command}"])
    with net:
        assert [one.state for one in net.services] == ["done"]
        assert ("TCP", 81) in (listening(net["a"]) or ())


def test_of_what_a_program_prints_the_first_and_the_last_are_kept() -> None:
    net = Network()
    net.host("a", services=["run: echo first; seq 1 100000; echo; printf 'last\\033[31m'; sleep 60"])
    with net:
        service = net.services[0]
        assert until(lambda: service.output()[-1:] == ["last\\x1b[31m"])
        assert service.program is not None and len(service.program.text()) < 4 * KEPT
        assert service.program.text().startswith("first\n1\n")


def test_programs_get_a_word_before_the_network_ends(tmp_path: Path) -> None:
    net = Network()
    program = f"trap 'echo bye > {tmp_path}/said; exit' TERM; echo ready; while :; do sleep 0.02; done"
    net.host("a", services=f"run: {program}")
    with net:
        assert until(lambda: net.services[0].output() == ["ready"])
    assert (tmp_path / "said").read_text() == "bye\n"
    assert net.services == []


def test_nothing_of_services_is_left_open() -> None:
    def descriptors() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    net = Network()
    net.host("a", "10.0.0.1/24", services=["echo", "http", "dns", "run: sleep 60", "dhcp 10.0.0.5-10.0.0.9"])
    net.host("b", "10.0.0.2/24", services=["dns recursive a"])
    net.link("a", "b")
    with net:
        pass
    before = descriptors()
    for _ in range(3):
        with net:
            pass
    assert descriptors() <= before


def test_services_can_be_added_while_the_network_is_up() -> None:
    net = Network()
    net.host("a", "10.0.0.1/24")
    net.host("b", "10.0.0.2/24")
    net.link("a", "b")
    with net:
        assert "nameserver" not in net["b"].run(["cat", "/etc/resolv.conf"]).stdout
        net.serve("a", "dns", "http 80")
        assert "nameserver 10.0.0.1" in net["b"].run(["cat", "/etc/resolv.conf"]).stdout
        assert [one.service.text for one in net.services] == ["dns", "http 80"]
        with pytest.raises(UsageError, match="the services of a: a has both"):
            net.serve("a", "https 80")
        with net["b"].socket() as sock:
            sock.connect(("10.0.0.1", 80))
            client = http.client.HTTPConnection("a")
            client.sock = sock
            client.request("GET", "/status/204")
            assert client.getresponse().status == 204


def test_a_port_that_a_program_took_is_an_error_with_its_line(tmp_path: Path) -> None:
    net = Network()
    net.host("a", services=["run 80: python3 -m http.server 80"])
    with net, pytest.raises(UsageError, match="the services of a: a cannot listen on port 80"):
        net.serve("a", "http 80")


NAMES = {
    "root.zone": "$ORIGIN .\n@ 60 IN SOA root. admin. 1 2 3 4 5\ntest. 60 IN NS ns.test.\nns.test. 60 IN A 10.0.0.2\n",
    "test.zone": "$ORIGIN test.\n@ 60 IN SOA ns admin 1 2 3 4 5\nshop 60 IN NS ns.shop\nns.shop 60 IN A 10.0.0.3\n",
    "shop.test.zone": "@ 60 IN SOA ns admin 1 2 3 4 5\nwww 60 IN A 10.0.0.9\n",
}
CHAIN = """\
hosts:
  root: {address: 10.0.0.1/24, services: dns root.zone}
  top: {address: 10.0.0.2/24, services: [dns test.zone]}
  shop: {address: 10.0.0.3/24, services: [dns shop.test.zone, dns ./other.zone other.test]}
  resolver: {address: 10.0.0.4/24, services: dns recursive root}
  client: 10.0.0.5/24
switches: [sw]
links: [root -- sw, top -- sw, shop -- sw, resolver -- sw, client -- sw]
"""


@pytest.mark.needs("dig")
def test_zones_from_files_are_found_from_the_root_down(tmp_path: Path) -> None:
    for name, text in (NAMES | {"other.zone": "www 60 IN A 10.0.0.8\n", "chain.yaml": CHAIN}).items():
        (tmp_path / name).write_text(text)
    with Network.from_spec(tmp_path / "chain.yaml") as net:
        assert net["client"].run(["cat", "/etc/resolv.conf"]).stdout.split()[1] == "10.0.0.4"
        assert net["client"].run(["dig", "+short", "www.shop.test"]).stdout == "10.0.0.9\n"
        assert net["client"].run(["dig", "+short", "@10.0.0.3", "www.other.test"]).stdout == "10.0.0.8\n"


def test_a_zone_that_is_wrong_is_named_with_the_line_of_the_service_and_its_own(tmp_path: Path) -> None:
    (tmp_path / "bad.zone").write_text("$ORIGIN a.test.\nwww IN A 1.2.3.4\nwww IN A nonsense\n")
    (tmp_path / "lab.yaml").write_text("hosts:\n  a: {address: 10.0.0.1/24, services: dns bad.zone}\n"
                                       "  b: 10.0.0.2/24\nlinks: [a -- b]\n")  # fmt: skip
    with pytest.raises(UsageError, match=r"lab\.yaml, line 2: .*bad\.zone is no master file: .*3"):
        Network.from_spec(tmp_path / "lab.yaml").start()
    (tmp_path / "bad.zone").write_text("www IN A 1.2.3.4\n")
    with pytest.raises(UsageError, match="does not say which zone it is"):
        Network.from_spec(tmp_path / "lab.yaml").start()


def test_a_host_without_dns_of_its_own_asks_the_nearest_server_and_says_so() -> None:
    text = """
hosts:
  a: {address: 10.0.1.2/24, via: 10.0.1.1}
  b: {address: 10.0.2.2/24, via: 10.0.2.1}
  own: {address: 10.0.2.3/24, via: 10.0.2.1, dns: 10.9.9.9}
routers:
  r: {left: 10.0.1.1/24, right: 10.0.2.1/24, services: dns}
switches: [left, right]
links: [a -- left -- r -- right, right -- b, right -- own]
"""
    with Network.from_spec(text) as net:
        asked = {name: net[name].run(["cat", "/etc/resolv.conf"]).stdout for name in ("a", "b", "own")}
    assert asked == {"a": "nameserver 10.0.1.1\n", "b": "nameserver 10.0.2.1\n", "own": "nameserver 10.9.9.9\n"}


def test_what_a_service_is_called_cannot_control_the_terminal() -> None:
    net = Network.from_spec('hosts: {a: {services: ["run: echo \\e[31m"]}}')
    assert "\x1b" not in net.diagram() and isinstance(net.services, list)
    with net:
        assert all("\x1b" not in line for one in net.services for line in one.output())
        assert all(isinstance(one, RunningService) for one in net.services)


# -- from the command line


@pytest.fixture(scope="module")
def held(folder: Path) -> Iterator[str]:
    name = f"services-{os.getpid()}-{time.monotonic_ns()}"
    done = packetlab("up", str(folder / "office.yaml"), "--name", name)
    assert done.returncode == 0, done.stderr
    assert "serves echo" in done.stdout
    yield name
    packetlab("down", name)


@pytest.mark.needs("curl")
def test_services_run_in_the_process_that_holds_the_network(held: str) -> None:
    words = ("exec", "client", "--net", held, "--", "curl", "-sS", "--max-time", "10")
    assert packetlab(*words, "http://www.lab.test/").stdout == "the front page"
    assert packetlab(*words, "https://www.lab.test/").stdout == "the front page"


def test_show_and_log_tell_of_services_to_people_and_programs(held: str) -> None:
    shown = packetlab("show", "--net", held).stdout
    assert "www    run 9000: python3 server.py" in shown and "running" in shown
    described = json.loads(packetlab("show", "--net", held, "--json").stdout)
    services = {node["name"]: node["services"] for node in described["nodes"]}
    assert {"service": "http 80 ./site", "state": "running"} in services["www"] and services["client"] == []
    assert described["authority"].startswith("-----BEGIN CERTIFICATE-----")
    assert "serving from" in packetlab("log", "www", "--net", held).stdout
    rows = json.loads(packetlab("log", "--net", held, "--json").stdout)
    assert ["names", "dns lab.test"] in [[row["host"], row["service"]] for row in rows]
    assert packetlab("log", "client", "--net", held).returncode == 1
    assert packetlab("log", "nobody", "--net", held).returncode == 2


def test_up_says_which_service_failed_and_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "lab.yaml"
    path.write_text("hosts:\n  a:\n    services:\n    - run: sleep 76543\n    - run: echo too bad >&2; exit 3\n")
    name = f"services-{os.getpid()}-{time.monotonic_ns()}"
    done = packetlab("up", str(path), "--name", name)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert f"{path}, line 5: " in done.stderr and "ended at once (exit code 3): too bad" in done.stderr
    assert f'"{name}"' not in packetlab("list", "--json").stdout
    assert until(lambda: not _commands("sleep 76543"))


def test_the_help_lists_every_service() -> None:
    from packetlab.net.services import EXAMPLES

    told = packetlab("up", "--help").stdout
    assert all(f"\n  {kind} [" in told or f"\n  {kind}: " in told or f"\n  {kind} F" in told for kind in EXAMPLES)


def test_a_lab_has_services_in_its_net_section(tmp_path: Path) -> None:
    from packetlab.lab.format import read_lab
    from packetlab.lab.run import Running

    lab = tmp_path / "served"
    (lab / "site").mkdir(parents=True)
    (lab / "site" / "index.html").write_text("of the lab")
    (lab / "lab.py").write_text("")
    (lab / "lab.md").write_text("""\
---
id: served
title: Served
concepts: [1]
minutes: 1
values:
  lan: network
  web: port
net:
  hosts:
    c: {lan.c}/24
    s: {address: "{lan.s}/24", services: ["http {web} ./site"]}
  links:
    - c -- s
steps:
  look: {kind: do}
---
Text.

## look: Look

Look.
""")
    with Running(read_lab(lab), 5) as running, running["c"].socket() as sock:
        sock.connect((running.value("s.ip"), int(running.value("web"))))
        client = http.client.HTTPConnection("s")
        client.sock = sock
        client.request("GET", "/")
        assert client.getresponse().read() == b"of the lab"
