"""Chooses the next hop. Fill in `choose`."""

from ipaddress import ip_address, ip_network


def choose(table, address):
    """`table` is a list of [prefix, gateway], as ["10.0.0.0/8", "192.168.1.1"]; `address` is text.

    Returns the gateway of the longest prefix that holds the address, or None.
    """
    found = [(ip_network(prefix), gateway) for prefix, gateway in table]
    fits = [(net.prefixlen, gateway) for net, gateway in found if ip_address(address) in net]
    return max(fits)[1] if fits else None
