"""Bits in contexts with adaptive probabilities ⇄ bytes, by one rANS coder: for little data, all of which is read.

`code(contexts, bits)` is the same for writer and reader, so that one walk over the data serves both; probabilities adapt from call
to call. The stream's words of 32 bits are little-endian; zero bytes at the end of the last are left out.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import constriction
import numpy as np
from numpy.typing import NDArray

from dlic.entropy.adaptive import Probabilities
from dlic.entropy.tables import PRECISION, TOTAL
from dlic.errors import CorruptFileError

AnsCoder, Bernoulli = constriction.stream.stack.AnsCoder, constriction.stream.model.Bernoulli

STATE_PRECISION = 24  # bits of the state that say which symbol comes next
STATE_TOTAL = 1 << STATE_PRECISION
FEW = 32  # bits that are decoded sooner in Python than by arrays


class Flags(Protocol):
    """Codes bits in both directions."""

    def code(self, contexts: NDArray[Any], bits: NDArray[Any] | None) -> NDArray[np.int32]:
        """Codes bits (N,) 0 or 1 in contexts (N,), and returns them. A writer is given them; a reader finds them out."""

    def code_few(self, contexts: list[int], bits: Sequence[int] | None) -> list[int]:
        """`code` for lists: for few bits it takes less time than making arrays of them does."""


class FlagWriter:
    """Collects bits; `finish` gives the stream."""

    def __init__(self, probabilities: Probabilities):
        self._probabilities = probabilities
        self._coded: list[tuple[NDArray[np.int32], NDArray[Any]]] = []

    def code(self, contexts: NDArray[Any], bits: NDArray[Any] | None) -> NDArray[np.int32]:
        """`Flags.code`."""
        assert bits is not None, "a writer is given its bits"
        whole: NDArray[np.int32] = bits.astype(np.int32)
        if whole.size:
            self._coded.append((whole, self._probabilities.ones[contexts]))
            self._probabilities.observe(contexts, whole)
        return whole

    def code_few(self, contexts: list[int], bits: Sequence[int] | None) -> list[int]:
        """`Flags.code_few`."""
        whole: list[int] = self.code(np.array(contexts, np.int64), np.array(bits, np.int32)).tolist()
        return whole

    def finish(self) -> bytes:
        """The stream."""
        coder, (bits, ones) = AnsCoder(), self._all
        if bits.size:
            coder.encode_reverse(bits, Bernoulli(perfect=False), ones / TOTAL)
        return bytes(coder.get_compressed().astype("<u4").tobytes()).rstrip(b"\0")

    @property
    def bits(self) -> float:
        """Ideal bits so far."""
        bits, ones = self._all
        return float(-np.log2(np.where(bits != 0, ones, TOTAL - ones) / TOTAL).sum())

    @property
    def _all(self) -> tuple[NDArray[np.int32], NDArray[Any]]:
        """All bits so far, and the probabilities of ones they were coded with."""
        bits = [bits for bits, _ in self._coded]
        ones = [ones for _, ones in self._coded]
        return np.concatenate([np.empty(0, np.int32), *bits]), np.concatenate([np.empty(0, np.int64), *ones])


class FlagReader:
    """Inverse of `FlagWriter`. A damaged stream gives other bits.

    constriction decodes calls of many bits. For few bits its calls and those of NumPy cost more than the state machine in Python,
    which is that of `docs/format.md`, section 4.4.
    """

    def __init__(self, stream: bytes, probabilities: Probabilities):
        """Raises CorruptFileError for a stream that no writer wrote."""
        if stream.endswith(b"\0"):
            raise CorruptFileError("a coded part of a frame ends in an empty byte")
        self._probabilities = probabilities
        self._words = np.frombuffer(stream + bytes(-len(stream) % 4), "<u4").astype(np.uint32)
        self._left, self._state = self._words.size, 0  # words that are not in the state yet
        self._coder: Any = None  # constriction's, if it has the state
        self._take(2)

    def code(self, contexts: NDArray[Any], bits: NDArray[Any] | None) -> NDArray[np.int32]:
        """`Flags.code`."""
        if contexts.size <= FEW:
            return np.array(self.code_few(contexts.tolist(), None), np.int32)
        decoded: NDArray[np.int32] = self._many().decode(Bernoulli(perfect=False), self._probabilities.ones[contexts] / TOTAL)
        self._probabilities.observe(contexts, decoded)
        return decoded

    def finish(self) -> None:
        """Raises CorruptFileError if anything is left."""
        if not self._many().is_empty():
            raise CorruptFileError("a coded part of a frame holds more than its flags")

    def code_few(self, contexts: list[int], bits: Sequence[int] | None) -> list[int]:
        """`Flags.code_few`."""
        if len(contexts) > FEW:
            many: list[int] = self.code(np.array(contexts, np.int64), None).tolist()
            return many
        return self._one_by_one(contexts) if contexts else []

    def _one_by_one(self, contexts: list[int]) -> list[int]:
        if self._coder is not None:
            self._words, self._coder = self._coder.get_compressed(), None
            self._left, self._state = self._words.size, 0
            self._take(2)
        bits, widths, state = list[int](), dict[int, int](), self._state
        for context in contexts:
            zero = widths.get(context) or widths.setdefault(context, _width_of_zero(self._probabilities.one(context)))
            place = state & STATE_TOTAL - 1
            if place < zero:
                state = (state >> STATE_PRECISION) * zero + place
            else:
                state = (state >> STATE_PRECISION) * (STATE_TOTAL - zero) + place - zero
            bits.append(int(place >= zero))
            if state < 1 << 32 and self._left:
                self._state = state
                self._take(1)
                state = self._state
        self._state = state
        self._probabilities.observe_few(contexts, bits)
        return bits

    def _take(self, count: int) -> None:
        """Moves so many words into the state, as far as there are any."""
        for _ in range(min(count, self._left)):
            self._left -= 1
            self._state = self._state << 32 | int(self._words[self._left])

    def _many(self) -> Any:
        """The coder of constriction with the state."""
        if self._coder is None:
            words = [self._state & 0xFFFFFFFF, self._state >> 32]
            used = 2 if words[1] else 1 if words[0] else 0
            self._coder = AnsCoder(np.concatenate([self._words[: self._left], np.array(words[:used], np.uint32)]))
        return self._coder


def _width_of_zero(one: int) -> int:
    """Share of a state's STATE_TOTAL values that stand for a zero, where a one has a probability of `one` / 2¹⁶."""
    return 1 + ((TOTAL - one) * (STATE_TOTAL - 2) >> PRECISION)
