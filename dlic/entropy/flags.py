"""Bits in contexts with adaptive probabilities ⇄ bytes, by one rANS coder: for little data, all of which is read.

`code(contexts, bits)` is the same for writer and reader, so that one walk over the data serves both; probabilities adapt from call
to call. The stream's words of 32 bits are little-endian; zero bytes at the end of the last are left out.
"""

from typing import Any, Protocol

import constriction
import numpy as np
from numpy.typing import NDArray

from dlic.entropy.adaptive import Probabilities
from dlic.entropy.tables import TOTAL
from dlic.errors import CorruptFileError

AnsCoder, Bernoulli = constriction.stream.stack.AnsCoder, constriction.stream.model.Bernoulli


class Flags(Protocol):
    """Codes bits in both directions."""

    def code(self, contexts: NDArray[Any], bits: NDArray[Any] | None) -> NDArray[np.int32]:
        """Codes bits (N,) 0 or 1 in contexts (N,), and returns them. A writer is given them; a reader finds them out."""


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
    """Inverse of `FlagWriter`. A damaged stream gives other bits."""

    def __init__(self, stream: bytes, probabilities: Probabilities):
        """Raises CorruptFileError for a stream that no writer wrote."""
        if stream.endswith(b"\0"):
            raise CorruptFileError("a coded part of a frame ends in an empty byte")
        self._probabilities = probabilities
        self._coder = AnsCoder(np.frombuffer(stream + bytes(-len(stream) % 4), "<u4").astype(np.uint32))

    def code(self, contexts: NDArray[Any], bits: NDArray[Any] | None) -> NDArray[np.int32]:
        """`Flags.code`."""
        if not contexts.size:
            return np.empty(0, np.int32)
        decoded: NDArray[np.int32] = self._coder.decode(Bernoulli(perfect=False), self._probabilities.ones[contexts] / TOTAL)
        self._probabilities.observe(contexts, decoded)
        return decoded

    def finish(self) -> None:
        """Raises CorruptFileError if anything is left."""
        if not self._coder.is_empty():
            raise CorruptFileError("a coded part of a frame holds more than its flags")
