"""Crops of frames that are coded one after another: each window of frames a function of (seed, index) alone."""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from dlic.classical.motion.field import SUB, of_macroblocks
from dlic.classical.motion.overlap import BAND, ONE, RISE
from dlic.data.chain_files import NONE, ChainMotion, read_frames
from dlic.data.pairs import Pairs
from dlic.data.predicted import SUPERBLOCK
from dlic.errors import DlicError
from dlic.models.inter.motion import BlockMotion

CANDIDATES = 2  # windows drawn for each one used: the one of more coded superblocks


class UnrolledCrops(NamedTuple):
    """A batch of crops of T frames each, in the order of coding. The references of a frame are decoded frames as the scene's coding
    left them; in the place of the crop there is what the network makes of it, if the frame is one of the T.
    """

    x: Tensor  # uint8 (B, T, 3, H, W)
    level: Tensor  # (B, T)
    coded: Tensor  # bool (B, T, 1, H/64, W/64): superblocks with a residual
    references: Tensor  # uint8 (B, T, 2, 3, scene's H, W)
    own: Tensor  # (B, T, 2): which of the T frames is the reference, or −1
    motion: BlockMotion  # (B, T, …)
    turn: Tensor  # (B,): quarters by which the network sees the crop turned, and 4 if it is mirrored as well


class TrainingWindows(Dataset):
    """Window number i of `length` predicted frames in a row, for any i ≥ 0."""

    def __init__(self, pairs: Pairs, size: int, length: int, seed: int, scene: tuple[int, int]):
        """Raises DlicError where a scene is smaller than a crop.

        Args:
            pairs: the predicted frames of the scenes.
            size: of a crop, a multiple of the superblock.
            length: frames of a window.
            seed: of all choices.
            scene: the largest height and width of a scene.
        """
        smallest = min(2 * SUB * min(motion.modes.shape[1:]) for motion in pairs.motions)
        if size > smallest:
            raise DlicError(f"data.crop is {size}; where frames are unrolled it is at most {smallest}, as the smallest scene")
        self.pairs, self.size, self.length, self.seed, self.scene = pairs, size, length, seed, scene

    def __getitem__(self, index: int) -> UnrolledCrops:
        rng = np.random.default_rng((self.seed, index))
        drawn = [self._drawn(rng) for _ in range(CANDIDATES)]
        best = max(drawn, key=self._coded)
        return self._window(*best, turn=int(rng.integers(8)))

    def _drawn(self, rng: np.random.Generator) -> tuple[int, int, int, int]:
        """A file, its first frame of a window, and the crop's corner."""
        file, place = self.pairs.place(int(rng.integers(len(self.pairs))))
        motion = self.pairs.motions[file]
        sides = (2 * SUB * side for side in motion.modes.shape[1:])
        top, left = (SUPERBLOCK * int(rng.integers(max(0, side - self.size) // SUPERBLOCK + 1)) for side in sides)
        return file, min(place, max(0, len(motion.levels) - self.length)), top, left

    def _coded(self, window: tuple[int, int, int, int]) -> int:
        file, first, top, left = window
        return int(_crop(self.pairs.motions[file].coded[first : first + self.length], top, left, self.size).sum())

    def _window(self, file: int, first: int, top: int, left: int, turn: int) -> UnrolledCrops:
        """The frames of a file from `first` on; a scene that is too short goes on with its last frame."""
        motion, frames = self.pairs.motions[file], read_frames(self.pairs.files[file])
        chosen = np.minimum(first + np.arange(self.length), len(motion.levels) - 1)
        references = motion.references[chosen]
        own = np.where(references > first, references - 1 - first, NONE)
        return UnrolledCrops(
            x=_as_tensor(frames[1 + chosen, 0, top : top + self.size, left : left + self.size]),
            level=torch.from_numpy(motion.levels[chosen]),
            coded=torch.from_numpy(_crop(motion.coded[chosen], top, left, self.size))[:, None],
            references=_as_tensor(self._filled(frames[np.maximum(references, 0).ravel(), 2])).unflatten(0, (-1, 2)),
            own=torch.from_numpy(own),
            motion=block_motion(motion, chosen, top, left, self.size),
            turn=torch.tensor(turn),
        )

    def _filled(self, frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Frames (T, H, W, 3) of the size of the largest scene; their border goes on where they end, as predictions have it."""
        missing = [(0, largest - side) for largest, side in zip(self.scene, frames.shape[1:3], strict=True)]
        return np.pad(frames, ((0, 0), *missing, (0, 0)), mode="edge")


class ValidationWindows(Dataset):
    """A fixed number of windows, neither turned nor mirrored."""

    def __init__(self, windows: TrainingWindows, count: int):
        self.windows, self.count = windows, count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> UnrolledCrops:
        if index >= self.count:
            raise IndexError(index)
        return self.windows[index]._replace(turn=torch.tensor(0))


def block_motion(motion: ChainMotion, chosen: NDArray[np.int64], top: int, left: int, size: int) -> BlockMotion:
    """The motion of the blocks of a crop and of those around it."""
    count, (mh, mw) = len(chosen), motion.modes.shape[1:]
    i, j = (np.arange(-1, size // SUB + 1) + corner // SUB for corner in (top, left))
    rows, columns = np.clip(i, 0, 2 * mh - 1), np.clip(j, 0, 2 * mw - 1)
    modes, colours = (np.stack([of_macroblocks(one) for one in values[chosen]]) for values in (motion.modes, motion.colours))
    down, across = (_weights(places, 2 * blocks) for places, blocks in ((i, mh), (j, mw)))
    return BlockMotion(
        corner=torch.tensor([[top, left]] * count),
        modes=torch.from_numpy(modes[:, rows][:, :, columns]),
        vectors=torch.from_numpy(motion.vectors[chosen][:, :, rows][:, :, :, columns]),
        colours=torch.from_numpy(colours[:, rows][:, :, columns]),
        down=torch.from_numpy(down).repeat(count, 1, 1),
        across=torch.from_numpy(across).repeat(count, 1, 1),
    )


def _weights(places: NDArray[np.int64], count: int) -> NDArray[np.float32]:
    """Weights along one axis of the windows of blocks at `places` of `count`, 0 … 1; 0 of those outside: (N, 8 + 2 · OVERLAP)."""
    weights = np.full((places.size, SUB + BAND), ONE, np.float32)
    weights[places > 0, :BAND] = RISE
    weights[places < count - 1, -BAND:] = RISE[::-1]
    inside = (places >= 0) & (places < count)
    return (weights / ONE * inside[:, None]).astype(np.float32)


def _crop(coded: NDArray[np.bool_], top: int, left: int, size: int) -> NDArray[np.bool_]:
    """Values of superblocks (T, h, w) → of a crop's."""
    rows, columns = (slice(corner // SUPERBLOCK, (corner + size) // SUPERBLOCK) for corner in (top, left))
    return coded[:, rows, columns]


def _as_tensor(frames: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(frames.transpose(0, 3, 1, 2)))
