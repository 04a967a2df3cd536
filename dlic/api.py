"""The public functions: arrays ⇄ bytes."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dlic import checkpoints
from dlic.container.format import Container, read
from dlic.errors import CorruptFileError
from dlic.images.files import MAX_PIXELS

if TYPE_CHECKING:
    from dlic.codecs.learned import LearnedCodec


def compress(image: np.ndarray, *, model: str | None = None, weights: str | Path | None = None) -> bytes:
    """uint8 RGB pixels (height, width, 3), any size from 1×1 → the bytes of a .dlic file.

    Args:
        image: the pixels.
        model: name of a checkpoint on this machine; the shipped default when neither is given.
        weights: folder of a checkpoint instead of a name.

    Raises:
        DlicError: `image` is no such array.
        UnknownCheckpointError: the checkpoint is missing or damaged.
    """
    from dlic.codecs.learned import load_codec

    return load_codec(choose(model, weights)).compress(image)


def decompress(data: bytes, *, weights: str | Path | None = None, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """The bytes of a .dlic file → uint8 RGB pixels (height, width, 3).

    Args:
        data: the whole file.
        weights: folder of the checkpoint it was made with, where dlic would not find it.
        max_pixels: larger pictures are refused before anything is allocated.

    Raises:
        CorruptFileError: `data` is truncated, damaged, or no .dlic file.
        UnknownCheckpointError: the checkpoint it was made with is not on this machine.
    """
    codec, container = codec_of(data, weights, max_pixels)
    return codec.decode(container).image


def codec_of(data: bytes, weights: str | Path | None, max_pixels: int) -> "tuple[LearnedCodec, Container]":
    """A parsed file and the codec it was made with; raises as `decompress` does."""
    if not isinstance(data, bytes | bytearray | memoryview):
        raise CorruptFileError(f"a .dlic file is bytes, not {type(data).__name__}")
    container = read(bytes(data))
    width, height = container.width, container.height
    if width * height > max_pixels:  # before anything is allocated for it
        raise CorruptFileError(
            f"the picture would have {width} × {height} pixels, above the limit of {max_pixels:,}; --max-pixels raises it"
        )
    folder = checkpoints.as_folder(weights) if weights else checkpoints.find_by_fingerprint(container.model)
    from dlic.codecs.learned import load_codec  # torch is loaded only for what will be decoded

    return load_codec(folder), container


def choose(model: str | None, weights: str | Path | None) -> Path:
    """The checkpoint folder that a name, a path, or neither stands for."""
    if weights is not None:
        return checkpoints.as_folder(weights)
    return checkpoints.find(model or checkpoints.default_name())
