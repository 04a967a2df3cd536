"""The context loop of `Light` for one picture, shared by encoder, decoder and refinement."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dlic.models.light import Light
from dlic.models.light.hyperprior import step_masks
from dlic.runtime.network import Quantiser
from dlic.runtime.torch.arrays import to_batch, to_latent


@dataclass(frozen=True, eq=False)
class Context:
    """Information about y from z and the level."""

    features: Tensor  # (1, K, h, w)
    first_means: Tensor  # (1, M, h, w) in units of the trunk, from z alone
    gain: Tensor  # (1, M, 1, 1) steps in one unit of the trunk
    inverse_gain: Tensor  # steps → units of the trunk: approximately 1 / gain
    both_gains: Tensor  # gain · inverse_gain


class ContextLoop:
    """Means of y from z and from the latents of earlier steps. Differentiable outside of inference mode."""

    def __init__(self, network: Light):
        self._network = network

    def context(self, z: Tensor, size: tuple[int, int], level: int, known: Tensor | None = None) -> Context:
        """Information about y (1, M, h, w) from symbols of z (1, Z, h/4, w/4); `size` is (h, w).

        `known` (1, K, h, w): what a decoder knows besides z.
        """
        levels, (height, width), h_s_mean = torch.tensor([level]), size, self._network.h_s_mean
        features = h_s_mean.hyper_features(z, levels)[:, :, :height, :width]
        if known is not None:
            features = features + known
        gain, inverse_gain = self._network.gain(levels), self._network.inverse_gain(levels)
        return Context(features, h_s_mean.means(features), gain, inverse_gain, gain * inverse_gain)

    def context_of(self, z_symbols: NDArray[Any], size: tuple[int, int], level: int, known: Tensor | None = None) -> Context:
        """The same from an array (h/4, w/4, Z)."""
        return self.context(to_batch(z_symbols.astype(np.float32)), size, level, known)

    def y_hat(self, context: Context, symbols: Tensor) -> Tensor:
        """Symbols (1, M, h, w), whole or fractional → y_hat in units of the trunk."""
        return self._around_means(context, symbols * context.inverse_gain)

    def decoded(self, context: Context, symbols: NDArray[Any]) -> Tensor:
        """The same from an array (h, w, M)."""
        scaled = to_batch(symbols).to(torch.float32, copy=True)
        return self._around_means(context, scaled.mul_(context.inverse_gain))

    def _around_means(self, context: Context, scaled: Tensor) -> Tensor:
        return self._in_steps(context, lambda means: torch.addcmul(scaled, means, context.both_gains))

    def quantised(self, context: Context, quantiser: Quantiser) -> Tensor:
        """y_hat (1, M, h, w) of the symbols from `quantiser`, step by step."""
        remaining = iter(self._steps(context))

        def in_trunk(means: Tensor) -> Tensor:
            symbols = to_batch(quantiser(to_latent(means * context.gain), to_latent(next(remaining) > 0)))
            return torch.addcmul(symbols * context.inverse_gain, means, context.both_gains)

        return self._in_steps(context, in_trunk)

    def residual(self, y: Tensor, z: Tensor, level: int) -> Tensor:
        """y (1, M, h, w) minus its means for symbols of z (1, Z, h/4, w/4), with y itself as the context; differentiable."""
        context, distances = self.context(z, (y.shape[2], y.shape[3]), level), []

        def known(means: Tensor) -> Tensor:
            distances.append(y - means * context.gain)
            return y * context.inverse_gain

        self._in_steps(context, known)
        masked = (step * distance for step, distance in zip(self._steps(context), distances, strict=True))
        return sum(masked, start=torch.zeros(()))

    def _in_steps(self, context: Context, quantise: Callable[[Tensor], Tensor]) -> Tensor:
        return self._network.h_s_mean.in_steps(context.features, quantise, self._steps(context), context.first_means)

    def _steps(self, context: Context) -> tuple[Tensor, ...]:
        _, latents, height, width = context.first_means.shape
        return _steps(int(self._network.config["context_steps"]), latents, height, width)


@lru_cache(maxsize=4)  # tiles come in four sizes
@torch.inference_mode(False)  # gradients may pass by it later
def _steps(count: int, latents: int, height: int, width: int) -> tuple[Tensor, ...]:
    return tuple(step.contiguous(memory_format=torch.channels_last) for step in step_masks(count, latents, height, width))
