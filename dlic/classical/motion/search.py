"""Motion search: a frame and its references → the field of the lowest differences + price · bits."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dlic.classical.motion import coarse, scrolling
from dlic.classical.motion.block_search import BlockSearch
from dlic.classical.motion.field import BLOCK, BOTH, FIRST, FLAT, SECOND, SUB, MotionField, of_macroblocks
from dlic.classical.motion.pair_search import PairSearch, mean
from dlic.classical.motion.parallel import for_each
from dlic.classical.motion.planes import CurrentBlocks, Planes, apart, differences, luma
from dlic.classical.motion.temporal import Expected

MODE_BITS = {FIRST: 0.5, SECOND: 1.5, BOTH: 1.5, FLAT: 24.0}
SPLIT_BITS = 4.0
CODED = 0.6  # of a block's pixels that a residual's bits are like independent values of; chosen on two held-out clips


class SearchReference:
    """A decoded frame as the search needs it; what is computed is kept for the next frame that refers to it."""

    def __init__(self, pixels: NDArray[np.uint8]):
        self.gray = luma(pixels)

    @cached_property
    def planes(self) -> Planes:
        """At quarter pels."""
        return Planes(self.gray)


@dataclass(frozen=True, kw_only=True)
class SearchOptions:
    """How motion is searched for."""

    price: float  # absolute differences of luma that a bit is worth
    # Whether the frame lies between its references. Such frames have few residuals, so their modes are chosen by squared
    # differences; those of others by absolute ones. Each cost 1 to 2 % more bits for the other kind on two held-out clips.
    between: bool = False
    scrolls: bool = False  # whether the frame may be a screen whose text has gone far
    rounds: int = 1  # of refinement: more find smoother fields of smaller errors


@dataclass(frozen=True, kw_only=True)
class _Errors:
    """What errors of prediction are worth."""

    price: float  # absolute differences of luma that a bit is worth
    squared: bool

    def bits(self, current: NDArray[np.uint8], predicted: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Bits that the errors of blocks (block, N, block) are worth: (N,).

        If squared, a small error stays, and costs its square; a large one has a residual, whose bits grow with the logarithm.
        """
        if not self.squared:
            return differences(current, predicted) / np.float32(self.price)
        values = apart(current, predicted).reshape(len(current), -1).astype(np.float32)
        squares, most = np.einsum("ni,ni->n", values, values), CODED * values.shape[1]
        bits: NDArray[np.float32] = most / 2 * np.log2(1 + squares * (2 * math.log(2) / (most * self.price**2)))
        return bits.astype(np.float32)


def search(
    pixels: NDArray[np.uint8],
    references: Sequence[SearchReference],
    options: SearchOptions,
    hints: Expected | None = None,
) -> MotionField:
    """The motion of a frame (H, W, 3 or more) from one or two references of its size; vectors of `hints` cost less."""
    gray = luma(pixels)
    current = CurrentBlocks(gray)

    def searched(number: int) -> BlockSearch:
        near, reference = coarse.candidates(gray, references[number].gray, current.size), references[number]
        near += scrolling.candidates(gray, reference.gray, current.size) if options.scrolls else []
        hint = None if hints is None else (hints.vectors[number].astype(np.int16), hints.known)
        return BlockSearch(current, reference.planes, options.price, hint).run(near, options.rounds)

    found = for_each(range(len(references)), searched)
    return _chosen(pixels, current, references, found, _Errors(price=options.price, squared=options.between))


def _chosen(
    pixels: NDArray[np.uint8],
    current: CurrentBlocks,
    references: Sequence[SearchReference],
    found: Sequence[BlockSearch],
    errors: _Errors,
) -> MotionField:
    """Chooses the mode of every macroblock, and whether it is split, by what its error costs + bits."""
    planes = [reference.planes for reference in references]
    pairs = PairSearch(current, planes, found, errors.price).run() if len(found) == 2 else None
    colours = _flat(pixels, current)
    costs = _mode_costs(current, planes, found, pairs, errors)
    costs += [_flat_costs(current, colours, errors), np.full(current.size, np.inf, np.float32)]
    best = np.stack(costs).argmin(axis=0)
    split, modes = best % 2 == 1, np.array([*range(len(found)), *([BOTH] if pairs else []), FLAT], np.uint8)[best // 2]
    vectors = []
    for number, one in enumerate(found):
        whole = np.where((modes == BOTH)[..., None], pairs.vectors[number], one.vectors) if pairs else one.vectors
        vectors.append(np.where(of_macroblocks(split)[..., None], one.sub_vectors, of_macroblocks(whole)))
    return MotionField(modes=modes, split=split, vectors=np.stack(vectors).astype(np.int16), colours=colours)


def _mode_costs(
    current: CurrentBlocks, planes: Sequence[Planes], found: Sequence[BlockSearch], pairs: PairSearch | None, errors: _Errors
) -> list[NDArray[np.float32]]:
    """Costs (mh, mw) in bits of each reference and of both, whole and split in turns."""
    blocks = [of.blocks(current.places + one.vectors.reshape(-1, 2)) for of, one in zip(planes, found, strict=True)]
    parts = [of.blocks(current.sub_places + one.sub_vectors.reshape(-1, 2), SUB) for of, one in zip(planes, found, strict=True)]

    def whole(predicted: NDArray[np.uint8], bits: NDArray[np.float32], mode: int) -> NDArray[np.float32]:
        return errors.bits(current.blocks, predicted).reshape(current.size) + bits + np.float32(MODE_BITS[mode])

    def split(predicted: NDArray[np.uint8], bits: NDArray[np.float32], mode: int) -> NDArray[np.float32]:
        four = errors.bits(current.sub_blocks, predicted).reshape(current.sub_size)
        of_four = four[::2, ::2] + four[::2, 1::2] + four[1::2, ::2] + four[1::2, 1::2]
        return of_four + bits + np.float32(MODE_BITS[mode] + SPLIT_BITS)

    costs, split_bits = list[NDArray[np.float32]](), [one.split_bits() for one in found]
    for number, one in enumerate(found):
        costs.append(whole(blocks[number], one.bits(one.vectors), number))
        costs.append(split(parts[number], split_bits[number], number))
    if pairs is not None:
        costs += [whole(pairs.mean, pairs.bits, BOTH), split(mean(*parts), split_bits[0] + split_bits[1], BOTH)]
    return costs


def _flat_costs(current: CurrentBlocks, colours: NDArray[np.uint8], errors: _Errors) -> NDArray[np.float32]:
    """Costs (mh, mw) in bits of macroblocks of one colour."""
    gray = np.broadcast_to(luma(colours).reshape(-1, 1, 1), current.blocks.shape)
    return errors.bits(current.blocks, gray).reshape(current.size) + np.float32(MODE_BITS[FLAT])


def _flat(pixels: NDArray[np.uint8], current: CurrentBlocks) -> NDArray[np.uint8]:
    """The mean colour of every macroblock (mh, mw, 3), in steps of 4."""
    mh, mw = current.size
    padded = np.pad(pixels[..., :3], ((0, BLOCK * mh - pixels.shape[0]), (0, BLOCK * mw - pixels.shape[1]), (0, 0)), mode="edge")
    rows = padded.reshape(mh, BLOCK, -1).sum(axis=1, dtype=np.uint32)
    means = rows.reshape(mh, mw, BLOCK, 3).sum(axis=2) / BLOCK**2
    return np.clip(np.rint(means / 4), 0, 63).astype(np.uint8) * 4
