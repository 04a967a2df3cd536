"""A sequence in a .dlic file: its head, and the framing of its chunks. docs/format.md, section 9, is the specification.

    header      as of a picture, of kind SEQUENCE; `model` is the checkpoint of key frames, `coder`, `level` and `symbols_crc` are 0
    length      varint  bytes of the stream
    stream      flags 1 (1: alpha), loops varint, time base (varint / varint seconds), model of inter frames 8, colour 6
    crc         4
    chunks      each: name 4, length varint, data, CRC-32 of these
        GOPS    a group of frames that decodes alone (`sequence_groups`)
        btop    the frames of the highest layer of the group before; without it the sequence has half of its frames
        indx    at the end: where groups begin
        others  with a lower-case first letter: may be skipped

A file is written and read forward: nothing in it needs to be known before what follows it.
"""

from dataclasses import dataclass
from fractions import Fraction

from dlic.container.format import CRC, SEQUENCE, Container, write, write_chunk
from dlic.entropy.byte_reader import Reader, read_varint, write_varint
from dlic.errors import CorruptFileError, DlicError
from dlic.pixels.frames import SequenceFormat, VideoColour

GROUP, TOP, INDEX = b"GOPS", b"btop", b"indx"
SUBSAMPLINGS = (0, 420, 422, 444)  # by number
ALPHA = 1  # flag
MAX_NUMBER = (1 << 35) - 1  # of a varint


@dataclass(frozen=True, kw_only=True)
class SequenceHead:
    """What a sequence's file begins with."""

    form: SequenceFormat
    key_model: bytes  # first 8 bytes of the fingerprint of the checkpoint of key frames
    inter_model: bytes  # of the other frames


def write_head(head: SequenceHead) -> bytes:
    """The bytes before the first chunk. Raises DlicError for values that a file cannot hold."""
    form, colour = head.form, head.form.colour
    base = form.time_base
    if not (0 < base.numerator <= MAX_NUMBER and base.denominator <= MAX_NUMBER and 0 <= form.loops <= MAX_NUMBER):
        raise DlicError(f"a time base of {base} seconds, or {form.loops} loops, do not fit a .dlic file")
    stream = bytes([ALPHA if form.alpha else 0]) + b"".join(
        write_varint(number) for number in (form.loops, base.numerator, base.denominator)
    )
    codes = [colour.primaries, colour.transfer, colour.matrix, 2 * colour.siting + colour.full_range]
    codes += [SUBSAMPLINGS.index(colour.subsampling), colour.depth]
    stream += head.inter_model[:8] + bytes(codes)
    model = head.key_model[:8]
    return write(Container(kind=SEQUENCE, width=form.width, height=form.height, symbols_crc=0, model=model, stream=stream))


def parse_head(container: Container) -> SequenceHead:
    """Inverse of `write_head`, for the container that a file begins with. Raises CorruptFileError."""
    reader = Reader(container.stream)
    flags, loops, numerator, denominator = reader.take(1)[0], *(read_varint(reader) for _ in range(3))
    inter_model, codes = reader.take(8), reader.take(6)
    if reader.position != len(container.stream) or container.coder or container.level or container.symbols_crc:
        raise CorruptFileError("the sequence's head holds values that version 2 does not have")
    if flags > ALPHA or not (numerator and denominator) or codes[4] >= len(SUBSAMPLINGS):
        raise CorruptFileError("the sequence's head holds values that version 2 does not have")
    colour = VideoColour(
        primaries=codes[0],
        transfer=codes[1],
        matrix=codes[2],
        full_range=bool(codes[3] & 1),
        siting=codes[3] >> 1,
        subsampling=SUBSAMPLINGS[codes[4]],
        depth=codes[5],
    )
    form = SequenceFormat(
        width=container.width,
        height=container.height,
        time_base=Fraction(numerator, denominator),
        alpha=bool(flags & ALPHA),
        loops=loops,
        colour=colour,
    )
    return SequenceHead(form=form, key_model=container.model, inter_model=inter_model)


# --- index ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class IndexEntry:
    """A group in the index."""

    offset: int  # of its chunk in the file
    pts: int  # of its first frame
    frames: int


@dataclass(frozen=True, kw_only=True)
class SequenceIndex:
    """Where groups begin, and when the sequence ends."""

    entries: tuple[IndexEntry, ...]
    end: int  # ticks: the end of the last frame

    @property
    def frames(self) -> int:
        """Frames of the sequence."""
        return sum(entry.frames for entry in self.entries)


def write_index(index: SequenceIndex) -> bytes:
    """The index as the last chunk of a file: its size stands before its CRC, so that it is found from the end."""
    data, before = write_varint(len(index.entries)), 0
    for entry in index.entries:
        data += write_varint(entry.offset - before) + entry.pts.to_bytes(8, "big") + write_varint(entry.frames)
        before = entry.offset
    data += index.end.to_bytes(8, "big")
    size = next(size for size in range(len(data), len(data) + 32) if len(_framed(data, size)) == size)
    return _framed(data, size)


def _framed(data: bytes, size: int) -> bytes:
    return write_chunk(INDEX, data + size.to_bytes(4, "big"))


def index_size(end: bytes) -> int:
    """Bytes of the index chunk, from the last 8 bytes of a file."""
    return int.from_bytes(end[-8:-CRC], "big")


def parse_index(data: bytes) -> SequenceIndex:
    """Inverse of `write_index`, for a chunk's data. Raises CorruptFileError before it allocates memory for false counts."""
    reader, before, entries = Reader(data), 0, list[IndexEntry]()
    count = read_varint(reader)
    for _ in range(count):  # each takes 10 bytes at least, so that false counts soon reach the end
        before += read_varint(reader)
        pts = int.from_bytes(reader.take(8), "big")
        entries.append(IndexEntry(offset=before, pts=pts, frames=read_varint(reader)))
    end = int.from_bytes(reader.take(8), "big")
    reader.take(4)
    if reader.position != len(data):
        raise CorruptFileError("the index of the sequence holds more than its groups")
    return SequenceIndex(entries=tuple(entries), end=end)
