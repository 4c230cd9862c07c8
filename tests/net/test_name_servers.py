"""DNS servers of a lab asked by dig and curl: root, top level, authoritative, recursive; TLS with made certificates."""

import time
from collections.abc import Iterator

import pytest

from packetlab.application.dns import TXT
from packetlab.model.errors import UsageError
from packetlab.net import Network
from packetlab.net.process import PIPE
from packetlab.net.servers import DNSServer, HTTPServer, RecursiveServer, Zone
from packetlab.net.servers.certificates import CertificateAuthority
from packetlab.net.servers.http import from_pages
from packetlab.net.servers.zones import read_zone, zone

ROOT, TOP, SHOP, RESOLVER, CLIENT = "10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5"
MASTER = """\
$TTL 60
@      IN SOA ns hostmaster 7 3600 600 86400 120
@      IN NS  ns
ns     IN A   10.0.0.3
www    IN A   10.0.0.3
www    IN AAAA fd00::3
alias  IN CNAME www
*.wild IN A   10.0.0.9
@      IN MX  10 mail
mail   IN A   10.0.0.8
sip    IN SRV 1 2 5060 www
"""


@pytest.fixture(scope="module")
def names() -> Iterator[tuple[Network, RecursiveServer]]:
    net = Network("names")
    for name, address in (("root", ROOT), ("top", TOP), ("shop", SHOP), ("resolver", RESOLVER)):
        net.host(name, f"{address}/24")
    net.host("client", f"{CLIENT}/24", dns=RESOLVER)
    net.switch("sw")
    for name in ("root", "top", "shop", "resolver", "client"):
        net.link(name, "sw")
    shop = read_zone(MASTER, "shop.test")
    shop.add(TXT(owner="long.shop.test", ttl=60, strings=tuple(b"x" * 200 for _ in range(20))))
    with (
        net,
        DNSServer(net["root"], Zone("").delegate("test", {"ns.test": TOP})),
        DNSServer(net["top"], Zone("test").delegate("shop.test", {"ns.shop.test": SHOP})),
        DNSServer(net["shop"], shop),
        RecursiveServer(net["resolver"], [ROOT]) as resolver,
    ):
        yield net, resolver


def dig(net: Network, *words: str) -> str:
    return net["client"].run(["dig", "+tries=1", "+timeout=2", *words], timeout=20).stdout


@pytest.mark.needs("dig")
def test_a_name_is_found_from_the_root_down(names: tuple[Network, RecursiveServer]) -> None:
    net, _ = names
    assert dig(net, "+short", "alias.shop.test").split() == ["www.shop.test.", "10.0.0.3"]
    assert "status: NXDOMAIN" in dig(net, "none.shop.test") and "status: NOERROR" in dig(net, "www.shop.test", "MX")


@pytest.mark.needs("dig")
def test_servers_refer_to_those_below_and_refuse_what_is_not_theirs(names: tuple[Network, RecursiveServer]) -> None:
    net, _ = names
    referral = dig(net, f"@{ROOT}", "+norecurse", "www.shop.test")
    assert "ANSWER: 0, AUTHORITY: 1" in referral and "ns.test." in referral and TOP in referral
    assert " aa" not in referral.split("flags:")[1].split(";")[0]
    assert "status: REFUSED" in dig(net, f"@{SHOP}", "+norecurse", "www.other.test")
    assert "10.0.0.9" in dig(net, f"@{SHOP}", "+short", "any.wild.shop.test")


@pytest.mark.needs("dig")
def test_an_answer_that_is_too_long_is_asked_for_again_over_tcp(names: tuple[Network, RecursiveServer]) -> None:
    net, _ = names
    assert "flags: qr aa tc" in dig(net, f"@{SHOP}", "+ignore", "+norecurse", "+noedns", "long.shop.test", "TXT")
    assert dig(net, "+short", "long.shop.test", "TXT").count("x" * 200) == 20


@pytest.mark.needs("dig")
def test_what_is_remembered_grows_older_and_is_not_asked_again(names: tuple[Network, RecursiveServer]) -> None:
    net, resolver = names
    resolver.forget()
    asked_before = len(resolver.log)
    dig(net, "www.shop.test")
    remembered = resolver._cache["www.shop.test", 1]
    resolver._cache["www.shop.test", 1] = (remembered[0] - 30, remembered[1])
    lifetime = int(dig(net, "+noall", "+answer", "www.shop.test").split()[1])
    assert 25 <= lifetime <= 31 and len(resolver.log) == asked_before + 2


@pytest.mark.needs("dig")
def test_servers_that_refer_in_a_circle_end_in_a_failure() -> None:
    net = Network()
    net.host("one", "10.0.0.1/24")
    net.host("asker", "10.0.0.2/24")
    net.link("one", "asker")
    circle = Zone("").delegate("a.test", {"ns.b.test": []}).delegate("b.test", {"ns.a.test": []})
    with net, DNSServer(net["one"], circle), RecursiveServer(net["asker"], ["10.0.0.1"]):
        assert "status: SERVFAIL" in net["asker"].run(["dig", "@10.0.0.2", "+tries=1", "www.a.test"], timeout=20).stdout


def test_a_master_file_that_is_wrong_names_its_line() -> None:
    with pytest.raises(UsageError, match="2"):
        read_zone("www IN A 10.0.0.1\nwww IN A not-an-address\n", "shop.test")


@pytest.mark.needs("curl")
@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_curl_trusts_the_labs_authority_and_nobody_else(version: str) -> None:
    authority = CertificateAuthority()
    tls = authority.identity("www.lab.test", "10.0.0.2").server_context(alpn=["http/1.1"])
    net = Network()
    net.host("client", "10.0.0.1/24", dns="10.0.0.2")
    net.host("server", "10.0.0.2/24")
    net.link("client", "server")
    with (
        net,
        DNSServer(net["server"], zone({"www.lab.test": "10.0.0.2", "other.lab.test": "10.0.0.2"})),
        HTTPServer(net["server"], 443, from_pages({"/": "secret " * 5000}), tls=tls) as server,
    ):
        words = ["curl", "-s", "--max-time", "10", f"--tlsv{version}", "--tls-max", version, "--cacert", "/dev/stdin"]

        def get(url: str, certificate: bytes) -> tuple[int, str]:
            process = net["client"].popen([*words, url], stdin=PIPE, stdout=PIPE)
            out, _ = process.communicate(certificate, timeout=20)
            return process.wait(), out.decode()

        assert get("https://www.lab.test/", authority.certificate) == (0, "secret " * 5000)
        assert get("https://other.lab.test/", authority.certificate)[0] == 60
        assert get("https://www.lab.test/", CertificateAuthority("somebody else").certificate)[0] == 60
        end = time.monotonic() + 15  # curl may have gone before the server hears why
        while not any("TLS" in line for line in [*server.log]) and time.monotonic() < end:
            time.sleep(0.01)
        assert any("TLS" in line for line in server.log)
