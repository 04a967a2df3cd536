"""A fast first look: blocks that may be synthetic, because their pixels repeat their neighbours exactly. Photographs have few."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dlic.container.exact_layer import BLOCK
from dlic.learned.exact.blocks import blocks_of
from dlic.learned.exact.connected import components
from dlic.pixels.colour_codes import packed
from dlic.runtime.memory import check_memory

POSSIBLE, REPETITIVE = 0.2, 0.5  # least share of samples that equal those to the left and above, of blocks to weigh and of seeds
FEW = 16  # most colours of a seed: at the edge of a clipped highlight, a photograph repeats, but has more
CONTRAST = 80  # least range of samples in a seed: skies repeat, but have no edges
SEEDS = 8  # least number of seeds of few colours in a region; photographs have a few where highlights are clipped …
SHARE = 0.015  # … and least share of the picture: at most 0.012 in 100 training photographs, from 0.036 in rendered pages
EMPTY = 0.95  # share of blocks that repeat, from which on one seed does: a line of text on an empty screen; photographs: up to 0.91
LOOKING = 9  # bytes of memory a pixel: comparisons of every sample, and their sum
DENSE = 0.1  # share of the picture from which on the seeds of a region may have any number of colours, as dense text has

Samples = NDArray[np.uint8]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class FirstLook:
    """Blocks (h, w) of a picture that may be exact."""

    possible: Mask  # parts of regions that have seeds
    sure: Mask  # those of them that look synthetic

    @property
    def whole(self) -> bool:
        """Whether nothing else is in the picture."""
        return bool(self.possible.all())


def first_look(image: Samples) -> FirstLook | None:
    """Looks at an image (H, W, 3); None where it has nothing synthetic."""
    repeats = repetition(image)
    sure = repeats >= REPETITIVE
    seeds = sure.copy()
    seeds[sure] = _ranges(image, sure) >= CONTRAST
    least = 1 if sure.mean() >= EMPTY else min(max(SEEDS, math.ceil(SHARE * seeds.size)), seeds.size)
    if np.count_nonzero(seeds) < least:
        return None
    few = seeds.copy()
    few[seeds] = _colours(image, seeds) <= FEW
    regions, count = components(repeats >= POSSIBLE)
    of_region, of_few = (np.bincount(regions[mask], minlength=count + 1) for mask in (seeds, few))
    kept = (of_few >= least) | ((of_region >= least) & (of_region >= DENSE * seeds.size))
    kept[0] = False
    possible = kept[regions]
    return FirstLook(possible, possible & sure) if possible.any() else None


def repetition(image: Samples) -> NDArray[np.float32]:
    """Share of the samples of each block that equal those to their left, and above: (h, w), 0 … 1."""
    check_memory(image, LOOKING)
    height, width = image.shape[:2]
    rows, columns = -(-height // BLOCK), -(-width // BLOCK)
    samples = np.ascontiguousarray(image).reshape(height, 3 * width)
    equal = np.ones((BLOCK * rows, 3 * BLOCK * columns), np.uint8)  # beyond the picture and at its border, pixels repeat
    np.equal(samples[:, 3:], samples[:, :-3], out=equal[:height, 3 : 3 * width].view(bool))
    equal[1:height, : 3 * width] += samples[1:] == samples[:-1]
    equal[:1] += 1
    equal[height:] += 1
    equal[:, 3 * width :] += equal[:, 3 * width :] < 2
    of_rows = equal.reshape(rows, BLOCK, -1).sum(axis=1, dtype=np.uint8)
    counts = of_rows.reshape(rows, columns, 3 * BLOCK).sum(axis=2, dtype=np.uint16)
    shares: NDArray[np.float32] = counts.astype(np.float32) / (2 * 3 * BLOCK * BLOCK)
    return shares


def _ranges(image: Samples, mask: Mask) -> NDArray[np.int16]:
    """The largest range of a channel in each block of the mask, in order."""
    blocks = blocks_of(image, mask).reshape(-1, BLOCK * BLOCK, 3)
    ranges: NDArray[np.int16] = (blocks.max(axis=1).astype(np.int16) - blocks.min(axis=1)).max(axis=1, initial=0)
    return ranges


def _colours(image: Samples, mask: Mask) -> NDArray[np.intp]:
    """The number of colours in each block of the mask, in order."""
    codes = np.sort(packed(blocks_of(image, mask)).reshape(-1, BLOCK * BLOCK), axis=1)
    colours: NDArray[np.intp] = (np.diff(codes, axis=1) != 0).sum(axis=1) + 1
    return colours
