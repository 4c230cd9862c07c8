"""The Internet checksum (RFC 1071): the ones'-complement sum of all 16-bit words.

2**16 leaves the remainder 1 when divided by 0xFFFF, so a whole message read as one big-endian number and
reduced modulo 0xFFFF *is* the folded sum of its words; CPython does that in one C loop. The two zeros of
ones'-complement arithmetic need care: the remainder is 0 both for all-zero data and for data that sums to
0xFFFF, and only the first of them has the checksum 0xFFFF.
"""


def ones_complement_sum(data: bytes, start: int = 0) -> int:
    """The folded sum of `data`, padded with a zero byte to whole words, plus `start`: 0..0xFFFF."""
    number = int.from_bytes(data, "big")
    if len(data) & 1:
        number <<= 8
    total = number + start
    return total % 0xFFFF or (0xFFFF if total else 0)


def internet_checksum(data: bytes, start: int = 0) -> int:
    """The value for the checksum field of `data`, in which that field is zero (RFC 1071 section 1).

    `start` is a sum to begin with, such as that of a pseudo-header; it need not be folded.
    """
    return 0xFFFF - ones_complement_sum(data, start)


def update(checksum: int, old: bytes, new: bytes) -> int:
    """The checksum after `old` (whole words) became `new`, without the rest of the message (RFC 1624 eqn. 3)."""
    total = (0xFFFF - checksum) + (0xFFFF - ones_complement_sum(old)) + ones_complement_sum(new)
    return 0xFFFF - (total % 0xFFFF or (0xFFFF if total else 0))
