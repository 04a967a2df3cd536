"""JPEG's Huffman tables: code lengths by rank and the symbol of each rank, as a DHT segment lists them."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dlic.entropy.huffman import HuffmanCode, code_lengths
from dlic.errors import CorruptFileError

MAX_LENGTH = 16


@dataclass(frozen=True, eq=False)
class JpegTable:
    """One table. Tables made here leave the code of all ones unused: a decoder could take it for padding before a marker."""

    lengths: np.ndarray  # (N,) uint8, rising
    symbols: np.ndarray  # (N,) uint8

    @classmethod
    def optimal(cls, counts: np.ndarray) -> "JpegTable":
        """For symbols that occur `counts` (256,) times. A 257th, the last of the longest codes, takes the code of all ones."""
        lengths = code_lengths(np.append(counts, 1), MAX_LENGTH)[:256]
        order = np.argsort(lengths, kind="stable")
        used = order[lengths[order] > 0]
        return cls(lengths[used], used.astype(np.uint8))

    @classmethod
    def from_segment(cls, counts: bytes, symbols: bytes) -> "JpegTable":
        """Of `counts` (16,) codes of each length and their symbols; raises CorruptFileError if no code is such."""
        table = cls(np.repeat(np.arange(1, 17), list(counts)).astype(np.uint8), np.frombuffer(symbols, np.uint8))
        _ = table.code  # refuses over-subscribed lengths
        return table

    def to_segment(self) -> bytes:
        """Inverse of `from_segment`: the 16 counts and the symbols."""
        return np.bincount(self.lengths, minlength=17)[1:].astype(np.uint8).tobytes() + self.symbols.tobytes()

    @cached_property
    def code(self) -> HuffmanCode:
        """By rank."""
        return HuffmanCode.from_lengths(self.lengths)

    @cached_property
    def words(self) -> tuple[np.ndarray, np.ndarray]:
        """By symbol: code words (256,) uint32 and their lengths (256,) uint8."""
        codes, lengths = np.zeros(256, np.uint32), np.zeros(256, np.uint8)
        codes[self.symbols], lengths[self.symbols] = self.code.codes, self.lengths
        return codes, lengths

    @cached_property
    def lookup(self) -> tuple[np.ndarray, np.ndarray]:
        """By 16-bit window: symbol and length of its first code, (2¹⁶,) each; length 0 where no code matches."""
        ranks, lengths = self.code.lookup
        if not self.symbols.size:
            return np.zeros(ranks.size, np.uint8), lengths
        return self.symbols[ranks], lengths

    @cached_property
    def dc_steps(self) -> list[int]:
        """By 16-bit window: bits of a DC code and its level; 1 where no code matches, so that the loop goes on."""
        return self._by_window(self.lengths.astype(np.int64) + self.symbols, 1)

    @cached_property
    def ac_steps(self) -> list[int]:
        """By 16-bit window: bits of an AC code and what follows it + 64 · places it goes on + 2¹⁴ · n, where n is that of an EOBn.

        An EOB, and what no code begins with, goes on behind the block.
        """
        runs, sizes, is_end = self._runs_and_sizes()
        steps = np.where(is_end, runs, sizes) + (np.where(is_end, 64, runs + 1) << 6) + (np.where(is_end, runs, 0) << 14)
        return self._by_window(self.lengths + steps, 1 + (64 << 6))

    @cached_property
    def refining_steps(self) -> list[int]:
        """By 16-bit window in refining scans: bits of a code and its level + 64 · zeros it skips; an EOBn adds 2¹⁰ + 2¹¹ · n."""
        runs, sizes, is_end = self._runs_and_sizes()
        steps = np.where(is_end, runs + (1 << 10) + (runs << 11), sizes + (runs << 6))
        return self._by_window(self.lengths + steps, 1 + (1 << 10))

    def _runs_and_sizes(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        symbols = self.symbols.astype(np.int64)
        return symbols >> 4, symbols & 15, (symbols & 15 == 0) & (symbols < 0xF0)

    def _by_window(self, values: np.ndarray, missing: int) -> list[int]:
        """One of `values` (N,), by rank, for each of the 2¹⁶ windows; `missing` where no code begins."""
        windows = []
        for value, length in zip(values.tolist(), self.lengths.tolist(), strict=True):
            windows += [value] * (1 << (16 - length))
        return windows + [missing] * ((1 << 16) - len(windows))

    def check_dc(self) -> None:
        if self.symbols.size and self.symbols.max() > 15:
            raise CorruptFileError("a Huffman table for DC coefficients holds a size above 15 bits")


def _table(counts: list[int], symbols: str) -> JpegTable:
    return JpegTable.from_segment(bytes(counts), bytes.fromhex(symbols))


# T.81 Annex K.3: typical tables, which an encoder may use without counting.
STANDARD_DC = (
    _table([0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0], "000102030405060708090a0b"),
    _table([0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0], "000102030405060708090a0b"),
)
STANDARD_AC = (
    _table(
        [0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 125],
        "01020300041105122131410613516107227114328191a1082342b1c11552d1f02433627282090a161718191a25262728292a3435363738393a"
        "434445464748494a535455565758595a636465666768696a737475767778797a838485868788898a92939495969798999aa2a3a4a5a6a7a8a9aa"
        "b2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8f9fa",
    ),
    _table(
        [0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 119],
        "000102031104052131061241510761711322328108144291a1b1c109233352f0156272d10a162434e125f11718191a262728292a35363738393a"
        "434445464748494a535455565758595a636465666768696a737475767778797a82838485868788898a92939495969798999aa2a3a4a5a6a7a8a9aa"
        "b2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae2e3e4e5e6e7e8e9eaf2f3f4f5f6f7f8f9fa",
    ),
)
