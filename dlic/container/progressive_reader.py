"""The beginning of a progressive picture, as far as it has arrived."""

from dataclasses import dataclass, replace

from dlic.container.format import (
    BASE,
    FINE,
    MAGIC,
    PROGRESSIVE,
    Chunks,
    Container,
    check_chunk_name,
    checksum,
    read_head,
)
from dlic.container.layers import read_base_beginning, read_fine_beginning
from dlic.container.progressive import Layers, check_order, layers_of
from dlic.entropy.byte_reader import Reader, read_varint
from dlic.errors import CorruptFileError, TruncatedError

LONGEST_HEAD = 40  # bytes up to the first chunk, at most
CHUNK_HEAD = 9  # bytes of a name and a length, at most


@dataclass(frozen=True)
class Arrived:
    """What a beginning holds."""

    container: Container  # with the chunks that are whole
    layers: Layers | None  # as far as they are there; None before every tile has a part of its own


class BeginningReader:
    """Takes the bytes of a progressive picture piece by piece; each is looked at once."""

    def __init__(self) -> None:
        self._data, self._at = bytearray(), 0  # and where the first chunk begins that is not whole
        self._head: Container | None = None
        self._chunks: Chunks = ()
        self._arrived: Arrived | None = None

    def feed(self, data: bytes) -> None:
        """Adds the next bytes. Raises CorruptFileError where they are damaged, or no progressive picture."""
        self._data += data
        self._arrived = None
        if self._head is None:
            self._read_head()
        while self._head is not None and self._read_chunk():
            pass

    @property
    def arrived(self) -> Arrived | None:
        """What is there; None before the header is. Raises CorruptFileError for a damaged layer."""
        if self._arrived is None and self._head is not None:
            container = replace(self._head, chunks=self._chunks)
            self._arrived = Arrived(container, self._layers(container))
        return self._arrived

    @property
    def has_head(self) -> bool:
        """Whether the header has arrived."""
        return self._head is not None

    def before_damage(self) -> Arrived:
        """What stands before a damaged chunk; of a damaged layer the streams, which have checksums of their own."""
        assert self._head is not None, "the header is damaged"
        container = replace(self._head, chunks=self._chunks)
        try:
            return Arrived(container, self._layers(container))
        except CorruptFileError:
            return Arrived(container, None)

    def _read_head(self) -> None:
        if MAGIC.startswith(self._data):
            return
        reader = Reader(bytes(self._data[:LONGEST_HEAD]))
        try:
            self._head = read_head(reader)
        except TruncatedError:
            return
        if self._head.kind != PROGRESSIVE:
            raise CorruptFileError("the file is not progressive: it shows nothing before it is whole")
        self._at = reader.position

    def _read_chunk(self) -> bool:
        """Takes the next chunk, if it is whole."""
        if (place := self._next()) is None:
            return False
        name, start, end = place
        if end + 4 > len(self._data):
            return False
        if self._data[end : end + 4] != checksum(bytes(self._data[self._at : end])):
            raise CorruptFileError(f"chunk {name.decode('latin-1')!r} is damaged: its checksum does not match")
        chunks = (*self._chunks, (name, bytes(self._data[start:end])))
        check_order(chunks)
        self._chunks, self._at = chunks, end + 4
        return True

    def _next(self) -> tuple[bytes, int, int] | None:
        """Name, start and end of the data of the chunk that comes next, as soon as they are known."""
        reader = Reader(bytes(self._data[self._at : self._at + CHUNK_HEAD]))
        try:
            name, length = reader.take(4), read_varint(reader)
        except TruncatedError:
            return None
        check_chunk_name(name)
        return name, self._at + reader.position, self._at + reader.position + length

    def _layers(self, container: Container) -> Layers | None:
        """The layers as far as they are there."""
        names = [name for name, _ in self._chunks]
        if FINE in names:
            return layers_of(container)
        cut, data = self._cut()
        if BASE not in names:
            first = read_base_beginning(data, container) if cut == BASE else None
            return Layers(first, None) if first and first.shows else None
        layers = layers_of(container)
        second = read_fine_beginning(data, container, len(layers.first.finer)) if cut == FINE and layers.first.complete else None
        return replace(layers, second=second)

    def _cut(self) -> tuple[bytes, bytes]:
        """Name and data of the chunk that has not come as a whole; none of both before its head is there."""
        place = self._next()
        return (b"", b"") if place is None else (place[0], bytes(self._data[place[1] : place[2]]))


def read_damaged(data: bytes) -> Arrived:
    """The readable part of a file that may be truncated or damaged: its chunks up to the first damaged one, and of a layer the
    streams before its end. Raises CorruptFileError where the header is damaged.
    """
    reader = BeginningReader()
    try:
        reader.feed(data)
        arrived = reader.arrived
    except CorruptFileError:
        if not reader.has_head:
            raise
        arrived = reader.before_damage()
    if arrived is None:
        raise CorruptFileError("the file ends in its header; nothing of it can be shown")
    return arrived
