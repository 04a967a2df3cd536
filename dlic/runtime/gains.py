"""The quantisation steps of `Light` at every level."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlic.layers.level_interpolation import interpolation


@dataclass(frozen=True, eq=False)
class Gains:
    """Steps of every level in a unit of the latent, and the units of y_hat in a step: (levels, M). The latent is the same at every
    level; y_hat has units of its own, so that the product is not 1.
    """

    gain: NDArray[np.float32]
    inverse: NDArray[np.float32]

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]]) -> "Gains":
        """From the arrays of a checkpoint. Raises KeyError where it has none."""
        weights = interpolation()
        return cls(*(np.exp(weights @ arrays[f"{name}.anchors"].astype(np.float32)) for name in ("gain", "inverse_gain")))
