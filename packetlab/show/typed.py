"""Data as people type it on a command line: text with escapes, hex, so many bytes of filler."""

import re

from packetlab.model.errors import UsageError

_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|.|$)", re.DOTALL)
_ESCAPES = {"n": b"\n", "r": b"\r", "t": b"\t", "0": b"\0", "e": b"\x1b", "\\": b"\\"}


def data_bytes(text: str, *, as_hex: bool = False, size: int | None = None) -> bytes:
    r"""What a person typed as data: text with \n \r \t \0 \e \xff \\ in it, or hex; repeated or cut to `size` bytes."""
    if as_hex:
        try:
            data = bytes.fromhex(text)
        except ValueError:
            raise UsageError(f"{text[:40]!r} is no row of hex digits", remedy="write 00 01 0a ff") from None
    else:
        data, done = b"", 0
        for match in _ESCAPE.finditer(text):
            word = match[1]
            if len(word) != 3 and word not in _ESCAPES:
                remedy = r"\n \r \t \0 \e \xff can be written; \\ is a backslash"
                raise UsageError(f"\\{word} stands for nothing", remedy=remedy)
            data += text[done : match.start()].encode()
            data += bytes.fromhex(word[1:]) if len(word) == 3 else _ESCAPES[word]
            done = match.end()
        data += text[done:].encode()
    if size is None:
        return data
    data = data or b"x"
    return (data * (size // len(data) + 1))[:size]


def datagrams(
    text: str, count: int, *, as_hex: bool = False, size: int | None = None, grow: bool = False, number: bool = False
) -> list[bytes]:
    """Several pieces of data: all the same, each one byte longer (from `size`, or 1), or with its number behind it."""
    first = 1 if grow and size is None else size
    made = [
        data_bytes(text, as_hex=as_hex, size=first + each if grow and first is not None else first)
        for each in range(count)
    ]
    return [one + b" %d" % each for each, one in enumerate(made, 1)] if number else made
