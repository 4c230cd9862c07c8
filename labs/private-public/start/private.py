"""Tells private addresses from public ones. Fill in `is_private`."""

from ipaddress import ip_address, ip_network  # noqa: F401 - you may need them


def is_private(address):
    """`address` is text, as "10.1.2.3" or "fd00::1". Returns True or False."""
    raise NotImplementedError("this is yours to write")
