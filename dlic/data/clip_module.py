"""LightningDataModule over a folder of clips: frames and their predictions."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader

from dlic.checkpoints.local import folder_of
from dlic.data.clips import Clips, decode_clips, find_clips
from dlic.data.evaluation_sets import refuse_overlap, shipped_sets
from dlic.data.module import EndlessBatches, Resumed
from dlic.data.pairs import PairMaker, Pairs, PairSettings, folder_of_pairs, made
from dlic.data.photographs import decode_all, find_photographs
from dlic.data.predicted import PredictedCrops, TrainingPairs, ValidationPairs
from dlic.data.scenes import MovedPhotographs, RealScenes
from dlic.data.windows import TrainingWindows, UnrolledCrops, ValidationWindows
from dlic.storage.files import cache_folder

VALIDATION_WINDOWS = 4  # of each scene, where frames are unrolled


@dataclass(frozen=True)
class SceneSettings:
    """How scenes are drawn.

    Args:
        height: of a scene, at most.
        width: of a scene, at most.
        moved: share of the scenes that are photographs in motion, where there are photographs.
    """

    height: int = 224
    width: int = 352
    moved: float = 0.4


class ClipData(pl.LightningDataModule):
    """Random crops of frames and their predictions. A few clips are held out for validation.

    Scenes of the clips are coded as sequences are, before the first step: motion search, prediction, and references by the two
    checkpoints. The pairs are kept for later runs with the same checkpoints.
    """

    def __init__(
        self,
        train_dir: str,
        validation: list[str] | None = None,
        held_out: float = 0.15,
        photographs: str | None = None,
        key: str = "light-1",
        inter: str | None = None,
        chains: int = 600,
        validation_chains: int = 12,
        crop: int = 192,
        batch_size: int = 14,
        unrolled: int = 0,
        scenes: SceneSettings = SceneSettings(),
        seed: int = 0,
        workers: int = 0,
        cache_dir: str | None = None,
    ):
        """
        Args:
            train_dir: folder of clips, searched recursively.
            validation: names, without ending, of the clips that are held out for validation; by default a share of all.
            held_out: share of the clips that is held out, where none are named.
            photographs: folder of photographs that are moved, for scenes in addition to those of clips.
            key: checkpoint that codes key frames.
            inter: checkpoint that codes the other frames; by default that of key frames codes their residuals too.
            chains: scenes that are coded for training, of 3 to 16 predicted frames each.
            validation_chains: scenes that are coded for validation.
            crop: side of a training crop in pixels, a multiple of the model's stride.
            batch_size: crops a batch, in each process; where frames are unrolled, crops of as many frames each.
            unrolled: predicted frames in a row, each from what the network makes of those before; 0: single frames.
            scenes: how scenes are drawn.
            seed: fixes every scene and every crop.
            workers: processes that code scenes and prepare crops; 0 does it in the training process.
            cache_dir: where decoded clips and pairs are kept; the platform's cache folder by default.
        """
        super().__init__()
        self.train_dir, self.photographs = train_dir, photographs
        self.held_out = validation or held_out
        self.key, self.inter, self.chains, self.validation_chains = key, inter, chains, validation_chains
        self.crop, self.batch_size, self.scenes, self.seed, self.workers = crop, batch_size, scenes, seed, workers
        self.unrolled = unrolled
        self.cache = Path(cache_dir) if cache_dir else cache_folder()

    def setup(self, stage: str) -> None:
        clips = decode_clips(find_clips(self.train_dir), self.cache / "decoded")
        training, validation = clips.split(self.held_out, self.seed)
        moved = self._moved() if self.photographs else None
        self.training_pairs = self._pairs(training, moved, self.chains, self.seed)
        self.validation_pairs = self._pairs(validation, None, self.validation_chains, self.seed + 1)

    def _moved(self) -> MovedPhotographs:
        photographs = decode_all(find_photographs(str(self.photographs)), self.cache / "decoded")
        refuse_overlap(photographs.paths, photographs.fingerprints(), shipped_sets())
        return MovedPhotographs(photographs)

    def _pairs(self, clips: Clips, moved: MovedPhotographs | None, chains: int, seed: int) -> Pairs:
        inter = folder_of(self.inter) if self.inter else None
        settings = PairSettings(key=folder_of(self.key), inter=inter, seed=seed, **asdict(self.scenes))
        sources = [*clips.paths, *(moved.photographs.paths if moved else ())]
        folder = folder_of_pairs(self.cache, settings, sources)
        return made(PairMaker(RealScenes(clips), moved, settings, folder), chains, self.workers)

    def train_dataloader(self) -> DataLoader:
        assert self.trainer is not None, "a trainer asks for data"
        start = cast(Resumed, self.trainer.lightning_module).next_batch + self.trainer.global_rank
        batches = EndlessBatches(self.batch_size, start, self.trainer.world_size)
        pairs = self.training_pairs
        crops = self._windows(pairs) if self.unrolled else TrainingPairs(pairs, self.crop, self.seed)
        return DataLoader(crops, batch_sampler=batches, num_workers=self.workers, persistent_workers=self.workers > 0)

    def val_dataloader(self) -> DataLoader:
        pairs = self.validation_pairs
        if self.unrolled:
            return DataLoader(ValidationWindows(self._windows(pairs), VALIDATION_WINDOWS * len(pairs.files)), batch_size=4)
        return DataLoader(ValidationPairs(pairs), batch_size=1)

    def _windows(self, pairs: Pairs) -> TrainingWindows:
        return TrainingWindows(pairs, self.crop, self.unrolled, self.seed, (self.scenes.height, self.scenes.width))

    def on_after_batch_transfer(self, batch: PredictedCrops | UnrolledCrops, dataloader_idx: int) -> PredictedCrops | UnrolledCrops:
        if isinstance(batch, UnrolledCrops):
            return batch  # pixels that predictions are made of are whole numbers
        return PredictedCrops(batch.x.to(torch.float32) / 255, batch.p.to(torch.float32) / 255, batch.level)
