"""`Factorized` as a codec runs it."""

import numpy as np
import torch
from torch import Tensor

from dlic.models.factorized import Factorized, transforms
from dlic.runtime.torch.arrays_and_threads import DeployedAtOneRate, load_transform, to_pixels, to_tensor


class DeployedFactorized(DeployedAtOneRate):
    """The transforms alone, arrays in and arrays out, as `learned.unit` runs them; latents are (M, h, w). Needs no compressai."""

    stride = Factorized.stride
    space, halo = 1, 3  # with 5×5 kernels at 1/16 on both sides, and blocks that reach further but say little there

    def __init__(self, config: dict, weights: dict[str, Tensor]):
        """`config` and `weights` are those of an exported `Factorized`; raises where they do not fit each other."""
        g_a, g_s = transforms(**config)
        self.g_a, self.g_s = load_transform(g_a, "g_a", weights), load_transform(g_s, "g_s", weights)
        self.medians = weights["entropy_bottleneck.quantiles"][:, 0, 1].float().numpy()[:, None, None]

    @torch.inference_mode()
    def analyse(self, pixels: np.ndarray) -> np.ndarray:
        return self.g_a(to_tensor(pixels))[0].contiguous().numpy()

    def hyper(self, y: np.ndarray, level: int) -> np.ndarray:
        return np.empty(0, np.float32)

    def hyper_rows(self, size: tuple[int, int], level: int) -> np.ndarray:
        return np.empty(0, np.int16)

    def rows(self, z_symbols: np.ndarray, size: tuple[int, int], level: int) -> np.ndarray:
        return np.broadcast_to(np.arange(len(self.medians), dtype=np.int16)[:, None, None], (len(self.medians), *size))

    def context(self, z_symbols: np.ndarray, size: tuple[int, int], level: int) -> np.ndarray:
        return self.medians

    @torch.inference_mode()
    def synthesise(self, y_hat: np.ndarray, level: int) -> np.ndarray:
        return to_pixels(self.g_s(torch.from_numpy(y_hat)[None].to(memory_format=torch.channels_last)))
