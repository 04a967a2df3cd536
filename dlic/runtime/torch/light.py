"""`Light` for inference."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from dlic.entropy.parts import Symbols
from dlic.layers.step_price import STEP_PRICE
from dlic.models.light import Light
from dlic.progress import Progress
from dlic.runtime import reach
from dlic.runtime.gains import Gains
from dlic.runtime.network import DeployedModel, FurtherGoal, Quantiser, RefinementGoal, TableRows
from dlic.runtime.rows import table_rows
from dlic.runtime.torch.arrays import affine, load_network, to_batch, to_latent
from dlic.runtime.torch.light_context import Context, ContextLoop
from dlic.runtime.torch.light_refine import LightParts, refined
from dlic.runtime.torch.light_transforms import (
    analysis_of_blocks,
    early_features,
    from_blocks,
    join_blocks,
    synthesis_of_blocks,
    to_blocks,
)
from dlic.runtime.torch.state import own_state
from dlic.runtime.torch.threads import follow_limit, inference

SYNTHESES = 8  # number of levels for which g_s is cached with the gains in its weights
AROUND_GREY, FAR = -0.5 / 255, (-512.0, 512.0)  # zero and limits of unrounded pixels less 128


class LightDecoder:
    """h_s_mean with its context, and g_s."""

    exits_early = True
    stride, levels, unit, halo = Light.stride, Light.levels, 4 * Light.stride, reach.LIGHT

    def __init__(self, network: Light):
        self._loop = ContextLoop(network)
        self._g_s = lru_cache(maxsize=SYNTHESES)(lambda level: synthesis_of_blocks(network.g_s, level))
        self._early = lru_cache(maxsize=SYNTHESES)(lambda level: early_features(network.g_s, level))
        self._unrounded = lru_cache(maxsize=SYNTHESES)(lambda level: synthesis_of_blocks(network.g_s, level, AROUND_GREY, FAR))

    @inference
    def context(self, z_symbols: NDArray[Any], size: tuple[int, int], level: int) -> Context:
        return self._loop.context_of(z_symbols, size, level)

    @inference
    def reconstruct(self, context: Context, symbols: NDArray[Any]) -> NDArray[np.float32]:
        return to_latent(self._loop.decoded(context, symbols))

    @inference
    def synthesise(self, y_hat: NDArray[np.float32], level: int) -> NDArray[np.uint8]:
        return from_blocks(to_latent(self._g_s(level)(to_batch(y_hat))))

    @inference
    def differences(self, y_hat: NDArray[np.float32], level: int) -> NDArray[np.float32]:
        return join_blocks(to_latent(self._unrounded(level)(to_batch(y_hat))))

    @inference
    def early_features(self, y_hat: NDArray[np.float32], level: int) -> NDArray[np.float32]:
        return to_latent(self._early(level)(to_batch(y_hat)))


class LightEncoder:
    """g_a, h_a, the context loop around a quantiser, and refinement."""

    refinable = True
    step_price: float | None = STEP_PRICE

    def __init__(self, network: Light, decoder: LightDecoder, rows: TableRows):
        self._network, self._loop = network, ContextLoop(network)
        self.parts = LightParts(network, self._loop, decoder, rows)
        self._g_a = analysis_of_blocks(network.g_a)

    @inference
    def analyse(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        return to_latent(self._g_a(to_batch(to_blocks(pixels))))

    @inference
    def at_level(self, latent: NDArray[np.float32], level: int) -> NDArray[np.float32]:
        return to_latent(to_batch(latent) * self._network.gain(torch.tensor([level])))

    @inference
    def hyper(self, y: NDArray[np.float32], level: int) -> NDArray[np.float32]:
        z = self._network.h_a(to_batch(y)) - self._network.z_mean(torch.tensor([level]))
        return to_latent(torch.round(z))

    @inference
    def quantise(self, context: Context, quantiser: Quantiser) -> NDArray[np.float32]:
        return to_latent(self._loop.quantised(context, quantiser))

    def refine(
        self,
        goal: RefinementGoal,
        y: NDArray[np.float32],
        plain: Symbols,
        rounded: Callable[[NDArray[np.int32]], Symbols],
        effort: int,
        progress: Progress,
    ) -> Symbols:
        follow_limit()
        with own_state():
            return refined(self.parts, goal, y, plain, rounded, effort, progress)

    def refine_further(self, goal: FurtherGoal, plain: NDArray[np.int32], effort: int, progress: Progress) -> NDArray[np.int32]:
        from dlic.runtime.torch.layer_refine import refined_layer

        follow_limit()
        with own_state():
            return refined_layer(self.parts, goal, plain, effort, progress)


@torch.inference_mode(False)  # so that `refine` can differentiate, even if the checkpoint was loaded in inference mode
def deploy_light(config: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> DeployedModel:
    """Deploys `Light` from its exported arrays. Raises where they do not fit its configuration."""
    network = load_network(Light(**config), arrays)
    rows, decoder = table_rows("light", config, arrays, affine), LightDecoder(network)
    encoder = LightEncoder(network, decoder, rows)
    return DeployedModel(encoder=encoder, decoder=decoder, rows=rows, gains=Gains.of(arrays))
