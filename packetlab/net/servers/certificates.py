"""Certificates made on the fly, for TLS servers on hosts of a virtual network.

A lab has a certificate authority of its own; clients that are given its certificate trust what it signed, and
nobody else does. Keys are made for the occasion, live for a day where nothing else is said, and are never those of a
real host.
"""

import datetime
import ipaddress
import os
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

DAY = datetime.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate with its key, both as PEM; the certificate is followed by those that vouch for it."""

    certificate: bytes
    key: bytes

    def server_context(
        self,
        *,
        minimum: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2,
        maximum: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3,
        alpn: Sequence[str] = (),
    ) -> ssl.SSLContext:
        """The TLS context of a server that shows this certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version, context.maximum_version = minimum, maximum
        if alpn:
            context.set_alpn_protocols(list(alpn))
        # The ssl module takes files only; this one is in memory, so that no key is left behind, whatever happens.
        with os.fdopen(os.memfd_create("identity.pem", os.MFD_CLOEXEC), "wb", 0) as file:
            file.write(self.key + self.certificate)
            context.load_cert_chain(f"/proc/self/fd/{file.fileno()}")
        return context


class CertificateAuthority:
    """Signs certificates; `certificate` (PEM) is what clients are to trust."""

    def __init__(self, name: str = "packetlab lab authority", *, lasts: datetime.timedelta = DAY) -> None:
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec

        self._hash: Any = hashes.SHA256()
        self._key: Any = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(name)
        made = self._builder(self._name, self._key.public_key(), is_authority=True, lasts=lasts)
        self._certificate: Any = made.sign(self._key, self._hash)
        self.certificate = _pem(self._certificate)

    def identity(self, *names: str, lasts: datetime.timedelta = DAY) -> Identity:
        """A certificate for host names and IP addresses; a negative `lasts` makes one that has expired."""
        from cryptography import x509
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ec

        key = ec.generate_private_key(ec.SECP256R1())
        alternatives = x509.SubjectAlternativeName([_general_name(name) for name in names])
        builder = self._builder(_name(names[0]), key.public_key(), is_authority=False, lasts=lasts)
        signed = builder.add_extension(alternatives, critical=False).sign(self._key, self._hash)
        plain = serialization.NoEncryption()
        private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
        return Identity(_pem(signed) + self.certificate, private)

    def client_context(self) -> ssl.SSLContext:
        """The TLS context of a client that trusts this authority and no other."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=self.certificate.decode())
        return context

    def _builder(self, subject: Any, public_key: Any, *, is_authority: bool, lasts: datetime.timedelta) -> Any:
        from cryptography import x509

        now = datetime.datetime.now(datetime.UTC)
        start, end = now - 2 * abs(lasts), now + lasts
        unused = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only",
                  "decipher_only")  # fmt: skip
        usage = dict.fromkeys(unused, False)
        usage |= {"digital_signature": not is_authority, "key_cert_sign": is_authority, "crl_sign": is_authority}
        builder = x509.CertificateBuilder(
            issuer_name=self._name, subject_name=subject, public_key=public_key,
            serial_number=x509.random_serial_number(), not_valid_before=start, not_valid_after=end,
        ).add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)  # fmt: skip
        builder = builder.add_extension(x509.KeyUsage(**usage), critical=True)
        identifier = x509.SubjectKeyIdentifier.from_public_key(public_key)
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        return builder.add_extension(identifier, critical=False).add_extension(authority, critical=False)


def _name(text: str) -> Any:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _general_name(text: str) -> Any:
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _pem(certificate: Any) -> bytes:
    from cryptography.hazmat.primitives import serialization

    return bytes(certificate.public_bytes(serialization.Encoding.PEM))
