"""Table rows of `Light`: the scales of y from z and the level, in whole numbers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlic.entropy.parts import Path
from dlic.layers.context_steps import context_steps
from dlic.layers.scale_rows import ROWS
from dlic.runtime.exact import FRACTION, MAX_ACTIVATION, Affine, ExactConv, affine, spread
from dlic.runtime.hyperprior_path import z_then_y
from dlic.runtime.weights import under, whole_numbers

# bits after the point of input (symbols: none) and output (rows: none), and the largest value
LAYERS = {
    "first": (0, FRACTION, MAX_ACTIVATION - 1),
    "widen": (FRACTION, FRACTION, MAX_ACTIVATION - 1),
    "middle": (FRACTION, FRACTION, MAX_ACTIVATION - 1),
    "last": (FRACTION, 0, ROWS - 1),
}


@dataclass(frozen=True, eq=False)
class ExactScaleSynthesis:
    """h_s_scale in whole numbers. A checkpoint stores it; encoder and decoder both run it.

    z ─ 3×3 ─ relu ─ 1×1 ─ relu ─ shuffle 2 ─ 3×3 ─ relu ─ 1×1 ─ shuffle 2 ─ row
    """

    first: ExactConv
    widen: ExactConv
    middle: ExactConv
    last: ExactConv

    @classmethod
    def from_trained(cls, weights: Mapping[str, NDArray[Any]], biases: Mapping[str, NDArray[Any]]) -> "ExactScaleSynthesis":
        """Rounds the float weights (out, in, k, k) and biases (levels, out) of each layer to whole numbers."""
        return cls(*(ExactConv.from_trained(weights[name], biases[name], *form) for name, form in LAYERS.items()))

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays that a checkpoint stores."""
        layers: list[tuple[str, ExactConv]] = [(name, getattr(self, name)) for name in LAYERS]
        stored = {f"{name}.{kind}": getattr(layer, kind) for name, layer in layers for kind in ("weight", "bias")}
        return stored | {f"{name}.shift": np.array(layer.shift, dtype=np.int32) for name, layer in layers}

    @classmethod
    def from_arrays(cls, stored: Mapping[str, NDArray[Any]]) -> "ExactScaleSynthesis":
        """Inverse of `to_arrays`. Raises KeyError and ValueError for anything else."""
        return cls(
            *(
                ExactConv(stored[f"{name}.weight"], stored[f"{name}.bias"], int(stored[f"{name}.shift"]), high)
                for name, (_, _, high) in LAYERS.items()
            )
        )

    def __call__(self, symbols: NDArray[Any], level: int, affine: Affine = affine) -> NDArray[Any]:
        """Symbols of z (h, w, Z) → rows of the scale tables (4h, 4w, M) uint8."""
        a = np.clip(symbols.astype(np.float64), -MAX_ACTIVATION, MAX_ACTIVATION)
        a = self.first(a, level, affine)  # (h, w, K)
        a = spread(self.widen(a, level, affine))  # (2h, 2w, K)
        a = self.middle(a, level, affine)
        return spread(self.last(a, level, affine).astype(np.uint8))


@dataclass(frozen=True, eq=False)
class LightRows:
    """The rows of z are stored for each level; the rows of y follow from z. The tables of z come after the tables of y."""

    scales: ExactScaleSynthesis
    z_rows: NDArray[np.uint8]  # (levels, Z) uint8
    context_steps: int  # 2 or 4
    affine: Affine = affine

    def path(self, size: tuple[int, int], level: int) -> Path:
        return z_then_y(self, size, level)

    def hyper_rows(self, size: tuple[int, int], level: int) -> NDArray[Any]:
        height, width = size
        rows = self.z_rows[level] + np.uint8(ROWS)
        return np.broadcast_to(rows, (-(-height // 4), -(-width // 4), len(rows)))

    def rows(self, z_symbols: NDArray[Any], size: tuple[int, int], level: int) -> NDArray[Any]:
        height, width = size
        return np.ascontiguousarray(self.scales(z_symbols, level, self.affine)[:height, :width])

    def steps(self, size: tuple[int, int]) -> NDArray[Any]:
        return context_steps(self.context_steps, len(self.scales.last.weight) // 4, *size)


def light_rows(config: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], affine: Affine) -> LightRows:
    """Rows of `Light` from the arrays of a checkpoint."""
    stored = whole_numbers(arrays)
    return LightRows(
        scales=ExactScaleSynthesis.from_arrays(under("h_s_scale.", stored)),
        z_rows=stored["z_rows"],
        context_steps=config.get("context_steps", 2),  # the first checkpoints do not have this key
        affine=affine,
    )
