"""The choice of exact blocks of a predicted frame: those that cost fewer bits + error than the network takes for them.

x ─ first look ─ blocks that cost the network something ─ few colours ─ costs of blocks ─ regions ─ exact blocks
"""

import numpy as np
from numpy.typing import NDArray

from dlic.classical.lossless.webp import MAX_SIDE
from dlic.container.exact_layer import BLOCK, size_of_mask
from dlic.learned.exact.choice import AUTO, PHOTO, SCREEN, searches_of
from dlic.learned.exact.connected import components
from dlic.learned.exact.first_look import first_look
from dlic.learned.exact.price import Price
from dlic.learned.sequence.areas import SUPERBLOCK
from dlic.learned.sequence.exact_blocks import ExactBlocks, Mask, Samples
from dlic.learned.sequence.exact_canvas import FrameCanvas, PredictedFrame

LEAST = 24.0  # bits + error of a block for the network, below which it is not weighed
REGION = 64.0  # bits that a region must save: its share of the mask and of the stream


def possible(x: Samples, content: str = AUTO) -> Mask | None:
    """Blocks of a frame (H, W, 3) that may be exact; None where there are none, as in natural video."""
    if content == PHOTO or max(x.shape[:2]) > MAX_SIDE:
        return None
    if content == SCREEN:
        return np.ones(size_of_mask(x.shape[1], x.shape[0]), bool)
    look = first_look(x)
    return None if look is None else look.possible


def chosen(frame: PredictedFrame, network: NDArray[np.float64], candidates: Mask, price: Price) -> ExactBlocks | None:
    """The exact blocks of a frame, among candidates (h, w).

    `network` (h, w): bits + error that each block costs without them.
    """
    candidates = candidates & (network > LEAST)
    if not candidates.any():
        return None
    canvas = _best(frame, candidates, price)
    saved = np.where(candidates, network - canvas.costs, 0)
    regions, count = components(candidates & (_around(saved) > 0))
    worth = np.bincount(regions.ravel(), saved.ravel(), count + 1) > REGION
    worth[0] = False
    mask: Mask = worth[regions]
    if not mask.any():
        return None
    if not np.array_equal(mask, candidates):
        canvas = _best(frame, mask, price)
    return canvas.stored(searches_of(0))


def restored(frame: PredictedFrame, mask: Mask, price: Price) -> ExactBlocks:
    """The same blocks of a frame with another prediction."""
    return _best(frame, mask, price).stored(searches_of(0))


def of_blocks(of_superblocks: NDArray[np.float64], shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values of superblocks, divided among their blocks (h, w) in proportion to `shares`."""
    times, (height, width) = SUPERBLOCK // BLOCK, shares.shape
    rows = np.add.reduceat(shares, np.arange(0, height, times), axis=0)
    sums = np.add.reduceat(rows, np.arange(0, width, times), axis=1)
    of_share = of_superblocks / np.maximum(sums, 1e-9)
    return np.asarray(shares * of_share.repeat(times, axis=0).repeat(times, axis=1)[:height, :width])


def _best(frame: PredictedFrame, mask: Mask, price: Price) -> FrameCanvas:
    return min((FrameCanvas(frame, mask, price, over) for over in (True, False)), key=lambda canvas: canvas.cost)


def _around(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sums over blocks and their eight neighbours."""
    framed = np.pad(values, 1)
    rows = framed[:-2] + framed[1:-1] + framed[2:]
    sums: NDArray[np.float64] = rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]
    return sums
