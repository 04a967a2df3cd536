"""LightningDataModule over any folder of photographs."""

import logging
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Protocol, cast

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Sampler

from dlic.data.crops import Augmentation, TrainingCrops, ValidationCrops
from dlic.data.evaluation_sets import read_set, refuse_overlap, shipped_sets
from dlic.data.photographs import decode_all, find_photographs, split
from dlic.data.resident import ResidentBatches
from dlic.errors import DlicError

log = logging.getLogger(__name__)


class EndlessBatches(Sampler[list[int]]):
    """Crop numbers of batch `start`, `start` + `step`, … without end."""

    def __init__(self, batch_size: int, start: int, step: int = 1):
        self.batch_size, self.start, self.step = batch_size, start, step

    def __iter__(self) -> Iterator[list[int]]:
        for batch in count(self.start, self.step):
            yield list(range(batch * self.batch_size, (batch + 1) * self.batch_size))


class Resumed(Protocol):
    """A trained module that knows the number of its next batch."""

    next_batch: int


class PhotographData(pl.LightningDataModule):
    """Random crops of the photographs below a folder; a random part of the files is held out for validation.

    Each photograph is decoded once into a memory-mapped cache, since decoding on the fly would starve training.
    Of several processes that train together, each gets every so-many-th batch, and all validate the same crops.
    """

    def __init__(
        self,
        train_dir: str,
        crop: int = 256,
        batch_size: int = 8,
        held_out: float = 0.05,
        validation_crop: int = 512,
        validation_limit: int = 32,
        seed: int = 0,
        workers: int = 0,
        cache_dir: str | None = None,
        resident: bool = False,
        augmentation: Augmentation = Augmentation(),
        allow_overlap: bool = False,
        evaluation_sets: list[str] | None = None,
    ):
        """
        Args:
            train_dir: folder of photographs, searched recursively.
            crop: side of a training crop in pixels, a multiple of the model's stride.
            batch_size: crops a batch, in each process; a step takes one of each, or as many as gradients are accumulated over.
            held_out: share of the files that is held out for validation.
            validation_crop: side of the centre crop of a held-out photograph.
            validation_limit: at most so many validation crops.
            seed: fixes the held-out part and every crop.
            workers: processes that prepare crops; 0 prepares them in the training process.
            cache_dir: where decoded photographs are kept (3 bytes a pixel); the platform's cache folder by default.
            resident: keep the decoded photographs on the training device (on each of several) and cut crops there, for sets that
                fit into its memory; needs no workers. The crops are others than without.
            augmentation: how crops are drawn.
            allow_overlap: train even on pictures that codecs are judged by; otherwise a folder that holds one whole is refused.
            evaluation_sets: files of dlic data fingerprint with further pictures to refuse, in addition to Kodak's.
        """
        super().__init__()
        self.train_dir, self.cache_dir = train_dir, cache_dir
        self.crop, self.batch_size, self.held_out = crop, batch_size, held_out
        self.validation_crop, self.validation_limit = validation_crop, validation_limit
        self.seed, self.workers, self.resident, self.augmentation = seed, workers, resident, augmentation
        self.allow_overlap, self.evaluation_sets = allow_overlap, evaluation_sets or []
        self._is_checked = False  # the photographs are decoded, and none is of an evaluation set

    def prepare_data(self) -> None:
        """Of several processes, one on each machine fills the cache, and the others wait."""
        if self._trainer.world_size > 1:
            with suppress(DlicError):  # `setup` says it, in every process
                decode_all(find_photographs(self.train_dir), self._cache)

    @property
    def _trainer(self) -> pl.Trainer:
        """The trainer that these data are attached to."""
        assert self.trainer is not None, "a trainer asks for data"
        return self.trainer

    @property
    def _cache(self) -> Path | None:
        return Path(self.cache_dir) if self.cache_dir else None

    def refuse_overlap(self) -> None:
        """Raises OverlapError for pictures of evaluation sets in the folder. A run calls it before it makes or loads anything."""
        if self._is_checked:
            return
        self.photographs = decode_all(find_photographs(self.train_dir), self._cache)
        if not self.allow_overlap:
            evaluation_sets = [*shipped_sets(), *(read_set(Path(file)) for file in self.evaluation_sets)]
            refuse_overlap(self.photographs.paths, self.photographs.fingerprints(), evaluation_sets)
        self._is_checked = True

    def setup(self, stage: str) -> None:
        self.refuse_overlap()
        training, validation = map(self.photographs.only, split(list(self.photographs.paths), self.held_out, self.seed))
        self.training_crops = TrainingCrops(training, self.crop, self.seed, self.augmentation)
        self.validation_crops = ValidationCrops(validation, self.validation_crop, self.validation_limit)

    def teardown(self, stage: str) -> None:
        if lost := self.photographs.lost:
            log.warning("%d photographs could not be read any more during the run; others took their place", len(lost))

    def train_dataloader(self) -> DataLoader | ResidentBatches:
        trained = cast(Resumed, self._trainer.lightning_module)
        start = trained.next_batch + self._trainer.global_rank  # a resumed run goes on where it was
        step = self._trainer.world_size
        if self.resident:
            source, device = self.training_crops.photographs, self._trainer.strategy.root_device
            return ResidentBatches(source, self.crop, self.batch_size, self.seed, self.augmentation, device, start, step)
        batches = EndlessBatches(self.batch_size, start, step)
        return DataLoader(self.training_crops, batch_sampler=batches, num_workers=self.workers, persistent_workers=self.workers > 0)

    def val_dataloader(self) -> DataLoader:
        return DataLoader(self.validation_crops, batch_size=4)

    def on_after_batch_transfer(self, batch: Tensor, dataloader_idx: int) -> Tensor:
        return batch.to(torch.float32) / 255
