"""MAC addresses of multicast groups. Fill in `group_mac` and `bits`."""

import ipaddress  # noqa: F401 - you may need it


def group_mac(group):
    """The MAC address for a group: "01:00:5e:00:00:09" for "224.0.0.9", "33:33:00:01:00:02" for "ff02::1:2"."""
    raise NotImplementedError("this is yours to write")


def bits(mac):
    """[U, G] of a MAC address (text), as two numbers that are 0 or 1."""
    raise NotImplementedError("this is yours to write")
