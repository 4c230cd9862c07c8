"""Addresses replaced under a key: the same address always by the same other one, prefixes kept.

Two addresses that share their first n bits share exactly n bits afterwards as well, so subnets stay subnets
(the property and its construction are those of Crypto-PAn: Xu, Fan, Ammar, Moon, "Prefix-Preserving IP Address
Anonymization", ICNP 2002; the pseudorandom function here is BLAKE2b). Bit i is flipped or not by a keyed
function of the bits before it. On the way to a range that has a meaning of its own (multicast, loopback,
private ...) no bit is flipped, so each such range maps onto itself and nothing else maps into it; what means
something by itself (multicast groups, "this host", broadcast) stays as it is.

Without the key nobody gets the addresses back; but who knows some of the traffic can learn how its prefixes
were mapped, as with any scheme that keeps prefixes.
"""

from collections.abc import Callable
from functools import lru_cache
from hashlib import blake2b
from ipaddress import ip_network

from packetlab.model.errors import UsageError

CACHE = 1 << 16
"""Addresses of each family that are remembered."""

_WHOLE = ("0.0.0.0/32", "127.0.0.0/8", "224.0.0.0/4", "255.255.255.255/32", "::/128", "::1/128", "ff00::/8")
"""Stay as they are."""
_PREFIX = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10", "0.0.0.0/8",
           "::/96", "::ffff:0:0/96", "64:ff9b::/96", "fe80::/64", "fc00::/7")  # fmt: skip
"""Keep their prefix; the rest is replaced."""
_SOLICITED_NODE = bytes.fromhex("ff0200000000000000000001ff")

Ranges = dict[int, list[tuple[int, int, bool]]]


def _ranges() -> Ranges:
    """By address width: (network, prefix length, whether it stays as it is)."""
    found: Ranges = {32: [], 128: []}
    for texts, whole in ((_WHOLE, True), (_PREFIX, False)):
        for text in texts:
            network = ip_network(text)
            found[network.max_prefixlen].append((int(network.network_address), network.prefixlen, whole))
    return found


class AddressMap:
    """Replaces IPv4 (4 bytes), IPv6 (16) and MAC (6) addresses under `key`: bytes, or text of any length."""

    def __init__(self, key: bytes | str) -> None:
        raw = key.encode() if isinstance(key, str) else bytes(key)
        if not raw:
            raise UsageError("an empty key hides nothing", remedy="give a long random text, and keep it")
        self._key = blake2b(raw, digest_size=32, person=b"packetlab anon").digest()
        self._ranges = _ranges()
        # Prefixes (length, bits) behind which the next bit could still lead into a range: it must not be flipped.
        self._frozen = {
            width: {(bits, network >> (width - bits)) for network, length, _ in ranges for bits in range(length)}
            for width, ranges in self._ranges.items()
        }
        remember: Callable[[Callable[[bytes], bytes]], Callable[[bytes], bytes]] = lru_cache(CACHE)
        self.ipv4: Callable[[bytes], bytes] = remember(self._ip)
        self.ipv6: Callable[[bytes], bytes] = remember(self._ip)
        self.mac: Callable[[bytes], bytes] = remember(self._mac)

    def _ip(self, address: bytes) -> bytes:
        if address.startswith(_SOLICITED_NODE) and len(address) == 16:
            return _SOLICITED_NODE + self._low_bits(address[13:])
        width = len(address) * 8
        value = int.from_bytes(address, "big")
        kept = 0
        for network, length, whole in self._ranges[width]:
            if value >> (width - length) == network >> (width - length):
                if whole:
                    return address
                kept = max(kept, length)
        frozen = self._frozen[width]
        result = 0
        for bit in range(width):
            prefix = value >> (width - bit)
            flip = bit >= kept and (bit, prefix) not in frozen and self._bit(width, bit, prefix)
            result = result << 1 | (value >> (width - 1 - bit) & 1) ^ flip
        return result.to_bytes(len(address), "big")

    def _bit(self, width: int, length: int, prefix: int) -> int:
        message = bytes([width, length]) + prefix.to_bytes(16, "big")
        return blake2b(message, digest_size=1, key=self._key).digest()[0] & 1

    def _low_bits(self, low: bytes) -> bytes:
        """The low 24 bits of a solicited-node group, which are those of some host's address."""
        return blake2b(b"solicited" + low, digest_size=3, key=self._key).digest()

    def _mac(self, address: bytes) -> bytes:
        if address.startswith(b"\x33\x33\xff"):
            return address[:3] + self._low_bits(address[3:])
        if address[0] & 1 or not any(address):
            return address  # a group, everybody, or nobody
        hidden = blake2b(b"mac" + address, digest_size=6, key=self._key).digest()
        return bytes([hidden[0] & 0xFC | 2]) + hidden[1:]  # one card, locally administered
