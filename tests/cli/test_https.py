"""`http` with https URLs: a server of the network, whom its certificate makes us trust, and whom not."""

import datetime
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from packetlab.net import Network
from packetlab.net.servers import HTTPServer, TCPEchoServer
from packetlab.net.servers.certificates import CertificateAuthority
from packetlab.net.servers.http import Response
from tests.cli.live import SERVER, SERVER6, network

__all__ = ["network"]


@pytest.fixture(scope="module")
def trust(network: Network, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    authority = CertificateAuthority()
    path = tmp_path_factory.mktemp("trust") / "authority.pem"
    path.write_bytes(authority.certificate)
    path.parent.chmod(0o755)
    server, old = network["server"], -datetime.timedelta(days=1)

    def page(_: object) -> Response:
        return Response(b"secret page\n")

    tls = authority.identity("server", SERVER6).server_context(alpn=["http/1.1"])
    expired = authority.identity("server", lasts=old).server_context()
    with HTTPServer(server, 443, page, tls=tls), HTTPServer(server, 444, page, tls=expired):
        yield path


def get(network: Network, url: str, trust: Path | None, *words: str) -> "subprocess.CompletedProcess[str]":
    env = {"SSL_CERT_FILE": str(trust)} if trust else {}
    command = [sys.executable, "-m", "packetlab.cli.main", "http", url, "-W", "20", *words]
    done: subprocess.CompletedProcess[str] = network["client"].run(command, env=env, timeout=60)
    assert "Traceback" not in done.stderr
    return done


@pytest.mark.parametrize("url", ["https://server/", f"https://[{SERVER6}]/", "https://server:443/"])
def test_a_page_comes_over_tls_from_whom_we_trust(network: Network, trust: Path, url: str) -> None:
    done = get(network, url, trust, "--frames")
    assert done.returncode == 0, done.stderr
    for words in ("secret page", "  TLS  ", "TLSv1.3", "── SYN", "── TLS records=1"):
        assert words in done.stdout
    assert "GET /" not in done.stdout.partition("── SYN")[2]


@pytest.mark.parametrize(("url", "trusting", "words"), [
    ("https://server/", False, "certificate"),
    (f"https://{SERVER}/", True, f"not valid for '{SERVER}'"),
    ("https://server:444/", True, "certificate has expired"),
])  # fmt: skip
def test_a_certificate_that_does_not_convince_is_told_with_its_fault(
    network: Network, trust: Path, url: str, trusting: bool, words: str
) -> None:
    done = get(network, url, trust if trusting else None)
    assert done.returncode == 1 and words in done.stderr and "--insecure" in done.stderr
    assert "secret page" in get(network, url, None, "--insecure").stdout


def test_a_port_without_tls_is_told_from_a_bad_certificate(network: Network, trust: Path) -> None:
    with TCPEchoServer(network["server"], 445):
        done = get(network, "https://server:445/", trust)
    assert done.returncode == 1 and "--insecure" not in done.stderr and "http://" in done.stderr
