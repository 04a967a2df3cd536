"""`Inter` on ONNX Runtime: a model of one picture for every prediction."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlic.runtime import reach
from dlic.runtime.network import DeployedModel, Unrefined
from dlic.runtime.onnx.light import Context, Inputs, LightDecoder, LightEncoder
from dlic.runtime.onnx.sessions import Sessions, as_input
from dlic.runtime.rows import table_rows

GREY = 128  # the prediction where there is none, as in `models.inter`


class Prediction:
    """A prediction, and the features that the network makes of it; grey of any size where there is none."""

    def __init__(self, sessions: Sessions, pixels: NDArray[np.uint8] | None):
        self._pixels = pixels
        self._features = lru_cache(maxsize=1)(
            lambda level, h, w: sessions.run("prediction", {"prediction": self.pixels(h, w), "level": as_input(level)})
        )

    def pixels(self, height: int, width: int) -> NDArray[np.uint8]:
        """For a y of height × width. Raises ValueError where the prediction has another size."""
        sides = (height * reach.STRIDE, width * reach.STRIDE)
        if self._pixels is None:
            return np.full((*sides, 3), GREY, np.uint8)
        if self._pixels.shape[:2] != sides:
            raise ValueError(f"a prediction of {self._pixels.shape[:2]} pixels does not fit {sides}")
        return self._pixels

    def for_means(self, level: int, height: int, width: int) -> Inputs:
        """The input of `context` and `latents`."""
        return {"for_means": self._features(level, height, width)[0]}

    def for_pixels(self, level: int, height: int, width: int) -> Inputs:
        """The input of `differences`, and one of `synthesis`."""
        return {"for_pixels": self._features(level, height, width)[1]}


class InterDecoder(LightDecoder):
    """The graphs `prediction`, `latents`, `synthesis` and `differences`."""

    def __init__(self, sessions: Sessions, steps: int, latents: int, prediction: Prediction):
        super().__init__(sessions, steps, latents)
        self._prediction = prediction

    def context(self, z_symbols: NDArray[Any], size: tuple[int, int], level: int) -> Context:
        return Context(z_symbols.astype(np.float32), size, level, self._prediction.for_means(level, *size))

    def synthesise(self, y_hat: NDArray[np.float32], level: int) -> NDArray[np.uint8]:
        p = {"prediction": self._prediction.pixels(y_hat.shape[0], y_hat.shape[1])}
        return self._sessions.run("synthesis", self._inputs(y_hat, level) | p)[0]

    def differences(self, y_hat: NDArray[np.float32], level: int) -> NDArray[np.float32]:
        return self._sessions.run("differences", self._inputs(y_hat, level))[0]

    def _inputs(self, y_hat: NDArray[np.float32], level: int) -> Inputs:
        return {"y_hat": y_hat, "level": as_input(level)} | self._prediction.for_pixels(level, y_hat.shape[0], y_hat.shape[1])


class InterEncoder(Unrefined, LightEncoder):
    """The graphs of `LightEncoder` for what one prediction leaves."""

    def __init__(self, sessions: Sessions, config: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], prediction: Prediction):
        super().__init__(sessions, config, arrays)
        self._prediction = prediction

    def analyse(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        height, width = (side // reach.STRIDE for side in pixels.shape[:2])
        return self._sessions.run("analysis", {"image": pixels, "prediction": self._prediction.pixels(height, width)})[0]


@dataclass(frozen=True, eq=False, kw_only=True)
class DeployedInter(DeployedModel):
    """The model with grey as its prediction, and with any other."""

    bound: Callable[[Prediction], DeployedModel]
    sessions: Sessions

    def given(self, prediction: NDArray[np.uint8]) -> DeployedModel:
        """See `runtime.network.InterNetwork`."""
        return self.bound(Prediction(self.sessions, prediction))


def deploy_inter(config: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], sessions: Sessions) -> DeployedInter:
    """Deploys `Inter`. Raises where arrays and configuration do not fit."""
    latents, steps, rows = arrays["gain.anchors"].shape[1], config.get("context_steps", 2), table_rows("inter", config, arrays)

    def bound(prediction: Prediction) -> DeployedModel:
        decoder = InterDecoder(sessions, steps, latents, prediction)
        return DeployedModel(InterEncoder(sessions, config, arrays, prediction), decoder, rows)

    grey = bound(Prediction(sessions, None))
    return DeployedInter(encoder=grey.encoder, decoder=grey.decoder, rows=rows, bound=bound, sessions=sessions)
