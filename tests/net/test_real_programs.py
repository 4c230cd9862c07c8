"""Programs of others run in hosts as they are: nginx serves, curl and ping find it by a name of the network's DNS."""

import re
import time
from pathlib import Path

import pytest

from packetlab.net import Network
from packetlab.net.process import DEVNULL
from packetlab.net.servers import DNSServer
from packetlab.net.servers.zones import zone

CONFIGURATION = """
daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log; worker_processes 1;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
    uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
    server {{ listen 80; listen [::]:80; location / {{ return 200 "from nginx at $server_addr\\n"; }} }}
}}
"""


@pytest.mark.needs("curl", "nginx")
@pytest.mark.parametrize(("family", "address"), [("-4", "10.0.0.2"), ("-6", "fd00::2")])
def test_curl_fetches_from_nginx_by_a_name_that_only_the_labs_dns_knows(
    tmp_path: Path, family: str, address: str
) -> None:
    configuration = tmp_path / "nginx.conf"
    configuration.write_text(CONFIGURATION.format(folder=tmp_path))
    net = Network()
    net.host("client", "10.0.0.1/24", "fd00::1/64", dns="10.0.0.3")
    net.host("web", "10.0.0.2/24", "fd00::2/64")
    net.host("names", "10.0.0.3/24")
    net.switch("switch")
    for name in ("client", "web", "names"):
        net.link(name, "switch")
    records = zone({"www.shop.test": ["10.0.0.2", "fd00::2"]})
    with net, DNSServer(net["names"], records):
        server = net["web"].popen(["nginx", "-c", str(configuration), "-e", str(tmp_path / "error.log")],
                                  stderr=DEVNULL)  # fmt: skip
        try:
            ask = ["curl", "-s", family, "--max-time", "5", "http://www.shop.test/"]
            until = time.monotonic() + 10
            while not net["client"].run(ask, timeout=10).stdout and time.monotonic() < until:
                time.sleep(0.05)
            assert net["client"].run(ask, timeout=10).stdout == f"from nginx at {address}\n"
            pinged = net["client"].run(["ping", family, "-c", "1", "-W", "2", "www.shop.test"], timeout=10).stdout
            assert re.search(r"1 (packets )?received", pinged) and address in pinged
        finally:
            server.terminate()
            server.wait(timeout=10)
