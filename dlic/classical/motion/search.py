"""Motion search: a frame and its references → the field of the lowest differences + price · bits."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dlic.classical.motion import coarse
from dlic.classical.motion.block_search import BlockSearch
from dlic.classical.motion.field import BLOCK, BOTH, FIRST, FLAT, SECOND, SUB, MotionField, of_macroblocks
from dlic.classical.motion.pair_search import PairSearch, mean
from dlic.classical.motion.parallel import for_each
from dlic.classical.motion.planes import CurrentBlocks, Planes, differences, luma
from dlic.classical.motion.temporal import Expected

MODE_BITS = {FIRST: 0.5, SECOND: 1.5, BOTH: 1.5, FLAT: 24.0}
SPLIT_BITS = 4.0


class SearchReference:
    """A decoded frame as the search needs it; what is computed is kept for the next frame that refers to it."""

    def __init__(self, pixels: NDArray[np.uint8]):
        self.gray = luma(pixels)

    @cached_property
    def planes(self) -> Planes:
        """At quarter pels."""
        return Planes(self.gray)


def search(
    pixels: NDArray[np.uint8],
    references: Sequence[SearchReference],
    price: float,
    hints: Expected | None = None,
) -> MotionField:
    """The motion of a frame (H, W, 3 or more) from one or two references of its size.

    Args:
        pixels: the frame.
        references: of its size.
        price: absolute differences of luma that a bit is worth.
        hints: expected vectors, which cost less.
    """
    gray = luma(pixels)
    current = CurrentBlocks(gray)

    def searched(number: int) -> BlockSearch:
        near, reference = coarse.candidates(gray, references[number].gray, current.size), references[number]
        hint = None if hints is None else (hints.vectors[number].astype(np.int16), hints.known)
        return BlockSearch(current, reference.planes, price, hint).run(near)

    found = for_each(range(len(references)), searched)
    return _chosen(pixels, current, references, found, price)


def _chosen(
    pixels: NDArray[np.uint8],
    current: CurrentBlocks,
    references: Sequence[SearchReference],
    found: Sequence[BlockSearch],
    price: float,
) -> MotionField:
    """Chooses the mode of every macroblock, and whether it is split."""
    costs: list[NDArray[np.float32]] = []  # of modes whole and split in turns
    for number, one in enumerate(found):
        costs += [one.costs() + price * MODE_BITS[number], one.split_costs() + price * (MODE_BITS[number] + SPLIT_BITS)]
    modes, of_both = [*range(len(found))], [one.vectors for one in found]
    if len(found) == 2:
        modes.append(BOTH)
        pairs = PairSearch(current, [reference.planes for reference in references], found, price).run()
        of_both = pairs.vectors
        costs += [pairs.costs + price * MODE_BITS[BOTH], _split_costs(current, references, found, price)]
    colours, apart = _flat(pixels, current)
    costs += [apart + price * MODE_BITS[FLAT], np.full(current.size, np.inf, np.float32)]
    best = np.stack(costs).argmin(axis=0)
    split, chosen = best % 2 == 1, np.array([*modes, FLAT], np.uint8)[best // 2]
    vectors = []
    for one, pair in zip(found, of_both, strict=True):
        whole = np.where((chosen == BOTH)[..., None], pair, one.vectors)
        vectors.append(np.where(of_macroblocks(split)[..., None], one.sub_vectors, of_macroblocks(whole)))
    return MotionField(
        modes=chosen,
        split=split,
        vectors=np.stack(vectors).astype(np.int16),
        colours=colours,
    )


def _split_costs(
    current: CurrentBlocks, references: Sequence[SearchReference], found: Sequence[BlockSearch], price: float
) -> NDArray[np.float32]:
    """Costs of the mean of both references with split macroblocks: (mh, mw)."""
    split = [reference.planes.blocks(one.sub_vectors, SUB) for reference, one in zip(references, found, strict=True)]
    sums = _four(differences(current.sub_blocks, mean(*split)).reshape(found[0].sub_sums.shape))
    bits = [one.split_costs() - _four(one.sub_sums) for one in found]
    return np.asarray(sums + bits[0] + bits[1] + price * (MODE_BITS[BOTH] + SPLIT_BITS), np.float32)


def _four(sums: NDArray[np.float32]) -> NDArray[np.float32]:
    return sums[::2, ::2] + sums[::2, 1::2] + sums[1::2, ::2] + sums[1::2, 1::2]


def _flat(pixels: NDArray[np.uint8], current: CurrentBlocks) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """The mean colour of every macroblock (mh, mw, 3), in steps of 4, and the differences of luma from it (mh, mw)."""
    mh, mw = current.size
    padded = np.pad(pixels[..., :3], ((0, BLOCK * mh - pixels.shape[0]), (0, BLOCK * mw - pixels.shape[1]), (0, 0)), mode="edge")
    rows = padded.reshape(mh, BLOCK, -1).sum(axis=1, dtype=np.uint32)
    means = rows.reshape(mh, mw, BLOCK, 3).sum(axis=2) / BLOCK**2
    colours = np.clip(np.rint(means / 4), 0, 63).astype(np.uint8) * 4
    gray = luma(colours).reshape(1, -1, 1)
    apart = differences(current.blocks, np.broadcast_to(gray, current.blocks.shape)).sum(axis=(0, 2))
    return colours, apart.reshape(mh, mw)
