"""Shared parts of models of one rate: latents are rounded in steps of 1 around means that need no context loop."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlic.runtime.network import Quantiser, Unrefined


class OneRateDecoder:
    """The `context` is the means of y, broadcastable to (h, w, M)."""

    levels = 1

    def reconstruct(self, context: NDArray[np.float32], symbols: NDArray[Any]) -> NDArray[np.float32]:
        y_hat: NDArray[np.float32] = symbols.astype(np.float32) + context
        return y_hat


class OneRateEncoder(Unrefined):
    """Rounds to the nearest integer: encoders trained through rounding have already shrunk y, so wider zero bins cost more than
    they save.
    """

    step_price: float | None = None

    def at_level(self, latent: NDArray[np.float32], level: int) -> NDArray[np.float32]:
        return latent

    def quantise(self, context: NDArray[np.float32], quantiser: Quantiser) -> NDArray[np.float32]:
        return quantiser(context, np.ones(1, np.bool_)) + context
