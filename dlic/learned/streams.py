"""How the symbols of a unit become its stream: as a whole here; in parts in first layers (`learned.progressive.first_layer`)."""

from typing import Any, Protocol

from numpy.typing import NDArray

from dlic.container.units import CodedUnit
from dlic.entropy.coder import Coder, coder_of, encode
from dlic.entropy.parts import Part, Symbols
from dlic.entropy.tables import FrequencyTables
from dlic.errors import CorruptFileError


class StreamReader(Protocol):
    """Returns the parts of one unit in order."""

    def pull(self, part: Part) -> NDArray[Any]:
        """The int32 symbols of a part, of its shape. A damaged stream gives other symbols or raises CorruptFileError."""

    def finish(self) -> None:
        """Raises CorruptFileError if anything is left."""


class Streams(Protocol):
    """A way to write the symbols of units."""

    def write(self, symbols: Symbols, coder: Coder, tables: FrequencyTables) -> tuple[bytes, int]:
        """The stream of a unit, and its checksum."""

    def reader(self, unit: CodedUnit, tables: FrequencyTables) -> StreamReader:
        """Returns the parts of a unit in order. Raises CorruptFileError for bytes that no encoder wrote."""

    def check(self, symbols: Symbols, unit: CodedUnit) -> None:
        """Raises CorruptFileError for symbols that do not match the checksum of their unit."""


class WholeStreams:
    """One stream for all symbols."""

    def write(self, symbols: Symbols, coder: Coder, tables: FrequencyTables) -> tuple[bytes, int]:
        return encode(symbols, coder, tables), symbols.crc

    def reader(self, unit: CodedUnit, tables: FrequencyTables) -> StreamReader:
        return coder_of(unit.coder).decoder(unit.stream, tables)

    def check(self, symbols: Symbols, unit: CodedUnit) -> None:
        if symbols.crc != unit.symbols_crc:
            raise CorruptFileError("the decoded symbols do not match their checksum")
