"""Coded scenes on disk, made once for the checkpoints that code them, and the pairs of a frame and its prediction in them."""

import hashlib
import logging
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset

from dlic.data.chain_files import ChainMotion, read_frames, read_motion, write_chain
from dlic.data.chains import coded_chain
from dlic.data.scenes import Scenes
from dlic.errors import DlicError
from dlic.learned.codec import load_codec
from dlic.learned.sequence.codec import load_sequence_codec
from dlic.learned.sequence.settings import SequenceSettings
from dlic.learned.sequence.structure import Step, chain, hierarchical
from dlic.storage.files import cannot_write

log = logging.getLogger(__name__)

FORMAT = 2  # of the files; others are made anew
LEVELS = 64
HIERARCHIES = ((9, 4), (9, 8), (17, 8))  # frames, and frames from one P frame to the next
LOW_DELAY = (4, 9)  # frames of a chain of P frames, at least and at most
CHAINS = 0.4  # share of the scenes that are such chains
KEY_LEVELS = (10, 70)  # of key frames, the end excluded: P frames of the highest levels need key frames beyond them
LAYER_JITTER = 2  # largest change of the difference between the levels of a layer and of the one before


@dataclass(frozen=True, kw_only=True)
class PairSettings:
    """The settings that determine the scenes.

    Args:
        key: folder of the checkpoint that codes key frames.
        inter: folder of the one that codes the others; None: that of key frames.
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
    """Scene number i, for any i ≥ 0, in a folder; the same settings always give the same scenes."""

    real: Scenes
    moved: Scenes | None
    settings: PairSettings
    folder: Path

    def file(self, number: int) -> Path:
        """Pixels of a scene; see `chain_files`."""
        return self.folder / f"{number:05d}.npy"

    def make(self, number: int) -> None:
        """Codes one scene, unless it is there."""
        if self.file(number).exists():
            return
        settings, rng = self.settings, np.random.default_rng((self.settings.seed, number))
        moved = self.moved is not None and rng.random() < settings.moved
        scenes = self.moved if moved and self.moved else self.real
        frames, steps, levels = drawn_chain(rng, scenes, settings.height, settings.width)
        x_hat, predicted = coded_chain(load_sequence_codec(settings.key, settings.inter), frames, steps, levels)
        write_chain(self.file(number), frames[steps[0].number], x_hat, predicted, steps)


def drawn_chain(
    rng: np.random.Generator, scenes: Scenes, height: int, width: int
) -> tuple[NDArray[np.uint8], list[Step], list[int]]:
    """A scene of at most that size, the steps in which it is coded, and their levels."""
    low_delay = rng.random() < CHAINS
    if low_delay:
        steps = chain(int(rng.integers(*LOW_DELAY, endpoint=True)))
    else:
        steps = hierarchical(*HIERARCHIES[rng.integers(len(HIERARCHIES))])
    levels = _levels(rng, steps, low_delay)
    return scenes.frames(rng, len(steps), height, width), steps, levels


def _levels(rng: np.random.Generator, steps: list[Step], low_delay: bool) -> list[int]:
    """The level of each step: about as an encoder's settings have them."""
    settings = SequenceSettings(level=int(rng.integers(*KEY_LEVELS)), low_delay=low_delay)
    layers = max(step.layer for step in steps)
    apart = np.cumsum([0, *rng.integers(-LAYER_JITTER, LAYER_JITTER, size=layers, endpoint=True)])
    return [int(np.clip(settings.level_of(step.layer, LEVELS) + apart[step.layer], 0, LEVELS - 1)) for step in steps]


@dataclass(frozen=True, eq=False)
class Pairs:
    """Frames with their predictions, in the files of scenes."""

    files: tuple[Path, ...]
    motions: tuple[ChainMotion, ...]  # of each file's frames

    @classmethod
    def of(cls, files: list[Path]) -> "Pairs":
        return cls(tuple(files), tuple(map(read_motion, files)))

    @cached_property
    def _ends(self) -> NDArray[np.int64]:
        return np.cumsum([len(motion.levels) for motion in self.motions])

    def __len__(self) -> int:
        return int(self._ends[-1])

    def place(self, index: int) -> tuple[int, int]:
        """File of pair `index`, and its place among the predicted frames of that file."""
        if index >= len(self):
            raise IndexError(index)
        file = int(self._ends.searchsorted(index, side="right"))
        return file, index - int(self._ends[file]) + len(self.motions[file].levels)

    def __getitem__(self, index: int) -> tuple[NDArray[np.uint8], int]:
        """Pair `index`: frame and prediction (2, H, W, 3), memory-mapped, and the level."""
        file, place = self.place(index)
        return read_frames(self.files[file])[1 + place, :2], int(self.motions[file].levels[place])


def folder_of_pairs(cache: Path, settings: PairSettings, sources: list[Path]) -> Path:
    """The folder in `cache` for the scenes of these settings and sources. Raises DlicError where it cannot be made."""
    models = [load_codec(folder).fingerprint.hex() for folder in (settings.key, settings.inter) if folder]
    stated = [FORMAT, *models, settings.height, settings.width, settings.moved, settings.seed, *map(str, sources)]
    folder = cache / "pairs" / hashlib.sha256("\n".join(map(str, stated)).encode()).hexdigest()[:16]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(folder, error) from error
    return folder


class _Chains(Dataset):
    """Makes scene i when it is asked for."""

    def __init__(self, maker: PairMaker, count: int):
        self.maker, self.count = maker, count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> int:
        torch.set_num_threads(1)
        self.maker.make(index)
        return index


def made(maker: PairMaker, chains: int, workers: int = 0) -> Pairs:
    """The pairs of the first `chains` scenes; those that are missing are made, in `workers` processes."""
    missing = sum(not maker.file(number).exists() for number in range(chains))
    if missing:
        log.warning("coding %d of %d scenes into %s", missing, chains, maker.folder)
    for _ in DataLoader(_Chains(maker, chains), batch_size=None, num_workers=workers):
        pass
    if not chains:
        raise DlicError("data.chains must be at least 1")
    return Pairs.of([maker.file(number) for number in range(chains)])
