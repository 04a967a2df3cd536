"""The chunk with a SHA-256 of the pixels a file was made from, by which `dlic verify` knows them again.

It covers width, height, channels and bits of a sample, 4 bytes each, then every sample row by row, channel by channel, all
big-endian: of the upright pixels as the codec was given them.
"""

from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlic.container.chunks import SOURCE, by_name
from dlic.container.format import Chunks
from dlic.errors import CorruptFileError

SHA256 = b"\x01"  # the only method so far


def write(pixels: NDArray[Any]) -> Chunks:
    """The chunk of uint8 or uint16 pixels (H, W) or (H, W, C)."""
    return ((SOURCE, SHA256 + digest(pixels)),)


def read(chunks: Chunks) -> bytes | None:
    """The stored hash, if there is one. Raises CorruptFileError for anything else in its place."""
    data = by_name(chunks).get(SOURCE)
    if data is None:
        return None
    if data[:1] != SHA256 or len(data) != 33:
        raise CorruptFileError("the hash of the source in the file is no SHA-256")
    return data[1:]


def digest(pixels: NDArray[Any]) -> bytes:
    """The SHA-256 of pixels."""
    height, width = pixels.shape[:2]
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    depth = 8 * pixels.dtype.itemsize
    head = b"".join(number.to_bytes(4, "big") for number in (width, height, channels, depth))
    samples = np.ascontiguousarray(pixels, pixels.dtype.newbyteorder(">"))
    return sha256(head + samples.tobytes()).digest()
