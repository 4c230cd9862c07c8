"""The column codec gives for every packet what the object codec gives."""

import random
from collections import defaultdict
from pathlib import Path
from typing import Any

import packetlab.protocols  # noqa: F401
from packetlab.analysis.columns import FieldOf, Scan
from packetlab.capture.index import Chunk, chunks
from packetlab.model.errors import CaptureError
from packetlab.model.fault import CUT
from packetlab.model.fields import FixedBytes
from packetlab.model.header import Header
from packetlab.model.packet import decapsulate


def every_fixed_field() -> list[FieldOf]:
    return [
        FieldOf(cls, spec)
        for cls in Header.subclasses
        if cls.__module__.startswith("packetlab.") and cls.family_base in (None, cls) and "." not in cls.name
        for spec in cls.fields
        if spec.kind is not None
    ]


def one_by_one(data: bytes, link_type: int, fields: list[FieldOf]) -> dict[FieldOf, list[Any]]:
    found: dict[FieldOf, list[Any]] = defaultdict(list)
    for header, _ in decapsulate(data, link_type).walk():
        for field in fields:
            if isinstance(header, field.header):
                value = getattr(header, field.spec.name)
                if value is not CUT and (field.spec.when is None or field.spec.when(header)):
                    found[field].append(value)
    return found


def assert_equal_on(path: Path, fields: list[FieldOf]) -> int:
    slow = 0
    with chunks(path) as index:
        for chunk in index:
            slow += assert_equal_in(chunk, path, fields)
    return slow


def assert_equal_in(chunk: Chunk, path: Path, fields: list[FieldOf]) -> int:
    scan = Scan(chunk, fields)
    slow = scan.slow_rows
    got: dict[tuple[int, FieldOf], list[Any]] = defaultdict(list)
    for field in fields:
        for found in scan.occurrences(field):
            for row, value in zip(found.rows.tolist(), found.values, strict=True):
                plain = value.tobytes() if isinstance(field.spec.kind, FixedBytes) else int(value)
                got[row, field].append(plain)
    for row in range(len(chunk)):
        expected = one_by_one(chunk.bytes_of(row), int(chunk.packets.link_type[row]), fields)
        for field in fields:
            assert got.get((row, field), []) == expected.get(field, []), (path.name, chunk.first + row, field.name)
    return slow


def test_columns_equal_objects_on_real_captures(corpora: Path) -> None:
    files = sorted(path for path in corpora.rglob("*.pcap*") if path.stat().st_size < 40_000)
    random.Random(4).shuffle(files)
    fields, read = every_fixed_field(), 0
    for path in files[:120]:
        try:
            assert_equal_on(path, fields)
        except CaptureError:
            continue
        read += 1
    assert read > 80
