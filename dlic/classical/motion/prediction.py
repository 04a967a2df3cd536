"""The prediction of a frame from decoded frames and a motion field, exact on every machine.

references ─ windows at vectors (`interpolation`) ─ mean of two, or one, or a colour ─ blended (`overlap`) ─ p
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dlic.classical.motion import compiled
from dlic.classical.motion.field import BLOCK, BOTH, FIRST, FLAT, FRACTION, SUB, MotionField
from dlic.classical.motion.interpolation import SCALE, TAPS, Reference
from dlic.classical.motion.overlap import BAND, OVERLAP, WINDOW, Windows, blended
from dlic.classical.motion.parallel import for_each
from dlic.pixels.coverage import covering
from dlic.pixels.rectangles import Rectangle

WORTH = 40  # macroblocks that a division of what moves must save: each part takes about as long as so many


def predict(references: Sequence[NDArray[np.uint8]], field: MotionField) -> NDArray[np.uint8]:
    """p (H, W, 3) from as many references (H, W, 3 or more) as the field has, and of its size."""
    if field.is_still:
        return references[0][..., :3].copy()
    if compiled.serves(*references[0].shape[:2]):
        return compiled.predict(references, field)
    return _predict(references, field)


def _predict(references: Sequence[NDArray[np.uint8]], field: MotionField) -> NDArray[np.uint8]:
    p = references[0][..., :3].copy()
    frame = Rectangle(0, 0, *reversed(field.size))
    for inner in covering(_moving(field), WORTH):
        outer = inner.grown(1, frame)  # whose windows reach into it
        sources = [_source(reference, field, number, outer) for number, reference in enumerate(references)]
        target = p[_pixels(inner, frame)]
        target[...] = _blended(sources, field, outer)[_pixels(inner, outer)][: target.shape[0], : target.shape[1]]
    return p


def _moving(field: MotionField) -> NDArray[np.bool_]:
    """Macroblocks (mh, mw) whose pixels may not be those of the first reference: all that move, and their neighbours."""
    moves = (field.modes != FIRST) | field.split | field.vectors[0, ::2, ::2].any(axis=2)
    down = moves.copy()
    down[1:] |= moves[:-1]
    down[:-1] |= moves[1:]
    around = down.copy()
    around[:, 1:] |= down[:, :-1]
    around[:, :-1] |= down[:, 1:]
    return around


def _source(reference: NDArray[np.uint8], field: MotionField, number: int, area: Rectangle) -> Reference:
    """The part of a reference that the windows of an area of macroblocks can reach."""
    vectors = field.vectors[number, 2 * area.y : 2 * area.bottom, 2 * area.x : 2 * area.right]
    reach = max(-int(vectors.min()), int(vectors.max())) // FRACTION + OVERLAP + TAPS
    box = Rectangle(BLOCK * area.x, BLOCK * area.y, BLOCK * area.width, BLOCK * area.height)
    part = box.grown(reach, Rectangle(0, 0, reference.shape[1], reference.shape[0]))
    return Reference(reference[part.slices][..., :3], WINDOW, (part.y, part.x))


def _pixels(inner: Rectangle, outer: Rectangle) -> tuple[slice, slice]:
    rows, columns = inner.within(outer)
    return slice(BLOCK * rows.start, BLOCK * rows.stop), slice(BLOCK * columns.start, BLOCK * columns.stop)


def _blended(sources: Sequence[Reference], field: MotionField, area: Rectangle) -> NDArray[np.uint8]:
    """The pixels of the macroblocks of an area: (BLOCK · height, BLOCK · width, 3)."""
    modes, split = field.modes[area.slices], field.split[area.slices]
    windows = np.zeros((WINDOW, area.height * area.width, 3, WINDOW), np.int16)
    flat = np.flatnonzero(modes == FLAT)
    windows[:, flat] = 2 * SCALE * field.colours[area.slices].reshape(-1, 3)[flat].astype(np.int16)[:, :, None]
    rows, columns = np.nonzero(~split & (modes != FLAT))
    _add(windows, rows * area.width + columns, sources, field, (rows + area.y, columns + area.x), BLOCK)
    rows, columns = np.nonzero(split)
    blocks = np.zeros((SUB + BAND, 4 * rows.size, 3, SUB + BAND), np.int16)
    y, x = (np.add.outer([[0, 0], [1, 1]], 2 * (rows + area.y)), np.add.outer([[0, 1], [0, 1]], 2 * (columns + area.x)))
    _add(blocks, np.arange(4 * rows.size), sources, field, (y.ravel(), x.ravel()), SUB)
    return blended(
        windows.reshape(WINDOW, *split.shape, 3, WINDOW), split, blocks.reshape(SUB + BAND, 2, 2, rows.size, 3, SUB + BAND)
    )


def _add(
    total: Windows,
    places: NDArray[np.int64],
    sources: Sequence[Reference],
    field: MotionField,
    at: tuple[NDArray[np.int64], NDArray[np.int64]],
    block: int,
) -> None:
    """Adds windows of blocks of 16 × 16 or 8 × 8 pixels `at` y, x (N,) in blocks to those at `places` (N,) of `total`
    (size, M, 3, size).
    """
    (y, x), cells = at, block // SUB
    modes = field.modes[y * cells // 2, x * cells // 2]

    def taken(number: int) -> tuple[NDArray[np.int64], Windows]:
        which = np.flatnonzero((modes == number) | (modes == BOTH))
        down, right = field.vectors[number, cells * y[which], cells * x[which]].astype(np.int64).T
        corner = FRACTION * (block * y[which] - OVERLAP) + down, FRACTION * (block * x[which] - OVERLAP) + right
        order, windows = sources[number].windows(*corner, len(total))
        which = which[order]
        windows *= np.where(modes[which] == BOTH, 1, 2).astype(np.int16)[:, None, None]
        return places[which], windows

    if places.size:
        for number, (which, windows) in enumerate(for_each(range(len(sources)), taken)):
            if number:
                windows += np.take(total, which, axis=1)  # a third of the time of += with an index
            total[:, which] = windows
