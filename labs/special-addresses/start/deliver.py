"""What the kernel does with a destination. Fill in `deliver` and `group_mac`."""

import ipaddress  # noqa: F401 - you will need it


def deliver(destination, own):
    """`destination` is an address as text, `own` that of this host, as "10.1.2.3/24". Returns one word."""
    raise NotImplementedError("this is yours to write")


def group_mac(destination):
    """`destination` is a multicast address as text. Returns the MAC address of its frame as text."""
    raise NotImplementedError("this is yours to write")
