"""What a certificate says, for people: names, issuer, validity (RFC 5280). The `cryptography` library reads it.

A certificate comes from the wire: whatever the library cannot read is None, and its fingerprint is known all the same.
"""

import base64
import hashlib
import textwrap
import warnings
from dataclasses import dataclass
from typing import Any

MAX_NAMES = 100


@dataclass(frozen=True, slots=True)
class Certificate:
    """The facts of one certificate; times in seconds since 1970."""

    sha256: str
    subject: str
    issuer: str
    serial: int
    not_before: int
    not_after: int
    names: tuple[str, ...]
    """Hosts and addresses it is for (subjectAltName), at most MAX_NAMES."""
    key: str
    """As RSA 2048 or EllipticCurve secp256r1."""
    signature: str
    """Object identifier of the algorithm."""


def read(der: bytes) -> Certificate | None:
    """The facts of a certificate, or None where the bytes cannot be read as one."""
    from cryptography import x509

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about certificates that break rules: that is for the reader to judge
        try:
            found = x509.load_der_x509_certificate(der)
            return Certificate(
                hashlib.sha256(der).hexdigest(), found.subject.rfc4514_string(), found.issuer.rfc4514_string(),
                found.serial_number, round(found.not_valid_before_utc.timestamp()),
                round(found.not_valid_after_utc.timestamp()), _names(found), _key(found),
                found.signature_algorithm_oid.dotted_string,
            )  # fmt: skip
        except Exception:  # the library raises many kinds for bytes that lie
            return None


def _names(found: Any) -> tuple[str, ...]:
    from cryptography import x509

    try:
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return tuple(str(one.value) for _, one in zip(range(MAX_NAMES), names, strict=False))
    except Exception:  # no such extension, or one that cannot be read: the rest still counts
        return ()


def _key(found: Any) -> str:
    try:
        key = found.public_key()
    except Exception:  # a kind of key the library does not know
        return ""
    kind = type(key).__name__.lstrip("_").removesuffix("PublicKey")
    curve = getattr(key, "curve", None)
    detail = curve.name if curve is not None else getattr(key, "key_size", "")
    return f"{kind} {detail}".strip()


def pem(der: bytes) -> bytes:
    """The certificate as other programs take it (RFC 7468)."""
    lines = "\n".join(textwrap.wrap(base64.b64encode(der).decode(), 64))
    return f"-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n".encode()
