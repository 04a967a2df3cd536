"""Pictures at 1/4 of the size from the middle of g_s: a linear layer behind its first blocks at 1/8, in the place of the others.

y_hat ─ blocks @1/16 ─ 2×2 up ─ blocks @1/8, the first two ─ features ─ 3×3 ─ 2×2 averages of 4×4 pixels each

`scripts/fit_early_exits.py` fits the layer of each checkpoint to the averages of whole pictures, by least squares.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FILE = Path(__file__).with_name("early_exits.safetensors")
BLOCKS = 2  # blocks at 1/8 that run
REDUCTION = 4  # pixels along a box that is one pixel of the result
SIDE = 8 // REDUCTION  # pixels of the result along a feature
HIGHEST_LEVEL = 43  # of all first layers; higher ones have so small errors that those of the exit would be most of them
REACH = 3  # features along the kernel


@dataclass(frozen=True, eq=False)
class EarlyExit:
    """The layer of one checkpoint, for all levels."""

    weight: NDArray[np.float32]  # (REACH, REACH, C, SIDE · SIDE · 3), pixels row by row with their colours last
    bias: NDArray[np.float32]  # (SIDE · SIDE · 3,)

    def pixels(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Features (h, w, C) → pixels (SIDE · h, SIDE · w, 3), not rounded and not clipped."""
        height, width = features.shape[:2]
        channels, count = self.weight.shape[2:]
        kernel = self.weight.transpose(2, 0, 1, 3).reshape(channels, -1)
        around = np.pad(features, ((1, 1), (1, 1), (0, 0)), mode="edge")
        parts = (around.reshape(-1, channels) @ kernel).reshape(height + 2, width + 2, REACH, REACH, count)
        values = np.broadcast_to(self.bias, (height, width, count)).copy()
        for row in range(REACH):
            for column in range(REACH):
                values += parts[row : row + height, column : column + width, row, column]
        return values.reshape(height, width, SIDE, SIDE, 3).swapaxes(1, 2).reshape(SIDE * height, SIDE * width, 3)

    def arrays(self, fingerprint: bytes) -> dict[str, NDArray[Any]]:
        """The arrays of `FILE`, rounded to float16."""
        name = fingerprint.hex()
        return {f"{name}.weight": self.weight.astype(np.float16), f"{name}.bias": self.bias}


def early_exit_of(fingerprint: bytes) -> EarlyExit | None:
    """The layer of a checkpoint; None for checkpoints that have none."""
    stored, name = _stored(), fingerprint.hex()
    if f"{name}.weight" not in stored:
        return None
    return EarlyExit(stored[f"{name}.weight"].astype(np.float32), stored[f"{name}.bias"])


@cache
def _stored() -> Mapping[str, NDArray[Any]]:
    from safetensors.numpy import load_file

    return load_file(FILE)
