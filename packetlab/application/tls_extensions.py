"""Extensions of the TLS hellos (RFC 8446 section 4.2): those that say who is wanted, and what both can speak.

Some have one form from a client and another from a server; the bytes tell which. Every other extension, and GREASE
(RFC 8701), keeps its data as bytes.
"""

from typing import Any

from packetlab.application.tls_handshake import VERSION_NAMES
from packetlab.model.errors import UsageError
from packetlab.model.fault import Fault
from packetlab.model.fields import Items, NeedMore, Variable, auto, field, octets, preset, u8, u16, variable
from packetlab.model.header import ANY, Header

GREASE = dict.fromkeys(range(2570, 65536, 4112), "GREASE: means nothing")
EXTENSIONS = GREASE | {
    0: "server name", 5: "certificate status", 10: "groups", 11: "point formats", 13: "signature algorithms",
    16: "application protocols (ALPN)", 18: "certificate timestamps", 21: "padding", 22: "encrypt then MAC",
    23: "extended master secret", 27: "compressed certificates", 28: "record size", 35: "session ticket",
    41: "pre-shared key", 42: "early data", 43: "versions", 44: "cookie", 45: "pre-shared key modes",
    49: "authentication after the handshake", 50: "signature algorithms of certificates", 51: "key share",
    57: "QUIC parameters", 65037: "encrypted ClientHello", 65281: "renegotiation",
}  # fmt: skip
GROUPS = GREASE | {
    23: "secp256r1", 24: "secp384r1", 25: "secp521r1", 29: "x25519", 30: "x448", 256: "ffdhe2048", 257: "ffdhe3072",
    0x11EC: "X25519 with ML-KEM-768",
}  # fmt: skip
SIGNATURES = {
    0x0401: "RSA PKCS1 SHA-256", 0x0501: "RSA PKCS1 SHA-384", 0x0601: "RSA PKCS1 SHA-512", 0x0403: "ECDSA SHA-256",
    0x0503: "ECDSA SHA-384", 0x0603: "ECDSA SHA-512", 0x0804: "RSA PSS SHA-256", 0x0805: "RSA PSS SHA-384",
    0x0806: "RSA PSS SHA-512", 0x0807: "Ed25519", 0x0808: "Ed448", 0x0201: "RSA PKCS1 SHA-1", 0x0203: "ECDSA SHA-1",
}  # fmt: skip


class SizedText(Variable):
    """Text in as many bytes as the field `length` says; every byte is a character (ISO 8859-1), so none is lost."""

    empty = ""

    def take(self, data: bytes, pos: int, end: int, header: Any, faults: list[Fault]) -> tuple[str, int]:
        stop = pos + header.length
        if stop > end:
            raise NeedMore(header.length, end - pos)
        return data[pos:stop].decode("latin-1"), stop

    def build(self, value: str, header: Any) -> bytes:
        return value.encode("latin-1")

    def convert(self, value: Any) -> str:
        text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
        if any(ord(character) > 255 for character in text):
            raise UsageError(f"{text[:40]!r} cannot be written here", remedy="give the name as IDNA: xn--...")
        return text


class SizedItems(Items):
    """Elements in as many bytes as another field says."""

    def __init__(self, of: Any, size: str) -> None:
        super().__init__(of, None, 1, None, lambda made: True, False)
        self._size = size

    def take(self, data: bytes, pos: int, end: int, header: Any, faults: list[Fault]) -> tuple[Any, int]:
        wanted = getattr(header, self._size)
        if pos + wanted > end:
            raise NeedMore(wanted, end - pos)
        return super().take(data, pos, pos + wanted, header, faults) if wanted else ((), pos)


def hello_version(text: str) -> Any:
    """The version field of a hello."""
    return preset(text, 0x0303, base="hex", wireshark="tls.handshake.version", values=VERSION_NAMES)


def _which(data: bytes, pos: int, end: int) -> Any:
    """The class of the extension at `pos`, by its type and by whose form it has."""
    if end - pos < 4:
        return None
    kind, size = int.from_bytes(data[pos : pos + 2], "big"), int.from_bytes(data[pos + 2 : pos + 4], "big")
    first = int.from_bytes(data[pos + 4 : pos + 6], "big") if size >= 2 else -1
    if kind in (0, 10, 13, 16, 51) and first != size - 2:
        return OtherExtension
    if kind in (11, 43) and (size < 2 or data[pos + 4 : pos + 5] != bytes([(size - 1) & 0xFF])):
        return ChosenVersion if (kind, size) == (43, 2) else OtherExtension
    return Extension.members.get(kind, OtherExtension) if kind != 43 else SupportedVersions


class Extension(Header, ref="RFC 8446 section 4.2", family="type", name="tls.extension", variant=_which):
    """One more thing that is offered or chosen."""

    type: u16 = auto.key("which", wireshark="tls.handshake.extension.type", values=EXTENSIONS)


def _length() -> Any:
    return auto.length("of what it says", counts="after", wireshark="tls.handshake.extension.len", unit=1)


class OtherExtension(Extension, key=ANY, name="tls.extension.other"):
    """An extension that packetlab does not take apart, or one that means nothing (GREASE)."""

    length: u16 = _length()
    data: bytes = octets("what it says", unnamed="Wireshark takes it apart by type")


class ServerHostName(Header, ref="RFC 6066 section 3", name="tls.host_name"):
    """A name of the server."""

    kind: u8 = preset("0: a host name", 0, wireshark="tls.handshake.extensions_server_name_type")
    length: u16 = auto.length("of the name", counts="fields:host", wireshark="tls.handshake.extensions_server_name_len")
    host: str = variable("the name", SizedText(), wireshark="tls.handshake.extensions_server_name")


class ServerName(Extension, key=0, ref="RFC 6066 section 3", name="tls.extension.server_name"):
    """Which of the hosts at this address the client wants; readable by everybody on the way."""

    length: u16 = _length()
    list_length: u16 = auto.length("of the names", counts="fields:names",
                                   wireshark="tls.handshake.extensions_server_name_list_len")  # fmt: skip
    names: tuple[ServerHostName, ...] = variable("one name, in practice", SizedItems(ServerHostName, "list_length"),
                                           unnamed="Wireshark names each")  # fmt: skip


class Group(Header, ref="RFC 8446 section 4.2.7", name="tls.group"):
    """A way to agree on a key."""

    number: u16 = field("which", base="hex", wireshark="tls.handshake.extensions_supported_group", values=GROUPS)


class SupportedGroups(Extension, key=10, ref="RFC 8446 section 4.2.7", name="tls.extension.groups"):
    """Ways to agree on a key."""

    length: u16 = _length()
    list_length: u16 = auto.length("of the list", counts="fields:groups",
                                   wireshark="tls.handshake.extensions_supported_groups_length")  # fmt: skip
    groups: tuple[Group, ...] = variable("the best first", SizedItems(Group, "list_length"),
                                         unnamed="Wireshark names each")  # fmt: skip


class SignatureAlgorithm(Header, ref="RFC 8446 section 4.2.3", name="tls.signature_algorithm"):
    """A way to sign."""

    number: u16 = field("which", base="hex", wireshark="tls.handshake.sig_hash_alg", values=SIGNATURES)


class SignatureAlgorithms(Extension, key=13, ref="RFC 8446 section 4.2.3", name="tls.extension.signatures"):
    """Ways to sign that the sender can check."""

    length: u16 = _length()
    list_length: u16 = auto.length("of the list", counts="fields:algorithms",
                                   wireshark="tls.handshake.sig_hash_alg_len")  # fmt: skip
    algorithms: tuple[SignatureAlgorithm, ...] = variable("the best first", SizedItems(
        SignatureAlgorithm, "list_length"), unnamed="Wireshark names each")  # fmt: skip


class ApplicationProtocol(Header, ref="RFC 7301 section 3.1", name="tls.application_protocol"):
    """A protocol that could be spoken inside."""

    length: u8 = auto.length("of the name", counts="fields:protocol",
                             wireshark="tls.handshake.extensions_alpn_str_len")  # fmt: skip
    protocol: str = variable("the name", SizedText(), wireshark="tls.handshake.extensions_alpn_str")


class ApplicationProtocols(Extension, key=16, ref="RFC 7301 section 3.1", name="tls.extension.alpn"):
    """Protocols that could be spoken inside: h2, http/1.1; a server names the one it chose."""

    length: u16 = _length()
    list_length: u16 = auto.length("of the names", counts="fields:protocols",
                                   wireshark="tls.handshake.extensions_alpn_len")  # fmt: skip
    protocols: tuple[ApplicationProtocol, ...] = variable("the best first", SizedItems(
        ApplicationProtocol, "list_length"), unnamed="Wireshark names each")  # fmt: skip


class SessionTicket(Extension, key=35, ref="RFC 5077 section 3.2", name="tls.extension.ticket"):
    """A session to go on with, or the wish for one."""

    length: u16 = _length()
    ticket: bytes = octets("sealed by the server for itself", wireshark="tls.handshake.extension.data")


class ProtocolVersion(Header, ref="RFC 8446 section 4.2.1", name="tls.protocol_version"):
    """A version of TLS."""

    number: u16 = field("which", base="hex", wireshark="tls.handshake.extensions.supported_version",
                        values=VERSION_NAMES | GREASE)  # fmt: skip


class ChosenVersion(Extension, key=43, ref="RFC 8446 section 4.2.1", name="tls.extension.version"):
    """The version that the server chose."""

    length: u16 = _length()
    number: u16 = field("which", base="hex", wireshark="tls.handshake.extensions.supported_version",
                        values=VERSION_NAMES)  # fmt: skip


class SupportedVersions(Extension, key=43, ref="RFC 8446 section 4.2.1", name="tls.extension.versions"):
    """The versions that the client speaks."""

    length: u16 = _length()
    list_length: u8 = auto.length("of the list", counts="fields:versions",
                                  wireshark="tls.handshake.extensions.supported_versions_len")  # fmt: skip
    versions: tuple[ProtocolVersion, ...] = variable("the best first", SizedItems(ProtocolVersion, "list_length"),
                                                     unnamed="Wireshark names each")  # fmt: skip


class KeyShareEntry(Header, ref="RFC 8446 section 4.2.8", name="tls.key_share_entry"):
    """A public value for one group."""

    group: u16 = field("which group", base="hex", wireshark="tls.handshake.extensions_key_share_group", values=GROUPS)
    length: u16 = auto.length("of the value", counts="fields:key",
                              wireshark="tls.handshake.extensions_key_share_key_exchange_length")  # fmt: skip
    key: bytes = octets("the value", size="length", wireshark="tls.handshake.extensions_key_share_key_exchange")


class KeyShare(Extension, key=51, ref="RFC 8446 section 4.2.8", name="tls.extension.key_share"):
    """The client's public values, so that keys are agreed on in one round trip."""

    length: u16 = _length()
    list_length: u16 = auto.length("of the values", counts="fields:shares",
                                   wireshark="tls.handshake.extensions_key_share_client_length")  # fmt: skip
    shares: tuple[KeyShareEntry, ...] = variable("one for each group that is likely", SizedItems(
        KeyShareEntry, "list_length"), unnamed="Wireshark names each")  # fmt: skip


def extensions() -> Any:
    """The extensions of a hello."""
    return variable("more that is offered or chosen", SizedItems(Extension, "extensions_length"), default=(),
                    when=lambda hello: hello.extensions_length is not None or hello.length is None,
                    unnamed="Wireshark names each")  # fmt: skip


__all__ = ["GREASE", "Extension", "SizedItems", "extensions", "hello_version"]
