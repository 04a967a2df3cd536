"""The models of one rate on ONNX Runtime: `Factorized`, `MeanScale` and `ScaleHyperprior`."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlic.runtime import reach
from dlic.runtime.network import DeployedModel
from dlic.runtime.one_rate import OneRateDecoder, OneRateEncoder
from dlic.runtime.onnx.sessions import Sessions, as_input
from dlic.runtime.rows import table_rows


class GraphDecoder(OneRateDecoder):
    """The `context` is the means of y: those of the graph `means`, or else constants (M,)."""

    stride = reach.STRIDE

    def __init__(self, sessions: Sessions, unit: int, halo: int, means: NDArray[np.float32] | None):
        self._sessions, self.unit, self.halo, self._constant = sessions, unit, halo, means

    def context(self, z_symbols: NDArray[Any], size: tuple[int, int], level: int) -> NDArray[np.float32]:
        if self._constant is not None:
            return self._constant
        return self._sessions.run("means", {"z": z_symbols.astype(np.float32), "size": as_input(*size)})[0]

    def synthesise(self, y_hat: NDArray[np.float32], level: int) -> NDArray[np.uint8]:
        return self._sessions.run("synthesis", {"y_hat": y_hat})[0]


class GraphEncoder(OneRateEncoder):
    """The graphs `analysis` and, of models with a hyperprior, `hyper`."""

    def __init__(self, sessions: Sessions, hyperprior: bool):
        self._sessions, self._hyperprior = sessions, hyperprior

    def analyse(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        return self._sessions.run("analysis", {"image": pixels})[0]

    def hyper(self, y: NDArray[np.float32], level: int) -> NDArray[np.float32]:
        return self._sessions.run("hyper", {"y": y})[0] if self._hyperprior else np.empty((0, 0, 0), np.float32)


def deploy_factorized(config: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], sessions: Sessions) -> DeployedModel:
    """Deploys `Factorized`. Raises where arrays and configuration do not fit."""
    medians = arrays["entropy_bottleneck.quantiles"][:, 0, 1].astype(np.float32)
    decoder = GraphDecoder(sessions, unit=reach.STRIDE, halo=reach.FACTORIZED, means=medians)
    return DeployedModel(GraphEncoder(sessions, False), decoder, table_rows("factorized", config, arrays))


def deploy_mean_scale(config: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], sessions: Sessions) -> DeployedModel:
    """Deploys `MeanScale`. Raises where arrays and configuration do not fit."""
    decoder = GraphDecoder(sessions, unit=4 * reach.STRIDE, halo=reach.MEAN_SCALE, means=None)
    return DeployedModel(GraphEncoder(sessions, True), decoder, table_rows("mean_scale", config, arrays))


def deploy_scale_hyperprior(config: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], sessions: Sessions) -> DeployedModel:
    """Deploys `ScaleHyperprior`, whose means are zero. Raises where arrays and configuration do not fit."""
    decoder = GraphDecoder(sessions, unit=4 * reach.STRIDE, halo=reach.MEAN_SCALE, means=np.zeros(1, np.float32))
    return DeployedModel(GraphEncoder(sessions, True), decoder, table_rows("hyperprior", config, arrays))
