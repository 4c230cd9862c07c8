"""Addresses as a header holds them (bytes) and as people write them (text), both ways, cached.

Fields keep raw bytes because an `ipaddress` object costs about as much as a whole header; text is made
when something is shown. The caches are bounded: an attacker's capture holds any number of addresses.
"""

import re
import socket
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address

from packetlab.model.errors import UsageError

_MAC = re.compile(r"[0-9a-fA-F]{2}([:-]?)[0-9a-fA-F]{2}(?:\1[0-9a-fA-F]{2}){4}")
_MAC_DOTTED = re.compile(r"[0-9a-fA-F]{4}\.[0-9a-fA-F]{4}\.[0-9a-fA-F]{4}")
_CACHE = 4096

BROADCAST_MAC = b"\xff" * 6


@lru_cache(_CACHE)
def _mac(text: str) -> bytes:
    if not (_MAC.fullmatch(text) or _MAC_DOTTED.fullmatch(text)):
        raise UsageError(f"{text!r} is not a MAC address", remedy="write six bytes in hex: 02:00:00:00:00:01")
    return bytes.fromhex(re.sub("[:.-]", "", text))


@lru_cache(_CACHE)
def _ipv4(text: str) -> bytes:
    try:
        return IPv4Address(text).packed
    except ValueError:
        raise UsageError(
            f"{text!r} is not an IPv4 address", remedy="write four numbers from 0 to 255: 192.0.2.1"
        ) from None


@lru_cache(_CACHE)
def _ipv6(text: str) -> bytes:
    try:
        return IPv6Address(text.partition("%")[0]).packed
    except ValueError:
        raise UsageError(f"{text!r} is not an IPv6 address", remedy="write groups of hex digits: 2001:db8::1") from None


def mac_bytes(value: bytes | str) -> bytes:
    """The 6 bytes of a MAC address written as 02:00:00:00:00:01, 02-00-..., 0200.0000.0001 or as bytes."""
    if isinstance(value, str):
        return _mac(value)
    return _exactly(value, 6, "a MAC address")


def ipv4_bytes(value: bytes | str | IPv4Address) -> bytes:
    """The 4 bytes of an IPv4 address."""
    if isinstance(value, str):
        return _ipv4(value)
    if isinstance(value, IPv4Address):
        return value.packed
    return _exactly(value, 4, "an IPv4 address")


def ipv6_bytes(value: bytes | str | IPv6Address) -> bytes:
    """The 16 bytes of an IPv6 address; a zone (`%eth0`) is no part of the address and is dropped."""
    if isinstance(value, str):
        return _ipv6(value)
    if isinstance(value, IPv6Address):
        return value.packed
    return _exactly(value, 16, "an IPv6 address")


def _exactly(value: object, size: int, what: str) -> bytes:
    if not isinstance(value, bytes | bytearray | memoryview):
        raise UsageError(f"{what} cannot be made of {value!r}", remedy="give its text or its bytes")
    if len(value) != size:
        raise UsageError(f"{what} has {size} bytes, not {len(value)}")
    return bytes(value)


@lru_cache(_CACHE)
def mac_text(data: bytes) -> str:
    """As 02:00:00:00:00:01; any length is written the same way."""
    return data.hex(":")


@lru_cache(_CACHE)
def ipv4_text(data: bytes) -> str:
    """As 192.0.2.1."""
    return socket.inet_ntop(socket.AF_INET, data)


@lru_cache(_CACHE)
def ipv6_text(data: bytes) -> str:
    """As RFC 5952 asks for: 2001:db8::1."""
    return str(IPv6Address(data)) if data[:12] != _MAPPED else "::ffff:" + ipv4_text(data[12:])


_MAPPED = bytes(10) + b"\xff\xff"


def ip_text(data: bytes) -> str:
    """An IPv4 (4 bytes) or IPv6 (16 bytes) address as text; hex for any other length."""
    if len(data) == 4:
        return ipv4_text(data)
    if len(data) == 16:
        return ipv6_text(data)
    return data.hex()


def ip_bytes(text: str) -> bytes:
    """The 4 or 16 bytes of an IP address of either family."""
    return ipv6_bytes(text) if ":" in text else ipv4_bytes(text)
