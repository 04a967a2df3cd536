"""Scenes to train on: a few frames in a row, from clips, or of photographs that are moved."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from dlic.data.clips import Clips
from dlic.data.crops import cumulative_shares, draw
from dlic.data.photographs import Photographs

STRIDE = 16  # sides of a scene are multiples of it, so that nothing is padded
STRIDES = (1, 1, 1, 2, 3)  # frames of a clip from one of a scene to the next
SHRINK = 2.0  # largest factor by which frames are shrunk, which takes away what an earlier codec left


class Scenes(Protocol):
    """Frames in a row."""

    def frames(self, rng: np.random.Generator, count: int, height: int, width: int) -> NDArray[np.uint8]:
        """A random scene of `count` frames, at most `height` × `width`: (count, H, W, 3)."""


@dataclass(frozen=True)
class RealScenes:
    """Parts of clips, some of them shrunk, half of them with noise."""

    clips: Clips

    def frames(self, rng: np.random.Generator, count: int, height: int, width: int) -> NDArray[np.uint8]:
        """A clip that is too short goes back and forth."""
        lengths = np.array([[len(self.clips.frames(i)), 1] for i in range(len(self.clips))])
        clip = self.clips.frames(int(draw(rng, cumulative_shares(lengths))))
        strides = [stride for stride in STRIDES if stride * (count - 1) < len(clip)] or [1]
        stride = int(rng.choice(strides))
        first = int(rng.integers(max(1, len(clip) - stride * (count - 1))))
        chosen = first + stride * np.arange(count)
        back = np.abs((chosen + len(clip) - 1) % max(1, 2 * len(clip) - 2) - (len(clip) - 1))
        frames = _as_tensor(np.asarray(clip[back if chosen[-1] >= len(clip) else chosen]))
        room = min(frames.shape[2] / height, frames.shape[3] / width, SHRINK)
        if room > 1 and rng.random() < 0.5:
            factor = 1 / rng.uniform(1, room)
            frames = F.interpolate(frames, scale_factor=factor, mode="bicubic", antialias=True)
        frames = _window(rng, frames, height, width)
        return _as_pixels(_noisy(rng, frames, rng.uniform(0.5, 2.5)) if rng.random() < 0.5 else frames)


@dataclass(frozen=True)
class MovedPhotographs:
    """Photographs that are panned, turned and zoomed; in half of the scenes one in front of another; with noise of its own in
    every frame, without which a prediction would be far too good.
    """

    photographs: Photographs

    def frames(self, rng: np.random.Generator, count: int, height: int, width: int) -> NDArray[np.uint8]:
        back = self._layer(rng, 2.0, height, width)
        front, outline = self._layer(rng, 4.0, height, width), _Outline.drawn(rng, height, width)
        two, brightness = rng.random() < 0.5, rng.standard_normal() * 0.02 * (rng.random() < 0.2)
        frames = []
        for number in range(count):
            time = number - (count - 1) / 2
            frame = back(time)
            if two:
                inside = outline.at(time)
                frame = frame * (1 - inside) + front(time) * inside
            frames.append(frame * (1 + brightness * time))
        return _as_pixels(_noisy(rng, torch.stack(frames), rng.uniform(1, 3)))

    def _layer(self, rng: np.random.Generator, speed: float, height: int, width: int) -> Callable[[float], Tensor]:
        """A photograph as seen at a time: (3, height, width). `speed` in pixels a frame."""
        index = int(draw(rng, cumulative_shares(self.photographs.sizes())))
        picture = _as_tensor(np.array(self.photographs.pixels(index))[None])
        picture = F.interpolate(picture, scale_factor=1 / rng.uniform(1, 1.6), mode="bicubic", antialias=True)
        centre = np.array([_centre(rng, picture.shape[3], width), _centre(rng, picture.shape[2], height)])
        velocity = rng.standard_normal(2) * speed * rng.choice([0.1, 0.3, 1, 3])
        turning, growing = rng.standard_normal(2) * (0.004, 0.006) * speed * (rng.random(2) < 0.5)
        faster = rng.standard_normal(2) * 0.05 * speed

        def at(time: float) -> Tensor:
            across, down = centre + velocity * time + faster * time**2
            size, angle = np.exp(growing * time), turning * time
            cosine, sine = np.cos(angle) * size, np.sin(angle) * size
            return _seen(picture, ((cosine, -sine, across), (sine, cosine, down)), height, width)

        return at


@dataclass(frozen=True)
class _Outline:
    """An ellipse that moves."""

    height: int
    width: int
    centre: NDArray[np.float64]  # x and y
    radii: NDArray[np.float64]
    velocity: NDArray[np.float64]
    softness: float  # pixels

    @classmethod
    def drawn(cls, rng: np.random.Generator, height: int, width: int) -> "_Outline":
        sides = np.array([width, height])
        return cls(
            height, width, rng.uniform(0, sides), rng.uniform(0.1, 0.45) * sides, rng.standard_normal(2) * 4, rng.uniform(0.5, 2)
        )

    def at(self, time: float) -> Tensor:
        """1 inside, 0 outside: (height, width)."""
        (x, y), (wide, high) = self.centre + self.velocity * time, self.radii
        rows, columns = torch.meshgrid(torch.arange(self.height), torch.arange(self.width), indexing="ij")
        distance = (((rows - y) / high) ** 2 + ((columns - x) / wide) ** 2).sqrt()
        return torch.sigmoid((1 - distance) * min(wide, high) / self.softness).float()


def _seen(picture: Tensor, view: tuple[tuple[float, ...], ...], height: int, width: int) -> Tensor:
    """The picture (1, 3, H, W) through an affine view, from places around (0, 0) to pixels: (3, height, width)."""
    rows, columns = torch.meshgrid(torch.arange(height) - height / 2, torch.arange(width) - width / 2, indexing="ij")
    places = torch.stack([columns, rows, torch.ones_like(rows)], dim=-1) @ torch.tensor(view, dtype=torch.float32).T
    sides = torch.tensor([picture.shape[3], picture.shape[2]])
    grid = (places + 0.5) / sides * 2 - 1
    return F.grid_sample(picture, grid[None], mode="bicubic", padding_mode="reflection", align_corners=False)[0]


def _centre(rng: np.random.Generator, side: int, window: int) -> float:
    """Of a window that lies within `side` pixels, where it fits."""
    return float(rng.uniform(min(window, side) / 2, max(side - window / 2, side / 2)))


def _window(rng: np.random.Generator, frames: Tensor, height: int, width: int) -> Tensor:
    """A random part of at most that size, in multiples of the stride."""
    sides = [min(limit, side) // STRIDE * STRIDE for limit, side in zip((height, width), frames.shape[2:], strict=True)]
    top, left = (int(rng.integers(side - part + 1)) for side, part in zip(frames.shape[2:], sides, strict=True))
    return frames[:, :, top : top + sides[0], left : left + sides[1]]


def _noisy(rng: np.random.Generator, frames: Tensor, sigma: float) -> Tensor:
    """Noise of one standard deviation in grey levels, most of it in luma, as cameras have it."""
    gray, colour = (
        torch.from_numpy(rng.standard_normal((len(frames), channels, *frames.shape[2:]), dtype=np.float32)) for channels in (1, 3)
    )
    return frames + sigma * (0.8 * gray + 0.6 * colour)


def _as_tensor(frames: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 3, 1, 2).float()


def _as_pixels(frames: Tensor) -> NDArray[np.uint8]:
    return frames.round().clamp(0, 255).byte().permute(0, 2, 3, 1).contiguous().numpy()
