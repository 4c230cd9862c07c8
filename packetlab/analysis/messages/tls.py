"""TLS handshakes on a connection: records taken apart, messages put together over records (RFC 8446 section 5.1).

Reading of a direction ends where its bytes turn into ciphertext (ChangeCipherSpec, application data), are no TLS,
or lack. Memory per direction: one record and one handshake message of at most MAX_MESSAGE bytes.
"""

from packetlab.analysis.messages.records import TLSHandshake
from packetlab.application import tls_handshake as tls

HANDSHAKE, ALERT, CHANGE_CIPHER, APPLICATION = 22, 21, 20, 23
MAX_RECORD = 16384 + 2048
MAX_MESSAGE = 1 << 18
MAX_ALERTS = 16


def looks_like_tls(data: bytes) -> bool:
    """Whether bytes begin with a record that opens a handshake."""
    return (
        len(data) >= 6 and data[0] == HANDSHAKE and data[1] == 3 and data[2] <= 4
        and 4 <= int.from_bytes(data[3:5], "big") <= MAX_RECORD and data[5] in (tls.CLIENT_HELLO, tls.SERVER_HELLO)
    )  # fmt: skip


class TLSReader:
    """Both directions of one connection; `found` is what was learnt so far."""

    def __init__(self, found: TLSHandshake) -> None:
        self.found = found
        self._records = [bytearray(), bytearray()]
        self._messages = [bytearray(), bytearray()]
        self._ended = [False, False]

    @property
    def is_done(self) -> bool:
        """Nothing more can be learnt."""
        return all(self._ended)

    def end(self, direction: int) -> None:
        """Bytes lack, or the direction is over."""
        self._ended[direction] = True
        self._records[direction].clear()
        self._messages[direction].clear()

    def feed(self, direction: int, data: bytes, number: int, time: int) -> None:
        """Bytes of one direction (0 from the client)."""
        if self._ended[direction]:
            return None
        waiting = self._records[direction]
        waiting += data
        while len(waiting) >= 5 and not self._ended[direction]:
            kind, size = waiting[0], int.from_bytes(waiting[3:5], "big")
            if waiting[1] != 3 or kind not in (HANDSHAKE, ALERT, CHANGE_CIPHER, APPLICATION) or size > MAX_RECORD:
                return self.end(direction)
            if len(waiting) < 5 + size:
                return None
            body = bytes(waiting[5 : 5 + size])
            del waiting[: 5 + size]
            self._record(direction, kind, body, number, time)
        return None

    def _record(self, direction: int, kind: int, body: bytes, number: int, time: int) -> None:
        if kind == ALERT and len(body) == 2 and len(self.found.alerts) < MAX_ALERTS:
            self.found.alerts.append((number, direction, body[0], body[1]))
        elif kind in (CHANGE_CIPHER, APPLICATION):
            # TLS 1.3 sends a ChangeCipherSpec for show; behind it, too, all is ciphertext - except both hellos
            # that follow a server's wish for another ClientHello.
            if not (kind == CHANGE_CIPHER and self.found.retried and self.found.answer is None):
                self.end(direction)
        elif kind == HANDSHAKE:
            waiting = self._messages[direction]
            waiting += body
            while len(waiting) >= 4:
                size = int.from_bytes(waiting[1:4], "big")
                if size > MAX_MESSAGE:
                    return self.end(direction)
                if len(waiting) < 4 + size:
                    return None
                message = bytes(waiting[4 : 4 + size])
                number_of = waiting[0]
                del waiting[: 4 + size]
                self._message(direction, number_of, message, number, time)
        return None

    def _message(self, direction: int, kind: int, body: bytes, number: int, time: int) -> None:
        found = self.found
        if kind == tls.CLIENT_HELLO and direction == 0:
            if found.hello is None:
                found.hello, found.number, found.time = tls.client_hello(body), number, time
        elif kind == tls.SERVER_HELLO and direction == 1:
            answer = tls.server_hello(body)
            if answer is not None and answer.is_retry:
                found.retried = True
            elif found.answer is None:
                found.answer, found.answer_number, found.answer_time = answer, number, time
        elif kind == tls.CERTIFICATE:
            chain = tls.certificates(body)
            if direction == 1 and not found.certificates:
                found.certificates, found.certificate_number = chain, number
            elif direction == 0 and not found.client_certificates:
                found.client_certificates = chain
