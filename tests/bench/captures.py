"""Generated captures for benchmarks: of a million packets and more, written in a second or two, always the same."""

import random
import struct
from pathlib import Path

import numpy as np

from packetlab import TCP, UDP, VLAN, Ethernet, IPv4, IPv6
from packetlab.internet.ipv4 import IPv4NoOperation
from packetlab.model.header import Header
from packetlab.model.packet import Packet
from packetlab.transport.tcp import NoOperation, Timestamps

TEMPLATES = 8000
KINDS = ("mixed", "small", "layered")
"""Mixed sizes; small packets; VLAN tags, IPv6, and IPv4 and TCP options."""

_MACS = (b"\2\0\0\0\0\1", b"\2\0\0\0\0\2")


def _packet(kind: str, chance: random.Random) -> Packet:
    back = chance.random() < 0.45
    client, server = chance.randrange(600), chance.randrange(40)
    number = chance.randrange(8)
    ports = (20000 + client * 8 + number, (80, 443, 22, 8443)[server % 4])
    size = {"mixed": (0, 0, 10, 100, 500, 1200, 1448), "small": (0, 0, 0, 1, 6), "layered": (0, 0, 64, 512, 1400)}[kind]
    packet: Header | Packet = Ethernet(src=_MACS[back], dst=_MACS[not back])
    if kind == "layered" and chance.random() < 0.6:
        packet = packet / VLAN(id=chance.randrange(1, 9))
    six = kind == "layered" and chance.random() < 0.5
    pair = (bytes([10, 1, client >> 8, client & 255]), bytes([10, 2, 0, server]))
    if six:
        pair = (b"\x20\1\x0d\xb8" + bytes(10) + pair[0][2:], b"\x20\1\x0d\xb8" + bytes(9) + b"\1" + pair[1][2:])
    src, dst = pair[::-1] if back else pair
    if six:
        packet = packet / IPv6(src=src, dst=dst)
    elif kind == "layered" and chance.random() < 0.1:
        packet = packet / IPv4(src=src, dst=dst, options=(IPv4NoOperation(),) * 4)
    else:
        packet = packet / IPv4(src=src, dst=dst)
    src_port, dst_port = ports[::-1] if back else ports
    if chance.random() < 0.15:
        packet = packet / UDP(src_port=src_port, dst_port=dst_port)
    else:
        options = (NoOperation(), NoOperation(), Timestamps(value=1, echo=2)) if kind == "layered" else ()
        packet = packet / TCP(src_port=src_port, dst_port=dst_port, sequence=chance.randrange(1 << 32),
                              acknowledgment=1, flags=chance.choice((0x10, 0x18)), options=options)  # fmt: skip
    return packet / chance.randbytes(chance.choice(size))


def write_capture(path: Path, kind: str, packets: int = 1_000_000, *, least_bytes: int = 0) -> int:
    """A pcap file of at least so many packets and bytes; returns how many packets it holds."""
    chance = random.Random(kind)
    datas = [_packet(kind, chance).encapsulate() for _ in range(TEMPLATES)]
    records = [struct.pack("<IIII", 0, 0, len(data), len(data)) + data for data in datas]
    block = np.frombuffer(b"".join(records), np.uint8).copy()
    starts = np.cumsum([0, *map(len, records)])[:-1]
    written = size = 0
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))
        while written < packets or size < least_bytes:
            times = (written + np.arange(TEMPLATES)) * 100  # microseconds
            seconds = (1_700_000_000 + times // 1_000_000).astype("<u4").view(np.uint8).reshape(-1, 4)
            micros = (times % 1_000_000).astype("<u4").view(np.uint8).reshape(-1, 4)
            for column in range(4):
                block[starts + column] = seconds[:, column]
                block[starts + 4 + column] = micros[:, column]
            file.write(block.data)
            written += TEMPLATES
            size += len(block)
    return written
