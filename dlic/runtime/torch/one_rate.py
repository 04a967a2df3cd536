"""The parts that models of one rate share: latents are rounded in steps of 1 around means that are known at once."""

from collections.abc import Callable

import numpy as np

from dlic.entropy.parts import Symbols
from dlic.progress import Progress
from dlic.runtime.network import Quantiser, RefinementGoal


class OneRateDecoder:
    """The `context` is the means of y (h, w, M), or what broadcasts to them."""

    levels = 1

    def reconstruct(self, context: np.ndarray, symbols: np.ndarray) -> np.ndarray:
        return symbols.astype(np.float32) + context


class OneRateEncoder:
    """Rounds to the nearest: encoders trained through rounding have shrunk y, and wider zeros cost more than they save."""

    refinable = False
    step_price: float | None = None

    def at_level(self, latent: np.ndarray, level: int) -> np.ndarray:
        return latent

    def quantise(self, context: np.ndarray, quantiser: Quantiser) -> np.ndarray:
        return quantiser(context, np.bool_(True)) + context

    def refine(
        self,
        goal: RefinementGoal,
        y: np.ndarray,
        plain: Symbols,
        rounded: Callable[[np.ndarray], Symbols],
        effort: int,
        progress: Progress,
    ) -> Symbols:
        return plain
