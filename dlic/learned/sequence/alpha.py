"""Transparency of frames ⇄ bytes, exact.

method 1    0 that of the first reference, 1 one value (1 byte), 2 a lossless stream, 3 a lossless stream of the difference
            from the first reference's, modulo 256; streams are followed by their CRC-32
"""

import numpy as np
from numpy.typing import NDArray

from dlic.classical.lossless import codec as lossless
from dlic.container.format import CRC, checksum
from dlic.entropy.byte_reader import Reader, read_varint
from dlic.errors import CorruptFileError

SAME, ONE_VALUE, LOSSLESS, DIFFERENCE = range(4)
HEAD = bytes([8, 1])  # how a lossless stream of one channel of 8 bits begins


def split_alpha(data: bytes, has_alpha: bool) -> tuple[bytes | None, bytes]:
    """The coded alpha that the packet of a sequence with alpha begins with, and the rest of it. Raises CorruptFileError."""
    if not has_alpha:
        return None, data
    reader = Reader(data)
    alpha = reader.take(read_varint(reader))
    return alpha, data[reader.position :]


def encode_alpha(alpha: NDArray[np.uint8], reference: NDArray[np.uint8] | None) -> bytes:
    """uint8 (H, W), given that of the first reference if there is one."""
    if reference is not None and np.array_equal(alpha, reference):
        return bytes([SAME])
    if (alpha == alpha.flat[0]).all():
        return bytes([ONE_VALUE, int(alpha.flat[0])])
    coded = [bytes([LOSSLESS]) + lossless.encode(alpha[..., None], lossless.PREDICTIVE)]
    if reference is not None:
        coded.append(bytes([DIFFERENCE]) + lossless.encode((alpha - reference)[..., None], lossless.PREDICTIVE))
    shortest = min(coded, key=len)
    return shortest + checksum(shortest)


def decode_alpha(data: bytes, size: tuple[int, int], reference: NDArray[np.uint8] | None) -> NDArray[np.uint8]:
    """Inverse of `encode_alpha` for a frame of `size` (H, W). Raises CorruptFileError."""
    method, coded = data[:1], data[1:]
    if method == bytes([SAME]) and reference is not None and not coded:
        return reference
    if method == bytes([ONE_VALUE]) and len(coded) == 1:
        return np.full(size, coded[0], np.uint8)
    if method in (bytes([LOSSLESS]), bytes([DIFFERENCE])) and coded.startswith(HEAD):
        if checksum(data[:-CRC]) != data[-CRC:]:
            raise CorruptFileError("the transparency of a frame is damaged: its checksum does not match")
        plane = lossless.decode(coded[:-CRC], *size)
        if method == bytes([LOSSLESS]):
            return plane
        if reference is not None:
            return plane + reference
    raise CorruptFileError("the transparency of a frame is coded in a way this dlic does not know")
