"""Scenes coded frame after frame, as sequences are: what an inter network gets to see."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dlic.classical.motion.prediction import predict
from dlic.classical.motion.search import SearchReference, search
from dlic.learned.unit import UnitCodec
from dlic.pixels.rectangles import Rectangle

SUPERBLOCK = 4  # latents along the part of a frame that is its prediction where all of its symbols are zero


@dataclass(frozen=True)
class Step:
    """One frame of a chain."""

    frame: int
    references: tuple[int, ...]  # frames before it in the chain: none of a key frame, one or two of others
    layer: int = 0  # of the hierarchy: 0 for key frames and P frames, then 1, 2, … for B frames


@dataclass(frozen=True, eq=False, kw_only=True)
class Pair:
    """A frame and its prediction."""

    x: NDArray[np.uint8]  # (H, W, 3)
    p: NDArray[np.uint8]  # of the same size
    level: int


def hierarchy(count: int) -> list[Step]:
    """A key frame, a P frame `count` − 1 later and B frames between them, each in the middle of two that are there."""
    steps, last = [Step(0, ()), Step(count - 1, (0,))], [(0, count - 1)]
    for layer in range(1, count):
        spans = [(start, (start + end) // 2, end) for start, end in last if end - start > 1]
        steps += [Step(middle, (start, end), layer) for start, middle, end in spans]
        last = [part for start, middle, end in spans for part in ((start, middle), (middle, end))]
    return steps


def low_delay(count: int) -> list[Step]:
    """A key frame, and P frames that each refer to the one before."""
    return [Step(0, ()), *(Step(number, (number - 1,)) for number in range(1, count))]


@dataclass(frozen=True, eq=False, kw_only=True)
class ChainCoder:
    """Codes key frames with one checkpoint and the others with another one; without that, all references as key frames."""

    key: UnitCodec
    inter: UnitCodec | None

    def pairs(self, frames: NDArray[np.uint8], steps: Sequence[Step], levels: Sequence[int], price: float) -> Iterator[Pair]:
        """The pairs of a scene (count, H, W, 3), H and W multiples of the stride.

        Args:
            frames: the scene.
            steps: in the order of coding.
            levels: of each step.
            price: absolute differences of luma that a bit of motion is worth.
        """
        decoded: dict[int, NDArray[np.uint8]] = {}
        searched: dict[int, SearchReference] = {}
        for step, level in zip(steps, levels, strict=True):
            x = frames[step.frame]
            if not step.references:
                decoded[step.frame] = _coded(self.key, x, level)[1]
                continue
            for number in step.references:
                searched.setdefault(number, SearchReference(decoded[number]))
            field = search(x, [searched[number] for number in step.references], price)
            p = predict([decoded[number] for number in step.references], field)
            yield Pair(x=x, p=p, level=level)
            decoded[step.frame] = self._decoded(x, p, level)

    def _decoded(self, x: NDArray[np.uint8], p: NDArray[np.uint8], level: int) -> NDArray[np.uint8]:
        """A frame as the next ones refer to it."""
        if self.inter is None:
            return _coded(self.key, x, level)[1]
        y, x_hat = _coded(self.inter.given(p), x, level)
        return np.where(_coded_places(y)[: len(p), : p.shape[1], None], x_hat, p)


def _coded(unit: UnitCodec, x: NDArray[np.uint8], level: int) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    """The symbols of y of a frame, and x_hat."""
    analysed = unit.analyse(x, Rectangle(0, 0, x.shape[1], x.shape[0]))
    plain = unit.rounding.plain(analysed.latent, level)
    return plain.symbols.y, unit.synthesise(plain.y_hat, level)


def _coded_places(y: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Whether a superblock of symbols (h, w, M) has any but zeros, for each of its pixels."""
    coded = y.any(axis=2)
    down, across = (-(-side // SUPERBLOCK) for side in coded.shape)
    whole = np.zeros((down * SUPERBLOCK, across * SUPERBLOCK), bool)
    whole[: coded.shape[0], : coded.shape[1]] = coded
    blocks = whole.reshape(down, SUPERBLOCK, across, SUPERBLOCK).any(axis=(1, 3))
    return blocks.repeat(SUPERBLOCK * 16, axis=0).repeat(SUPERBLOCK * 16, axis=1)
