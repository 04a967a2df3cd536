"""Mutated files of sequences decode or are refused in one sentence, in bounded time."""

import io
import random
import zlib

from dlic.container.sequence import GROUP, TOP
from dlic.container.sequence_groups import read_table
from dlic.container.sequence_reader import CHUNK_HEAD, SequenceReader
from dlic.entropy.byte_reader import Reader, read_varint
from dlic.errors import DlicError
from dlic.learned.sequence.decoder import SequenceDecoder
from dlic.learned.sequence.exact_share import exact_shares
from tests.learned.sequence.clips import codec, encoded, pan, typing

RUNS = 60
MAX_PIXELS = 1 << 16


def decoded(data: bytes, damaged: bool) -> int:
    """How many frames come out. Raises DlicError."""
    decoder = SequenceDecoder(SequenceReader(io.BytesIO(data), damaged), codec(), max_pixels=MAX_PIXELS)
    shapes = {frame.pixels.shape for frame in decoder.frames()}
    assert len(shapes) <= 1
    return len(shapes)


def repaired(data: bytearray) -> bytes:
    """A file with the checksums of its groups made to fit, so that mutations reach what they guard."""
    position = data.find(GROUP)
    while 0 <= position < len(data) - CHUNK_HEAD:
        reader = Reader(bytes(data), position + 4)
        length = read_varint(reader)
        end = reader.position + length
        if end + 4 > len(data):
            break
        if data[position : position + 4] == GROUP:
            _repair_table(data, reader.position)
        if data[position : position + 4] in (GROUP, TOP):
            data[end : end + 4] = zlib.crc32(data[position:end]).to_bytes(4, "big")
        position = end + 4
    return bytes(data)


def _repair_table(data: bytearray, start: int) -> None:
    """Writes the checksum of a table whose fields still lie where they lay."""
    for size in range(20, 400):
        whole = data[start : start + size] + zlib.crc32(data[start : start + size]).to_bytes(4, "big")
        try:
            if read_table(bytes(whole))[1] == size + 4:
                data[start + size : start + size + 4] = whole[-4:]
                return
        except DlicError:
            continue


def test_mutated_files_decode_or_are_refused():
    check_mutations(encoded([*pan(4, size=(40, 70)), *pan(2, size=(40, 70), at=(300, 400))], level=30))


def test_mutated_recordings_decode_or_are_refused():
    file = encoded(typing(4, size=(64, 96)), level=45)
    reader = SequenceReader(io.BytesIO(file))
    assert sum(exact_shares(next(reader.groups()), reader.head.form)) > 1
    check_mutations(file)


def check_mutations(file: bytes) -> None:
    rng, outcomes = random.Random(1), set()
    for run in range(RUNS):
        data = bytearray(file)
        for _ in range(rng.choice([1, 1, 2, 8])):
            place = rng.randrange(len(data))
            kind = rng.randrange(4)
            if kind == 0:
                data[place] ^= 1 << rng.randrange(8)
            elif kind == 1:
                data[place] = rng.randrange(256)
            elif kind == 2:
                del data[place : place + rng.randint(1, 9)]
            else:
                data[place:place] = rng.randbytes(rng.randint(1, 9))
        try:
            outcomes.add(("shown", decoded(repaired(data) if run % 2 else bytes(data), damaged=run % 3 == 0)))
        except DlicError as error:
            assert str(error) and "\n" not in str(error)
            outcomes.add("refused")
    assert {"refused", ("shown", 1)} <= outcomes


def test_a_repaired_file_is_the_file():
    file = encoded(pan(3, size=(40, 70)), level=30)
    assert repaired(bytearray(file)) == file
