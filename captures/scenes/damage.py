"""Sound captures, and what can happen to them."""

import io
import struct
from collections.abc import Callable
from dataclasses import dataclass

from packetlab.capture import CaptureReader, CaptureWriter

GARBAGE = bytes(7 * number & 0xFF for number in range(100))


@dataclass(frozen=True, slots=True)
class Change:
    """A damaged file: what happened, and to which of the sound ones."""

    name: str
    source: str
    what: str
    change: Callable[[bytes], bytes]


def as_pcap(data: bytes) -> bytes:
    """A pcapng file as pcap."""
    made = io.BytesIO()
    with CaptureWriter(made, format="pcap-us") as writer, CaptureReader(io.BytesIO(data)) as reader:
        for frame in reader:
            writer.write(frame)
    return made.getvalue()


def _record(data: bytes, number: int) -> int:
    """Where the record of a packet begins in a pcap file."""
    at = 24
    for _ in range(number - 1):
        at += 16 + struct.unpack_from("<I", data, at + 8)[0]
    return at


def _block(data: bytes, number: int) -> int:
    """Where the block of a packet begins in a pcapng file."""
    at, seen = 0, 0
    while True:
        kind, length = struct.unpack_from("<II", data, at)
        seen += kind == 6
        if seen == number:
            return at
        at += length


def _cut(data: bytes) -> bytes:
    return as_pcap(data)[:-10]


def _flipped(data: bytes) -> bytes:
    made = bytearray(as_pcap(data))
    struct.pack_into("<I", made, _record(made, 5) + 8, 0x7000_0000)
    return bytes(made)


def _garbage(data: bytes) -> bytes:
    made = as_pcap(data)
    at = _record(made, 4)
    return made[:at] + GARBAGE + made[at:]


def _lost_middle(data: bytes) -> bytes:
    start, stop = _block(data, 3) + 20, _block(data, 6) + 12
    return data[:start] + data[stop:]


def _zeros(data: bytes) -> bytes:
    start, stop = _block(data, 5), _block(data, 7)
    return data[:start] + bytes(stop - start) + data[stop:]


DAMAGES = (
    Change("damaged_cut.pcap", "http.pcapng",
           "The end is missing, as when a disk is full or tcpdump is killed.", _cut),
    Change("damaged_length.pcap", "http.pcapng",
           "The captured length of packet 5 was overwritten with a huge one.", _flipped),
    Change("damaged_garbage.pcap", "http.pcapng",
           "100 bytes that belong to nothing lie before packet 4.", _garbage),
    Change("damaged_missing.pcapng", "http.pcapng",
           "Bytes are missing from the middle of packet 3 to packet 6.", _lost_middle),
    Change("damaged_zeros.pcapng", "http.pcapng",
           "Packets 5 and 6 are zeros, as a file system leaves them after a crash.", _zeros),
)  # fmt: skip
