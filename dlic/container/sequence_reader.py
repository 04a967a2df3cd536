"""A sequence's file: head, groups, tables, index and other chunks, read forward or with seeks; nothing is decoded."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO

from dlic.container.format import CRC, HEADER, MAGIC, SEQUENCE, check_kind, checksum, read
from dlic.container.forward import ForwardReader
from dlic.container.sequence import GROUP, INDEX, TOP, SequenceHead, SequenceIndex, index_size, parse_head, parse_index
from dlic.container.sequence_groups import LARGEST_TABLE, Group, GroupTable, read_table, split_data
from dlic.entropy.byte_reader import Reader, read_varint
from dlic.errors import CorruptFileError

HEAD = 256  # bytes that hold every head
NAME = 4
CHUNK_HEAD = NAME + 5  # bytes that hold name and length
MAX_INDEX = 1 << 26  # bytes: an index of three million groups


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """A chunk and its data."""

    name: bytes
    offset: int  # in the file
    data: bytes
    whole: bool  # its checksum matches


class SequenceReader:
    """Reads one file. A pipe is read once: one of the iterators may be used, and once."""

    def __init__(self, file: BinaryIO, damaged: bool = False):
        """Reads the head. Raises CorruptFileError where it is damaged.

        `damaged`: groups that are cut or damaged are read as far as they go; otherwise they raise CorruptFileError.
        """
        self._file, self.damaged = ForwardReader(file), damaged
        self.lost: list[str] = []  # sentences about what a damaged file has lost, as it is found
        beginning = self._file.peek(HEAD)
        self._first = _size_of_head(beginning)
        container = read(beginning[: self._first])
        check_kind(container, SEQUENCE, codec="the codec of sequences")
        self.head: SequenceHead = parse_head(container)
        self._file.skip(self._first)

    @property
    def seekable(self) -> bool:
        """Whether all parts can be read again."""
        return self._file.seekable

    def groups(self, offset: int | None = None) -> Iterator[Group]:
        """All groups, or those from the one whose chunk begins at `offset` on.

        Of a damaged file they are those with an intact table; packets that are cut off are missing.
        """
        group: Group | None = None
        ended = False
        for chunk in self._chunks(offset):
            ended = chunk.name == INDEX and chunk.whole
            if chunk.name == GROUP:
                if group is not None:
                    yield group
                group = self._group(chunk)
            elif chunk.name == TOP and group is not None:
                group = self._with_highest(group, chunk)
        if group is not None:
            yield group
        if self.damaged and not ended:
            self.lost.append("the file ends before its index; frames after it are lost")

    def tables(self) -> Iterator[GroupTable]:
        """The tables of all groups. The packets are passed over, and not checked."""
        self._go_to(None)
        while head := self._file.peek(CHUNK_HEAD + LARGEST_TABLE):
            name, size, start = self._head_of_chunk(head)
            if name == GROUP:
                yield read_table(head[start:])[0]
            self._file.skip(size)

    def extras(self) -> Iterator[tuple[bytes, bytes]]:
        """Name and data of all other chunks, in the order of the file."""
        for chunk in self._chunks(None):
            if chunk.name not in (GROUP, TOP, INDEX) and chunk.whole:
                yield chunk.name, chunk.data

    def index(self) -> SequenceIndex | None:
        """The index at the end of a file that can seek; None if it is missing or damaged."""
        if not self.seekable:
            return None
        end, before = self._file.size(), self._file.position
        try:
            self._file.go_to(max(self._first, end - CHUNK_HEAD))
            size = index_size(self._file.take(CHUNK_HEAD))
            if not CHUNK_HEAD <= size <= min(end - self._first, MAX_INDEX):
                return None
            self._file.go_to(end - size)
            return _index(self._file.take(size))
        finally:
            self._file.go_to(before)

    # --- groups

    def _group(self, chunk: Chunk) -> Group | None:
        try:
            table, position = read_table(chunk.data)
        except CorruptFileError:
            if self.damaged:
                self.lost.append(f"the group at byte {chunk.offset:,} is lost")
                return None
            raise
        data = chunk.data[position:]
        if chunk.whole and len(data) != table.length:
            raise CorruptFileError("the frames of a group are not as long as its table says")
        return Group(table=table, data=split_data(table, data, highest=False))

    def _with_highest(self, group: Group, chunk: Chunk) -> Group:
        return replace(group, data={**group.data, **split_data(group.table, chunk.data, highest=True)})

    # --- chunks

    def _go_to(self, offset: int | None) -> None:
        if self.seekable:
            self._file.go_to(self._first if offset is None else offset)

    def _chunks(self, offset: int | None) -> Iterator[Chunk]:
        self._go_to(offset)
        while head := self._file.peek(CHUNK_HEAD):
            if not self.damaged:
                yield self._chunk(head)
            elif (chunk := self._damaged_chunk(head)) is not None:
                yield chunk

    def _head_of_chunk(self, head: bytes) -> tuple[bytes, int, int]:
        """Name, size of the whole chunk, and where its data begin. Raises CorruptFileError."""
        reader, name = Reader(head, NAME), head[:NAME]
        length = read_varint(reader)
        if not (name.isascii() and name.strip().isalnum()):
            raise CorruptFileError(f"the file is damaged between two chunks, at byte {self._file.position:,}")
        if name != GROUP and not name[:1].islower():
            raise CorruptFileError(f"chunk {name.decode('latin-1')!r} is needed to show the sequence, but unknown to this dlic")
        return name, reader.position + length + CRC, reader.position

    def _chunk(self, head: bytes) -> Chunk:
        name, size, start = self._head_of_chunk(head)
        offset, data = self._file.position, self._file.take(size)
        if len(data) < size:
            raise CorruptFileError(
                f"the file is truncated: {size - len(data):,} more bytes expected after byte {self._file.position:,}"
            )
        if checksum(data[:-CRC]) != data[-CRC:]:
            raise CorruptFileError(
                f"the chunk {name.decode('latin-1')!r} at byte {offset:,} is damaged: its checksum does not match"
            )
        return Chunk(name=name, offset=offset, data=data[start:-CRC], whole=True)

    def _damaged_chunk(self, head: bytes) -> Chunk | None:
        """The next chunk of a damaged file, up to the next group if its checksum does not match; None if it is not known."""
        offset = self._file.position
        try:
            name, size, start = self._head_of_chunk(head)
        except CorruptFileError:
            self.lost.append(f"what begins at byte {offset:,} is lost, up to the next group")
            self._file.skip(self._next_group(len(head), None))
            return None
        data = self._file.peek(size)
        if len(data) == size and checksum(data[:-CRC]) == data[-CRC:]:
            return Chunk(name=name, offset=offset, data=self._file.take(size)[start:-CRC], whole=True)
        data = self._file.take(self._next_group(NAME, size))
        return Chunk(name=name, offset=offset, data=data[start:size], whole=False)

    def _next_group(self, start: int, most: int | None) -> int:
        """How far the next group with an intact table is, from byte `start` on; at most `most` bytes, or to the end of the file."""
        looked = start
        while True:
            ahead = self._file.peek(looked + LARGEST_TABLE if most is None else min(most, looked + LARGEST_TABLE))
            place = ahead.find(GROUP, looked)
            while place >= 0:
                if _is_group(self._file.peek(place + CHUNK_HEAD + LARGEST_TABLE)[place:]):
                    return place
                place = ahead.find(GROUP, place + 1)
            if len(ahead) < looked + LARGEST_TABLE:
                return max(1, len(ahead))
            looked = len(ahead) - NAME


def _is_group(data: bytes) -> bool:
    """Whether a group's chunk with an intact table begins here."""
    try:
        reader = Reader(data, NAME)
        read_varint(reader)
        read_table(data[reader.position :])
    except CorruptFileError:
        return False
    return True


def _size_of_head(beginning: bytes) -> int:
    """Bytes before the first chunk."""
    reader = Reader(beginning, len(MAGIC))
    if beginning[: len(MAGIC)] != MAGIC:
        return len(beginning)  # which `read` refuses
    for field in HEADER:
        field.read(reader)
    length = read_varint(reader)
    return reader.position + length + CRC


def _index(chunk: bytes) -> SequenceIndex | None:
    """The index in a whole chunk; None if it is damaged, or another chunk."""
    reader = Reader(chunk, NAME)
    try:
        if (
            chunk[:NAME] != INDEX
            or checksum(chunk[:-CRC]) != chunk[-CRC:]
            or read_varint(reader) != len(chunk) - reader.position - CRC
        ):
            return None
        return parse_index(chunk[reader.position : -CRC])
    except CorruptFileError:
        return None
