# gets: It is a group
"""What the kernel does with a destination. Fill in `deliver` and `group_mac`."""

import ipaddress


def deliver(destination, own):
    """`destination` is an address as text, `own` that of this host, as "10.1.2.3/24". Returns one word."""
    address, own = ipaddress.ip_address(destination), ipaddress.ip_interface(own)
    if address.is_loopback or address == own.ip:
        return "none"
    if address.version == 4 and destination in ("255.255.255.255", str(own.network.broadcast_address)):
        return "everybody"
    if destination.startswith(("224.0.0.", "ff")):
        return "group"
    if address in own.network or (address.version == 6 and address.is_link_local):
        return "link"
    return "router"


def group_mac(destination):
    """`destination` is a multicast address as text. Returns the MAC address of its frame as text."""
    packed = ipaddress.ip_address(destination).packed
    if len(packed) == 16:
        return bytes([0x33, 0x33, *packed[-4:]]).hex(":")
    return bytes([1, 0, 0x5E, packed[1] & 127, *packed[2:]]).hex(":")
