"""Gray and transparency for codecs of RGB, stored in optional chunks next to the coded picture.

pixels ⇄ colours, smooth where they are clear ⇄ RGB, gray as three equal channels ⇄ a codec
       ⇄ alpha ⇄ tiles ⇄ the lossless codec, or the wavelet codec where less is asked for ⇄ chunk

A plane of alpha that is one tile is a byte that says how it is coded, and what that gives. Of several tiles it is

    method  1       IN_TILES
    side    varint  pixels along a tile, a multiple of 64
    lengths varint  bytes of each tile, row by row
    tiles …         each as a plane of its own
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlic.container.chunks import ALPHA, GRAY, by_name
from dlic.container.format import Chunks
from dlic.container.tiles import is_side, tile_grid
from dlic.entropy.byte_reader import Reader, read_varint, write_varint
from dlic.errors import CorruptFileError, DlicError
from dlic.images.transparency import filled
from dlic.pixels.array_likes import as_array
from dlic.pixels.grid import Grid
from dlic.pixels.rectangles import Rectangle
from dlic.pixels.reduction import averaged
from dlic.runtime.memory import check_memory

ONE_VALUE, LOSSLESS, LOSSY, IN_TILES = 0, 1, 2, 3  # methods of coding alpha
ALPHA_TILE = 1024  # pixels along a tile, so that a part of a big picture needs only the alpha of about that part
LOSSLESS_HEAD, LOSSY_HEAD = bytes([8, 1]), bytes([1])  # how their streams begin: 8 bits of one channel; one component
EXACT = 100  # quality of alpha
FILLING = 40  # bytes a pixel to fill clear pixels: planes, weights and sums in float32


@dataclass(frozen=True, eq=False)
class Separated:
    """The input of a codec of RGB, and the chunks with the rest of the picture."""

    colours: NDArray[np.uint8]  # uint8 (H, W, 3), or (H, W) gray for a codec that takes it
    chunks: Chunks


def check_channels(image: Any) -> NDArray[np.uint8]:
    """`image` as an array if it is uint8 (H, W) or (H, W, 2 … 4) with at least one pixel; DlicError otherwise."""
    array = as_array(image)
    shape, dtype = array.shape, array.dtype
    fits = len(shape) == 2 or (len(shape) == 3 and 2 <= shape[2] <= 4)
    if dtype != np.uint8 or not fits:
        raise DlicError(f"an image must be a uint8 array of shape (height, width) or (height, width, 2 … 4), not {dtype} {shape}")
    if array.size == 0:
        raise DlicError(f"an image must have at least one pixel, not {shape[0]} × {shape[1]}")
    return array


def separate(image: NDArray[np.uint8], alpha_quality: int = EXACT, takes_gray: bool = False) -> Separated:
    """uint8 (H, W) gray, (H, W, 2) gray and alpha, (H, W, 3) RGB or (H, W, 4) RGBA, for a codec of RGB.

    Colours where alpha is 0 are replaced by a smooth continuation of those around them. Raises DlicError for other arrays.
    """
    image = check_channels(image)
    if not 1 <= alpha_quality <= EXACT:
        raise DlicError(f"alpha quality goes from 1 to {EXACT}, which is exact, not {alpha_quality}")
    chunks: Chunks = ()
    colours = image
    if image.shape[2:] in ((2,), (4,)):
        check_memory(image, FILLING)
        alpha = image[..., -1]
        colours = filled(image[..., 0] if image.shape[2] == 2 else image[..., :3], alpha)
        chunks = ((ALPHA, encode_alpha(alpha, alpha_quality)),)
    if colours.ndim == 2 and not takes_gray:
        check_memory(image, 3)
        colours = np.repeat(colours[..., None], 3, axis=2)
        chunks = ((GRAY, b""), *chunks)
    return Separated(colours, chunks)


def is_gray(chunks: Chunks) -> bool:
    """Whether a picture coded as RGB is gray."""
    return GRAY in by_name(chunks)


def unite(
    colours: NDArray[np.uint8],
    chunks: Chunks,
    whole: Rectangle | None = None,
    part: Rectangle | None = None,
    reduction: int = 1,
) -> NDArray[np.uint8]:
    """Inverse of `separate`, for decoded colours uint8 (H, W, 3) or (H, W). For a `part` of a picture, or for reduced
    colours, `whole` is the picture's size. Raises CorruptFileError.
    """
    described = by_name(chunks)
    _check_gray(described)
    if GRAY in described:
        colours = as_gray(colours)
    if ALPHA not in described:
        return colours
    height, width = (whole.height, whole.width) if whole else colours.shape[:2]
    return np.dstack([colours, averaged(decode_alpha(described[ALPHA], height, width, part), reduction)])


def verify(chunks: Chunks, height: int, width: int) -> None:
    """Decodes the transparency of a picture, if it has any. Raises CorruptFileError as `unite`."""
    described = by_name(chunks)
    _check_gray(described)
    if ALPHA in described:
        decode_alpha(described[ALPHA], height, width)


def _check_gray(chunks: Mapping[bytes, bytes]) -> None:
    if chunks.get(GRAY):
        raise CorruptFileError("the chunk 'gray' holds data, which it never does")


def as_gray(colours: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Decoded uint8 (H, W, 3) of a gray picture → (H, W): the mean of the channels, which is nearer to the original than any one.
    (H, W) stays.
    """
    if colours.ndim == 2:
        return colours
    total: NDArray[np.uint16] = colours[..., 0].astype(np.uint16) + colours[..., 1] + colours[..., 2]
    mean: NDArray[np.uint8] = ((total + 1) // 3).astype(np.uint8)
    return mean


def encode_alpha(alpha: NDArray[np.uint8], quality: int = EXACT, side: int = ALPHA_TILE) -> bytes:
    """uint8 (H, W) → the data of its chunk.

    Below EXACT, `quality` is the wavelet codec's, unless exact is smaller, as it can be of masks with sharp edges.
    """
    grid = tile_grid(alpha.shape[1], alpha.shape[0], side)
    if len(grid) == 1 or (alpha == alpha.flat[0]).all():
        return _encode_tile(alpha, quality)
    tiles = [_encode_tile(alpha[tile.slices], quality) for tile in grid.tiles]
    return bytes([IN_TILES]) + write_varint(side) + b"".join([*(write_varint(len(tile)) for tile in tiles), *tiles])


def decode_alpha(data: bytes, height: int, width: int, part: Rectangle | None = None) -> NDArray[np.uint8]:
    """Inverse of `encode_alpha`, lossy below quality EXACT; decodes only `part` of the plane, if given. Raises CorruptFileError."""
    part = part or Rectangle(0, 0, width, height)
    if data[:1] == bytes([ONE_VALUE]):
        return _decode_tile(data, part.height, part.width)
    if data[:1] != bytes([IN_TILES]):
        return _decode_tile(data, height, width)[part.slices]
    grid, tiles = _split(data, height, width)
    alpha = np.empty((part.height, part.width), np.uint8)
    for place in grid.meeting(part):
        tile = grid.tiles[place]
        shared = tile.overlap(part)
        alpha[shared.within(part)] = _decode_tile(tiles[place], tile.height, tile.width)[shared.within(tile)]
    return alpha


def is_in_parts(data: bytes | None) -> bool:
    """Whether the transparency is absent, or a part of it can be decoded without the rest."""
    return data is None or data[:1] in (bytes([ONE_VALUE]), bytes([IN_TILES]))


def _split(data: bytes, height: int, width: int) -> tuple[Grid, list[bytes]]:
    reader = Reader(data, 1)
    side = read_varint(reader)
    grid = tile_grid(width, height, side) if is_side(side) else None
    if grid is None or len(grid) > len(data):  # a tile has a length at least: no memory for false counts
        raise CorruptFileError(f"the tiles of the transparency cannot be {side:,} pixels wide")
    lengths = [read_varint(reader) for _ in range(len(grid))]
    tiles = [reader.take(length) for length in lengths]
    if reader.position != len(data):
        raise CorruptFileError("the tiles of the transparency are not as long as their lengths say")
    return grid, tiles


def _encode_tile(alpha: NDArray[np.uint8], quality: int) -> bytes:
    from dlic.classical.lossless import codec as lossless
    from dlic.classical.wavelet import codec as wavelet  # few pictures need them, and they take a while to load

    first = int(alpha.flat[0])
    if (alpha == first).all():
        return bytes([ONE_VALUE, first])
    exact = bytes([LOSSLESS]) + lossless.encode(alpha[..., None], lossless.PREDICTIVE)
    if quality == EXACT:
        return exact
    lossy = bytes([LOSSY]) + wavelet.encode(alpha, quality)
    return min(exact, lossy, key=len)


def _decode_tile(data: bytes, height: int, width: int) -> NDArray[np.uint8]:
    from dlic.classical.lossless import codec as lossless
    from dlic.classical.wavelet import codec as wavelet

    method, coded = data[:1], data[1:]
    if method == bytes([ONE_VALUE]) and len(coded) == 1:
        return np.full((height, width), coded[0], np.uint8)
    if method == bytes([LOSSLESS]) and coded.startswith(LOSSLESS_HEAD):
        return lossless.decode(coded, height, width)
    if method == bytes([LOSSY]) and coded.startswith(LOSSY_HEAD):
        return wavelet.decode(coded, height, width)
    raise CorruptFileError("the transparency is coded in a way this dlic does not know")
