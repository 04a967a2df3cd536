"""Pairs of a frame and its prediction, kept on disk: made once for the checkpoints that code the references."""

import hashlib
import logging
import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset

from dlic.data.chains import ChainCoder, Step, hierarchy, low_delay
from dlic.data.scenes import Scenes
from dlic.errors import DlicError
from dlic.learned.codec import load_codec
from dlic.storage.files import cannot_write, written_whole

log = logging.getLogger(__name__)

LEVELS = 64
HIERARCHIES = 0.6  # share of the scenes; the others are chains of P frames
COUNTS = (5, 9)  # frames of a hierarchy: its layers are 2 or 3
LOW_DELAY = (3, 6)  # frames of a chain of P frames, at least and at most
KEY_BETTER = 4  # levels that a key frame may lie above P frames
LAYER_WORSE = 4  # levels that a layer of the hierarchy may lie below the one it refers to
PRICES = (0.1, 0.5)  # of a bit of motion, in steps of the level
LMBDAS = np.logspace(-3, math.log10(0.2), LEVELS)  # of the levels
STEPS = np.sqrt(18 / math.log(2) / LMBDAS)  # of quantisation at each level, in 8-bit units


@dataclass(frozen=True, kw_only=True)
class PairSettings:
    """The settings that determine the pairs.

    Args:
        key: folder of the checkpoint that codes key frames.
        inter: folder of the one that codes the others; None: all references are coded as key frames.
        height: of a scene, at most.
        width: of a scene, at most.
        moved: share of the scenes that are photographs in motion.
        seed: of all choices.
    """

    key: Path
    inter: Path | None
    height: int = 224
    width: int = 352
    moved: float = 0.4
    seed: int = 0


@dataclass(frozen=True, eq=False)
class PairMaker:
    """Chain number i, for any i ≥ 0, in a folder; the same settings always give the same pairs."""

    real: Scenes
    moved: Scenes | None
    settings: PairSettings
    folder: Path

    def file(self, number: int) -> Path:
        """Frames and predictions of a chain, (pairs, 2, H, W, 3); their levels lie beside them."""
        return self.folder / f"{number:05d}.npy"

    def make(self, number: int) -> None:
        """Codes one chain, unless it is there."""
        if self.file(number).exists():
            return
        settings, rng = self.settings, np.random.default_rng((self.settings.seed, number))
        moved = self.moved is not None and rng.random() < settings.moved
        scenes = self.moved if moved and self.moved else self.real
        chain = drawn_chain(rng, scenes, settings.height, settings.width)
        inter = None if settings.inter is None else load_codec(settings.inter).unit
        coder = ChainCoder(key=load_codec(settings.key).unit, inter=inter)
        pairs = list(coder.pairs(*chain))
        with written_whole(_levels_file(self.file(number)), overwrite=True) as file:
            np.save(file, np.array([pair.level for pair in pairs]))
        with written_whole(self.file(number), overwrite=True) as file:
            np.save(file, np.stack([np.stack([pair.x, pair.p]) for pair in pairs]))


def drawn_chain(
    rng: np.random.Generator, scenes: Scenes, height: int, width: int
) -> tuple[NDArray[np.uint8], list[Step], list[int], float]:
    """A scene of at most that size, the steps in which it is coded, their levels, and the price of motion."""
    if rng.random() < HIERARCHIES:
        steps = hierarchy(int(rng.choice(COUNTS)))
    else:
        steps = low_delay(int(rng.integers(*LOW_DELAY, endpoint=True)))
    levels = _levels(rng, steps)
    frames = scenes.frames(rng, 1 + max(step.frame for step in steps), height, width)
    return frames, steps, levels, float(rng.uniform(*PRICES) * STEPS[levels[0]])


def _levels(rng: np.random.Generator, steps: list[Step]) -> list[int]:
    """The level of each step: key frames above the P frames, each layer of B frames below the one before."""
    base, better = int(rng.integers(LEVELS)), int(rng.integers(KEY_BETTER + 1))
    below = np.cumsum([0, *rng.integers(LAYER_WORSE + 1, size=max(step.layer for step in steps))])
    offsets = [better if not step.references else -int(below[step.layer]) for step in steps]
    return [int(np.clip(base + offset, 0, LEVELS - 1)) for offset in offsets]


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs that lie in files, some in each."""

    files: tuple[Path, ...]
    levels: tuple[NDArray[np.int64], ...]  # of each file's pairs

    @classmethod
    def of(cls, files: list[Path]) -> "Pairs":
        return cls(tuple(files), tuple(np.load(_levels_file(file)) for file in files))

    @cached_property
    def _ends(self) -> NDArray[np.int64]:
        return np.cumsum([len(levels) for levels in self.levels])

    def __len__(self) -> int:
        return int(self._ends[-1])

    def __getitem__(self, index: int) -> tuple[NDArray[np.uint8], int]:
        """Pair `index`: frame and prediction (2, H, W, 3), memory-mapped, and the level."""
        if index >= len(self):
            raise IndexError(index)
        file = int(self._ends.searchsorted(index, side="right"))
        place = index - int(self._ends[file]) + len(self.levels[file])
        return np.load(self.files[file], mmap_mode="r")[place], int(self.levels[file][place])


def folder_of_pairs(cache: Path, settings: PairSettings, sources: list[Path]) -> Path:
    """The folder in `cache` for the pairs of these settings and sources. Raises DlicError where it cannot be made."""
    models = [load_codec(folder).fingerprint.hex() for folder in (settings.key, settings.inter) if folder]
    stated = [*models, settings.height, settings.width, settings.moved, settings.seed, *map(str, sources)]
    folder = cache / "pairs" / hashlib.sha256("\n".join(map(str, stated)).encode()).hexdigest()[:16]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(folder, error) from error
    return folder


class _Chains(Dataset):
    """Makes chain i when it is asked for."""

    def __init__(self, maker: PairMaker, count: int):
        self.maker, self.count = maker, count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> int:
        torch.set_num_threads(1)
        self.maker.make(index)
        return index


def made(maker: PairMaker, chains: int, workers: int = 0) -> Pairs:
    """The pairs of the first `chains` chains; those that are missing are made, in `workers` processes."""
    missing = sum(not maker.file(number).exists() for number in range(chains))
    if missing:
        log.warning("coding %d of %d chains of frames into %s", missing, chains, maker.folder)
    for _ in DataLoader(_Chains(maker, chains), batch_size=None, num_workers=workers):
        pass
    if not chains:
        raise DlicError("data.chains must be at least 1")
    return Pairs.of([maker.file(number) for number in range(chains)])


def _levels_file(file: Path) -> Path:
    return file.with_suffix(".levels")
