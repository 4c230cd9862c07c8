"""Services that are stopped and started again while their network goes on."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from packetlab.model.errors import UsageError
from packetlab.net import Network
from packetlab.net.listening import listening
from tests.net.test_services import SERVER


def knock(net: Network, port: int) -> str:
    """What the client hears at that port of the server: "refused", or the first bytes."""
    with net["client"].socket() as sock:
        sock.settimeout(15)
        try:
            sock.connect(("10.0.0.2", port))
            sock.sendall(b"GET /status/204 HTTP/1.0\r\n\r\n")
            return sock.recv(100).decode()
        except ConnectionRefusedError:
            return "refused"
        except ConnectionResetError:
            return "reset"


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[Network]:
    (tmp_path / "server.py").write_text(SERVER)
    (tmp_path / "pool.yaml").write_text("""\
hosts:
  client: 10.0.0.1/24
  server: {address: 10.0.0.2/24, services: [http, http 8080, run 9000: python3 server.py, echo]}
links: [client -- server]
""")
    with Network.from_spec(tmp_path / "pool.yaml") as net:
        yield net


@pytest.mark.parametrize(("declared", "port", "says"), [("http 8080", 8080, "HTTP/1.1 204"), ("echo", 7, "GET /status"),
                                                        ("run 9000", 9000, "from the script")])  # fmt: skip
def test_a_service_is_stopped_and_started_again_while_the_network_is_up_and_the_others_go_on(
    pool: Network, declared: str, port: int, says: str
) -> None:
    service = pool.service("server", declared)
    for _ in range(2):
        assert knock(pool, port).startswith(says) and service.state == "running"
        service.stop()
        service.stop()
        assert knock(pool, port) == "refused" and service.state == "stopped"
        assert [one.state for one in pool.services if one is not service] == ["running"] * 3
        service.start()
        service.start()
    assert knock(pool, port).startswith(says)


def test_a_connection_ends_when_its_server_is_stopped(pool: Network) -> None:
    with pool["client"].socket() as sock:
        sock.settimeout(15)
        sock.connect(("10.0.0.2", 7))
        sock.sendall(b"hello")
        assert sock.recv(10) == b"hello"
        pool.service("server", "echo").stop()
        assert sock.recv(10) == b""


def test_a_network_goes_down_with_services_stopped_and_nothing_is_left_open(pool: Network) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for service in pool.services:
        for _ in range(3):
            service.stop()
            service.start()
        service.stop()
    assert len(list(Path("/proc/self/fd").iterdir())) <= before
    pool.close()
    assert pool.services == []


def test_a_program_that_cannot_be_started_again_says_so(pool: Network) -> None:
    service = pool.service("server", "run")
    service.stop()
    taken = pool["server"].socket()
    with taken:
        taken.bind(("", 9000))
        with pytest.raises(UsageError, match=r"ended at once .*Address already in use"):
            service.start()
    service.start()
    assert knock(pool, 9000) == "from the script"


def test_what_a_program_has_left_behind_is_stopped_with_it_even_if_it_does_not_want_to() -> None:
    serve = "import signal, socket, time; signal.signal(15, signal.SIG_IGN); " \
            "s = socket.create_server((str(), 81)); time.sleep(60)"  # fmt: skip
    net = Network()
    net.host("a", services=[f'run 81: (python3 -c "{serve}" &)'])
    with net:
        service = net.service("a")
        for _ in range(2):
            assert service.state == "done" and ("TCP", 81) in (listening(net["a"]) or ())
            service.stop()
            assert service.state == "stopped" and ("TCP", 81) not in (listening(net["a"]) or ())
            service.start()


def test_a_service_is_found_by_its_host_and_how_its_declaration_begins(pool: Network) -> None:
    assert pool.service("server", "http 8080").service.port == 8080
    wrong = (("client", "", "client has no service"), ("server", "dns", "server has no service dns"),
             ("server", "http", "server has more than one service http"))  # fmt: skip
    for host, declared, said in wrong:
        with pytest.raises(UsageError, match=said) as caught:
            pool.service(host, declared)
        assert caught.value.remedy.startswith("there are: ")
    with pytest.raises(UsageError, match="no node 'nobody'"):
        pool.service("nobody")


def test_zones_on_one_host_are_one_server_also_where_it_is_stopped() -> None:
    net = Network()
    net.host("a", "10.0.0.1/24", services=["dns one", "dns two"])
    net.host("b", "10.0.0.2/24")
    net.link("a", "b")
    with net:
        one, two = net.service("a", "dns one"), net.service("a", "dns two")
        one.stop()
        assert ("UDP", 53) not in (listening(net["a"]) or ()) and one.state == two.state == "stopped"
        two.start()
        assert ("UDP", 53) in (listening(net["a"]) or ()) and one.state == two.state == "running"
