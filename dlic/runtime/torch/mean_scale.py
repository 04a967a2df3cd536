"""The hyperpriors `MeanScale` and `ScaleHyperprior` for inference. Needs no compressai."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from dlic.models.mean_scale import MeanScale, ScaleHyperprior
from dlic.runtime import reach
from dlic.runtime.network import DeployedModel
from dlic.runtime.one_rate import OneRateDecoder, OneRateEncoder
from dlic.runtime.rows import table_rows
from dlic.runtime.torch.arrays import affine, load_transform, to_batch, to_latent, to_pixels, to_tensor
from dlic.runtime.torch.threads import inference


class MeanScaleDecoder(OneRateDecoder):
    """The `context` is the means of y in floating point: a difference in their last bit changes a pixel, never the parse."""

    stride, unit = MeanScale.stride, 4 * MeanScale.stride
    halo = reach.MEAN_SCALE

    def __init__(self, g_s: nn.Module, h_s: nn.Module, medians: NDArray[np.float32], latents: int):
        self._g_s, self._h_s, self._medians, self._latents = g_s, h_s, medians, latents

    @inference
    def context(self, z_symbols: NDArray[Any], size: tuple[int, int], level: int) -> NDArray[np.float32]:
        height, width = size
        z_hat = z_symbols.astype(np.float32) + self._medians
        return to_latent(self._h_s(to_batch(z_hat))[:, self._latents :, :height, :width])

    @inference
    def synthesise(self, y_hat: NDArray[np.float32], level: int) -> NDArray[np.uint8]:
        return to_pixels(self._g_s(to_batch(y_hat)))


class ScaleHyperpriorDecoder(MeanScaleDecoder):
    """`MeanScaleDecoder` with means of zero."""

    def context(self, z_symbols: NDArray[Any], size: tuple[int, int], level: int) -> NDArray[np.float32]:
        return np.zeros(1, np.float32)


class HyperpriorEncoder(OneRateEncoder):
    """g_a and h_a of either model."""

    def __init__(self, model: type[MeanScale], g_a: nn.Module, h_a: nn.Module, medians: NDArray[np.float32]):
        self._model, self._g_a, self._h_a, self._medians = model, g_a, h_a, medians

    @inference
    def analyse(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        return to_latent(self._g_a(to_tensor(pixels)))

    @inference
    def hyper(self, y: NDArray[np.float32], level: int) -> NDArray[np.float32]:
        z: NDArray[np.float32] = to_latent(self._h_a(self._model.seen_by_hyper(to_batch(y)))) - self._medians
        return np.rint(z)


def deploy_mean_scale(config: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> DeployedModel:
    """Deploys `MeanScale` from its exported arrays. Raises where they do not fit its configuration."""
    return _deployed(MeanScale, MeanScaleDecoder, config, arrays)


def deploy_scale_hyperprior(config: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> DeployedModel:
    """Deploys `ScaleHyperprior` from its exported arrays. Raises where they do not fit its configuration."""
    return _deployed(ScaleHyperprior, ScaleHyperpriorDecoder, config, arrays)


def _deployed(
    model: type[MeanScale], decoder: type[MeanScaleDecoder], config: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
) -> DeployedModel:
    names = "g_a", "g_s", "h_a", "h_s"
    g_a, g_s, h_a, h_s = (
        load_transform(module, name, arrays) for name, module in zip(names, model.transforms(**config), strict=True)
    )
    medians = arrays["entropy_bottleneck.quantiles"][:, 0, 1].astype(np.float32)
    return DeployedModel(
        encoder=HyperpriorEncoder(model, g_a, h_a, medians),
        decoder=decoder(g_s, h_s, medians, config["latents"]),
        rows=table_rows(model.name, config, arrays, affine),
    )
