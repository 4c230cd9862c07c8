"""Texts of columns that repeat: every distinct value is spelled once per batch (an Arrow dictionary array)."""

from collections.abc import Callable
from typing import Any

import numpy as np

from packetlab.analysis.grouping import mixed
from packetlab.analysis.plan import Column
from packetlab.model.addresses import ip_text


def words_of(codes: Column, texts: list[str], valid: Column | None = None) -> Any:
    """A dictionary array: `texts[codes[row]]` per row, null where `valid` is false."""
    import pyarrow as pa

    mask = None if valid is None else ~valid
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32), mask=mask), pa.array(texts, pa.string()))


def numbered(values: Column, text: Callable[[int], str], valid: Column | None = None) -> Any:
    """A dictionary array of integers, each distinct one spelled by `text`."""
    distinct, codes = np.unique(values, return_inverse=True)
    return words_of(codes.reshape(-1), [text(int(value)) for value in distinct], valid)


def spelled(values: Column, text: Callable[[bytes], str], valid: Column | None = None) -> Any:
    """A dictionary array of rows of bytes (rows, n of uint8), each distinct one spelled by `text`."""
    first, codes = distinct_rows(values)
    return words_of(codes, [text(values[row].tobytes()) for row in first.tolist()], valid)


def distinct_rows(values: Column) -> tuple[Column, Column]:
    """(a row of each distinct value, per row which of them): by one hash, held against the values themselves."""
    count, size = values.shape
    if size == 4:
        keys = np.ascontiguousarray(values).view(np.uint32).reshape(-1)
    else:
        padded = np.zeros((count, -(-size // 4) * 4), np.uint8)
        padded[:, :size] = values
        keys = mixed(padded.view(np.uint32))
    _, first, codes = np.unique(keys, return_index=True, return_inverse=True)
    codes = codes.reshape(-1)
    if size != 4 and not (values == values[first[codes]]).all():  # two values share a hash
        _, first, codes = np.unique(values, axis=0, return_index=True, return_inverse=True)
        codes = codes.reshape(-1)
    return first, codes


def addresses(values: Column, sizes: Column) -> Any:
    """A dictionary array of IP addresses: (rows, 16) bytes of which `sizes` (0, 4 or 16) count."""
    tagged = np.zeros((len(values), 20), np.uint8)
    tagged[:, :16] = values
    tagged[:, 16] = sizes
    return spelled(tagged, lambda data: ip_text(data[: data[16]]), sizes > 0)
