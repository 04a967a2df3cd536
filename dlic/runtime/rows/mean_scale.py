"""Table rows of the hyperpriors `MeanScale` and `ScaleHyperprior`: the scales' part of h_s in whole numbers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlic.entropy.parts import Path
from dlic.layers.scale_rows import ROWS
from dlic.runtime.exact import FRACTION, MAX_ACTIVATION, Affine, ExactConv, affine, leaky, relu, spread, upsampling_weight
from dlic.runtime.hyperprior_path import z_then_y
from dlic.runtime.weights import whole_numbers

LARGEST = MAX_ACTIVATION - 1
UNIT = 1 << FRACTION  # one step of z, one unit of a scale
LAYERS = 0, 2, 4  # places of the layers with weights in h_s

Activation = Callable[[NDArray[np.float64]], NDArray[np.float64]]


@dataclass(frozen=True, eq=False)
class HyperpriorRows:
    """Scales of y from z, in units of 2^−FRACTION.

    CompressAI runs these layers in floating point, so its files may not decode on another machine. Here the weights and medians of
    a checkpoint are rounded to multiples of a power of two when they are loaded. Every machine rounds them alike, and
    `runtime.exact` says why the results are the same too.
    """

    layers: tuple[ExactConv, ExactConv, ExactConv]
    activation: Activation
    medians: NDArray[np.float64]  # (N,) float64, whole
    row_ends: NDArray[np.int32]  # (ROWS − 1,) int32: the largest scale of each row
    affine: Affine = affine

    def path(self, size: tuple[int, int], level: int) -> Path:
        return z_then_y(self, size, level)

    def hyper_rows(self, size: tuple[int, int], level: int) -> NDArray[Any]:
        height, width = size
        rows = np.arange(ROWS, ROWS + len(self.medians), dtype=np.int16)  # the tables of z stand after those of y
        return np.broadcast_to(rows, (-(-height // 4), -(-width // 4), len(rows)))

    def rows(self, z_symbols: NDArray[Any], size: tuple[int, int], level: int) -> NDArray[Any]:
        (height, width), (first, second, last) = size, self.layers
        a = np.clip(z_symbols.astype(np.float64) * UNIT + self.medians, -LARGEST, LARGEST)
        a = self.activation(spread(first(a, 0, self.affine)))  # at 1/32
        a = self.activation(spread(second(a, 0, self.affine)))  # at 1/16
        scales = last(a, 0, self.affine)[:height, :width]
        return self._row_of_scale[np.minimum(scales, len(self._row_of_scale) - 1).astype(np.intp)]

    def steps(self, size: tuple[int, int]) -> None:
        """Without a context there are none."""

    @cached_property
    def _row_of_scale(self) -> NDArray[Any]:
        """The row of every scale 0, 1, … up to the first of the last row."""
        return np.searchsorted(self.row_ends, np.arange(int(self.row_ends[-1]) + 2)).astype(np.uint8)


def mean_scale_rows(config: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], affine: Affine) -> HyperpriorRows:
    """Rows of `MeanScale` from the arrays of a checkpoint."""
    return _rows(config["latents"], arrays, leaky, affine)


def scale_hyperprior_rows(config: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], affine: Affine) -> HyperpriorRows:
    """Rows of `ScaleHyperprior` from the arrays of a checkpoint."""
    return _rows(config["latents"], arrays, relu, affine)


def _rows(latents: int, arrays: Mapping[str, NDArray[Any]], activation: Activation, affine: Affine) -> HyperpriorRows:
    weights, biases = ([arrays[f"h_s.{i}.{kind}"].astype(np.float64) for i in LAYERS] for kind in ("weight", "bias"))
    convs = [upsampling_weight(weight) for weight in weights[:-1]] + [weights[-1][:latents]]  # scales come before means
    offsets = [np.repeat(bias, 4) for bias in biases[:-1]] + [biases[-1][:latents]]
    lows = (-LARGEST, -LARGEST, 0)  # all scales below that of the first row share it
    first, second, last = (
        ExactConv.from_trained(weight, bias[None], FRACTION, FRACTION, LARGEST, low)
        for weight, bias, low in zip(convs, offsets, lows, strict=True)
    )
    medians = arrays["entropy_bottleneck.quantiles"][:, 0, 1].astype(np.float64)
    return HyperpriorRows(
        layers=(first, second, last),
        activation=activation,
        medians=np.rint(medians * UNIT),
        row_ends=whole_numbers(arrays)["row_ends"],
        affine=affine,
    )
