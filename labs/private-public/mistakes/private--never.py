# gets: whatever it is asked
"""Tells private addresses from public ones. Fill in `is_private`."""


def is_private(address):
    """`address` is text, as "10.1.2.3" or "fd00::1". Returns True or False."""
    return False
