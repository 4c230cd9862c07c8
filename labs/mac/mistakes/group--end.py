# gets: U and G are the last two
"""MAC addresses of multicast groups. Fill in `group_mac` and `bits`."""

import ipaddress


def group_mac(group):
    """The MAC address for a group: "01:00:5e:00:00:09" for "224.0.0.9", "33:33:00:01:00:02" for "ff02::1:2"."""
    packed = ipaddress.ip_address(group).packed
    if len(packed) == 4:
        return (b"\x01\x00\x5e" + bytes([packed[1] & 0x7F]) + packed[2:]).hex(":")
    return (b"\x33\x33" + packed[12:]).hex(":")


def bits(mac):
    """[U, G] of a MAC address (text), as two numbers that are 0 or 1."""
    first = int(mac[:2], 16)
    return [first >> 7, first >> 6 & 1]
