"""Crops of frames with their predictions, for training and validation: each a function of (seed, index) alone."""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from dlic.data.pairs import LEVELS, Pairs

SUPERBLOCK = 64  # pixels
CANDIDATES = 2  # windows drawn for each one used: the one of the larger error, since encoders leave out what is predicted well
JITTER = 2  # largest difference between the levels of a crop and of its pair


class PredictedCrops(NamedTuple):
    """A batch of frames and their predictions."""

    x: Tensor  # (B, 3, H, W)
    p: Tensor  # (B, 3, H, W)
    level: Tensor  # (B,)


class TrainingPairs(Dataset):
    """Crop number i of a training pair, for any i ≥ 0."""

    def __init__(self, pairs: Pairs, size: int, seed: int):
        self.pairs, self.size, self.seed = pairs, size, seed

    def __getitem__(self, index: int) -> PredictedCrops:
        rng = np.random.default_rng((self.seed, index))
        pair, level = self.pairs[int(rng.integers(len(self.pairs)))]
        crop = max((self._window(rng, pair) for _ in range(CANDIDATES)), key=_error)
        missing = [(0, self.size - side) for side in crop.shape[1:3]]
        crop = np.pad(crop, ((0, 0), *missing, (0, 0)), mode="symmetric")
        level = int(np.clip(level + rng.integers(-JITTER, JITTER + 1), 0, LEVELS - 1))
        if rng.random() < 0.5:
            crop = crop[:, :, ::-1]
        crop = np.rot90(crop, int(rng.integers(4)), axes=(1, 2))
        return _sample(crop, level)

    def _window(self, rng: np.random.Generator, pair: NDArray[np.uint8]) -> NDArray[np.uint8]:
        top, left = (int(rng.integers(max(0, side - self.size) + 1)) for side in pair.shape[1:3])
        return np.asarray(pair[:, top : top + self.size, left : left + self.size])


class ValidationPairs(Dataset):
    """Whole pairs, cut to multiples of the superblock."""

    def __init__(self, pairs: Pairs):
        self.pairs = pairs

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> PredictedCrops:
        pair, level = self.pairs[index]
        height, width = (max(SUPERBLOCK, side // SUPERBLOCK * SUPERBLOCK) for side in pair.shape[1:3])
        return _sample(np.asarray(pair[:, :height, :width]), level)


def _error(pair: NDArray[np.uint8]) -> float:
    """Mean squared error of a prediction (2, H, W, 3), on every fourth row."""
    x, p = pair[:, ::4].astype(np.float32)
    return float(np.square(x - p).mean())


def _sample(pair: NDArray[np.uint8], level: int) -> PredictedCrops:
    x, p = torch.from_numpy(np.ascontiguousarray(pair.transpose(0, 3, 1, 2)))
    return PredictedCrops(x, p, torch.tensor(level))
