"""The prediction of a frame from decoded frames and a motion field: overlapped blocks, exact on every machine.

A block's window reaches OVERLAP pixels beyond it. Weights fall to zero over 2 · OVERLAP pixels across each edge (Orchard and
Sullivan, "Overlapped block motion compensation", IEEE Transactions on Image Processing 3, 1994), so the weights of all windows sum
to one. At the frame's border there is nothing to overlap with.

    references ─ windows at vectors ─ mean of two, or one, or a colour ─ · weights ─ sum ─ p

All numbers are whole and below 2²⁴, which float32 holds exactly.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from dlic.classical.motion.field import BLOCK, BOTH, FIRST, FLAT, FRACTION, SUB, MotionField
from dlic.classical.motion.interpolation import SCALE, TAPS, Reference
from dlic.classical.motion.parallel import for_each
from dlic.pixels.rectangles import Rectangle

OVERLAP = 4
WINDOW = BLOCK + 2 * OVERLAP
WEIGHT = 4 * OVERLAP  # the weight one along an axis
TOTAL = 2 * SCALE * WEIGHT**2  # of a sum: two references, 1/16 grey levels, weights down and across
QUARTERS = ((0, 0), (0, 1), (1, 0), (1, 1))  # rows and columns of the blocks of a split macroblock
MARGIN = WINDOW + TAPS + BLOCK  # the last macroblock lies almost one beyond the frame


def predict(references: Sequence[NDArray[np.uint8]], field: MotionField) -> NDArray[np.uint8]:
    """p (H, W, 3) from as many references (H, W, 3 or more) as the field has, and of its size."""
    p = references[0][..., :3].copy()
    inner = _moving(field)
    if not inner.width:
        return p
    mh, mw = field.size
    outer = inner.grown(1, Rectangle(0, 0, mw, mh))  # whose windows reach into it
    sources = [_source(reference, field, number, outer) for number, reference in enumerate(references)]
    total = _sum(_windows(sources, field, outer))[_pixels(inner, outer)]
    levels = np.floor((total + TOTAL // 2) * np.float32(1 / TOTAL))
    target = p[_pixels(inner, Rectangle(0, 0, mw, mh))]
    target[...] = np.clip(levels, 0, 255)[: target.shape[0], : target.shape[1]]
    return p


def _moving(field: MotionField) -> Rectangle:
    """The macroblocks whose pixels are not those of the first reference: all that are, and their neighbours; empty if none are."""
    moves = (field.modes != FIRST) | field.split | field.vectors[0, ::2, ::2].any(axis=2)
    rows, columns = np.flatnonzero(moves.any(axis=1)), np.flatnonzero(moves.any(axis=0))
    if not rows.size:
        return Rectangle(0, 0, 0, 0)
    mh, mw = field.size
    some = Rectangle.between(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
    return some.grown(1, Rectangle(0, 0, mw, mh))


def _source(reference: NDArray[np.uint8], field: MotionField, number: int, area: Rectangle) -> Reference:
    """The part of a reference that the windows of an area of macroblocks can reach."""
    vectors = field.vectors[number, 2 * area.y : 2 * area.bottom, 2 * area.x : 2 * area.right]
    reach = max(-int(vectors.min()), int(vectors.max())) // FRACTION + OVERLAP + TAPS
    box = Rectangle(BLOCK * area.x, BLOCK * area.y, BLOCK * area.width, BLOCK * area.height)
    part = box.grown(reach, Rectangle(0, 0, reference.shape[1], reference.shape[0]))
    return Reference(reference[part.slices][..., :3], MARGIN, (part.y, part.x))


def _pixels(inner: Rectangle, outer: Rectangle) -> tuple[slice, slice]:
    rows, columns = inner.within(outer)
    return slice(BLOCK * rows.start, BLOCK * rows.stop), slice(BLOCK * columns.start, BLOCK * columns.stop)


def _windows(sources: Sequence[Reference], field: MotionField, area: Rectangle) -> NDArray[np.float32]:
    """Weighted windows of the macroblocks of an area: (height, width, WINDOW, WINDOW, 3)."""
    modes, split = field.modes[area.slices], field.split[area.slices]
    values = np.zeros((area.height, area.width, WINDOW, 3 * WINDOW), np.int16)
    rows, columns = np.nonzero(~split & (modes != FLAT))
    values[rows, columns] = _predicted(sources, field, (rows + area.y, columns + area.x), BLOCK)
    colours = field.colours[area.slices][modes == FLAT].astype(np.int16)
    values[modes == FLAT] = np.tile(2 * SCALE * colours, WINDOW)[:, None]
    weighted = np.empty(values.shape, np.float32)
    for i, down in _weights(field.size[0], area.y, area.bottom, BLOCK):
        for j, across in _weights(field.size[1], area.x, area.right, BLOCK):
            np.multiply(values[i, j], down[:, None] * across.repeat(3), out=weighted[i, j])
    if split.any():
        _add_split(weighted, sources, field, area)
    return weighted.reshape(*split.shape, WINDOW, WINDOW, 3)


def _add_split(weighted: NDArray[np.float32], sources: Sequence[Reference], field: MotionField, area: Rectangle) -> None:
    """Adds the weighted windows of the four blocks of split macroblocks to those of all."""
    rows, columns = np.nonzero(field.split[area.slices])
    y = np.concatenate([2 * (rows + area.y) + i for i, _ in QUARTERS])
    x = np.concatenate([2 * (columns + area.x) + j for _, j in QUARTERS])
    parts = _predicted(sources, field, (y, x), SUB) * block_weights(2 * field.size[0], y)[:, :, None]
    parts *= block_weights(2 * field.size[1], x).repeat(3, axis=1)[:, None]
    for (i, j), part in zip(QUARTERS, np.split(parts, len(QUARTERS)), strict=True):
        weighted[rows, columns, SUB * i : SUB * i + SUB + 2 * OVERLAP, 3 * SUB * j : 3 * (SUB * j + SUB + 2 * OVERLAP)] += part


def _predicted(
    sources: Sequence[Reference], field: MotionField, at: tuple[NDArray[np.int64], NDArray[np.int64]], block: int
) -> NDArray[np.int16]:
    """Windows of blocks of 16 × 16 or 8 × 8 pixels `at` y, x (N,) in blocks, in 1/32 grey levels: (N, size, 3·size)."""
    (y, x), size, cells = at, block + 2 * OVERLAP, block // SUB
    modes = field.modes[y * cells // 2, x * cells // 2]

    def taken(number: int) -> tuple[NDArray[np.int64], NDArray[np.int16]]:
        which = np.flatnonzero((modes == number) | (modes == BOTH))
        down, right = field.vectors[number, cells * y[which], cells * x[which]].astype(np.int64).T
        corner = FRACTION * (block * y[which] - OVERLAP) + down, FRACTION * (block * x[which] - OVERLAP) + right
        windows = sources[number].windows(*corner, size)
        windows *= np.where(modes[which] == BOTH, 1, 2).astype(np.int16)[:, None, None]
        return which, windows

    total = np.zeros((y.size, size, 3 * size), np.int16)
    for which, windows in for_each(range(len(sources)), taken):
        total[which] += windows
    return total


def _weights(count: int, start: int, stop: int, block: int) -> Iterator[tuple[slice, NDArray[np.float32]]]:
    """Weights along one axis of the windows of blocks start … stop − 1 of `count`, in runs of equal ones."""
    edges = sorted({start, stop, *(edge for edge in (1, count - 1) if start < edge < stop)})
    for first, end in pairwise(edges):
        yield slice(first - start, end - start), block_weights(count, np.array([first]), block)[0]


def block_weights(count: int, places: NDArray[np.int64], block: int = SUB) -> NDArray[np.float32]:
    """Weights along one axis of the windows of blocks at `places` (N,) of `count`: (N, block + 2 · OVERLAP). Of all windows over a
    pixel of the frame they sum to WEIGHT.
    """
    rise = np.arange(1, WEIGHT, 2, dtype=np.float32)
    weights = np.full((places.size, block + 2 * OVERLAP), WEIGHT, np.float32)
    weights[places > 0, : 2 * OVERLAP] = rise
    weights[places < count - 1, -2 * OVERLAP :] = rise[::-1]
    return weights


def _sum(windows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Sum of overlapping windows (height, width, WINDOW, WINDOW, 3): (BLOCK · height, BLOCK · width, 3)."""
    height, width = windows.shape[:2]
    total = np.zeros((height + 1, BLOCK, width + 1, BLOCK, 3), np.float32)
    windows = windows.transpose(0, 2, 1, 3, 4)
    for down, rows in ((0, slice(0, BLOCK)), (1, slice(BLOCK, WINDOW))):
        for right, columns in ((0, slice(0, BLOCK)), (1, slice(BLOCK, WINDOW))):
            part = windows[:, rows, :, columns]
            total[down : down + height, : part.shape[1], right : right + width, : part.shape[3]] += part
    return total.reshape(BLOCK * (height + 1), BLOCK * (width + 1), 3)[OVERLAP:, OVERLAP:][: BLOCK * height, : BLOCK * width]
