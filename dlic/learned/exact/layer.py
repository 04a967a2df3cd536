"""Exact blocks as pixels: stored in pieces, pasted over a decoded picture, and hidden from the network."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from dlic.classical.lossless import repeating, webp
from dlic.container.exact_layer import BLOCK, SIDE, ExactLayer, places, read
from dlic.container.format import EXACT_BLOCKS, Container
from dlic.images.transparency import filled
from dlic.pixels.colour_codes import in_colours, packed, unpacked
from dlic.pixels.rectangles import Rectangle

OPAQUE = 1 << 24  # the least number of a pixel of four bytes, little-endian, whose alpha is not 0
SAMPLED = 17  # one of so many pixels is counted to find the most frequent colour

Samples = NDArray[np.uint8]  # (H, W, 3)
Mask = NDArray[np.bool_]


def in_pixels(mask: Mask, part: Rectangle) -> Mask:
    """A mask of blocks for the pixels of a part: (height, width)."""
    blocks = part.in_steps(BLOCK)
    rows = np.repeat(mask[blocks.slices], BLOCK, axis=0)[part.y - BLOCK * blocks.y :][: part.height]
    pixels: Mask = np.repeat(rows, BLOCK, axis=1)[:, part.x - BLOCK * blocks.x :][:, : part.width]
    return pixels


def hidden(image: Samples, mask: Mask, clear: Mask | None = None) -> Samples:
    """An image for the network, with a smooth continuation of the rest in place of exact blocks, except their `clear` pixels."""
    visible = ~in_pixels(mask, Rectangle(0, 0, image.shape[1], image.shape[0]))
    if clear is not None:
        visible |= clear
    return filled(image, visible.astype(np.uint8))


def layer_of(container: Container) -> ExactLayer | None:
    """The exact blocks of a learned picture, if it has any. Raises CorruptFileError."""
    data = dict(container.chunks).get(EXACT_BLOCKS)
    return None if data is None else read(data, container.width, container.height)


def store(
    image: Samples,
    mask: Mask,
    searches: Iterable[webp.Search],
    side: int = SIDE,
    clear: Mask | None = None,
    known: Sequence[bytes] | None = None,
) -> ExactLayer:
    """The layer of an image's exact blocks; pixels (H, W) of them that are clear are the network's. `known`: what `quick` gives."""
    height, width = image.shape[:2]
    known = quick(image, mask, side, clear) if known is None else known
    streams = [
        repeating.smallest(_alone(image, mask, place, clear), searches, stream)
        for place, stream in zip(places(mask, width, height, side), known, strict=True)
    ]
    return ExactLayer(width=width, height=height, mask=mask, side=side, streams=tuple(streams))


def quick(image: Samples, mask: Mask, side: int = SIDE, clear: Mask | None = None) -> tuple[bytes, ...]:
    """Streams of a layer, some 8 % larger than those that `store` gives: WebP takes a fifth of the time of a palette."""
    height, width = image.shape[:2]
    return tuple(webp.encode(_alone(image, mask, place, clear), webp.QUICK) for place in places(mask, width, height, side))


def _alone(image: Samples, mask: Mask, place: Rectangle, clear: Mask | None) -> Samples:
    """The exact blocks of a place: (height, width, 3), or 4 if they have clear pixels. What costs least is around them: clear
    pixels, or their most frequent colour.
    """
    pixels, exact = image[place.slices], in_pixels(mask, place)
    if clear is not None and clear[place.slices].any():
        opaque = exact & ~clear[place.slices]
        with_alpha = np.zeros((place.height, place.width, 4), np.uint8)
        np.copyto(in_colours(with_alpha), in_colours(np.ascontiguousarray(pixels)), where=opaque)
        np.multiply(opaque, np.uint8(255), out=with_alpha[..., 3])
        return with_alpha
    pixels = np.ascontiguousarray(pixels)
    if exact.all():
        return pixels
    codes, counts = np.unique(packed(pixels.reshape(-1, 3)[np.flatnonzero(exact)[::SAMPLED]]), return_counts=True)
    alone = np.full_like(pixels, unpacked(codes[counts.argmax()]))
    np.copyto(in_colours(alone), in_colours(pixels), where=exact)
    return alone


def paste(layer: ExactLayer, picture: Samples, part: Rectangle) -> None:
    """Writes the exact blocks into a decoded part of the picture; only the pieces that meet it are decoded. Raises
    CorruptFileError.
    """
    for place, stream in zip(layer.places, layer.streams, strict=True):
        shared = place.overlap(part)
        if shared.width <= 0 or shared.height <= 0:
            continue
        _copy(_decoded(stream, place)[shared.within(place)], picture[shared.within(part)], in_pixels(layer.mask, shared))


def _copy(pixels: Samples, picture: Samples, exact: Mask) -> None:
    """Writes pixels (H, W, 3 or 4) that are exact and not clear into a picture (H, W, 3)."""
    if pixels.shape[2] == 4:
        exact = exact & (pixels.view("<u4")[..., 0] >= OPAQUE)
    if exact.all():
        picture[...] = pixels[..., :3]
    else:
        np.copyto(in_colours(picture), in_colours(pixels), where=exact)


def verify(layer: ExactLayer) -> None:
    """Decodes every piece. Raises CorruptFileError."""
    for place, stream in zip(layer.places, layer.streams, strict=True):
        _decoded(stream, place)


def _decoded(stream: bytes, place: Rectangle) -> Samples:
    """The pixels of a place: (height, width, 3), or 4 if some are clear."""
    return repeating.decode(stream, place.height, place.width, 4 if repeating.has_alpha(stream) else 3)
