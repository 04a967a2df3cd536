"""Key frames as packets: pictures without the header of a file.

kind        1       LEARNED, TILED or EXACT; + LAYERED if exact blocks follow
coder       1
exact       …       if LAYERED: length varint, the layer of exact blocks, and its CRC-32
stream      …       as in a file of this kind
"""

import numpy as np
from numpy.typing import NDArray

from dlic.container.format import CRC, EXACT, EXACT_BLOCKS, LEARNED, TILED, Container, checksum
from dlic.container.sequence_groups import Packet
from dlic.entropy.byte_reader import Reader, read_varint, write_varint
from dlic.errors import CorruptFileError
from dlic.learned.codec import LearnedCodec
from dlic.learned.exact import whole
from dlic.pixels.frames import SequenceFormat

LAYERED = 128


def write_key(picture: Container) -> bytes:
    """The data of a picture's packet; of its chunks those with exact blocks are kept."""
    layer = dict(picture.chunks).get(EXACT_BLOCKS)
    if layer is None:
        return bytes([picture.kind, picture.coder]) + picture.stream
    return bytes([picture.kind | LAYERED, picture.coder]) + write_varint(len(layer)) + layer + checksum(layer) + picture.stream


def read_key(data: bytes, packet: Packet, form: SequenceFormat, model: bytes) -> Container:
    """Inverse of `write_key`; `model` are the first bytes of the checkpoint's fingerprint. Raises CorruptFileError."""
    reader = Reader(data)
    kind, coder = reader.take(2)
    layered, kind = kind >= LAYERED, kind % LAYERED
    if kind not in (LEARNED, TILED, EXACT) or (layered and kind == EXACT):
        raise CorruptFileError("a key frame of the sequence is of a kind that this dlic does not know")
    layer = reader.take(read_varint(reader)) if layered else b""
    if layered and reader.take(CRC) != checksum(layer):
        raise CorruptFileError("the exact blocks of a key frame are damaged: their checksum does not match")
    return Container(
        kind=kind,
        coder=coder,
        width=form.width,
        height=form.height,
        level=packet.level,
        model=bytes(len(model)) if kind == EXACT else model,
        symbols_crc=packet.symbols_crc,
        stream=data[reader.position :],
        chunks=((EXACT_BLOCKS, layer),) if layered else (),
    )


def decode_key(picture: Container, codec: LearnedCodec) -> NDArray[np.uint8]:
    """The pixels of a key frame: uint8 (H, W, 3). Raises CorruptFileError."""
    return whole.decode(picture) if picture.kind == EXACT else codec.decode(picture).image
