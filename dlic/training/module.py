"""The LightningModule: one model, one loss, one optimiser."""

import math
from pathlib import Path
from typing import Any, Literal, cast

import pytorch_lightning as pl
import torch
from lightning_fabric.utilities.apply_func import move_data_to_device
from torch import Tensor, nn

from dlic.checkpoints.manifest import read_manifest
from dlic.checkpoints.weights import read_weights
from dlic.data.clip_module import ClipData
from dlic.data.module import PhotographData
from dlic.data.predicted import PredictedCrops
from dlic.data.windows import UnrolledCrops
from dlic.metrics.differentiable.distortions import MSE_SHARE
from dlic.metrics.differentiable.ssimulacra2 import score, ssimulacra2_error
from dlic.models.base import Model, ModelOutput
from dlic.models.inter import Inter
from dlic.runtime.torch.arrays import to_tensors
from dlic.runtime.weights import trained_weights
from dlic.training.callbacks.dead_channels import DeadChannels
from dlic.training.callbacks.divergence import StepBack
from dlic.training.changed_settings import adopt, settings_of
from dlic.training.levels import drawn_levels, spread_levels
from dlic.training.loss import LossTerms, RateDistortionLoss
from dlic.training.optimization import Optimizer, Schedule
from dlic.training.processes import mean_over_processes, process_count, process_rank
from dlic.training.unrolled import unrolled
from dlic.training.validated import Validated

Batch = Tensor | PredictedCrops | UnrolledCrops
SOLVED_EVERY = 100  # steps between calls of `Model.prepare` in training
# counters of a run, stored in its checkpoints
COUNTERS = ("batches_seen", "pixels_seen", "nonfinite_total", "nonfinite_in_row", "earlier_steps", "earlier_pixels")


class TrainingModule(pl.LightningModule):
    """Trains `network` on the rate–distortion loss; a network of several rates at a random rate for each sample.

    Noise is seeded by (seed, batch number) and rates by (seed, crop number), so that a resumed run continues with the same numbers
    without stored generator states. In distributed training each process takes one of the next batches a step. The result equals
    that of one process that accumulates gradients over as many batches.
    """

    network: Model
    lmbdas: Tensor  # (levels,)
    level_weights: Tensor  # (levels,), of the samples of a level in the mean

    def __init__(
        self,
        network: Model,
        lmbda: float | None = None,
        distortion: Literal["mse", "ms-ssim", "visual"] = "mse",
        mse_share: float = MSE_SHARE,
        l1: float = 0.0,
        l2: float = 0.0,
        optimizer: Optimizer = Optimizer(),
        schedule: Schedule = Schedule(),
        clip_norm: float = 1.0,
        max_nonfinite: int = 20,
        max_step_backs: int = 5,
        noise_seed: int = 0,
        validation_levels: int = 6,
        freeze_encoder: bool | float = False,
        parity: bool = False,
        revive: bool = False,
        compile: bool = False,
    ):
        """
        Args:
            network: the model to train.
            lmbda: weight of the distortion; larger means better pictures and larger files. A network of several rates has its own.
            distortion: mse (PSNR), ms-ssim, or visual (SSIMULACRA 2).
            mse_share: share of MSE in a visual distortion; the rest is SSIMULACRA 2's error.
            l1: weight of mean |y|.
            l2: weight of mean y².
            optimizer: optimiser and its settings.
            schedule: learning rate over the run.
            clip_norm: largest gradient norm.
            max_nonfinite: after this many useless steps in a row, the run goes back to weights from before them, at half the rate.
            max_step_backs: it does so this many times before it ends.
            noise_seed: seed of the quantisation noise.
            freeze_encoder: last share of the run (true: all of it) that trains only what a decoder runs, on rounded latents.
            parity: once the encoder is frozen, groups of latents are even, as files of the rANS coder with parity have them.
            validation_levels: rates that are validated, evenly spread, where the network has several.
            revive: let channels of blocks whose activations have died (val/dead_channels) begin anew before the first step.
            compile: run training steps through torch.compile; the first then takes minutes, the others less time on a GPU.
        """
        super().__init__()
        self.network = network.to(memory_format=torch.channels_last)
        self.loss = RateDistortionLoss(distortion, l1, l2, mse_share)
        self.lmbda = _checked_lmbda(network, lmbda)
        lmbdas = torch.tensor([self.lmbda]) if self.lmbda is not None else network.lmbdas.clone()
        self.register_buffer("lmbdas", lmbdas, persistent=False)
        # without these weights, high rates would drown the low ones
        self.register_buffer("level_weights", (lmbdas.mean() / lmbdas).sqrt(), persistent=False)
        self.validation_levels = spread_levels(network.levels, validation_levels)
        self.optimizer_config, self.schedule = optimizer, schedule
        self.clip_norm, self.noise_seed = clip_norm, noise_seed
        self.max_nonfinite, self.max_step_backs = max_nonfinite, max_step_backs
        self.last_loss = math.nan  # of the newest batch
        self.batches_seen = self.pixels_seen = self.nonfinite_total = self.nonfinite_in_row = 0
        self.earlier_steps = self.earlier_pixels = self.earlier_batches = 0  # of the checkpoint this run starts from
        self.accumulated = 1  # batches a step, in each process
        self._step_values: list[Tensor] = []  # values of the batches since the last step, for the log
        self.frozen_share = _checked_share(network, freeze_encoder)
        if parity and not self.frozen_share:
            raise ValueError("model.parity needs model.freeze_encoder: latents become whole once the encoder is frozen")
        self.parity = parity
        if self.frozen_share == 1:
            self.network.freeze_encoder(parity)
        self.revive = revive
        if compile:
            network.compile(dynamic=False)  # in place, so that the names of the weights stay

    def configure_optimizers(self):
        optimizer = self.optimizer_config.build(self.network)
        total = int(self.trainer.estimated_stepping_batches) if self.trainer.max_steps > 0 else -1
        every_step = {"scheduler": self.schedule.build(optimizer, total), "interval": "step"}
        if self.schedule.name != "plateau":
            return {"optimizer": optimizer, "lr_scheduler": every_step}
        every_validation = {
            "scheduler": self.schedule.build_plateau(optimizer), "monitor": "val/loss", "interval": "step",
            "frequency": int(self.trainer.val_check_interval), "strict": False,
        }  # fmt: skip
        return [optimizer], [every_step, every_validation]

    def configure_callbacks(self) -> list[pl.Callback]:
        return [StepBack(self.max_nonfinite, self.max_step_backs), DeadChannels(self.revive)]

    def on_fit_start(self) -> None:
        data = self._data
        for name in ("crop", "validation_crop"):
            side = getattr(data, name, self.network.stride)
            if side % self.network.stride:
                raise ValueError(f"data.{name} must be a multiple of {self.network.stride}, the model's stride, not {side}")
        if 0 < self.frozen_share < 1 and self.trainer.max_steps < 0:
            raise ValueError("trainer.max_steps must be set, as model.freeze_encoder is a share of it")
        if 0 < self.frozen_share < 1 and self.trainer.world_size > 1:  # they wait for the gradients of what was there at the start
            raise ValueError("several processes freeze the encoder from the start (model.freeze_encoder true) or not at all")
        self.accumulated = _checked_accumulation(self.trainer)
        # steps of several batches each saw more of them than there were steps
        self.earlier_batches = max(self.earlier_steps, self.earlier_pixels // (data.batch_size * data.crop**2))

    # --- training ---------------------------------------------------------------------------------------------------

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        if self.global_step % SOLVED_EVERY == 0 and batch_idx % self.accumulated == 0:
            self.network.prepare()
        torch.manual_seed(self.noise_seed * 1_000_003 + self.next_batch + process_rank())
        if 0 < self.frozen_share < 1 and self.global_step >= round((1 - self.frozen_share) * self.trainer.max_steps):
            self.network.freeze_encoder(self.parity)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor | None:
        output, x, level = self._output(batch)
        terms = self.loss(output, x, self.lmbdas[level], self.level_weights[level])
        self.batches_seen += process_count()
        values = mean_over_processes(torch.stack([*terms.parts(), output.sparsity]).detach())
        self.last_loss = values[0].item()
        if not math.isfinite(self.last_loss):  # in any process, so that all skip the same steps
            return self._skipped(terms.loss)
        self.pixels_seen += process_count() * x.shape[0] * x.shape[2] * x.shape[3]
        self._log_step(values, batch_idx)
        return terms.loss

    def _output(self, batch: Batch) -> tuple[ModelOutput, Tensor, Tensor]:
        """The network's output, pictures and levels: drawn ones, or those that predictions were made for."""
        if isinstance(batch, UnrolledCrops):
            return unrolled(cast(Inter, self.network), batch)
        if isinstance(batch, PredictedCrops):
            return self.network(batch.x, batch.level, batch.p), batch.x, batch.level
        first = (self.next_batch + process_rank()) * len(batch)
        level = drawn_levels(self.noise_seed, first, len(batch), len(self.lmbdas)).to(batch.device, non_blocking=True)
        return self.network(batch, level), batch, level

    def _log_step(self, values: Tensor, batch_idx: int) -> None:
        """Collects `values` (6,) of this batch, and logs means over the batches of a step."""
        if batch_idx % self.accumulated == 0:
            self._step_values = []
        self._step_values.append(values)
        *terms, sparsity = torch.stack(self._step_values).mean(dim=0)
        self._log_terms("train", LossTerms(*terms))
        self._log("train", "sparsity", sparsity)

    def _skipped(self, loss: Tensor) -> Tensor | None:
        if process_count() > 1:  # all must go through the backward pass; its gradients are dropped, and counted, before the step
            return loss * math.nan
        self._count_nonfinite()
        return None  # Lightning then steps without gradients, which changes nothing

    def configure_gradient_clipping(self, optimizer, gradient_clip_val=None, gradient_clip_algorithm=None) -> None:
        gradients = [p.grad for p in self.network.parameters() if p.grad is not None]
        if not gradients:
            return
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), self.clip_norm)
        if not torch.isfinite(norm):
            optimizer.zero_grad()
            self._count_nonfinite()
            return
        self.nonfinite_in_row = 0
        self.log("train/grad_norm", norm)

    def _count_nonfinite(self) -> None:
        self.nonfinite_total += 1
        self.nonfinite_in_row += 1
        self.log("train/nonfinite", float(self.nonfinite_total))

    # --- validation -------------------------------------------------------------------------------------------------

    def on_validation_start(self) -> None:
        self._unsolved = {name: self.network.get_parameter(name).detach().clone() for name in self.network.solved}

    def on_validation_epoch_start(self) -> None:
        self.network.prepare()  # of the averaged weights, when weight averaging has swapped them in

    @torch.no_grad()
    def on_validation_epoch_end(self) -> None:
        """Restores the training weights: a step must not depend on validations, which a killed run may lack."""
        for name, value in self._unsolved.items():
            self.network.get_parameter(name).copy_(value)

    def validation_step(self, batch: Batch, batch_idx: int) -> list[Validated]:  # type: ignore[override]
        """Each of `validation_levels` on the same crops, or a prediction's own; callbacks take it."""
        if isinstance(batch, UnrolledCrops):
            return self._validated(*unrolled(cast(Inter, self.network), batch))
        if isinstance(batch, PredictedCrops):
            return [self._validate(batch.x, level, batch.p) for level in batch.level.unique().tolist()]
        return [self._validate(batch, level) for level in self.validation_levels]

    @torch.no_grad()
    def show_validation(self) -> None:
        """Runs the validation data through the network outside of a validation, for observers of its activations."""
        self.network.eval()
        for batch in self._data.val_dataloader():
            shown = self._data.on_after_batch_transfer(move_data_to_device(batch, self.device), 0)
            if isinstance(shown, UnrolledCrops):
                unrolled(cast(Inter, self.network), shown)
                continue
            x, known = (shown.x, (shown.p,)) if isinstance(shown, PredictedCrops) else (shown, ())
            for level in self.validation_levels:
                self.network.forward(x, torch.full((len(x),), level, device=self.device), *known)
        self.network.train()

    def _validate(self, x: Tensor, level: int, *known: Tensor) -> Validated:
        levels = torch.full((len(x),), level, device=x.device)
        output = self.network.forward(x, levels, *known)  # never compiled: that would take minutes for each shape
        return self._validated(output, x, levels)[0]

    def _validated(self, output: ModelOutput, x: Tensor, level: Tensor) -> list[Validated]:
        """Logs means over a batch; the results of each of its levels."""
        terms = self.loss(output, x, self.lmbdas[level], self.level_weights[level])
        self._log_terms("val", terms, x.shape[0])  # logs the mean over levels and batches
        self._log("val", "sparsity", output.sparsity, batch_size=x.shape[0])
        x_hat = (output.x_hat.clamp(0, 1) * 255).round() / 255
        psnr = -10 * torch.log10(((x_hat - x) ** 2).mean(dim=(1, 2, 3)).clamp_min(1e-10))
        self._log("val", "psnr", psnr.mean(), batch_size=x.shape[0])
        visual = self._ssimulacra2(x_hat, x) if self.loss.distortion == "visual" else None
        bpp = output.bits / (x.shape[2] * x.shape[3])
        return [
            Validated(x[at], x_hat[at], bpp[at], psnr[at], one, None if visual is None else visual[at])
            for one in level.unique().tolist()
            for at in [level == one]
        ]

    def _ssimulacra2(self, x_hat: Tensor, x: Tensor) -> Tensor:
        scores = score(ssimulacra2_error(x_hat, x))
        self._log("val", "ssimulacra2", scores.mean(), batch_size=x.shape[0])
        return scores

    def _log_terms(self, split: str, terms: LossTerms, batch_size: int | None = None) -> None:
        for name in ("loss", "bpp", "distortion", "distortion_db", "l1", "l2"):
            bar = name in ("loss", "bpp", "distortion_db")
            self._log(split, name, getattr(terms, name).detach(), prog_bar=bar, batch_size=batch_size)

    def _log(self, split: str, name: str, value: Tensor, batch_size: int | None = None, prog_bar: bool = False) -> None:
        # every process validates the same crops; their mean keeps decisions alike where devices differ in the last bit
        self.log(f"{split}/{name}", value, prog_bar=prog_bar, batch_size=batch_size, sync_dist=split == "val")

    @property
    def next_batch(self) -> int:
        """Number of the next batch of the first process; other processes take the following ones, one each. It continues the count
        of the checkpoint that the run started from, so crops and noise are new.
        """
        return self.earlier_batches + self.batches_seen

    @property
    def _data(self) -> PhotographData | ClipData:
        return cast(Any, self.trainer).datamodule

    # --- state ------------------------------------------------------------------------------------------------------

    def start_from(self, source: Path) -> None:
        """Copies the weights and counters of an exported checkpoint of the same architecture, possibly with fewer blocks, or of the
        one that it grows from; or the weights of a file of CompressAI (.pth.tar, .safetensors) of the same architecture. Raises
        ValueError where they do not fit.
        """
        if source.is_file():
            self._start_from_zoo(source)
            return
        manifest = read_manifest(source)
        weights = to_tensors(trained_weights(read_weights(source, manifest)))
        if manifest.model == self.network.name:
            self.network.start_from(manifest.config, weights)
        elif manifest.model == self.network.grows_from:
            self.network.grow_from(manifest.config, weights)
        else:
            raise ValueError(f"{source} holds {manifest.model}, not {self.network.name}")
        self.earlier_steps, self.earlier_pixels = manifest.training.steps, manifest.training.pixels

    def _start_from_zoo(self, path: Path) -> None:
        from dlic.peers.compressai.zoo import read_model

        if not self.network.zoo_name:
            raise ValueError(f"{path} is a file, and {self.network.name} starts from the folder of a checkpoint")
        weights = read_model(self.network.zoo_name, path).state_dict()
        try:
            self.network.load_state_dict({name: weights[name] for name in self.network.state_dict()})
        except RuntimeError as error:
            raise ValueError(f"{path} holds a {self.network.zoo_name} of other sizes than {self.network.config}") from error

    def on_save_checkpoint(self, checkpoint: dict) -> None:
        checkpoint["dlic"] = {
            "model": self.network.name,
            "config": self.network.config,
            "lmbda": self.lmbda,
            "distortion": self.loss.distortion,
            "settings": settings_of(self.optimizer_config, self.schedule),
            **{name: getattr(self, name) for name in COUNTERS},
        }

    def on_load_checkpoint(self, checkpoint: dict) -> None:
        for name in COUNTERS:
            setattr(self, name, checkpoint["dlic"][name])
        adopt(checkpoint, checkpoint["dlic"]["settings"], self.optimizer_config, self.schedule)


def _checked_lmbda(network: Model, lmbda: float | None) -> float | None:
    if network.levels > 1 and lmbda is not None:
        raise ValueError(f"{network.name} has {network.levels} rates, each with a λ of its own, so lmbda must be left out")
    if network.levels > 1:
        return None
    if lmbda is None or not (math.isfinite(lmbda) and lmbda > 0):
        raise ValueError(f"{network.name} has one rate, so lmbda must be a positive number, not {lmbda}")
    return lmbda


def _checked_share(network: Model, freeze_encoder: bool | float) -> float:
    if not 0 <= freeze_encoder <= 1:
        raise ValueError(f"freeze_encoder is a share of the run, from 0 to 1, not {freeze_encoder}")
    if freeze_encoder and not network.can_freeze:
        raise ValueError(f"{network.name} cannot be trained with its encoder frozen")
    return float(freeze_encoder)


def _checked_accumulation(trainer: pl.Trainer) -> int:
    interval, accumulated = trainer.val_check_interval, trainer.accumulate_grad_batches
    if accumulated > 1 and isinstance(interval, int) and interval % accumulated:
        raise ValueError(
            f"trainer.val_check_interval counts batches and must be a multiple of accumulate_grad_batches ({accumulated}), "
            f"not {interval}, so that no checkpoint falls between two steps"
        )
    return accumulated
