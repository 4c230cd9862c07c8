"""Passwords that everybody can read, and TLS of old versions.

Which segments may hold one is seen from their first bytes, for all of them at once: requests of HTTP on any port,
form fields, and whatever goes to the ports of FTP, SMTP, POP3, IMAP and Telnet. Only those are searched. The secret
itself is never part of a finding.
"""

import base64
import binascii
import re

import numpy as np

from packetlab.analysis.findings.finding import Kind, Notebook
from packetlab.analysis.findings.seen import Seen, endpoint
from packetlab.transport.tcp import TCP

MOST_SEARCHED = 100_000
"""Segments of a capture that are searched."""
MOST_USERS = 10_000

PASSWORD = Kind(
    "clear-text-password", "error", "application", "A password in clear text",
    "A name and password crossed the network without encryption: everybody on the way can read and use them. "
    "(They are in this capture too; this report does not repeat the password.)",
    "Change the password, and use the encrypted form of the protocol: HTTPS, SSH, SMTP/POP3/IMAP with TLS. "
    "Think before you pass this capture on.",
)  # fmt: skip
OLD_TLS = Kind(
    "tls-old-version", "warning", "application", "An old version of TLS",
    "Server and client agreed on a version of TLS (or SSL) that is not secure any more (RFC 8996).",
    "Bring the server's software and settings up to TLS 1.2 or 1.3; an old client may be the cause as well.",
)  # fmt: skip
EXPIRED = Kind(
    "tls-certificate-time", "error", "application", "A certificate is not valid at this time",
    "The server's certificate had expired, or was not valid yet, when this was recorded. Clients refuse the connection "
    "or warn their users.",
    "Renew the certificate, or check the clock of the machine that says it is invalid.",
)  # fmt: skip
ALERT = Kind(
    "tls-alert", "warning", "application", "A TLS handshake failed",
    "One side broke the TLS handshake off and said why.",
    "The side that sent the alert is the one that was not content.",
)  # fmt: skip

PORTS = {21: "FTP", 23: "Telnet", 25: "SMTP", 110: "POP3", 143: "IMAP", 587: "SMTP", 2525: "SMTP"}
_METHODS = (b"GET ", b"POST", b"PUT ", b"HEAD", b"DELE", b"OPTI", b"PATC", b"PROP", b"CONN")
_BASIC = re.compile(rb"^(?:proxy-)?authorization:[ \t]*basic[ \t]+([a-z0-9+/=]+)", re.I | re.M)
_FORM = re.compile(rb"(?:^|[&\s])(?:\w*passw(?:or)?d|pwd|pass|passphrase)=([^&\s]{1,200})", re.I)
_FORM_USER = re.compile(rb"(?:^|[&\s])(?:user(?:name)?|login|email|name)=([^&\s]{1,60})", re.I)
_PASS = re.compile(rb"^PASS[ \t]+([^\r\n]+)", re.I | re.M)
_USER = re.compile(rb"^USER[ \t]+([^\r\n]{1,60})", re.I | re.M)
_PLAIN = re.compile(rb"^AUTH[ \t]+PLAIN[ \t]+([a-z0-9+/=]+)", re.I | re.M)
_LOGIN = re.compile(rb"^AUTH[ \t]+LOGIN\b", re.I | re.M)
_IMAP = re.compile(rb'^\S+[ \t]+LOGIN[ \t]+"?([^"\s]{1,60})"?[ \t]+"?([^"\r\n]+)', re.I | re.M)
_PROMPT = re.compile(rb"password:\s*$", re.I)
_VERSIONS = {0x0002: "SSL 2", 0x0300: "SSL 3", 0x0301: "TLS 1.0", 0x0302: "TLS 1.1"}
_ALERTS = {
    10: "unexpected message", 20: "bad record", 40: "no common cipher or setting", 42: "bad certificate",
    43: "unsupported certificate", 44: "certificate revoked", 45: "certificate expired", 46: "certificate not accepted",
    47: "illegal parameter", 48: "unknown certificate authority", 49: "access denied", 50: "decoding failed",
    51: "decryption failed", 70: "no common version", 71: "insufficient security", 80: "internal error",
    86: "inappropriate fallback", 109: "missing extension", 112: "unknown server name", 116: "certificate required",
    120: "no common application protocol",
}  # fmt: skip


class Credentials:
    def __init__(self, notes: Notebook) -> None:
        self.notes = notes
        self.users: dict[tuple[bytes, int], bytes] = {}
        self.left = MOST_SEARCHED

    def take(self, seen: Seen) -> None:
        found = seen.found(TCP, 20)
        found = found.chosen(found.stop - found.body > 4)
        if not len(found) or not self.left:
            return
        source, target = found.number(0, 2), found.number(2, 2)
        heads = seen.chunk.heads(24, found.rows, found.body)
        words = heads[:, :4].copy().view(">u4")[:, 0]
        to_port = np.isin(target, [port for port in PORTS if port != 23])
        requests = np.isin(words, [int.from_bytes(method, "big") for method in _METHODS])
        # A form's body: a name of letters and digits, then "=".
        letters = ((heads | 0x20) >= ord("a")) & ((heads | 0x20) <= ord("z")) | (heads == ord("_"))
        forms = letters[:, 0] & letters[:, 1] & (heads == ord("=")).any(axis=1)
        prompts = (source == 23) & (found.stop - found.body < 200)
        hellos = (heads[:, 0] == 22) & (heads[:, 1] == 3) & (heads[:, 5] == 2)
        alerts = (
            (heads[:, 0] == 21)
            & (heads[:, 1] == 3)
            & (found.stop - found.body == 7)
            & (heads[:, 4] == 2)
            & (heads[:, 5] == 2)
        )
        chosen = np.flatnonzero(to_port | requests | forms | prompts | hellos | alerts)[: self.left]
        self.left -= len(chosen)
        part = found.chosen(chosen)
        columns = zip(
            part.rows.tolist(), part.body.tolist(), part.stop.tolist(), seen.ends(part.rows), source[chosen].tolist(),
            target[chosen].tolist(), hellos[chosen].tolist(), alerts[chosen].tolist(), strict=True,
        )  # fmt: skip
        for row, body, stop, (src, dst), port, to, is_hello, is_alert in columns:
            data = seen.chunk.bytes_of(row)[body:stop]
            number = seen.first + row
            if is_hello:
                self._hello(data, endpoint(src, port), number, int(seen.time[row]))
            elif is_alert:
                text = _ALERTS.get(data[6], f"alert {data[6]}")
                self.notes.add(ALERT, f"{endpoint(src, port)} to {endpoint(dst, to)}", number, detail=text)
            elif port == 23:
                if _PROMPT.search(data):
                    self._password("Telnet", "", endpoint(src, port), number, -1)
            elif to in PORTS:
                self._lines(data, PORTS[to], (src, port), endpoint(dst, to), number)
            else:
                self._web(data, endpoint(dst, to), number)

    def end(self) -> None:
        """Nothing is open."""

    def _password(self, protocol: str, user: str, server: str, number: int, length: int) -> None:
        who = f"user {user}, " if user else ""
        hidden = f"password of {length} characters" if length >= 0 else "the password follows the server's question"
        self.notes.add(PASSWORD, f"{protocol} to {server}", number, detail=who + hidden)

    def _lines(self, data: bytes, protocol: str, client: tuple[bytes, int], server: str, number: int) -> None:
        if user := _USER.search(data):
            if len(self.users) >= MOST_USERS:
                self.users.clear()
            self.users[client] = user[1]
        if protocol in ("FTP", "POP3") and (secret := _PASS.search(data)):
            name = self.users.get(client, b"")
            if name.lower() not in (b"anonymous", b"ftp"):
                self._password(protocol, _text(name), server, number, len(secret[1]))
        elif protocol == "SMTP" and (found := _PLAIN.search(data)):
            parts = _decoded(found[1]).split(b"\0")
            self._password(protocol, _text(parts[1]) if len(parts) > 2 else "", server, number, len(parts[-1]))
        elif protocol == "SMTP" and _LOGIN.search(data):
            self._password(protocol, "", server, number, -1)
        elif protocol == "IMAP" and (found := _IMAP.search(data)):
            self._password(protocol, _text(found[1]), server, number, len(found[2].rstrip(b'"')))

    def _web(self, data: bytes, server: str, number: int) -> None:
        if found := _BASIC.search(data):
            user, _, secret = _decoded(found[1]).partition(b":")
            self._password("HTTP Basic", _text(user), server, number, len(secret))
        if found := _FORM.search(data):
            name = _FORM_USER.search(data)
            self._password("HTTP form", _text(name[1]) if name else "", server, number, len(found[1]))

    def _hello(self, data: bytes, server: str, number: int, time: int) -> None:
        version = int.from_bytes(data[9:11], "big")
        if version in _VERSIONS:
            self.notes.add(OLD_TLS, server, number, detail=_VERSIONS[version])
        certificate = _certificate(data)
        if certificate:
            self._validity(certificate, server, number, time)

    def _validity(self, certificate: bytes, server: str, number: int, time: int) -> None:
        from datetime import UTC, datetime

        from cryptography import x509

        try:
            made = x509.load_der_x509_certificate(certificate)
            begin, end = made.not_valid_before_utc, made.not_valid_after_utc
            when = datetime.fromtimestamp(time / 1e9, UTC)
        except (ValueError, OverflowError, OSError):
            return  # whatever it is, nobody can say when it ends
        if when > end:
            self.notes.add(EXPIRED, server, number, detail=f"it ended on {end:%Y-%m-%d}")
        elif when < begin:
            self.notes.add(EXPIRED, server, number, detail=f"it begins on {begin:%Y-%m-%d}")


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def _decoded(raw: bytes) -> bytes:
    try:
        return base64.b64decode(raw + b"=" * (-len(raw) % 4))
    except (binascii.Error, ValueError):
        return b""


def _certificate(data: bytes) -> bytes:
    """The server's own certificate, where it lies whole in this segment (RFC 5246, sections 6.2.1 and 7.4.2)."""
    messages = bytearray()
    at = 0
    while at + 5 <= len(data) and data[at] == 22:
        size = int.from_bytes(data[at + 3 : at + 5], "big")
        messages += data[at + 5 : at + 5 + size]
        at += 5 + size
    at = 0
    while at + 4 <= len(messages):
        size = int.from_bytes(messages[at + 1 : at + 4], "big")
        if messages[at] == 11:
            length = int.from_bytes(messages[at + 7 : at + 10], "big")
            body = bytes(messages[at + 10 : at + 10 + length])
            return body if len(body) == length else b""
        at += 4 + size
    return b""
