"""TLS records and what they carry in the clear (RFC 8446; RFC 5246 for TLS 1.2): hellos, certificates, alerts.

A segment holds any number of records, a record any number of handshake messages; both may go on in the next segment.
What is whole is taken apart here, what is not stays bytes: `packetlab pcap messages` puts streams together. Behind
ChangeCipherSpec a handshake record is ciphertext; it is known by a length that does not fit.
"""

from typing import Any

from packetlab.application.tls_cipher_suites import CIPHER_SUITES
from packetlab.application.tls_extensions import GREASE, Extension, SizedItems, extensions, hello_version
from packetlab.application.tls_handshake import ALERTS
from packetlab.model.fault import Fault
from packetlab.model.fields import Items, Variable, auto, field, octets, preset, u8, u16, u24, variable
from packetlab.model.header import ANY, Header, Remainder
from packetlab.transport.tcp import TCP

CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, APPLICATION_DATA = 20, 21, 22, 23
CONTENT = {20: "change cipher spec", 21: "alert", 22: "handshake", 23: "application data"}
MESSAGES = {
    0: "hello request", 1: "client hello", 2: "server hello", 4: "new session ticket", 5: "end of early data",
    8: "encrypted extensions", 11: "certificate", 12: "server key exchange", 13: "certificate request",
    14: "server hello done", 15: "certificate verify", 16: "client key exchange", 20: "finished",
    22: "certificate status", 24: "key update",
}  # fmt: skip
MAX_RECORD = 16384 + 2048
"""RFC 5246 section 6.2.3; TLS 1.3 allows less."""


def _is_record(data: bytes, pos: int, end: int) -> bool:
    """Whether a record begins here; records are never empty but for application data of old versions."""
    return (
        CHANGE_CIPHER_SPEC <= data[pos] <= APPLICATION_DATA and end - pos >= 5 and data[pos + 1] == 3
        and data[pos + 2] <= 4 and (data[pos + 3] << 8 | data[pos + 4]) <= MAX_RECORD
    )  # fmt: skip


_is_record.starts = tuple(bytes((kind, 3)) for kind in CONTENT)  # type: ignore[attr-defined]  # for columns


class Started(Variable):
    """As many bytes as the record's length says, or as this segment holds of them."""

    def take(self, data: bytes, pos: int, end: int, header: Any, faults: list[Fault]) -> tuple[bytes, int]:
        stop = min(end, pos + header.length)
        return data[pos:stop], stop

    def build(self, value: bytes, header: Any) -> bytes:
        return value

    def convert(self, value: Any) -> bytes:
        return value.encode() if isinstance(value, str) else bytes(value)

    def text(self, value: bytes) -> str:
        return f"{len(value)} bytes"


class _Whole(Items):
    """Elements as long as each is whole; the rest as bytes."""

    def __init__(self, of: Any, size: str = "") -> None:
        super().__init__(of, None, 1, None, None if not size else lambda made: True, False)
        self._size = size

    def fits(self, data: bytes, pos: int, end: int) -> bool:
        raise NotImplementedError

    def take(self, data: bytes, pos: int, end: int, header: Any, faults: list[Fault]) -> tuple[Any, int]:
        element, found = self._class(), []
        stop = min(end, pos + getattr(header, self._size)) if self._size else end
        while pos < stop:
            if not self.fits(data, pos, stop):
                found.append(Remainder(data=data[pos:stop]))
                return tuple(found), stop
            made, pos, _, _ = element._decode(data, pos, stop, faults)
            found.append(made)
        return tuple(found), pos


class _Records(_Whole):
    def fits(self, data: bytes, pos: int, end: int) -> bool:
        return _is_record(data, pos, end)


class _Messages(_Whole):
    def fits(self, data: bytes, pos: int, end: int) -> bool:
        if end - pos < 4 or data[pos] not in MESSAGES or (not data[pos] and end - pos > 4):
            return False  # a hello request stands alone; ciphertext often begins with zeros
        return int.from_bytes(data[pos + 1 : pos + 4], "big") <= end - pos - 4


# ---------------------------------------------------------------- handshake messages


class HandshakeMessage(Header, ref="RFC 8446 section 4", family="type", name="tls.handshake"):
    """One step of the handshake."""

    type: u8 = auto.key("which step", wireshark="tls.handshake.type", values=MESSAGES)


def _message_length() -> Any:
    return auto.length("of the message", counts="after", wireshark="tls.handshake.length", unit=1)


class OtherHandshakeMessage(HandshakeMessage, key=ANY, name="tls.handshake.other"):
    """A step that packetlab does not take apart."""

    length: u24 = _message_length()
    data: bytes = octets("what it says", unnamed="Wireshark takes it apart by type")


class CipherSuite(Header, ref="RFC 8446 section 4.1.2", name="tls.cipher_suite"):
    """A way to encrypt that the client knows."""

    number: u16 = field("which", base="hex", wireshark="tls.handshake.ciphersuite", values=CIPHER_SUITES | GREASE)


class ClientHello(HandshakeMessage, key=1, ref="RFC 8446 section 4.1.2", name="tls.client_hello"):
    """What a client offers: versions, cipher suites, the name of the host it wants."""

    length: u24 = _message_length()
    version: u16 = hello_version("the best version, for servers up to TLS 1.2")
    random: bytes = octets("makes each handshake unlike all others", size=32, default=bytes(32),
                           wireshark="tls.handshake.random")  # fmt: skip
    session_id_length: u8 = auto.length("of the session's name", counts="fields:session_id",
                                        wireshark="tls.handshake.session_id_length")  # fmt: skip
    session_id: bytes = octets("a session to go on with", size="session_id_length",
                               wireshark="tls.handshake.session_id")  # fmt: skip
    suites_length: u16 = auto.length("of the cipher suites", counts="fields:suites",
                                     wireshark="tls.handshake.cipher_suites_length")  # fmt: skip
    suites: tuple[CipherSuite, ...] = variable("ways to encrypt, the best first", SizedItems(CipherSuite,
                                               "suites_length"), unnamed="Wireshark names each")  # fmt: skip
    methods_length: u8 = auto.length("of the compression methods", counts="fields:methods",
                                     wireshark="tls.handshake.comp_methods_length")  # fmt: skip
    methods: bytes = octets("ways to compress: 0 is none, and all that is safe", size="methods_length",
                            default=b"\0", unnamed="Wireshark names each")  # fmt: skip
    extensions_length: u16 = auto.length("of the extensions", counts="fields:extensions",
                                         when=lambda hello: hello.length is None or hello.length > 38
                                         + len(hello.session_id) + hello.suites_length + hello.methods_length,
                                         wireshark="tls.handshake.extensions_length")  # fmt: skip
    extensions: tuple[Extension, ...] = extensions()


class ServerHello(HandshakeMessage, key=2, ref="RFC 8446 section 4.1.3", name="tls.server_hello"):
    """What a server chose; or, with a random number that says so, its wish for another ClientHello."""

    length: u24 = _message_length()
    version: u16 = hello_version("the version, up to TLS 1.2; TLS 1.3 says it in an extension")
    random: bytes = octets("makes each handshake unlike all others", size=32, default=bytes(32),
                           wireshark="tls.handshake.random")  # fmt: skip
    session_id_length: u8 = auto.length("of the session's name", counts="fields:session_id",
                                        wireshark="tls.handshake.session_id_length")  # fmt: skip
    session_id: bytes = octets("the session's name", size="session_id_length", wireshark="tls.handshake.session_id")
    suite: u16 = field("the way to encrypt", base="hex", wireshark="tls.handshake.ciphersuite",
                       values=CIPHER_SUITES)  # fmt: skip
    method: u8 = preset("the way to compress: 0 is none", 0, wireshark="tls.handshake.comp_method")
    extensions_length: u16 = auto.length("of the extensions", counts="fields:extensions",
                                         when=lambda hello: hello.length is None or hello.length > 38
                                         + len(hello.session_id),
                                         wireshark="tls.handshake.extensions_length")  # fmt: skip
    extensions: tuple[Extension, ...] = extensions()


class CertificateEntry(Header, ref="RFC 5246 section 7.4.2", name="tls.certificate_entry"):
    """One certificate of a chain."""

    length: u24 = auto.length("of the certificate", counts="fields:data",
                              wireshark="tls.handshake.certificate_length")  # fmt: skip
    data: bytes = octets("the certificate (X.509, DER)", size="length", wireshark="tls.handshake.certificate",
                         show=lambda data: f"{len(data)} bytes")  # fmt: skip


class Certificates(HandshakeMessage, key=11, ref="RFC 5246 section 7.4.2", name="tls.certificates"):
    """Who the sender is, vouched for from certificate to certificate."""

    length: u24 = _message_length()
    chain_length: u24 = auto.length("of the certificates", counts="fields:chain",
                                    wireshark="tls.handshake.certificates_length")  # fmt: skip
    chain: tuple[CertificateEntry, ...] = variable("the sender's own first", SizedItems(CertificateEntry,
                                                   "chain_length"), unnamed="Wireshark names each")  # fmt: skip


# ---------------------------------------------------------------- records


def _version() -> Any:
    return preset("of the record's format; newer ones pretend to be TLS 1.2", 0x0303, base="hex",
                  wireshark="tls.record.version")  # fmt: skip


class TLSRecord(Header, ref="RFC 8446 section 5.1", family="content", name="tls.record"):
    """A piece of what is carried, with its kind in front."""

    content: u8 = auto.key("what is inside", wireshark="tls.record.content_type", values=CONTENT)


class ChangeCipherSpec(TLSRecord, key=20, ref="RFC 5246 section 7.1", name="tls.change_cipher_spec"):
    """From here on the sender encrypts; in TLS 1.3 only for show."""

    version: u16 = _version()
    length: u16 = auto.length("of the message", counts="fields:data", wireshark="tls.record.length")
    data: bytes = variable("always 1", Started(), default=b"\1", unnamed="Wireshark shows it without its value")


class TLSAlert(TLSRecord, key=21, ref="RFC 8446 section 6", name="tls.alert"):
    """Something is wrong, or the sender is done; bytes that mean nothing where it is encrypted."""

    version: u16 = _version()
    length: u16 = auto.length("of the alert", counts="after", wireshark="tls.record.length", unit=1)
    level: u8 = preset("how bad it is", 2, values={1: "warning", 2: "fatal"}, wireshark="tls.alert_message.level",
                       when=lambda alert: alert.length in (None, 2))  # fmt: skip
    description: u8 = preset("what is wrong", 0, values=ALERTS, wireshark="tls.alert_message.desc",
                             when=lambda alert: alert.length in (None, 2))  # fmt: skip
    data: bytes = octets("ciphertext, where it is encrypted", unnamed="Wireshark shows it without a field",
                         when=lambda alert: alert.length not in (None, 2))  # fmt: skip


class Handshake(TLSRecord, key=22, ref="RFC 8446 section 4", name="tls.handshake_record"):
    """Messages of the handshake, or ciphertext behind ChangeCipherSpec."""

    version: u16 = _version()
    length: u16 = auto.length("of the messages", counts="fields:messages", wireshark="tls.record.length")
    messages: tuple[Any, ...] = variable("steps of the handshake", _Messages(HandshakeMessage, "length"),
                                         unnamed="Wireshark names each")  # fmt: skip


class ApplicationData(TLSRecord, key=23, ref="RFC 8446 section 5.2", name="tls.application_data"):
    """Ciphertext: what the application says, or the rest of a TLS 1.3 handshake."""

    version: u16 = _version()
    length: u16 = auto.length("of the ciphertext", counts="fields:data", wireshark="tls.record.length")
    data: bytes = variable("the ciphertext", Started(), wireshark="tls.app_data")


class TLS(Header, ref="RFC 8446 section 5", rides={TCP: (443, ANY)}, accepts=_is_record, bodyless=True,
          wireshark="tls"):  # fmt: skip
    """Hides and protects what an application says, and proves who the server is."""

    records: tuple[TLSRecord, ...] = variable("one after the other", _Records(TLSRecord),
                                              unnamed="Wireshark names each")  # fmt: skip


__all__ = [
    "TLS", "ApplicationData", "Certificates", "ChangeCipherSpec", "ClientHello", "Handshake", "HandshakeMessage",
    "OtherHandshakeMessage", "ServerHello", "TLSAlert", "TLSRecord",
]  # fmt: skip
