"""What a TLS handshake says in the clear: names, versions, cipher suites, certificates (RFC 8446, RFC 5246).

Reading only, from bytes of any kind: whatever is too short or impossible ends the message there, and what was read
before it stays. Up to TLS 1.2 the server's certificates are in the clear; TLS 1.3 hides everything behind ServerHello.

`ClientHello.ja3` and `.ja4` are fingerprints of the client's software: JA3 (Salesforce, 2017, MD5 over the lists as
they were sent) and JA4 (FoxIO, 2023, BSD-licensed: counts, and SHA-256 over the sorted lists). Its relatives for
servers, certificates and TCP are under another licence and are left out.
"""

import hashlib
from dataclasses import dataclass, field

from packetlab.application.tls_cipher_suites import CIPHER_SUITES

HELLO_REQUEST, CLIENT_HELLO, SERVER_HELLO, NEW_TICKET, CERTIFICATE = 0, 1, 2, 4, 11
SERVER_NAME, GROUPS, POINT_FORMATS, SIGNATURES, ALPN, VERSIONS = 0, 10, 11, 13, 16, 43
MAX_CERTIFICATES = 16
"""Of one chain; more are left out."""
_RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
"""The random number of a ServerHello that asks for another ClientHello (RFC 8446 section 4.1.3)."""

VERSION_NAMES = {0x0002: "SSL 2.0", 0x0300: "SSL 3.0", 0x0301: "TLS 1.0", 0x0302: "TLS 1.1", 0x0303: "TLS 1.2",
                 0x0304: "TLS 1.3"}  # fmt: skip
_JA4_VERSIONS = {0x0304: "13", 0x0303: "12", 0x0302: "11", 0x0301: "10", 0x0300: "s3", 0x0002: "s2"}

ALERTS = {0: "close notify", 10: "unexpected message", 20: "bad record MAC", 22: "record overflow",
          40: "handshake failure", 42: "bad certificate", 43: "unsupported certificate", 44: "certificate revoked",
          45: "certificate expired", 46: "certificate unknown", 47: "illegal parameter", 48: "unknown CA",
          49: "access denied", 50: "decode error", 51: "decrypt error", 70: "protocol version",
          71: "insufficient security", 80: "internal error", 86: "inappropriate fallback", 90: "user cancelled",
          109: "missing extension", 110: "unsupported extension", 112: "unrecognised name",
          113: "bad certificate status", 115: "unknown PSK identity", 116: "certificate required",
          120: "no application protocol"}  # fmt: skip

Extension = tuple[int, bytes]


def is_grease(value: int) -> bool:
    """Numbers that mean nothing and keep servers used to what they do not know (RFC 8701)."""
    return value & 0x0F0F == 0x0A0A and value >> 8 == value & 0xFF


def version_name(number: int) -> str:
    """TLS 1.3 for 0x0304; the number in hex where it has no name."""
    return VERSION_NAMES.get(number, f"{number:#06x}")


def cipher_suite_name(number: int) -> str:
    """TLS_AES_128_GCM_SHA256 for 0x1301; the number in hex where it has no name here, GREASE for such."""
    return CIPHER_SUITES.get(number) or (f"GREASE {number:#06x}" if is_grease(number) else f"{number:#06x}")


class _Short(Exception):
    """The bytes end before the value does."""


class _Cursor:
    """Reads forward, never beyond the end."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, size: int) -> bytes:
        if size > len(self.data) - self.at:
            raise _Short
        self.at += size
        return self.data[self.at - size : self.at]

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def vector(self, length_size: int) -> bytes:
        """Bytes behind their length."""
        return self.take(self.number(length_size))

    @property
    def is_done(self) -> bool:
        return self.at >= len(self.data)


def _numbers(data: bytes, size: int = 2) -> tuple[int, ...]:
    return tuple(int.from_bytes(data[at : at + size], "big") for at in range(0, len(data) - size + 1, size))


def _extensions(cursor: _Cursor) -> tuple[Extension, ...]:
    if cursor.is_done:
        return ()
    inner, found = _Cursor(cursor.vector(2)), []
    try:
        while not inner.is_done:
            found.append((inner.number(2), inner.vector(2)))
    except _Short:
        pass
    return tuple(found)


def _of(extensions: tuple[Extension, ...], kind: int) -> bytes | None:
    return next((data for number, data in extensions if number == kind), None)


def _protocols(extensions: tuple[Extension, ...]) -> tuple[bytes, ...]:
    data = _of(extensions, ALPN)
    if data is None:
        return ()
    found = []
    try:
        names = _Cursor(_Cursor(data).vector(2))
        while not names.is_done:
            found.append(names.vector(1))
    except _Short:
        pass
    return tuple(found)


@dataclass(frozen=True, slots=True)
class ClientHello:
    """What a client offers."""

    legacy_version: int
    random: bytes = field(repr=False)
    session: bytes = field(repr=False)
    cipher_suites: tuple[int, ...]
    extensions: tuple[Extension, ...] = field(repr=False)

    @property
    def server_name(self) -> str:
        """The host the client wants (SNI, RFC 6066 section 3); "" where it does not say."""
        data = _of(self.extensions, SERVER_NAME)
        if data is None:
            return ""
        try:
            names = _Cursor(_Cursor(data).vector(2))
            while not names.is_done:
                kind, name = names.number(1), names.vector(2)
                if kind == 0:
                    return name.decode("ascii", "backslashreplace")
        except _Short:
            pass
        return ""

    @property
    def protocols(self) -> tuple[bytes, ...]:
        """The application protocols it speaks, best first (ALPN, RFC 7301)."""
        return _protocols(self.extensions)

    @property
    def versions(self) -> tuple[int, ...]:
        """The versions it speaks, best first."""
        data = _of(self.extensions, VERSIONS)
        found = tuple(one for one in _numbers(data[1:]) if not is_grease(one)) if data else ()
        return found or (self.legacy_version,)

    @property
    def groups(self) -> tuple[int, ...]:
        return _numbers((_of(self.extensions, GROUPS) or b"")[2:])

    @property
    def point_formats(self) -> tuple[int, ...]:
        return tuple((_of(self.extensions, POINT_FORMATS) or b"")[1:])

    @property
    def signature_algorithms(self) -> tuple[int, ...]:
        return _numbers((_of(self.extensions, SIGNATURES) or b"")[2:])

    @property
    def ja3_text(self) -> str:
        """What JA3 is the MD5 of."""
        parts = (self.cipher_suites, tuple(kind for kind, _ in self.extensions), self.groups, self.point_formats)
        lists = ["-".join(str(one) for one in part if not is_grease(one)) for part in parts[:3]]
        return ",".join([str(self.legacy_version), *lists, "-".join(map(str, self.point_formats))])

    @property
    def ja3(self) -> str:
        """The JA3 fingerprint, 32 hex digits."""
        return hashlib.md5(self.ja3_text.encode(), usedforsecurity=False).hexdigest()

    @property
    def ja4(self) -> str:
        """The JA4 fingerprint: t13d1516h2_8daaf6152771_e5627efa2ab1."""
        ciphers = [one for one in self.cipher_suites if not is_grease(one)]
        kinds = [kind for kind, _ in self.extensions if not is_grease(kind)]
        version = _JA4_VERSIONS.get(max(self.versions, default=0), "00")
        name = "d" if SERVER_NAME in kinds else "i"
        head = f"t{version}{name}{min(len(ciphers), 99):02}{min(len(kinds), 99):02}{_ja4_protocol(self.protocols)}"
        listed = ",".join(sorted(f"{kind:04x}" for kind in kinds if kind not in (SERVER_NAME, ALPN)))
        signatures = ",".join(f"{one:04x}" for one in self.signature_algorithms if not is_grease(one))
        tail = f"{listed}_{signatures}" if signatures else listed
        return f"{head}_{_short_hash(','.join(sorted(f'{one:04x}' for one in ciphers)))}_{_short_hash(tail)}"


def _ja4_protocol(protocols: tuple[bytes, ...]) -> str:
    first = next((one for one in protocols if one), b"")
    if not first:
        return "00"
    ends = first[:1] + first[-1:]
    if ends.isalnum() and ends.isascii():
        return ends.decode()
    return first.hex()[0] + first.hex()[-1]


def _short_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12] if text else "0" * 12


@dataclass(frozen=True, slots=True)
class ServerHello:
    """What a server chose."""

    legacy_version: int
    random: bytes = field(repr=False)
    session: bytes = field(repr=False)
    cipher_suite: int
    extensions: tuple[Extension, ...] = field(repr=False)

    @property
    def version(self) -> int:
        """The version both will speak."""
        data = _of(self.extensions, VERSIONS)
        return int.from_bytes(data, "big") if data is not None and len(data) == 2 else self.legacy_version

    @property
    def protocol(self) -> bytes:
        """The application protocol chosen in the clear; TLS 1.3 hides it."""
        return next(iter(_protocols(self.extensions)), b"")

    @property
    def is_retry(self) -> bool:
        """Whether it asks for another ClientHello."""
        return self.random == _RETRY


def client_hello(body: bytes) -> ClientHello | None:
    """A ClientHello (RFC 8446 section 4.1.2) from a handshake message's body, or None where it is none."""
    cursor = _Cursor(body)
    try:
        version, random, session = cursor.number(2), cursor.take(32), cursor.vector(1)
        suites = _numbers(cursor.vector(2))
        cursor.vector(1)
        try:
            extensions = _extensions(cursor)
        except _Short:
            extensions = ()
    except _Short:
        return None
    return ClientHello(version, random, session, suites, extensions)


def server_hello(body: bytes) -> ServerHello | None:
    """A ServerHello (RFC 8446 section 4.1.3), or None where it is none."""
    cursor = _Cursor(body)
    try:
        version, random, session, suite = cursor.number(2), cursor.take(32), cursor.vector(1), cursor.number(2)
        cursor.take(1)
        try:
            extensions = _extensions(cursor)
        except _Short:
            extensions = ()
    except _Short:
        return None
    return ServerHello(version, random, session, suite, extensions)


def certificates(body: bytes) -> tuple[bytes, ...]:
    """The certificates (DER) of a Certificate message up to TLS 1.2 (RFC 5246 section 7.4.2), the server's first."""
    found: list[bytes] = []
    try:
        chain = _Cursor(_Cursor(body).vector(3))
        while not chain.is_done and len(found) < MAX_CERTIFICATES:
            found.append(chain.vector(3))
    except _Short:
        pass
    return tuple(found)
