"""A scan's Huffman codes ⇄ its bytes: byte stuffing, filling with ones, restart intervals (T.81 B.1.1.5, F.1.2.3)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from dlic.classical.jpeg.run_lengths import Codes
from dlic.classical.jpeg.tables import JpegTable
from dlic.entropy.bits import pack, unpack
from dlic.errors import CorruptFileError

RESTART = re.compile(rb"\xff+([\xd0-\xd7])")
TOO_SHORT = "the file is truncated or damaged: a scan has too few bits for its blocks"


def write_scan(codes: Codes, tables: Sequence[JpegTable | None], interval: int) -> bytes:
    """The bytes of a scan's codes with `tables` by slot; a restart marker after every `interval` blocks."""
    words, lengths = (np.stack(part) for part in zip(*(_words(table) for table in (*tables, None)), strict=True))
    code_lengths = lengths[codes.slots, codes.symbols].astype(np.int64)
    values = words[codes.slots, codes.symbols].astype(np.uint64) << codes.extra_lengths.astype(np.uint64) | codes.extra
    total = code_lengths + codes.extra_lengths

    intervals = codes.blocks // interval
    count = int(intervals[-1]) + 1
    bits = np.bincount(intervals, weights=total, minlength=count).astype(np.int64)
    ends = np.searchsorted(intervals, np.arange(count), side="right")
    packed = pack(np.insert(values, ends, 0xFF), np.insert(total, ends, -bits % 8))  # filled up with ones
    cuts = np.concatenate([[0], np.cumsum((bits + 7) // 8)]).tolist()
    parts = [packed[start:end].replace(b"\xff", b"\xff\x00") for start, end in pairwise(cuts)]
    return b"".join(part + b"\xff" + bytes([0xD0 + i % 8]) for i, part in enumerate(parts[:-1])) + parts[-1]


@dataclass(frozen=True)
class ScanBits:
    """The bits of a scan, its intervals one after the other, each from a whole byte on."""

    data: bytes
    starts: tuple[int, ...]  # bit at which each interval begins
    ends: tuple[int, ...]

    @classmethod
    def read(cls, coded: bytes, intervals: int) -> "ScanBits":
        """Inverse of the stuffing and restarting of `write_scan`; raises CorruptFileError for other than `intervals` intervals."""
        pieces = RESTART.split(coded.rstrip(b"\xff"))
        parts, markers = pieces[::2], pieces[1::2]
        if len(parts) != intervals:
            raise CorruptFileError(f"a scan has {len(markers)} restart markers where {intervals - 1} are expected")
        if any(marker[0] != 0xD0 + i % 8 for i, marker in enumerate(markers)):
            raise CorruptFileError("the restart markers of a scan are out of order")
        plain = [part.replace(b"\xff\x00", b"\xff") for part in parts]
        ends = np.cumsum([8 * len(part) for part in plain]).tolist()
        return cls(b"".join(plain), (0, *ends[:-1]), tuple(ends))

    @cached_property
    def octets(self) -> list[int]:
        """The 24 bits from every byte on: a 16-bit window begins within each."""
        octets = np.frombuffer(self.data + bytes(2), np.uint8).astype(np.int64)
        return (octets[:-2] << 16 | octets[1:-1] << 8 | octets[2:]).tolist()

    def windows(self, positions: np.ndarray) -> np.ndarray:
        """The 16 bits from each of the bit `positions` on."""
        octets = np.frombuffer(self.data + bytes(2), np.uint8).astype(np.int32)
        first = positions >> 3
        three_bytes = octets[first] << 16 | octets[first + 1] << 8 | octets[first + 2]
        return three_bytes >> (8 - (positions & 7)) & 0xFFFF

    def bits(self, positions: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        return unpack(self.data, positions, lengths)

    def symbols(self, positions: np.ndarray, tables: Sequence[JpegTable], slots: np.ndarray | int) -> tuple[np.ndarray, np.ndarray]:
        """Symbols of the codes at `positions`, by their tables in `tables`, and the ends of these codes. Raises CorruptFileError
        where no code begins.
        """
        symbols, lengths = (np.stack(part) for part in zip(*(table.lookup for table in tables), strict=True))
        bits = self.windows(positions)
        code_lengths = lengths[slots, bits]
        if not code_lengths.all():
            raise CorruptFileError("a scan holds a code that is not in its Huffman table")
        return symbols[slots, bits].astype(np.int64), positions + code_lengths


def _words(table: JpegTable | None) -> tuple[np.ndarray, np.ndarray]:
    return table.words if table else (np.zeros(256, np.uint32), np.zeros(256, np.uint8))
