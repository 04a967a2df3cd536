"""A tile's surroundings in the decoded picture, for an encoder that refines the tile."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dlic.pixels.rectangles import Rectangle


@dataclass(frozen=True, eq=False)
class Surroundings:
    """A tile with the parts of its neighbours that influence its pixels or are influenced by it."""

    image: NDArray[np.uint8]  # uint8 (H, W, 3): the pixels of all of that, not padded
    y_hat: NDArray[np.float32]  # approximately the decoder's values there; values inside the tile are not read
    place: Rectangle  # of the tile in it, in latents
    scale: NDArray[np.float32] | None = None  # how many times finer each latent's step is, (h, w) float32; None: all ordinary
