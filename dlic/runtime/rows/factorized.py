"""Table rows of `Factorized`: each channel of y has a table of its own, and there is no z."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlic.entropy.parts import Path
from dlic.runtime.exact import Affine
from dlic.runtime.hyperprior_path import z_then_y


@dataclass(frozen=True)
class ChannelRows:
    """The row of a symbol is the number of its channel."""

    channels: int

    def path(self, size: tuple[int, int], level: int) -> Path:
        return z_then_y(self, size, level)

    def hyper_rows(self, size: tuple[int, int], level: int) -> NDArray[Any]:
        return np.empty((0, 0, 0), np.int16)

    def rows(self, z_symbols: NDArray[Any], size: tuple[int, int], level: int) -> NDArray[Any]:
        return np.broadcast_to(np.arange(self.channels, dtype=np.int16), (*size, self.channels))

    def steps(self, size: tuple[int, int]) -> None:
        """Without a context there are none."""


def factorized_rows(config: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], affine: Affine) -> ChannelRows:
    """Rows of `Factorized` from the arrays of a checkpoint."""
    return ChannelRows(len(arrays["entropy_bottleneck.quantiles"]))
