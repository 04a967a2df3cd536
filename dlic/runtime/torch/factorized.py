"""`Factorized` for inference. Needs no compressai."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from dlic.models.factorized import Factorized, transforms
from dlic.runtime import reach
from dlic.runtime.network import DeployedModel
from dlic.runtime.one_rate import OneRateDecoder, OneRateEncoder
from dlic.runtime.rows import table_rows
from dlic.runtime.torch.arrays import affine, load_transform, to_batch, to_latent, to_pixels, to_tensor
from dlic.runtime.torch.threads import inference


class FactorizedDecoder(OneRateDecoder):
    """The `context` is the median of each channel (M,)."""

    stride = unit = Factorized.stride
    halo = reach.FACTORIZED

    def __init__(self, g_s: nn.Module, medians: NDArray[np.float32]):
        self._g_s, self._medians = g_s, medians

    def context(self, z_symbols: NDArray[Any], size: tuple[int, int], level: int) -> NDArray[np.float32]:
        return self._medians

    @inference
    def synthesise(self, y_hat: NDArray[np.float32], level: int) -> NDArray[np.uint8]:
        return to_pixels(self._g_s(to_batch(y_hat)))


class FactorizedEncoder(OneRateEncoder):
    """g_a; the model has no z."""

    def __init__(self, g_a: nn.Module):
        self._g_a = g_a

    @inference
    def analyse(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        return to_latent(self._g_a(to_tensor(pixels)))

    def hyper(self, y: NDArray[np.float32], level: int) -> NDArray[np.float32]:
        return np.empty((0, 0, 0), np.float32)


def deploy_factorized(config: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> DeployedModel:
    """Deploys `Factorized` from its exported arrays. Raises where they do not fit its configuration."""
    g_a, g_s = transforms(**config)
    medians = arrays["entropy_bottleneck.quantiles"][:, 0, 1].astype(np.float32)
    return DeployedModel(
        encoder=FactorizedEncoder(load_transform(g_a, "g_a", arrays)),
        decoder=FactorizedDecoder(load_transform(g_s, "g_s", arrays), medians),
        rows=table_rows("factorized", config, arrays, affine),
    )
