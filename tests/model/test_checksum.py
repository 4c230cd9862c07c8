"""RFC 1071 and RFC 1624, against their own examples and the plain sum of words."""

import random

from hypothesis import given
from hypothesis import strategies as st

from packetlab.model.checksum import internet_checksum, ones_complement_sum, update


def word_by_word(data: bytes) -> int:
    """RFC 1071 section 4.1, as it is written there."""
    data += bytes(len(data) % 2)
    total = sum(int.from_bytes(data[i : i + 2], "big") for i in range(0, len(data), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def test_the_example_of_rfc_1071_section_3_sums_to_ddf2() -> None:
    assert ones_complement_sum(bytes.fromhex("0001f203f4f5f6f7")) == 0xDDF2


@given(st.binary(max_size=200))
def test_one_division_gives_the_same_checksum_as_adding_words(data: bytes) -> None:
    assert internet_checksum(data) == word_by_word(data)


def test_data_that_sums_to_all_ones_has_the_checksum_zero_and_no_data_has_all_ones() -> None:
    assert internet_checksum(b"\xff\xff") == 0
    assert internet_checksum(b"") == 0xFFFF
    assert internet_checksum(bytes(40)) == 0xFFFF


def test_a_checksum_is_updated_without_the_rest_of_the_message() -> None:
    rng = random.Random(1624)
    for _ in range(500):
        data = bytearray(rng.randbytes(40))
        before = internet_checksum(bytes(data))
        old, new = bytes(data[8:12]), rng.randbytes(4)
        data[8:12] = new
        assert update(before, old, new) == internet_checksum(bytes(data))
