"""`Inter` for inference: a model of one picture for every prediction."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from dlic.layers.step_price import STEP_PRICE
from dlic.models.inter import Inter
from dlic.models.inter.model import GREY, ZERO
from dlic.models.inter.prediction import Known
from dlic.runtime import reach
from dlic.runtime.network import DeployedModel, Quantiser, Unrefined
from dlic.runtime.rows import table_rows
from dlic.runtime.torch.arrays import affine, load_network, to_batch, to_latent
from dlic.runtime.torch.inter_prediction import FeaturesOfBlocks
from dlic.runtime.torch.light import SYNTHESES
from dlic.runtime.torch.light_context import Context, ContextLoop
from dlic.runtime.torch.light_transforms import (
    COLOURS_LAST,
    analysis_of_blocks,
    from_blocks,
    join_blocks,
    synthesis_of_blocks,
    to_blocks,
)
from dlic.runtime.torch.threads import inference

RESIDUALS = (-256.0, 256.0)  # limits of what g_s adds to a prediction, in 8-bit units


class InterParts:
    """The network in the parts that all predictions share."""

    def __init__(self, network: Inter):
        self.network, self.loop = network, ContextLoop(network)
        self.g_a, self.features = analysis_of_blocks(network.g_a), FeaturesOfBlocks(network.prediction)
        self.g_s = lru_cache(maxsize=SYNTHESES)(lambda level: synthesis_of_blocks(network.g_s, level, 0.0, RESIDUALS))


class Prediction:
    """A prediction, and what the network makes of it; grey of any size where there is none."""

    def __init__(self, parts: InterParts, pixels: NDArray[np.uint8] | None):
        self._blocks = None if pixels is None else to_blocks(pixels)
        self._known = lru_cache(maxsize=1)(lambda level, h, w: parts.features(to_batch(self.blocks(h, w)), level))

    def blocks(self, height: int, width: int) -> NDArray[np.float32]:
        """(h, w, 3·BLOCK²). Raises ValueError where the prediction has another size."""
        if self._blocks is None:
            return np.full((height, width, len(COLOURS_LAST)), GREY, np.float32)
        if self._blocks.shape[:2] != (height, width):
            raise ValueError(f"a prediction of {self._blocks.shape[:2]} blocks does not fit {(height, width)}")
        return self._blocks

    def known(self, level: int, height: int, width: int) -> Known:
        """Features at one level, for a picture of so many blocks."""
        return self._known(level, height, width)


class InterDecoder:
    """h_s_mean with its context, and g_s, around one prediction."""

    stride, levels, unit, halo = Inter.stride, Inter.levels, 4 * Inter.stride, reach.LIGHT

    def __init__(self, parts: InterParts, prediction: Prediction):
        self._parts, self._prediction = parts, prediction

    @inference
    def context(self, z_symbols: NDArray[Any], size: tuple[int, int], level: int) -> Context:
        known = self._prediction.known(level, 2 * size[0], 2 * size[1])
        return self._parts.loop.context_of(z_symbols, size, level, known.for_means)

    @inference
    def reconstruct(self, context: Context, symbols: NDArray[Any]) -> NDArray[np.float32]:
        return to_latent(self._parts.loop.decoded(context, symbols))

    @inference
    def synthesise(self, y_hat: NDArray[np.float32], level: int) -> NDArray[np.uint8]:
        p = self._prediction.blocks(2 * y_hat.shape[0], 2 * y_hat.shape[1])
        return from_blocks(np.clip(self._residual(y_hat, level) + p, 0, 255))

    @inference
    def differences(self, y_hat: NDArray[np.float32], level: int) -> NDArray[np.float32]:
        return join_blocks(self._residual(y_hat, level))

    def _residual(self, y_hat: NDArray[np.float32], level: int) -> NDArray[np.float32]:
        """What is added to blocks of the prediction, and ½: (H/BLOCK, W/BLOCK, 3·BLOCK²)."""
        known = self._prediction.known(level, 2 * y_hat.shape[0], 2 * y_hat.shape[1])
        return to_latent(self._parts.g_s(level)(to_batch(y_hat), known.for_pixels))


class InterEncoder(Unrefined):
    """g_a, h_a and the context loop around a quantiser, for what one prediction leaves."""

    step_price: float | None = STEP_PRICE

    def __init__(self, parts: InterParts, prediction: Prediction):
        self._parts, self._prediction = parts, prediction

    @inference
    def analyse(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        blocks = to_blocks(pixels)
        blocks += np.float32(255 * ZERO) - self._prediction.blocks(*blocks.shape[:2])
        return to_latent(self._parts.g_a(to_batch(blocks)))

    @inference
    def at_level(self, latent: NDArray[np.float32], level: int) -> NDArray[np.float32]:
        return to_latent(to_batch(latent) * self._parts.network.gain(torch.tensor([level])))

    @inference
    def hyper(self, y: NDArray[np.float32], level: int) -> NDArray[np.float32]:
        network = self._parts.network
        return to_latent(torch.round(network.h_a(to_batch(y)) - network.z_mean(torch.tensor([level]))))

    @inference
    def quantise(self, context: Context, quantiser: Quantiser) -> NDArray[np.float32]:
        return to_latent(self._parts.loop.quantised(context, quantiser))


@dataclass(frozen=True, eq=False, kw_only=True)
class DeployedInter(DeployedModel):
    """The model with grey as its prediction, and with any other."""

    parts: InterParts

    def given(self, prediction: NDArray[np.uint8]) -> DeployedModel:
        """See `runtime.network.InterNetwork`."""
        known = Prediction(self.parts, prediction)
        return DeployedModel(encoder=InterEncoder(self.parts, known), decoder=InterDecoder(self.parts, known), rows=self.rows)


@torch.inference_mode(False)
def deploy_inter(config: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> DeployedInter:
    """Deploys `Inter` from its exported arrays. Raises where they do not fit its configuration."""
    network = load_network(Inter(**config), arrays)
    parts, rows = InterParts(network), table_rows("inter", config, arrays, affine)
    grey = Prediction(parts, None)
    return DeployedInter(encoder=InterEncoder(parts, grey), decoder=InterDecoder(parts, grey), rows=rows, parts=parts)
