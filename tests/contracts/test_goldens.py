"""What decapsulation and encapsulation promise, on the golden packets: whole, cut, impossible and noisy."""

import copy
import pickle
import random

import pytest

from packetlab.model.fault import CUT
from packetlab.model.fields import Length, NeedMore
from packetlab.model.header import Header
from packetlab.model.packet import Packet, decapsulate
from packetlab.model.trace import decode_slowly, field_spans
from tests.contracts.registry import HEADERS, all_headers, golden_packets, label, mutated, steps
from tests.goldens import GOLDENS, UNMET

NAMES = list(GOLDENS)


def same_bytes(data: bytes, first: type[Header]) -> Packet:
    packet = decapsulate(data, first)
    assert packet.encapsulate() == data
    return packet


def agree(packet: Packet, first: type[Header]) -> None:
    """The compiled and the readable decoder give the same answer for every layer."""
    data = packet.data or b""
    for cls, start, end in steps(data, first):
        quick_faults: list[object] = []
        slow_faults: list[object] = []
        quick = cls._decode(data, start, end, quick_faults)  # type: ignore[arg-type]
        header = quick[0]
        if type(header).rebase and start:
            continue  # decoded from a copy that begins at its first byte
        slow = decode_slowly(type(header), data, start, end, slow_faults)  # type: ignore[arg-type]
        assert quick[1:] == slow[1:], f"{cls.__name__} at {start}"
        assert header == slow[0], f"{cls.__name__} at {start}"
        assert quick_faults == slow_faults


def test_every_declared_header_is_met_in_a_golden() -> None:
    met = {type(header) for _, packet in golden_packets() for header in all_headers(packet)}
    unmet = [cls.__name__ for cls in HEADERS if cls not in met and cls.__name__ not in UNMET and not is_base(cls)]
    assert not unmet, "add goldens for " + ", ".join(unmet)


def is_base(cls: type[Header]) -> bool:
    """A class that only others derive from, so that no bytes become one."""
    return any(child in HEADERS for child in cls.__subclasses__())


def test_every_golden_names_its_origin() -> None:
    for name, (data, _, origin) in GOLDENS.items():
        assert data and len(origin) > 8, name


@pytest.mark.parametrize("name", NAMES)
def test_decoding_then_encoding_a_golden_is_the_identity(name: str) -> None:
    data, first, _ = GOLDENS[name]
    packet = same_bytes(data, first)
    agree(packet, first)


@pytest.mark.parametrize("name", NAMES)
def test_filling_a_sound_golden_again_gives_the_same_bytes(name: str) -> None:
    data, first, _ = GOLDENS[name]
    packet = decapsulate(data, first)
    if packet.faults or any(check.verdict != "right" for check in packet.check()) or "not sound" in name:
        pytest.skip("this golden is not sound on purpose, or has fields that cannot be verified")
    assert packet.refilled().encapsulate() == data


@pytest.mark.parametrize("name", NAMES)
def test_a_golden_cut_at_any_byte_keeps_what_came_before(name: str) -> None:
    data, first, _ = GOLDENS[name]
    whole = decapsulate(data, first)
    step = max(1, len(data) // 400)
    for size in range(0, len(data), step):
        packet = same_bytes(data[:size], first)
        agree(packet, first)
        ends = [body for _, body, _ in whole.bounds() if body <= size]
        if not any(outer.is_cut for outer in packet.layers[: len(ends)]):
            assert len(packet.layers) >= min(len(ends), len(whole.layers)) or packet.faults


@pytest.mark.parametrize("name", NAMES)
def test_impossible_lengths_become_faults_or_trailers_never_exceptions(name: str) -> None:
    data, first, _ = GOLDENS[name]
    packet = decapsulate(data, first)
    for header, start in packet.walk():
        for span in field_spans(header, start):
            if isinstance(span.spec.fill, Length) and isinstance(span.value, int) and span.bit_length:
                for value in {0, 1, span.value - 1, span.value + 1, (1 << span.bit_length) - 1}:
                    if 0 <= value < 1 << span.bit_length:
                        agree(same_bytes(with_bits(data, span.bit_offset, span.bit_length, value), first), first)


def with_bits(data: bytes, offset: int, length: int, value: int) -> bytes:
    number, shift = int.from_bytes(data, "big"), len(data) * 8 - offset - length
    number = number & ~(((1 << length) - 1) << shift) | value << shift
    return number.to_bytes(len(data), "big")


@pytest.mark.parametrize("name", NAMES)
def test_noise_in_a_golden_raises_nothing_and_is_kept(name: str) -> None:
    data, first, _ = GOLDENS[name]
    chance = random.Random(name)
    for _ in range(60):
        noisy = mutated(data, chance)
        packet = same_bytes(noisy, first)
        agree(packet, first)
        check(packet)
        assert packet.encapsulate() == noisy, "encapsulated differently once it was looked at"
        for header in all_headers(packet):
            assert header.is_cut or header.replace().encode() == header.encode()


def check(packet: Packet) -> None:
    for fault in packet.faults:
        assert fault.text and str(fault)
        assert 0 <= fault.offset <= len(packet.data or b"")
    packet.check()
    for header, start in packet.walk():
        for span in field_spans(header, start):
            assert span.value is not CUT
            assert 0 <= span.offset <= span.end


@pytest.mark.parametrize("name", NAMES)
def test_the_fields_of_a_header_lie_side_by_side_without_gap(name: str) -> None:
    data, first, _ = GOLDENS[name]
    packet = decapsulate(data, first)
    for header, start, body in ((h, s, b) for h, (s, b, _) in zip(packet.layers, packet.bounds(), strict=True)):
        at = start * 8
        for span in field_spans(header, start):
            if not (span.spec.kind is not None and getattr(span.spec.kind, "little", False)):
                assert span.bit_offset == at, f"{type(header).__name__}.{span.spec.name}"
            at = span.bit_offset + span.bit_length
        assert at <= body * 8


@pytest.mark.parametrize("name", NAMES)
def test_the_headers_of_a_golden_are_values(name: str) -> None:
    data, first, _ = GOLDENS[name]
    packet, again = decapsulate(data, first), decapsulate(data, first)
    assert packet == again and hash(packet) == hash(again) and repr(packet)
    for header, other in zip(all_headers(packet), all_headers(again), strict=True):
        assert header == other and hash(header) == hash(other)
        assert header != object()
        assert pickle.loads(pickle.dumps(header)) == header
        assert copy.copy(header) == header and copy.deepcopy(header) == header
        assert repr(header).startswith(type(header).__name__)
        assert header.replace() == header
        for spec in header.fields:
            with pytest.raises(AttributeError):
                setattr(header, spec.name, 0)
            with pytest.raises(AttributeError):
                delattr(header, spec.name)


def test_need_more_never_leaves_a_decoder() -> None:
    for cls in HEADERS:
        for size in range(48):
            for byte in (b"\0", b"\x01", b"\x05", b"\x45", b"\x7f", b"\xc0", b"\xff"):
                data = byte * size
                try:
                    packet = decapsulate(data, cls)
                except NeedMore as more:  # pragma: no cover
                    pytest.fail(f"{label(cls)} let {more!r} out")
                assert packet.encapsulate() == data, label(cls)
