"""The kernel settings of a node: the cures for what makes a lab network noisy or unrepeatable; each says why."""

import os

from packetlab.net.topology import Node, Port


def node_settings(node: Node, ports: list[Port]) -> list[tuple[str, str]]:
    """The sysctls of a node, written before its interfaces exist, so that these begin with them.

    A new namespace copies some from the machine (ip_forward, rp_filter); so all that matter are written.
    """
    routes = node.kind in ("router", "nat")
    wanted = [("net/ipv4/ip_forward", "01"[routes])]
    for which in ("all", "default"):
        wanted += [
            (f"net/ipv4/conf/{which}/rp_filter", "0"),
            (f"net/ipv4/conf/{which}/accept_source_route", "0"),
            (f"net/ipv4/conf/{which}/arp_ignore", "0"),
            (f"net/ipv4/conf/{which}/arp_announce", "0"),
            (f"net/ipv4/conf/{which}/send_redirects", "1"),
        ]
    # TCP would begin a connection with what it learned of an earlier one to the same address.
    wanted.append(("?net/ipv4/tcp_no_metrics_save", "1"))
    group = "0 2147483647" if os.geteuid() == 0 else f"{os.getegid()} {os.getegid()}"
    # Ping without privilege; error messages of routers not rationed, so that each traceroute is answered.
    wanted += [("net/ipv4/ping_group_range", group), ("net/ipv4/icmp_ratelimit", "0")]
    if any(port.has_ipv6 for port in ports):
        wanted.append(("net/ipv6/conf/all/forwarding", "01"[routes]))
    all_ipv6 = bool(ports) and all(port.has_ipv6 for port in ports)
    wanted += [
        ("?net/ipv6/conf/default/disable_ipv6", "10"[all_ipv6]),
        # No duplicate address detection (a second until an address works), no asking for routers.
        ("?net/ipv6/conf/all/accept_dad", "0"),
        ("?net/ipv6/conf/default/accept_dad", "0"),
        ("?net/ipv6/conf/default/dad_transmits", "0"),
        ("?net/ipv6/conf/default/router_solicitations", "0"),
        ("?net/ipv6/conf/default/accept_ra", "0"),
        # Multicast reports come at once, while the network is built, and not within the next ten seconds.
        ("?net/ipv6/conf/default/mldv1_unsolicited_report_interval", "4"),
        ("?net/ipv6/conf/default/mldv2_unsolicited_report_interval", "4"),
        ("?net/ipv6/icmp/ratelimit", "0"),
    ]
    if node.is_bridge:
        # br_netfilter would let a switch drop packets for a wrong IP checksum.
        wanted += [(f"?net/bridge/bridge-nf-call-{table}", "0") for table in ("iptables", "ip6tables", "arptables")]
    return wanted
