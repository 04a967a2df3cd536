"""The ground of text and drawings: smooth shades behind them, which a network codes well and a palette poorly."""

import numpy as np
from numpy.typing import NDArray

from dlic.images.transparency import filled

STEP = 6  # most difference of neighbouring samples within a shade
NEAR = 5  # pixels around: a shade changes within them, a flat does not
LEAST = 0.005  # share of the picture from which on shades are worth it

Samples = NDArray[np.uint8]
Mask = NDArray[np.bool_]


def ground_of(image: Samples) -> Samples | None:
    """An image (H, W, 3) with a smooth continuation of its shades in place of everything else; None where it has hardly any."""
    shades = shades_of(image)
    return filled(image, shades.astype(np.uint8)) if shades.mean() >= LEAST else None


def shades_of(image: Samples) -> Mask:
    """The pixels (H, W) in which an image changes a little, and whose neighbours do not change much."""
    steps = _steps(image)
    smooth = ~_spread(steps > STEP, 1)
    shades: Mask = smooth & _spread(smooth & (steps > 0), NEAR)
    return shades


def _steps(image: Samples) -> NDArray[np.uint8]:
    """The largest difference to the four neighbours in a channel: (H, W)."""
    largest = np.zeros(image.shape[:2], np.uint8)
    for axis in (0, 1):
        first, second = (np.moveaxis(image, axis, 0)[part] for part in (slice(None, -1), slice(1, None)))
        apart = (np.maximum(first, second) - np.minimum(first, second)).max(axis=2)
        lines = np.moveaxis(largest, axis, 0)
        np.maximum(lines[:-1], apart, out=lines[:-1])
        np.maximum(lines[1:], apart, out=lines[1:])
    return largest


def _spread(mask: Mask, radius: int) -> Mask:
    """Pixels that have one of the mask at most so many rows and columns away."""
    for axis in (0, 1):
        counts = np.cumsum(np.moveaxis(mask, axis, 0), axis=0, dtype=np.int32)
        padded = np.pad(counts, [(radius + 1, 0), (0, 0)])[: len(counts)]
        last = np.minimum(np.arange(len(counts)) + radius, len(counts) - 1)
        mask = np.moveaxis(counts[last] > padded, 0, axis)
    return mask
