"""Training crops cut on the training device: decoded photographs lie in its memory, and a batch is one gather."""

from collections.abc import Iterator
from itertools import count

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as F

from dlic.data.crops import Augmentation, cumulative_shares, detail, draw, rendered_crop
from dlic.data.photographs import Photographs


class ResidentBatches:
    """Batch number `start`, `start` + `step`, … without end: (B, 3, size, size) uint8 on `device`.

    Where crops lie is drawn on the CPU, the same for every device, and sent as one small tensor a size of window; nothing
    waits for the device. Crops that are shrunk share one factor a batch.
    """

    def __init__(
        self,
        photographs: Photographs,
        size: int,
        batch_size: int,
        seed: int,
        augmentation: Augmentation,
        device: torch.device,
        start: int = 0,
        step: int = 1,
    ):
        self.size, self.batch_size, self.seed, self.augmentation = size, batch_size, seed, augmentation
        self.device, self.start, self.step = device, start, step
        self.sizes = photographs.sizes()
        self.cumulative = cumulative_shares(self.sizes)
        self.ends = self.sizes.prod(axis=1).cumsum()
        self.pixels = torch.empty((self.ends[-1], 3), dtype=torch.uint8, device=device)  # every photograph, row after row
        for index, part in enumerate(self.pixels.tensor_split(self.ends[:-1].tolist())):
            part.copy_(torch.from_numpy(np.array(photographs.pixels(index))).view(-1, 3))

    def __iter__(self) -> Iterator[Tensor]:
        return map(self.batch, count(self.start, self.step))

    def batch(self, number: int) -> Tensor:
        """The same (seed, number) always gives the same crops."""
        rng = np.random.default_rng((self.seed, number))
        shrunk = rng.binomial(self.batch_size, self.augmentation.downscale_share)
        window = round(self.size * rng.uniform(1.0, self.augmentation.downscale))
        parts = [self._crops(rng, self.batch_size - shrunk, self.size), self._crops(rng, shrunk, window)]
        crops = torch.cat(parts).contiguous()
        if self.augmentation.rendered:
            for place in np.flatnonzero(rng.random(self.batch_size) < self.augmentation.rendered):
                crops[place] = rendered_crop(rng, crops[place]).to(self.device)
        return crops

    def _crops(self, rng: np.random.Generator, number: int, window: int) -> Tensor:
        """`number` crops from windows of that side, each the most detailed of its candidates: (number, 3, size, size)."""
        candidates = self.augmentation.candidates
        if number == 0:
            return self.pixels.new_empty((0, 3, self.size, self.size))
        drawn = self._gather(self._places(rng, candidates * number, window), window)  # (candidates · number, 3, window, window)
        if window != self.size:
            drawn = F.resize(drawn, [self.size, self.size], antialias=True)
        drawn = drawn.unflatten(0, (candidates, number))
        return drawn[detail(drawn).argmax(dim=0), torch.arange(number, device=self.device)]

    def _places(self, rng: np.random.Generator, number: int, window: int) -> Tensor:
        """Positions and rotations of windows, the argument of `_gather`: int64 (8, number)."""
        photographs = draw(rng, self.cumulative, number)
        heights, widths = self.sizes[photographs].T
        first = self.ends[photographs] - heights * widths  # pixel of the photograph
        tops, lefts = (rng.integers(np.maximum(0, side - window) + 1) for side in (heights, widths))
        turns = rng.integers(4, size=number) * self.augmentation.rotate
        flips = (rng.random(number) < 0.5) * self.augmentation.flip
        upside_down, mirrored = turns >= 2, ((turns == 1) | (turns == 2)) ^ flips
        places = np.stack([first, heights, widths, tops, lefts, upside_down, mirrored, turns % 2])
        return torch.from_numpy(places).to(self.device, non_blocking=True)

    def _gather(self, places: Tensor, window: int) -> Tensor:
        """Windows, reflected where they reach beyond their photograph: (N, 3, window, window)."""
        first, height, width, top, left, upside_down, mirrored, transposed = places[:, :, None]  # (N, 1) each
        steps = torch.arange(window, device=self.device)
        rows = _reflected(top + _reversed(steps, upside_down), height)  # (N, window)
        columns = _reflected(left + _reversed(steps, mirrored), width)
        index = (first + rows * width)[:, :, None] + columns[:, None, :]  # (N, window, window)
        index = torch.where(transposed[:, :, None] > 0, index.mT, index)
        return self.pixels[index].permute(0, 3, 1, 2)


def _reversed(steps: Tensor, flags: Tensor) -> Tensor:
    """`steps` (window,) for each of the flags (N, 1), from the other end where it is 1: (N, window)."""
    return steps + flags * (len(steps) - 1 - 2 * steps)


def _reflected(position: Tensor, length: Tensor) -> Tensor:
    """Positions beyond 0 … length − 1 mirrored back into it, the border pixel repeated, as often as needed."""
    position = position % (2 * length)
    return torch.minimum(position, 2 * length - 1 - position)
