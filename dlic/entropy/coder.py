"""Entropy coders: parts of symbols ⇄ bytes. A file names its coder by number."""

from typing import Any, Protocol

from numpy.typing import NDArray

from dlic.entropy.parity import ParityCoder
from dlic.entropy.parts import Part, Symbols
from dlic.entropy.rans import RansCoder
from dlic.entropy.tables import FrequencyTables
from dlic.errors import CorruptFileError


class Encoder(Protocol):
    """Takes the parts of one picture in order."""

    def push(self, symbols: NDArray[Any], part: Part) -> None:
        """Adds the int32 symbols of a part, of its shape, clipped by `FrequencyTables.clip`."""

    def finish(self) -> bytes:
        """The stream of all parts."""


class Decoder(Protocol):
    """Returns the parts of one stream in order; the rows of a part may depend on the symbols of earlier parts."""

    def pull(self, part: Part) -> NDArray[Any]:
        """The int32 symbols of a part, of its shape.

        A damaged stream gives other symbols or raises CorruptFileError.
        """

    def finish(self) -> None:
        """Raises CorruptFileError if anything is left."""


class Coder(Protocol):
    """A way of coding symbols by integer frequency tables."""

    @property
    def number(self) -> int:
        """0 … 255: the field `coder` of files."""

    @property
    def name(self) -> str:
        """The name that `dlic info` prints."""

    @property
    def even(self) -> bool:
        """Whether groups of symbols must have even sums (`entropy.parity`); the encoder makes them even before coding."""

    def encoder(self, tables: FrequencyTables) -> Encoder:
        """An encoder for one picture."""

    def decoder(self, stream: bytes, tables: FrequencyTables) -> Decoder:
        """A decoder of one stream. Raises CorruptFileError for bytes that no encoder wrote."""

    def costs(self, symbols: NDArray[Any], part: Part, tables: FrequencyTables) -> NDArray[Any]:
        """Ideal bits of each symbol of a part: float64, of its shape."""


PLAIN, PARITY = 0, 1  # numbers
CODERS: dict[int, Coder] = {coder.number: coder for coder in (RansCoder(), ParityCoder())}


def coder_of(number: int) -> Coder:
    """The coder of a number. Raises CorruptFileError for one that this dlic does not have."""
    if number not in CODERS:
        names = " and ".join(f"{coder.number} ({coder.name})" for coder in CODERS.values())
        raise CorruptFileError(f"the file was written with entropy coder {number}; this dlic knows {names}")
    return CODERS[number]


def encode(symbols: Symbols, coder: Coder, tables: FrequencyTables) -> bytes:
    """The stream of all parts of one picture."""
    encoder = coder.encoder(tables)
    for coded in symbols.parts:
        encoder.push(coded.symbols, coded.part)
    return encoder.finish()


def estimated_bits(symbols: Symbols, coder: Coder, tables: FrequencyTables) -> float:
    """Ideal bits of all symbols of one picture, escapes included."""
    return sum(float(coder.costs(coded.symbols, coded.part, tables).sum()) for coded in symbols.parts)
