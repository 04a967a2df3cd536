"""The coded latents of one picture as one stream.

    count   varint  streams
    height  varint  of the latent that the last of them holds
    width   varint
    then for each: length varint, bytes

Eight bytes for the two streams of a 768×512 picture through a hyperprior.
"""

from dlic.entropy.byte_reader import Reader, read_varint, write_varint
from dlic.errors import CorruptFileError


def pack(streams: list[bytes], shape: tuple[int, int]) -> bytes:
    """Streams, and the (height, width) of the latent in the last one → bytes."""
    head = b"".join(write_varint(number) for number in (len(streams), *shape))
    return head + b"".join(write_varint(len(stream)) + stream for stream in streams)


def unpack(data: bytes) -> tuple[list[bytes], tuple[int, int]]:
    """Inverse of `pack`. Raises CorruptFileError for anything else, after work in proportion to the bytes."""
    reader = Reader(data)
    count, height, width = (read_varint(reader) for _ in range(3))
    if count > len(data):
        raise CorruptFileError(f"the coded picture would have {count:,} streams in {len(data):,} bytes")
    streams = [reader.take(read_varint(reader)) for _ in range(count)]
    if reader.position < len(data):
        raise CorruptFileError(f"{len(data) - reader.position:,} bytes follow the streams of the coded picture")
    return streams, (height, width)
