"""Addresses that make themselves. Fill in `address` and `group`."""

import ipaddress


def address(prefix, mac):
    """`prefix` is text as "fd00:1:2:3::/64", `mac` as "00:16:3e:0a:0b:0c". Returns the address of the host as text."""
    card = bytes.fromhex(mac.replace(":", ""))
    own = bytes([card[0] ^ 2]) + card[1:3] + b"\xff\xfe" + card[3:]
    network = ipaddress.ip_network(prefix).network_address
    return str(ipaddress.IPv6Address(int(network) + int.from_bytes(own, "big")))


def group(address):
    """`address` is an IPv6 address as text. Returns its solicited-node group as text."""
    last = int(ipaddress.IPv6Address(address)) & 0xFFFFFF
    return str(ipaddress.IPv6Address(int(ipaddress.IPv6Address("ff02::1:ff00:0")) + last))
