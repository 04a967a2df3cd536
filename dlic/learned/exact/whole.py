"""Pictures whose blocks are all exact: files of kind EXACT, without a network."""

import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dlic.classical.lossless import repeating
from dlic.container.exact_layer import ExactLayer, read, write
from dlic.container.format import EXACT, Chunks, Container, check_kind, check_no_coder
from dlic.errors import CorruptFileError
from dlic.learned.exact.choice import Chooser, Exact, searches_of
from dlic.learned.exact.layer import paste
from dlic.learned.exact.price import LEVELS, Price
from dlic.learned.picture import Encoded
from dlic.learned.picture_codec import level_of
from dlic.pixels.rectangles import Rectangle


def at_quality(chooser: Chooser, quality: int, effort: int, chunks: Chunks) -> Encoded | None:
    """The file of a picture at a quality 1 … 100, if all of its blocks are exact there and no other choice costs about as much."""
    level = level_of(quality, LEVELS)
    price = Price.of_level(level, LEVELS)
    rivals = chooser.rivals(price)
    if len(rivals) > 1 or rivals[0] is None or not rivals[0].mask.all():
        return None
    exact = chooser.stored(rivals[0], price, searches_of(effort))
    return encoded(exact, level, chunks) if exact is not None and exact.whole else None


def forced(chooser: Chooser, quality: int, effort: int, chunks: Chunks) -> Encoded:
    """The file of a picture at a quality 1 … 100, with all of its blocks exact whatever that costs."""
    level = level_of(quality, LEVELS)
    return encoded(chooser.everything(Price.of_level(level, LEVELS), searches_of(effort)), level, chunks)


def encoded(exact: Exact, level: int, chunks: Chunks) -> Encoded:
    """The file of a picture whose blocks are all exact."""
    stream = write(exact.layer)
    container = Container(
        kind=EXACT,
        width=exact.layer.width,
        height=exact.layer.height,
        level=level,
        symbols_crc=zlib.crc32(exact.image.tobytes()),
        stream=stream,
        chunks=chunks,
    )
    return Encoded(container=container, crcs=(container.symbols_crc,), estimate=lambda: 8 * len(stream), seconds={}, exact=1.0)


def decode(container: Container, crop: Rectangle | None = None) -> NDArray[np.uint8]:
    """uint8 (H, W, 3) of a picture, or of a part of it. Raises CorruptFileError."""
    layer, part = layer_of_whole(container), crop or Rectangle(0, 0, container.width, container.height)
    pixels = np.empty((part.height, part.width, 3), np.uint8)
    paste(layer, pixels, part)
    if crop is None and zlib.crc32(pixels.tobytes()) != container.symbols_crc:
        raise CorruptFileError("the picture is damaged: its samples are not those that were encoded")
    return pixels


@dataclass(frozen=True)
class WholeCodec:
    """Reads files of kind EXACT back."""

    levels: int = LEVELS

    def crcs(self, container: Container) -> tuple[int, ...]:
        """Decodes the picture; returns the CRC-32 of its samples. Raises CorruptFileError."""
        decode(container)
        return (container.symbols_crc,)


def layer_of_whole(container: Container) -> ExactLayer:
    """The layer of a file of kind EXACT. Raises CorruptFileError."""
    check_kind(container, EXACT, codec="a codec of exact blocks")
    check_no_coder(container)
    layer = read(container.stream, container.width, container.height)
    if not layer.mask.all() or any(map(repeating.has_alpha, layer.streams)):
        raise CorruptFileError("the file has a network's picture missing: not all of its blocks are exact")
    return layer
