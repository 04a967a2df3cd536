"""Blocks of 16 × 16 pixels of an image, and sums over them."""

import numpy as np
from numpy.typing import NDArray

from dlic.container.exact_layer import BLOCK

Mask = NDArray[np.bool_]


def blocks_of(image: NDArray[np.uint8], mask: Mask) -> NDArray[np.uint8]:
    """The blocks of a mask (h, w) in an image (H, W, 3), in order: (N, 16, 16, 3); the border is replicated."""
    padding = [(0, BLOCK * blocks - side) for blocks, side in zip(mask.shape, image.shape[:2], strict=True)]
    padded = np.pad(image, [*padding, (0, 0)], mode="edge") if any(after for _, after in padding) else image
    blocks = padded.reshape(mask.shape[0], BLOCK, mask.shape[1], BLOCK, 3).swapaxes(1, 2)
    chosen: NDArray[np.uint8] = blocks[mask]
    return chosen


def sums(values: NDArray[np.float32] | Mask) -> NDArray[np.float64]:
    """Sums of values (H, W) over each block: (⌈H / 16⌉, ⌈W / 16⌉)."""
    rows, columns = (np.arange(0, side, BLOCK) for side in values.shape)
    of_rows = np.add.reduceat(values, rows, axis=0, dtype=np.float64)
    of_blocks: NDArray[np.float64] = np.add.reduceat(of_rows, columns, axis=1)
    return of_blocks


def squares(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Squared differences of pixels (H, W, 3), all channels together: (H, W)."""
    apart = np.subtract(first, second, dtype=np.float32)
    apart *= apart
    summed: NDArray[np.float32] = apart[..., 0] + apart[..., 1]
    summed += apart[..., 2]
    return summed
