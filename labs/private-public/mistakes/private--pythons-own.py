"""Python's own idea of private addresses."""
# gets: Python's own

from ipaddress import ip_address


def is_private(address):
    return ip_address(address).is_private
