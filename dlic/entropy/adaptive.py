"""Bits ⇄ an embedded stream with adaptive probabilities: every prefix of the stream can be decoded.

    stream     chunk, chunk, …
    chunk      head varint (words · 2, + 1 in the last), in the last also its pieces varint; then the words of a rANS coder

Bits are coded in pieces; a piece is decoded whole or not at all. A chunk is the shortest sequence of pieces whose expected size is
a quarter of the stream before it, within bounds. Both sides know the probabilities, so both know where a chunk ends. The last chunk
of a stream says how many pieces it has.
"""

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import constriction
import numpy as np
from numpy.typing import NDArray

from dlic.entropy.byte_reader import Reader, read_varint, write_varint
from dlic.entropy.tables import PRECISION, TOTAL
from dlic.errors import CorruptFileError

AnsCoder, Bernoulli = constriction.stream.stack.AnsCoder, constriction.stream.model.Bernoulli

SMALLEST, LARGEST, SHARE = 64, 1024, 4  # bytes of a chunk, and the divisor of the stream before it
PIECE = 32  # bytes a piece is expected to take
LEAST = 32  # a probability is at least so many times 2⁻¹⁶
MOST_SEEN = 1 << 15  # observations, in the unit of the counts, after which the older half is forgotten


class EndOfStream(Exception):
    """No further piece is whole."""


class Probabilities:
    """Adaptive probability of a one in each context, by integer counts that encoder and decoder update alike."""

    def __init__(self, ones: NDArray[Any], seen: NDArray[Any]):
        """Prior observations, as if so many of `seen` (C,) had been `ones` (C,), in 1/32."""
        self._counts: NDArray[np.int64] = np.stack([seen - ones, ones]).astype(np.int64)
        self._each, self._contexts = memoryview(self._counts.reshape(-1)), self._counts.shape[1]  # for few bits at a time
        self._ones: NDArray[np.int64] | None = None

    @property
    def counts(self) -> NDArray[np.int64]:
        """Observed zeros and ones in each context, in 1/32: (2, C)."""
        return self._counts

    @property
    def ones(self) -> NDArray[Any]:
        """Probability of a one in each context, in 2⁻¹⁶: int64 (C,)."""
        if self._ones is None:
            shares = self._counts[1] * float(TOTAL) / (self._counts[0] + self._counts[1])  # exact enough for its floor
            self._ones = np.minimum(np.maximum(shares.astype(np.int64), LEAST), TOTAL - LEAST)
        return self._ones

    def one(self, context: int) -> int:
        """That of one context."""
        ones: int = self._each[self._contexts + context]
        return min(max((ones << PRECISION) // (self._each[context] + ones), LEAST), TOTAL - LEAST)

    def costs(self) -> NDArray[Any]:
        """Approximate expected cost of a bit in each context, in 2⁻¹² bits: 4 p (1 − p), as whole numbers, int64 (C,)."""
        costs: NDArray[np.int64] = self.ones * (TOTAL - self.ones) >> 2 * PRECISION - 2 - 12
        return costs

    def observe(self, contexts: NDArray[Any], bits: NDArray[Any]) -> None:
        """Adapts to bits (N,) in contexts (N,)."""
        added = np.bincount(contexts + self._contexts * (bits != 0), minlength=self._counts.size)
        added <<= 5
        self._counts += added.reshape(self._counts.shape)
        over = np.flatnonzero(self._counts[0] + self._counts[1] > MOST_SEEN)
        if over.size:
            self._counts[:, over] = self._counts[:, over] + 1 >> 1
        self._ones = None

    def observe_few(self, contexts: list[int], bits: list[int]) -> None:
        """The same for few bits, sooner."""
        each, size = self._each, self._contexts
        for context, bit in zip(contexts, bits, strict=True):
            each[context + size * bit] += 32
        for context in set(contexts):
            if each[context] + each[size + context] > MOST_SEEN:
                each[context], each[size + context] = each[context] + 1 >> 1, each[size + context] + 1 >> 1
        self._ones = None


@dataclass
class _Budget:
    """Determines the ends of chunks."""

    size: int = 0  # bytes of the stream so far
    left: int = 0  # of the chunk, in the unit of costs

    def start(self) -> None:
        self.left = min(max(self.size // SHARE, SMALLEST), LARGEST) << 15  # bytes · 8 · 2¹²

    def spend(self, cost: int) -> bool:
        """Whether the chunk ends here."""
        self.left -= cost
        return self.left <= 0


class Writer:
    """Codes pieces into chunks of at most `limit` bytes together; EndOfStream when no more fit."""

    def __init__(self, probabilities: Probabilities, limit: int | None = None):
        self.probabilities, self._limit = probabilities, limit
        self._stream, self._budget = bytearray(), _Budget()
        self._pieces: list[list[tuple[NDArray[Any], NDArray[Any]]]] = []
        self._piece: list[tuple[NDArray[Any], NDArray[Any]]] = []
        self._budget.start()

    def code(self, contexts: NDArray[Any], bits: NDArray[Any]) -> NDArray[Any]:
        """Code bits (N,) 0 or 1 in contexts (N,); returns them."""
        if contexts.size:
            self._piece.append((bits, self.probabilities.ones[contexts]))
            self.probabilities.observe(contexts, bits)
        return bits

    def end_piece(self, cost: int) -> None:
        """Ends the piece of all bits coded since the last one; `cost` is its expected cost."""
        self._pieces.append(self._piece)
        self._piece = []
        if self._budget.spend(cost):
            self._end_chunk()

    def finish(self) -> bytes:
        """The stream, up to the limit if there is one."""
        with suppress(EndOfStream):
            if self._pieces:
                self._end_chunk(last=True)
        return bytes(self._stream)

    def _end_chunk(self, last: bool = False) -> None:
        chunk = _chunk(self._pieces, last)
        if self._limit is not None and len(self._stream) + len(chunk) > self._limit:
            self._stream += self._largest_chunk(self._limit)
            self._pieces = []
            raise EndOfStream
        self._stream += chunk
        self._pieces = []
        self._budget.size = len(self._stream)
        self._budget.start()

    def _largest_chunk(self, limit: int) -> bytes:
        """The largest number of pieces that still fits, as the last chunk."""
        fits, low, high = b"", 0, len(self._pieces)
        while low < high:
            middle = (low + high + 1) // 2
            chunk = _chunk(self._pieces[:middle], last=True)
            if len(self._stream) + len(chunk) <= limit:
                fits, low = chunk, middle
            else:
                high = middle - 1
        return fits


class Decoder:
    """Inverse of `Writer`: reads any beginning of a stream; EndOfStream behind the last piece that is whole."""

    def __init__(self, stream: bytes, probabilities: Probabilities):
        self.probabilities = probabilities
        self._reader, self._budget = Reader(stream), _Budget()
        self._coder: Any = None  # AnsCoder of the chunk
        self._pieces: int | None = None  # left in the last chunk

    @property
    def complete(self) -> bool:
        """Whether every byte was used."""
        return self._reader.position == len(self._reader.data) and (self._coder is None or bool(self._coder.is_empty()))

    def code(self, contexts: NDArray[Any], bits: NDArray[Any] | None = None) -> NDArray[Any]:
        """The next bits, int32 (N,), in contexts (N,)."""
        if self._coder is None:
            self._start_chunk()
        if not contexts.size:
            return np.empty(0, np.int32)
        decoded: NDArray[np.int32] = self._coder.decode(Bernoulli(perfect=False), self.probabilities.ones[contexts] / TOTAL)
        self.probabilities.observe(contexts, decoded)
        return decoded

    def end_piece(self, cost: int) -> None:
        """As the writer's."""
        if self._pieces is not None:
            self._pieces -= 1
            if self._pieces == 0:
                raise EndOfStream
        if self._budget.spend(cost):
            if not self._coder.is_empty():
                raise CorruptFileError("a chunk of the coded picture holds more than its pieces")
            self._coder = None

    def _start_chunk(self) -> None:
        self._budget.size = self._reader.position
        self._budget.start()
        position = self._reader.position
        try:
            head = read_varint(self._reader)
            self._pieces = read_varint(self._reader) if head & 1 else None
            words = np.frombuffer(self._reader.take(4 * (head >> 1)), "<u4").astype(np.uint32)
        except CorruptFileError:  # cut here
            self._reader.position = position
            raise EndOfStream from None
        if words.size and words[-1] == 0:
            raise CorruptFileError("a chunk of the coded picture ends in an empty word")
        if self._pieces == 0:
            raise EndOfStream
        self._coder = AnsCoder(words)


def _chunk(pieces: list[list[tuple[NDArray[Any], NDArray[Any]]]], last: bool) -> bytes:
    coder, parts = AnsCoder(), [part for piece in pieces for part in piece]
    if parts:
        bits, ones = (np.concatenate(column) for column in zip(*parts, strict=True))
        coder.encode_reverse(bits.astype(np.int32), Bernoulli(perfect=False), ones / TOTAL)
    words = coder.get_compressed().astype("<u4")
    head = write_varint(2 * words.size + last) + (write_varint(len(pieces)) if last else b"")
    return head + bytes(words.tobytes())
