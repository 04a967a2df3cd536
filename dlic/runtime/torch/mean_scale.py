"""The hyperpriors as a codec runs them: arrays in and out, latents laid out (h, w, M), parsing by whole numbers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from dlic.layers.gaussian import ROWS
from dlic.models.base import split_weights
from dlic.models.mean_scale import MeanScale, ScaleHyperprior
from dlic.runtime.exact import FRACTION, MAX_ACTIVATION, ExactConv, leaky, spread, upsampling_weight
from dlic.runtime.torch.arrays_and_threads import DeployedAtOneRate, load_transform, to_batch, to_latent, to_pixels, to_tensor

LARGEST = MAX_ACTIVATION - 1
UNIT = 1 << FRACTION  # one step of z, one unit of a scale


@dataclass(frozen=True)
class ExactScales:
    """h_s in whole numbers, as far as it gives scales: what parsing depends on, in both encoder and decoder.

    CompressAI runs these layers in floating point, so that its files may not decode on another machine. Here the weights and
    medians of a checkpoint are rounded to multiples of a power of two when they are loaded, which every machine does alike;
    `runtime.exact` says why what follows is the same everywhere too.
    """

    layers: tuple[ExactConv, ExactConv, ExactConv]
    medians: Tensor  # (N,) in units of 2^−FRACTION
    row_ends: Tensor  # (ROWS − 1,) int32, scales in the same units

    @classmethod
    def from_trained(cls, h_s: Sequence[nn.Module], latents: int, medians: Tensor, row_ends: Tensor) -> "ExactScales":
        """Of the trained layers; scales come before means in what the last one gives."""
        layers = [layer for layer in h_s if hasattr(layer, "weight")]
        (*_, last), lows = layers, (-LARGEST, -LARGEST, 0)  # scales below the first row's are all the same
        weights = [upsampling_weight(_array(layer.weight)) for layer in layers[:-1]] + [_array(last.weight[:latents])]
        biases = [np.repeat(_array(layer.bias), 4) for layer in layers[:-1]] + [_array(last.bias[:latents])]
        made = [
            ExactConv.from_trained(weight, bias[None], FRACTION, FRACTION, LARGEST, low)
            for weight, bias, low in zip(weights, biases, lows, strict=True)
        ]
        return cls(tuple(made), torch.round(medians.double() * UNIT), row_ends)

    def rows(self, z_symbols: Tensor, activation: Callable) -> Tensor:
        """Symbols of z (h, w, N) → rows of the scale tables (4h, 4w, M) uint8."""
        first, second, last = self.layers
        a = torch.clip(z_symbols.double() * UNIT + self.medians, -LARGEST, LARGEST)
        a = activation(spread(first(a, 0, torch), torch), torch)  # at 1/32
        a = activation(spread(second(a, 0, torch), torch), torch)  # at 1/16
        return torch.bucketize(last(a, 0, torch).int(), self.row_ends).to(torch.uint8)


def _array(weight: Tensor) -> np.ndarray:
    return weight.detach().double().numpy()


class DeployedMeanScale(DeployedAtOneRate):
    """Latents are numpy arrays (h, w, M), which torch sees channels-last without copying. Needs no compressai."""

    model = MeanScale
    activation = staticmethod(leaky)
    stride = MeanScale.stride
    space, halo = 0, 2  # g_a reaches 30 pixels beyond a latent, g_s not quite 2 latents beyond a pixel's

    def __init__(self, config: dict, weights: dict[str, Tensor]):
        """`config` and `weights` are those of an exported checkpoint; raises where they do not fit each other."""
        trained, deployed = split_weights(weights)
        made = zip(("g_a", "g_s", "h_a", "h_s"), self.model.transforms(**config), strict=True)
        self.g_a, self.g_s, self.h_a, self.h_s = (load_transform(module, name, trained) for name, module in made)
        medians = trained["entropy_bottleneck.quantiles"][:, 0, 1].float()
        self.medians, self.latents = medians.numpy(), config["latents"]
        self.exact = ExactScales.from_trained(self.h_s, self.latents, medians, deployed["row_ends"])

    @torch.inference_mode()
    def analyse(self, pixels: np.ndarray) -> np.ndarray:
        return to_latent(self.g_a(to_tensor(pixels)))

    @torch.inference_mode()
    def hyper(self, y: np.ndarray, level: int) -> np.ndarray:
        return np.rint(to_latent(self.h_a(self.model.seen_by_hyper(to_batch(y)))) - self.medians)

    def hyper_rows(self, size: tuple[int, int], level: int) -> np.ndarray:
        height, width = size
        rows = np.arange(ROWS, ROWS + len(self.medians), dtype=np.int16)  # the tables of z stand after those of y
        return np.broadcast_to(rows, (-(-height // 4), -(-width // 4), len(rows)))

    @torch.inference_mode()
    def rows(self, z_symbols: np.ndarray, size: tuple[int, int], level: int) -> np.ndarray:
        height, width = size
        return self.exact.rows(torch.from_numpy(z_symbols), self.activation)[:height, :width].contiguous().numpy()

    @torch.inference_mode()
    def context(self, z_symbols: np.ndarray, size: tuple[int, int], level: int) -> np.ndarray:
        """Means of y, from floating point: a last bit moves a pixel, never the parse."""
        height, width = size
        z_hat = z_symbols.astype(np.float32) + self.medians
        return to_latent(self.h_s(to_batch(z_hat))[:, self.latents :, :height, :width])

    @torch.inference_mode()
    def synthesise(self, y_hat: np.ndarray, level: int) -> np.ndarray:
        return to_pixels(self.g_s(to_batch(y_hat)))


class DeployedScaleHyperprior(DeployedMeanScale):
    """The same with means of zero."""

    model = ScaleHyperprior
    activation = staticmethod(lambda a, xp: a.clip(min=0))

    def context(self, z_symbols: np.ndarray, size: tuple[int, int], level: int) -> np.ndarray:
        return np.zeros(1, np.float32)
