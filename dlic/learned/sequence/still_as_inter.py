"""A model of pictures on the residuals of frames: grey plus the residual is a picture."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlic.runtime.network import DecoderNetwork, DeployedModel, EncoderNetwork

GREY = 128


@dataclass(frozen=True, eq=False)
class StillAsInter:
    """Weights that were trained on pictures, as an `InterNetwork`."""

    model: DeployedModel

    def given(self, prediction: NDArray[np.uint8]) -> DeployedModel:
        """`InterNetwork.given`."""
        signed = prediction.astype(np.int16)
        return replace(self.model, encoder=_Encoder(self.model.encoder, signed), decoder=_Decoder(self.model.decoder, signed))


class _Encoder:
    """An encoder whose pixels are those of residuals."""

    def __init__(self, encoder: EncoderNetwork, prediction: NDArray[np.int16]):
        self._encoder, self._prediction = encoder, prediction
        self.refinable, self.step_price = False, encoder.step_price

    def __getattr__(self, name: str) -> Any:
        return getattr(self._encoder, name)

    def analyse(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        return self._encoder.analyse(np.clip(pixels - self._prediction + GREY, 0, 255).astype(np.uint8))


class _Decoder:
    """A decoder that adds its pixels to a prediction; its `differences` are those from grey."""

    def __init__(self, decoder: DecoderNetwork, prediction: NDArray[np.int16]):
        self._decoder, self._prediction = decoder, prediction

    def __getattr__(self, name: str) -> Any:
        return getattr(self._decoder, name)

    def synthesise(self, y_hat: NDArray[np.float32], level: int) -> NDArray[np.uint8]:
        return np.clip(self._prediction + self._decoder.synthesise(y_hat, level) - GREY, 0, 255).astype(np.uint8)
