"""Networks on large areas in parts: memory is bounded, and every part is computed with its surroundings, so that no seam shows.

prediction ─ parts ─ with HALO superblocks around ─ g_a or g_s ─ without them ─ latents or pixels of the area
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from dlic.learned.sequence.areas import SUPERBLOCK
from dlic.pixels.rectangles import Rectangle
from dlic.runtime.network import DecoderNetwork, DeployedModel, EncoderNetwork, InterNetwork, Unrounded

LARGEST = 512  # superblocks of a part without its surroundings: two megapixels, which a frame of 1920 × 1080 has
HALO = 2  # superblocks, 8 latents: g_a sees 6 latents beyond a latent, g_s 5 beyond a pixel (`runtime.reach`)


@dataclass(frozen=True, eq=False)
class InParts:
    """An `InterNetwork` whose g_a and g_s run on parts of large areas. The context loop, at a sixteenth of the size, does not."""

    network: InterNetwork
    largest: int = LARGEST

    def given(self, prediction: NDArray[np.uint8]) -> DeployedModel:
        """`InterNetwork.given`."""
        model = self.network.given(prediction)
        height, width = (-(-side // SUPERBLOCK) for side in prediction.shape[:2])
        parts = _parts(Rectangle(0, 0, width, height), self.largest)
        if len(parts) == 1:
            return model
        divided = _Divided(self.network, prediction, parts, model.decoder.stride)
        return replace(model, encoder=_Encoder(model.encoder, divided), decoder=_Decoder(model.decoder, divided))


@dataclass(frozen=True, eq=False)
class _Divided:
    """A prediction in parts."""

    network: InterNetwork
    prediction: NDArray[np.uint8]
    parts: list[Rectangle]  # in superblocks
    stride: int

    def places(self) -> Iterator[tuple[Rectangle, Rectangle, DeployedModel]]:
        """The pixels of every part, and of it with its surroundings; and the model of these."""
        frame = Rectangle(0, 0, self.prediction.shape[1], self.prediction.shape[0])
        for part in self.parts:
            place = Rectangle(*(SUPERBLOCK * number for number in (part.x, part.y, part.width, part.height))).overlap(frame)
            around = place.grown(HALO * SUPERBLOCK, frame)
            yield place, around, self.network.given(self.prediction[around.slices])

    def in_latents(self, place: Rectangle) -> Rectangle:
        """A place in pixels → in latents; all sides are multiples of the stride."""
        return Rectangle(*(number // self.stride for number in (place.x, place.y, place.width, place.height)))


class _Encoder:
    """An encoder whose g_a runs on parts."""

    def __init__(self, encoder: EncoderNetwork, divided: _Divided):
        self._encoder, self._divided = encoder, divided
        self.refinable, self.step_price = False, encoder.step_price

    def __getattr__(self, name: str) -> Any:
        return getattr(self._encoder, name)

    def analyse(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        rows = list[tuple[Rectangle, NDArray[np.float32]]]()
        for place, around, model in self._divided.places():
            inner, outer = self._divided.in_latents(place), self._divided.in_latents(around)
            rows.append((inner, model.encoder.analyse(pixels[around.slices])[inner.within(outer)]))
        whole = self._divided.in_latents(Rectangle(0, 0, pixels.shape[1], pixels.shape[0]))
        latents = np.empty((whole.height, whole.width, rows[0][1].shape[2]), np.float32)
        for inner, part in rows:
            latents[inner.slices] = part
        return latents


class _Decoder:
    """A decoder whose g_s runs on parts."""

    def __init__(self, decoder: DecoderNetwork, divided: _Divided):
        self._decoder, self._divided = decoder, divided

    def __getattr__(self, name: str) -> Any:
        return getattr(self._decoder, name)

    def synthesise(self, y_hat: NDArray[np.float32], level: int) -> NDArray[np.uint8]:
        return self._joined(y_hat, lambda decoder, latents: decoder.synthesise(latents, level), np.uint8)

    def differences(self, y_hat: NDArray[np.float32], level: int) -> NDArray[np.float32]:
        return self._joined(y_hat, lambda decoder, latents: cast(Unrounded, decoder).differences(latents, level), np.float32)

    def _joined(
        self, y_hat: NDArray[np.float32], run: Callable[[DecoderNetwork, NDArray[np.float32]], NDArray[Any]], dtype: type
    ) -> NDArray[Any]:
        """What `run` makes of the latents of every part, put together (H, W, 3)."""
        whole: NDArray[Any] = np.empty(self._divided.prediction.shape, dtype)
        for place, around, model in self._divided.places():
            latents = np.ascontiguousarray(y_hat[self._divided.in_latents(around).slices])
            whole[place.slices] = run(model.decoder, latents)[place.within(around)]
        return whole


def _parts(box: Rectangle, largest: int) -> list[Rectangle]:
    """A rectangle, divided in the middle of its longer side until no part is too large."""
    if box.width * box.height <= largest:
        return [box]
    if box.width >= box.height:
        middle = box.x + box.width // 2
        halves = Rectangle.between(box.x, box.y, middle, box.bottom), Rectangle.between(middle, box.y, box.right, box.bottom)
    else:
        middle = box.y + box.height // 2
        halves = Rectangle.between(box.x, box.y, box.right, middle), Rectangle.between(box.x, middle, box.right, box.bottom)
    return [part for half in halves for part in _parts(half, largest)]
