"""Bits with adaptive probabilities ⇄ bytes, by the binary range coder of LZMA (Pavlov 1998) without its leading zero byte.

Probabilities are whole numbers of 11 bits that each context adapts, so every machine decodes the same bits.
"""

from dlic.errors import CorruptFileError

PRECISION, RATE = 11, 4  # bits of a probability; each coded bit moves it by 1/16 of what is left
HALF, WHOLE = 1 << PRECISION - 1, 1 << PRECISION
TOP, FULL = 1 << 24, 0xFFFFFFFF
CODE = 4  # bytes that a decoder reads ahead


class BitEncoder:
    """Bits, each in a context 0 … `contexts` − 1 → bytes."""

    def __init__(self, contexts: int):
        self._zeros = [HALF] * contexts  # probability of a zero
        self._low, self._range, self._out = 0, FULL, bytearray()
        self._held, self._pending = -1, 0  # the last byte, which a carry may still change, and the bytes 255 after it

    def push(self, bit: bool, context: int) -> None:
        zeros = self._zeros[context]
        bound = (self._range >> PRECISION) * zeros
        if bit:
            self._low += bound
            self._range -= bound
            self._zeros[context] = zeros - (zeros >> RATE)
        else:
            self._range = bound
            self._zeros[context] = zeros + (WHOLE - zeros >> RATE)
        while self._range < TOP:
            self._range = self._range << 8 & FULL
            self._shift()

    def finish(self) -> bytes:
        """The bytes of all bits; trailing zeros are left out, because a decoder reads zeros behind the end."""
        for _ in range(CODE):
            self._shift()
        self._emit(0)
        return bytes(self._out).rstrip(b"\0")

    def _shift(self) -> None:
        if self._low < 0xFF000000 or self._low > FULL:
            self._emit(self._low >> 32)
            self._held = self._low >> 24 & 255
        else:
            self._pending += 1
        self._low = (self._low & TOP - 1) << 8

    def _emit(self, carry: int) -> None:
        if self._held >= 0:
            self._out.append(self._held + carry & 255)
        self._out += bytes([255 + carry & 255]) * self._pending
        self._pending = 0


class BitDecoder:
    """Inverse of `BitEncoder`. Any bytes decode to some bits; `finish` finds the bytes that no encoder writes."""

    def __init__(self, data: bytes, contexts: int):
        self._zeros = [HALF] * contexts
        self._data, self._at, self._range = data, CODE, FULL
        self._code = int.from_bytes(data[:CODE].ljust(CODE, b"\0"), "big")

    def pull(self, context: int) -> bool:
        zeros, span, code = self._zeros[context], self._range, self._code
        bound = (span >> PRECISION) * zeros
        bit = code >= bound
        if bit:
            code -= bound
            span -= bound
            self._zeros[context] = zeros - (zeros >> RATE)
        else:
            span = bound
            self._zeros[context] = zeros + (WHOLE - zeros >> RATE)
        while span < TOP:
            span = span << 8 & FULL
            code = (code << 8 | (self._data[self._at] if self._at < len(self._data) else 0)) & FULL
            self._at += 1
        self._range, self._code = span, code
        return bit

    def finish(self) -> None:
        """Raises CorruptFileError if bytes are left, or the last byte is zero."""
        if self._at < len(self._data) or self._data[-1:] == b"\0":
            raise CorruptFileError("a sequence of coded bits is longer than its bits")
