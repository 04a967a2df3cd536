"""Random training crops and fixed validation crops, each a function of (seed, index) alone."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset
from torchvision.transforms.v2 import functional as F

from dlic.data.photographs import Photographs
from dlic.data.rendered import rendered_page
from dlic.errors import DlicError


@dataclass(frozen=True)
class Augmentation:
    """How a training crop is drawn.

    Args:
        flip: mirror half of the crops.
        rotate: turn by a random multiple of 90°.
        downscale: largest factor by which a larger crop may be shrunk (1: never).
        downscale_share: share of the crops that are shrunk.
        candidates: crops drawn for each one used; the most detailed is kept, since plain sky teaches little.
        rendered: share of the crops that are pages of text, charts and interfaces instead, or photographs with text over them
            (`data.rendered`); they are neither mirrored nor turned. They take the fonts of the machine.
    """

    flip: bool = True
    rotate: bool = True
    downscale: float = 2.0
    downscale_share: float = 0.25
    candidates: int = 2
    rendered: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.rendered <= 1:
            raise DlicError(f"the share of rendered crops goes from 0 to 1, not {self.rendered}")


class TrainingCrops(Dataset):
    """Crop number i, for any i ≥ 0: (3, size, size) uint8. The same (seed, i) always gives the same crop."""

    def __init__(self, photographs: Photographs, size: int, seed: int, augmentation: Augmentation):
        self.photographs, self.size, self.seed, self.augmentation = photographs, size, seed, augmentation
        self.cumulative = cumulative_shares(photographs.sizes())

    def __getitem__(self, index: int) -> Tensor:
        rng = np.random.default_rng((self.seed, index))
        drawn = [self._draw(rng) for _ in range(self.augmentation.candidates)]
        crop = max(drawn, key=detail)
        if self.augmentation.rendered and rng.random() < self.augmentation.rendered:
            return rendered_crop(rng, crop)
        return self._turn(crop, rng)

    def _draw(self, rng: np.random.Generator) -> Tensor:
        pixels = self.photographs.pixels(int(draw(rng, self.cumulative)))
        shrink = rng.random() < self.augmentation.downscale_share
        factor = rng.uniform(1.0, self.augmentation.downscale) if shrink else 1.0
        window = min(round(self.size * factor), max(self.size, min(pixels.shape[:2])))
        crop = _window(pixels, window, rng.random(), rng.random())
        return F.resize(crop, [self.size, self.size], antialias=True) if window != self.size else crop

    def _turn(self, crop: Tensor, rng: np.random.Generator) -> Tensor:
        if self.augmentation.flip and rng.random() < 0.5:
            crop = F.horizontal_flip(crop)
        turns = int(rng.integers(4)) if self.augmentation.rotate else 0
        return torch.rot90(crop, turns, dims=(1, 2)).contiguous()


def rendered_crop(rng: np.random.Generator, photograph: Tensor) -> Tensor:
    """A rendered page in place of a crop (3, size, size), which may be its ground."""
    page = rendered_page(rng, photograph.shape[-1], photograph.permute(1, 2, 0).cpu().numpy())
    return torch.from_numpy(page.copy()).permute(2, 0, 1).contiguous()


class ValidationCrops(Dataset):
    """The centre of each held-out photograph: (3, size, size) uint8."""

    def __init__(self, photographs: Photographs, size: int, limit: int):
        self.photographs, self.size, self.limit = photographs, size, limit

    def __len__(self) -> int:
        return min(self.limit, len(self.photographs))

    def __getitem__(self, index: int) -> Tensor:
        if index >= len(self):
            raise IndexError(index)  # what ends a loop over them: beyond the last photograph, another would take its place
        return _window(self.photographs.pixels(index), self.size, 0.5, 0.5)


def _window(pixels: np.ndarray, size: int, top: float, left: float) -> Tensor:
    """A size×size window at a relative position, reflected at the borders where the photograph is smaller: (3, size, size)."""
    height, width = pixels.shape[:2]
    y, x = round(top * max(0, height - size)), round(left * max(0, width - size))
    part = np.array(pixels[y : y + size, x : x + size])  # a copy, as the memory map is read-only
    missing = (size - part.shape[0], size - part.shape[1])
    if any(missing):
        part = np.pad(part, ((0, missing[0]), (0, missing[1]), (0, 0)), mode="symmetric")
    return torch.from_numpy(part).permute(2, 0, 1)


def cumulative_shares(sizes: np.ndarray) -> np.ndarray:
    """Shares of the crops that photographs of `sizes` (N, 2) get, added up: float64 (N,) rising to 1.

    A share is in proportion to the square root of the pixels: large photographs hold more, but not in proportion.
    """
    roots = np.sqrt(sizes.prod(axis=1))
    sums = (roots / roots.sum()).cumsum()
    return sums / sums[-1]


def draw(rng: np.random.Generator, cumulative: np.ndarray, number: int | None = None) -> np.ndarray:
    """Indices of photographs, drawn with the shares that `cumulative` adds up: int64 (number,), or one.

    They are those of `rng.choice(N, number, p=shares)`, which adds up all N shares again for every draw.
    """
    return np.asarray(cumulative.searchsorted(rng.random(number), side="right"))


def detail(crops: Tensor) -> Tensor:
    """Mean absolute difference of neighbouring rows, on every fourth row: (…, 3, H, W) → (…)."""
    return (crops[..., 1::4, :].float() - crops[..., ::4, :].float()).abs().mean(dim=(-3, -2, -1))
