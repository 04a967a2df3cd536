"""Bits ⇄ bytes without a loop: numbers of 0 … 32 bits packed most significant bit first, and windows to read them back."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlic.errors import CorruptFileError

WINDOW = 16  # bits of a window: the longest Huffman code here and in JPEG


def pack(values: NDArray[Any], lengths: NDArray[Any]) -> bytes:
    """Unsigned values (N,) < 2³², each in `lengths` (N,) bits of 0 … 32, one after the other; zeros fill the last byte.

    Bits of a value above its length are left out.
    """
    lengths = np.asarray(lengths, dtype=np.int64)
    values = np.asarray(values, dtype=np.uint64) & ((np.uint64(1) << lengths.astype(np.uint64)) - np.uint64(1))
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if ends.size else 0
    word, offset = np.divmod(ends - lengths, 32)
    aligned = values << (64 - offset - lengths).astype(np.uint64)  # in two words of 32 bits; a shift by 64 meets only zeros
    size = total // 32 + 2
    words = _sums(word, aligned >> np.uint64(32), size) + _sums(word + 1, aligned & np.uint64(0xFFFFFFFF), size)
    return bytes(words.astype(">u4").tobytes()[: (total + 7) // 8])


def unpack(data: bytes, positions: NDArray[Any], lengths: NDArray[Any]) -> NDArray[Any]:
    """Inverse of `pack`: the numbers of `lengths` (N,) bits, 0 … 32, that begin at the bit `positions` (N,); uint32 (N,).

    Raises CorruptFileError where one reaches past the data.
    """
    positions, lengths = np.asarray(positions, dtype=np.int64), np.asarray(lengths, dtype=np.int64)
    if positions.size and int((positions + lengths).max()) > 8 * len(data):
        raise CorruptFileError("the file is truncated: its last number is incomplete")
    octets = np.frombuffer(data + bytes(8), np.uint8)
    first, offset = np.divmod(positions, 8)
    five_bytes = np.zeros(positions.shape, np.uint64)
    for i in range(5):
        five_bytes = five_bytes << np.uint64(8) | octets[first + i]
    mask = (np.uint64(1) << lengths.astype(np.uint64)) - np.uint64(1)
    return np.asarray(five_bytes >> (40 - offset - lengths).astype(np.uint64) & mask, np.uint32)


def windows(data: bytes) -> NDArray[Any]:
    """The 16 bits that begin at every bit of `data`: uint16 (8 · len(data),), zeros behind the end.

    Two bytes of memory a bit: callers with long data go through it in pieces.
    """
    octets = np.frombuffer(data + bytes(2), np.uint8).astype(np.uint32)
    three_bytes = octets[:-2] << 16 | octets[1:-1] << 8 | octets[2:]
    return (three_bytes[:, None] >> np.arange(8, 0, -1, dtype=np.uint32)).astype(np.uint16).reshape(-1)


def _sums(index: NDArray[Any], values: NDArray[Any], size: int) -> NDArray[Any]:
    """Sums of values with equal indices. Their bits do not overlap, and sums below 2³² are exact in float64."""
    return np.bincount(index, weights=values.astype(np.float64), minlength=size)
