"""Parts of symbols, and the one walk over them for encoders, decoders and verifiers, which differ only in `code`.

    path ── Part z: rows ──▶ code ──▶ symbols of z ──▶ path ── Part y: rows, which depend on z ──▶ code ──▶ symbols of y

A model states the path of its symbols once, as a generator:

    def path(self, size, level):
        z = yield Part("z", self.hyper_rows(size, level))
        yield Part("y", self.rows(z, size, level))

The rows of a part may depend on the symbols of all parts before it. `code` chooses symbols (an encoder) or pulls them (a decoder).
"""

import zlib
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Part:
    """One latent before its symbols are known."""

    name: str  # of the latent: z, y
    rows: NDArray[Any]  # table row of every symbol, of any shape; symbols are coded in its row-major order
    steps: NDArray[Any] | None = None  # context step in which an encoder quantises each symbol, as `rows`; None: no context
    streams: int = 1  # among which its symbols are divided (`entropy.division`)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the part's symbols."""
        return self.rows.shape


@dataclass(frozen=True, eq=False)
class CodedPart:
    """One latent with its symbols."""

    part: Part
    symbols: NDArray[Any]  # int32, of the part's shape


Path = Generator[Part, NDArray[Any], None]  # a generator: yields parts, receives their symbols
Code = Callable[[Part], NDArray[Any]]


def walk(path: Path, code: Code) -> Iterator[CodedPart]:
    """Codes the parts of `path` in order; yields each with its symbols before the next part's rows are computed.

    `code` gives the int32 symbols of a part, of its shape.
    """
    try:
        part = next(path)
        while True:
            coded = CodedPart(part, code(part))
            yield coded
            part = path.send(coded.symbols)
    except StopIteration:
        return


@dataclass(frozen=True, eq=False)
class Symbols:
    """All symbols of one picture, part after part."""

    parts: tuple[CodedPart, ...]

    @classmethod
    def of(cls, path: Path, code: Code) -> "Symbols":
        """A whole `walk`."""
        return cls(tuple(walk(path, code)))

    def __getitem__(self, name: str) -> CodedPart:
        """The part of a name. Raises KeyError."""
        for coded in self.parts:
            if coded.part.name == name:
                return coded
        raise KeyError(name)

    def with_part(self, name: str, symbols: NDArray[Any], rows: NDArray[Any] | None = None) -> "Symbols":
        """Replaces the symbols, and optionally the rows, of the named part."""
        parts = (_replaced(coded, symbols, rows) if coded.part.name == name else coded for coded in self.parts)
        return Symbols(tuple(parts))

    @property
    def z(self) -> NDArray[Any]:
        """Symbols of z: int32."""
        return self["z"].symbols

    @property
    def y(self) -> NDArray[Any]:
        """Symbols of y: int32."""
        return self["y"].symbols

    @property
    def z_rows(self) -> NDArray[Any]:
        """Table row of each symbol of z."""
        return self["z"].part.rows

    @property
    def y_rows(self) -> NDArray[Any]:
        """Table row of each symbol of y."""
        return self["y"].part.rows

    @property
    def values(self) -> NDArray[Any]:
        """All symbols in coding order: int32 (N,)."""
        return np.concatenate([coded.symbols.ravel() for coded in self.parts])

    @property
    def rows(self) -> NDArray[Any]:
        """The table row of each: (N,)."""
        return np.concatenate([coded.part.rows.ravel() for coded in self.parts])

    @property
    def crc(self) -> int:
        """CRC-32 of `values` as little-endian int32."""
        crc = 0
        for coded in self.parts:
            crc = zlib.crc32(np.ascontiguousarray(coded.symbols, dtype="<i4").data, crc)
        return crc


def _replaced(coded: CodedPart, symbols: NDArray[Any], rows: NDArray[Any] | None) -> CodedPart:
    return CodedPart(coded.part if rows is None else replace(coded.part, rows=rows), symbols)
