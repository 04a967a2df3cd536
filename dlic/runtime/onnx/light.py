"""`Light` on ONNX Runtime."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlic.entropy.parts import Symbols
from dlic.layers.context_steps import context_steps
from dlic.layers.level_interpolation import LEVELS
from dlic.layers.step_price import STEP_PRICE
from dlic.progress import Progress
from dlic.runtime import reach
from dlic.runtime.gains import Gains
from dlic.runtime.network import DeployedModel, EncoderNetwork, FurtherGoal, Quantiser, RefinementGoal
from dlic.runtime.onnx.sessions import Sessions, as_input
from dlic.runtime.rows import table_rows

Inputs = dict[str, NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Context:
    """What the graphs of the context loop need; it is computed with them."""

    z: NDArray[np.float32]  # symbols (h/4, w/4, Z)
    size: tuple[int, int]  # of y
    level: int
    known: Inputs = field(default_factory=dict)  # further inputs, of what a decoder knows besides z


class LightDecoder:
    """The graphs `latents`, `synthesis`, `differences` and `early_features`."""

    stride, levels, unit, halo = reach.STRIDE, LEVELS, 4 * reach.STRIDE, reach.LIGHT

    def __init__(self, sessions: Sessions, steps: int, latents: int):
        self._sessions, self._steps, self._latents = sessions, steps, latents

    def context(self, z_symbols: NDArray[Any], size: tuple[int, int], level: int) -> Context:
        return Context(z_symbols.astype(np.float32), size, level)

    def reconstruct(self, context: Context, symbols: NDArray[Any]) -> NDArray[np.float32]:
        masks = _masks(self._steps, self._latents, *context.size)
        inputs = {"z": context.z, "symbols": symbols.astype(np.float32, copy=False), "level": as_input(context.level)}
        steps = {f"step_{number}": mask for number, mask in enumerate(masks)}
        return self._sessions.run("latents", inputs | steps | context.known)[0]

    def synthesise(self, y_hat: NDArray[np.float32], level: int) -> NDArray[np.uint8]:
        return self._sessions.run("synthesis", {"y_hat": y_hat, "level": as_input(level)})[0]

    def differences(self, y_hat: NDArray[np.float32], level: int) -> NDArray[np.float32]:
        return self._sessions.run("differences", {"y_hat": y_hat, "level": as_input(level)})[0]

    @property
    def exits_early(self) -> bool:
        return self._sessions.has("early_features")

    def early_features(self, y_hat: NDArray[np.float32], level: int) -> NDArray[np.float32]:
        return self._sessions.run("early_features", {"y_hat": y_hat, "level": as_input(level)})[0]


class LightEncoder:
    """The graphs `analysis`, `hyper`, `context` and `step_1` …; refinement is PyTorch's."""

    refinable = True
    step_price: float | None = STEP_PRICE

    def __init__(self, sessions: Sessions, config: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]):
        self._sessions, self._config, self._gains = sessions, config, Gains.of(arrays)

    def analyse(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        return self._sessions.run("analysis", {"image": pixels})[0]

    def at_level(self, latent: NDArray[np.float32], level: int) -> NDArray[np.float32]:
        y: NDArray[np.float32] = latent * self._gains.gain[level]
        return y

    def hyper(self, y: NDArray[np.float32], level: int) -> NDArray[np.float32]:
        return self._sessions.run("hyper", {"y": y, "level": as_input(level)})[0]

    def quantise(self, context: Context, quantiser: Quantiser) -> NDArray[np.float32]:
        level, inverse = as_input(context.level), self._gains.inverse[context.level]
        inputs = {"z": context.z, "size": as_input(*context.size), "level": level}
        features, means = self._sessions.run("context", inputs | context.known)
        masks = _masks(self._config.get("context_steps", 2), means.shape[2], *context.size)
        y_hat = np.zeros_like(means)
        for number, mask in enumerate(masks):
            if number:
                step = {"features_before": features, "y_hat": y_hat, "level": level}
                features, means = self._sessions.run(f"step_{number}", step)
            np.multiply(quantiser(means, mask) + means, inverse, out=y_hat, where=mask)
        return y_hat

    def refine(
        self,
        goal: RefinementGoal,
        y: NDArray[np.float32],
        plain: Symbols,
        rounded: Callable[[NDArray[np.int32]], Symbols],
        effort: int,
        progress: Progress,
    ) -> Symbols:
        return self._refiner.refine(goal, y, plain, rounded, effort, progress)

    def refine_further(self, goal: FurtherGoal, plain: NDArray[np.int32], effort: int, progress: Progress) -> NDArray[np.int32]:
        return self._refiner.refine_further(goal, plain, effort, progress)

    @cached_property
    def _refiner(self) -> EncoderNetwork:
        from safetensors.numpy import load

        from dlic.runtime.torch import deploy

        return deploy("light", self._config, load(self._sessions.weights)).encoder


@lru_cache(maxsize=4)  # tiles come in four sizes
def _masks(count: int, latents: int, height: int, width: int) -> tuple[NDArray[np.bool_], ...]:
    """Which latents belong to each step: bool (h, w, M)."""
    steps = context_steps(count, latents, height, width)
    return tuple(np.ascontiguousarray(steps == step) for step in range(count))


def deploy_light(config: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], sessions: Sessions) -> DeployedModel:
    """Deploys `Light`. Raises where arrays and configuration do not fit."""
    latents = arrays["gain.anchors"].shape[1]
    decoder = LightDecoder(sessions, config.get("context_steps", 2), latents)
    encoder, rows = LightEncoder(sessions, config, arrays), table_rows("light", config, arrays)
    return DeployedModel(encoder, decoder, rows, gains=Gains.of(arrays))
