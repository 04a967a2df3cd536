"""The context step of every latent: it depends on the position only, for training, encoders and decoders."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray


@lru_cache(maxsize=8)  # tiles come in four sizes
def context_steps(count: int, latents: int, height: int, width: int) -> NDArray[np.uint8]:
    """The step of each latent, of two or four: uint8 (height, width, latents), not to be written.

    Halves are a checkerboard over space and channels (He et al., arXiv:2103.15306). Every second row of them is a quarter, shifted
    by a row from one pair of channels to the next, so that each place has latents of every step.
    """
    i, j, c = np.ogrid[:2, :2, :4]  # the pattern repeats every two rows, two columns and four channels
    half, quarter = (c + i + j) % 2, (c // 2 + i) % 2
    pattern = (half if count == 2 else 2 * half + quarter).astype(np.uint8)
    times = -(-height // 2), -(-width // 2), -(-latents // 4)
    steps = np.ascontiguousarray(np.tile(np.broadcast_to(pattern, (2, 2, 4)), times)[:height, :width, :latents])
    steps.setflags(write=False)
    return steps
