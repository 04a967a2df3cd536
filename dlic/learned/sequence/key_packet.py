"""Key frames as packets: pictures without the header of a file.

kind        1       LEARNED, TILED or EXACT; + LAYERED if exact blocks follow, + GUARDED if offsets do
coder       1
exact       …       if LAYERED: length varint, the layer of exact blocks, and its CRC-32
offsets     …       if GUARDED: length varint, and the stream of `offsets.write_steps`
stream      …       as in a file of this kind

The packet's checksum is that of the symbols, exclusive or the CRC-32 of the stream of offsets.
"""

from dataclasses import dataclass
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from dlic.container.format import CRC, EXACT, EXACT_BLOCKS, LEARNED, TILED, Container, checksum
from dlic.container.sequence_groups import Packet
from dlic.entropy.byte_reader import Reader, read_varint, write_varint
from dlic.errors import CorruptFileError
from dlic.learned.codec import LearnedCodec
from dlic.learned.exact import whole
from dlic.learned.guarded_rounding import KEY, GuardedRounding
from dlic.learned.sequence.offsets import read_steps, write_steps
from dlic.pixels.frames import SequenceFormat

LAYERED, GUARDED = 128, 64


@dataclass(frozen=True, eq=False)
class KeyPacket:
    """A key frame as a picture."""

    picture: Container
    steps: NDArray[np.int16] | None = None  # of the offsets of a guarded frame (h, w)


def encode_key(picture: Container, codec: LearnedCodec, guarded: bool) -> tuple[KeyPacket, NDArray[np.uint8]]:
    """The packet of a picture, and its pixels as a decoder has them (H, W, 3); `guarded` if other frames refer to it."""
    if picture.kind == EXACT or not guarded or not codec.unit.guardable:
        return KeyPacket(picture), decode_key(KeyPacket(picture), codec)
    rounding = GuardedRounding(KEY, (picture.height, picture.width), choose=True)
    pixels = codec.decode_guarded(picture, rounding)
    return KeyPacket(picture, rounding.steps), pixels


def write_key(packet: KeyPacket) -> tuple[bytes, int]:
    """The data of a packet, and its checksum; of the picture's chunks those with exact blocks are kept."""
    picture, steps = packet.picture, packet.steps
    layer, offsets = dict(picture.chunks).get(EXACT_BLOCKS), b"" if steps is None else write_steps(steps)
    head = bytes([picture.kind | LAYERED * (layer is not None) | GUARDED * (steps is not None), picture.coder])
    if layer is not None:
        head += write_varint(len(layer)) + layer + checksum(layer)
    if steps is not None:
        head += write_varint(len(offsets)) + offsets
    return head + picture.stream, picture.symbols_crc ^ crc32(offsets)


def read_key(data: bytes, packet: Packet, form: SequenceFormat, model: bytes) -> KeyPacket:
    """Inverse of `write_key`; `model` are the first bytes of the checkpoint's fingerprint. Raises CorruptFileError."""
    reader = Reader(data)
    kind, coder = reader.take(2)
    layered, guarded, kind = bool(kind & LAYERED), bool(kind & GUARDED), kind & ~(LAYERED | GUARDED)
    if kind not in (LEARNED, TILED, EXACT) or (kind == EXACT and (layered or guarded)):
        raise CorruptFileError("a key frame of the sequence is of a kind that this dlic does not know")
    layer = reader.take(read_varint(reader)) if layered else b""
    if layered and reader.take(CRC) != checksum(layer):
        raise CorruptFileError("the exact blocks of a key frame are damaged: their checksum does not match")
    offsets = reader.take(read_varint(reader)) if guarded else b""
    picture = Container(
        kind=kind,
        coder=coder,
        width=form.width,
        height=form.height,
        level=packet.level,
        model=bytes(len(model)) if kind == EXACT else model,
        symbols_crc=packet.symbols_crc ^ crc32(offsets),
        stream=data[reader.position :],
        chunks=((EXACT_BLOCKS, layer),) if layered else (),
    )
    return KeyPacket(picture, read_steps(offsets, KEY.units(form.height, form.width)) if guarded else None)


def decode_key(packet: KeyPacket, codec: LearnedCodec) -> NDArray[np.uint8]:
    """The pixels of a key frame: uint8 (H, W, 3). Raises CorruptFileError."""
    picture = packet.picture
    if picture.kind == EXACT:
        return whole.decode(picture)
    if packet.steps is None:
        return codec.decode(picture).image
    if not codec.unit.guardable:
        raise CorruptFileError(f"a key frame of the sequence has offsets, which {codec.name} does not take")
    return codec.decode_guarded(picture, GuardedRounding(KEY, (picture.height, picture.width), packet.steps))
