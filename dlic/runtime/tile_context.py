"""What a decoder sees around a tile, for an encoder that refines it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dlic.pixels.rectangles import Rectangle


@dataclass(frozen=True, eq=False)
class Surroundings:
    """A tile amid those parts of its neighbours on which its pixels depend, and which depend on it."""

    image: NDArray[np.uint8]  # uint8 (H, W, 3): the pixels of all of that, not padded
    y_hat: NDArray[np.float32]  # about what a decoder has there; inside the tile nobody looks at it
    place: Rectangle  # of the tile in it, in latents
    scale: NDArray[np.float32] | None = None  # how many times finer each of its latents' steps are, (h, w) float32, if some are
