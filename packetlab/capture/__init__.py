"""Capture files: pcap and pcapng, read and written in flat memory, damage accounted for.

    for frame in read("x.pcapng"): ...              # from a file, "-", a pipe; gzip, zstd, lz4 unpacked
    with CaptureWriter("y.pcapng") as writer: writer.write(frame)

index.py finds the records of a large capture with NumPy; edit.py merges, splits, slices, repairs, anonymises.
"""

from packetlab.capture.damage import Damage, DamageList
from packetlab.capture.reader import CaptureReader, read
from packetlab.capture.sections import (
    Comment,
    Interface,
    Name,
    OtherBlock,
    Secrets,
    Section,
    Statistics,
)
from packetlab.capture.writer import CaptureWriter

__all__ = [
    "CaptureReader",
    "CaptureWriter",
    "Comment",
    "Damage",
    "DamageList",
    "Interface",
    "Name",
    "OtherBlock",
    "Secrets",
    "Section",
    "Statistics",
    "read",
]
