# gets: IPv4 is right; IPv6 is not
"""Tells private addresses from public ones. Fill in `is_private`."""

from ipaddress import ip_address, ip_network

BLOCKS = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"]


def is_private(address):
    """`address` is text, as "10.1.2.3" or "fd00::1". Returns True or False."""
    return any(ip_address(address) in ip_network(block) for block in BLOCKS)
