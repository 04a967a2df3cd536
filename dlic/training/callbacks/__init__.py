"""When a run is saved and stopped, and what it shows of itself in TensorBoard (nothing without a TensorBoardLogger)."""

import logging
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, astuple, dataclass, fields, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytorch_lightning as pl
import torch
from lightning_utilities.core.rank_zero import rank_zero_info, rank_zero_only
from pytorch_lightning.callbacks import Checkpoint, ModelCheckpoint, Timer
from pytorch_lightning.loggers import TensorBoardLogger
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter
from torchvision.transforms.v2.functional import center_crop
from torchvision.utils import make_grid

from dlic.errors import DlicError, UnreadableImageError
from dlic.evaluation.anchors import kodak_anchors
from dlic.evaluation.comparison_plot import comparison_figure
from dlic.evaluation.plots import Curve, figure_pixels, rd_figure
from dlic.evaluation.rate_distortion import Point, bd_rate, bits_saved, jpeg_curve
from dlic.training.callbacks.durable_checkpoints import store
from dlic.training.kodak import JUDGED_BY, REFERENCE, SCORES, Standing, estimated_points, kodak_files, standings
from dlic.training.levels import spread_levels
from dlic.training.processes import mean_over_processes, process_count
from dlic.training.validated import Validated

log = logging.getLogger(__name__)

NOTES = {
    "over-fitting": (
        "**Over-fitting:** the validation loss has risen at each of the last {patience} validations while the training loss fell. "
        "More photographs, more augmentation or a smaller model help; the best checkpoint so far is kept."
    ),
    "under-fitting": (
        "**Under-fitting, or finished:** neither the training nor the validation loss has moved by {tolerance:.1%} over the last "
        "{patience} validations. Early in a run a higher learning rate or a larger model helps; late in it, it has converged."
    ),
}
Verdict = Literal["over-fitting", "under-fitting"]


def tensorboard(trainer: pl.Trainer) -> SummaryWriter | None:
    """Where to draw; None where `drawn` says no, and in all processes that train together but the first."""
    if not drawn(trainer) or not trainer.is_global_zero:
        return None
    return next(logger.experiment for logger in trainer.loggers if isinstance(logger, TensorBoardLogger))


def drawn(trainer: pl.Trainer) -> bool:
    """Whether a run shows itself: not without a TensorBoardLogger nor while Lightning only checks that validation works."""
    return not trainer.sanity_checking and any(isinstance(logger, TensorBoardLogger) for logger in trainer.loggers)


def best_keeper(trainer: pl.Trainer) -> ModelCheckpoint | None:
    """The callback that keeps the best checkpoint, whose folder the others save to."""
    return next((callback for callback in trainer.checkpoint_callbacks if isinstance(callback, ModelCheckpoint)), None)


class KeepBest(ModelCheckpoint):
    """Keeps the best checkpoint of a run over all its calls: a resumed one begins with a copy of what those before it reached.

    Lightning's own begins anew where it saves to another folder.
    """

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        best = Path(state_dict["best_model_path"])
        if state_dict["dirpath"] == self.dirpath:
            super().load_state_dict(state_dict)
        elif best.is_file():  # and has not been taken away
            copy, score = Path(self.dirpath) / best.name, state_dict["best_model_score"]
            try:
                _copy_on_first_process(best, copy)
            except (DlicError, OSError) as error:
                log.warning("the best checkpoint so far stays in %s: %s", best, error)
                return
            self.best_model_path = self.kth_best_model_path = str(copy)
            self.best_model_score = self.kth_value = score
            self.best_k_models = {str(copy): score}


@rank_zero_only
def _copy_on_first_process(source: Path, place: Path) -> None:
    store(source.read_bytes(), place)


class SaveAtEnd(pl.Callback):
    """Writes last.ckpt when a run ends, wherever its last validation was; ModelCheckpoint alone would lose the steps since.

    Stands before weight averaging in the recipe, which ends a run by replacing the weights that resuming needs.
    """

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        checkpoints = best_keeper(trainer)
        if checkpoints is not None:
            # by ModelCheckpoint's own method: where it has saved nothing yet, it would write the averaged weights over this file
            checkpoints._save_checkpoint(trainer, str(Path(checkpoints.dirpath) / "last.ckpt"))


class SaveOften(Checkpoint):
    """Writes last.ckpt every so many steps, wherever validations are: what a run that is killed goes on from.

    Where one follows, ModelCheckpoint saves after it instead: a run that went on from before would go without.

    Lightning calls it after every other callback, so that what is saved has the whole step in it.
    """

    def __init__(self, every_n_steps: int):
        """
        Args:
            every_n_steps: optimiser steps from one save to the next.
        """
        if every_n_steps < 1:
            raise ValueError(f"SaveOften takes every_n_steps ≥ 1, not {every_n_steps}")
        self.every_n_steps = every_n_steps

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if best_keeper(trainer) is None:
            raise ValueError("SaveOften saves where a ModelCheckpoint does, and there is none")
        self._seen = trainer.global_step

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs, batch, batch_idx) -> None:
        stepped, self._seen = trainer.global_step != self._seen, trainer.global_step  # gradients may be gathered over batches
        if stepped and trainer.global_step % self.every_n_steps == 0 and not _validates_now(trainer):
            trainer.save_checkpoint(Path(best_keeper(trainer).dirpath) / "last.ckpt", weights_only=False)


def _validates_now(trainer: pl.Trainer) -> bool:
    """Whether a validation follows the batch that has just ended."""
    every = trainer.val_check_batch  # infinite, or None, where they go by epochs or by time
    return trainer.enable_validation and isinstance(every, int) and (trainer.fit_loop.total_batch_idx + 1) % every == 0


class TimePerCall(Timer):
    """Ends a call after some time, wherever the run is; Lightning's max_time would count the calls before it too."""

    def __init__(self, duration: str):
        """
        Args:
            duration: DD:HH:MM:SS from the first step of the call.
        """
        super().__init__(duration)

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs, batch, batch_idx) -> None:
        if (batch_idx + 1) % trainer.accumulate_grad_batches == 0:  # between steps: gradients are not stored
            super().on_train_batch_end(trainer, pl_module, outputs, batch, batch_idx)

    def load_state_dict(self, state_dict: dict) -> None:
        pass  # a resumed call has the whole time again


class RateDistortionCurve(pl.Callback):
    """Each validation: the run in the rate–distortion plane, and JPEG on the same crops.

    A network of one rate draws its way so far, one of several its curve. The run's bits are estimates, JPEG's are those of its
    files. `val/saved_vs_jpeg` is the percentage of bits saved at equal PSNR (of several rates: by BD-rate), where the two overlap.
    Processes that train together each measure, as other callbacks may monitor that, and the first draws.
    """

    def __init__(self):
        self.path: list[list[Point]] = []  # one point a level, one list a validation
        self.jpeg: list[Point] = []  # made at the first validation; not stored, since a resumed run may have other photographs

    def on_validation_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._originals: list[np.ndarray] = []
        self._measured: dict[int, list[Tensor]] = defaultdict(list)  # by level

    def on_validation_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: list[Validated], batch, batch_idx, dataloader_idx=0
    ) -> None:
        if not drawn(trainer):
            return
        for one in outputs:
            self._measured[one.level].append(torch.stack([one.bpp, one.psnr]).double())  # (2, B)
        if not self.jpeg:
            self._originals.extend((outputs[0].x * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy())  # (H, W, 3) each

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if not drawn(trainer) or not self._measured:
            return
        self.jpeg = self.jpeg or jpeg_curve(self._originals)
        self._originals = []
        means = torch.stack([torch.cat(parts, dim=1).mean(dim=1) for _, parts in sorted(self._measured.items())])  # (levels, 2)
        newest = [Point(*one) for one in mean_over_processes(means).tolist()]
        self.path.append(newest)
        if (writer := tensorboard(trainer)) is not None:
            writer.add_image("rate_distortion/run", self._figure(trainer.global_step), trainer.global_step, dataformats="HWC")
        with suppress(ValueError):  # worse than JPEG's worst or better than its best: no bits to compare
            saved = bits_saved(self.jpeg, newest[0]) if len(newest) == 1 else -bd_rate(self.jpeg, newest)
            pl_module.log("val/saved_vs_jpeg", 100 * saved, prog_bar=True, sync_dist=True)

    def _figure(self, step: int) -> np.ndarray:
        newest = self.path[-1]
        last = newest[-1]
        run = newest if len(newest) > 1 else [point for points in self.path for point in points]
        curves = [
            Curve.through("JPEG 4:2:0", self.jpeg, "k.--"),
            Curve.through("this run (estimated bits)", run, "C0.-"),
            Curve.through(f"step {step:,}: {last.score:.2f} dB at {last.bpp:.3f} bpp", [last], "C3*"),
        ]
        # JPEG at high quality and a run's first points would squeeze the rest
        focus = max(3 * self.jpeg[0].bpp, 3 * newest[0].bpp, 1.5 * last.bpp)
        return figure_pixels(rd_figure(curves, focus))

    def state_dict(self) -> dict:
        return {"path": [[asdict(point) for point in points] for points in self.path]}

    def load_state_dict(self, state_dict: dict) -> None:
        self.path = [[Point(**point) for point in points] for points in state_dict["path"]]


class KodakCurve(pl.Callback):
    """The run on the 24 Kodak images beside what others published: a reference line for it to reach.

    Every run has it, asleep until it knows where the images are:

        dlic train --config configs/factorized.yaml --data.train_dir PATH --kodak kodak --kodak.every 2

    At every N-th validation, with the weights that are validated (averaged ones, where the run averages) and in float32, bits are
    estimated for rounded latents (files of light-1 are 3 % better by BD-rate, as an encoder chooses its symbols). A run that is
    trained for MS-SSIM is measured by it, and held against networks that were trained for it.

    kodak/rate_distortion   the run among all published curves
    kodak/bpp, kodak/psnr   of one rate (or kodak/ms_ssim_db): beside the run's line runs that of the published network of its
                            architecture and the nearest λ, as a run of its own
    kodak/db_vs_vtm         dB above that curve at equal rate, and so on for others; the published network's line is 0
    kodak/bits_vs_vtm       percent of bits at equal quality, negative where it needs fewer
    kodak/bd_db_vs_vtm, kodak/bd_rate_vs_vtm   the same of a network of several rates, along its curve
    kodak/standing          all of it in words

    Kodak is for reporting: nothing of this can be monitored by other callbacks, and a run goes on bit for bit as without it.
    """

    def __init__(self, folder: str | None = None, every: int = 1, levels: int = 6):
        """
        Args:
            folder: the 24 Kodak images; a run does not start with others, which the curves do not hold for. Nothing without it.
            every: validations from one measurement to the next; of light, one takes 20 seconds on two CPU cores.
            levels: rates that are measured, evenly spread, where the network has several; a BD-rate takes four.
        """
        if every < 1 or levels < 4:
            raise ValueError(f"KodakCurve takes every ≥ 1 and levels ≥ 4, not {every} and {levels}")
        self.folder, self.every, self.levels = folder, every, levels
        self.validations = 0  # of this call
        self._reference: SummaryWriter | None = None

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        if self.folder is not None:
            self._files = kodak_files(self.folder, "KodakCurve")

    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        if self._reference is not None:
            self._reference.close()
            self._reference = None

    def on_validation_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch, batch_idx, dataloader_idx=0
    ) -> None:
        """Between the start of the epoch, when weights are averaged and prepared, and its end, when those of training come back."""
        writer = None if self.folder is None else tensorboard(trainer)
        if writer is None or batch_idx > 0:
            return
        self.validations += 1
        if self.validations % self.every == 0:
            try:
                self._report(writer, trainer.global_step, pl_module)
            except UnreadableImageError as error:  # no reason to end a run
                log.warning("step %d: Kodak was not measured: %s", trainer.global_step, error)

    def _report(self, writer: SummaryWriter, step: int, pl_module: pl.LightningModule) -> None:
        network, metric = pl_module.network, JUDGED_BY[pl_module.loss.distortion]
        points = estimated_points(network, spread_levels(network.levels, self.levels), self._files, pl_module.device, metric)
        found = standings(points, metric, pl_module.lmbda)
        key = REFERENCE.get(network.name, "mean_scale")
        rank_zero_info(f"Kodak, step {step:,}: {found[key]}")
        for tag, value in _scalars(points[0] if len(points) == 1 else None, found, metric).items():
            writer.add_scalar(tag, value, step)
        writer.add_text(
            "kodak/standing", "\n".join([f"Step {step:,}, bits estimated:", "", *(f"- {one}" for one in found.values())]), step
        )
        self._draw_reference(writer, key, found[key], metric, step)
        title = f"Kodak, step {step:,}, estimated bits\n{found[key]}".replace(" at equal rate", "\nat equal rate")
        curves = [Curve.through(label, anchor.points) for label, anchor in kodak_anchors(metric).items()]
        figure = comparison_figure(Curve.through("this run", points), curves, title, SCORES[metric])
        writer.add_image("kodak/rate_distortion", figure_pixels(figure), step, dataformats="HWC")

    def _draw_reference(self, writer: SummaryWriter, key: str, one: Standing, metric: str, step: int) -> None:
        """The published network as a run beside this one, with a level line in every chart that both have."""
        if self._reference is None:
            name = one.label if one.twin is None else f"{one.label}, lambda {one.twin[0]:g}"
            self._reference = SummaryWriter(str(Path(writer.log_dir) / f"published {name}"))
        point = None if one.twin is None else one.twin[1]
        for tag, value in _scalars(point, {key: replace(one, gained=0.0, saved=0.0)}, metric).items():
            self._reference.add_scalar(tag, value, step)
        self._reference.flush()  # Lightning flushes its own writer alone


def _scalars(point: Point | None, found: Mapping[str, Standing], metric: str) -> dict[str, float]:
    """By tag, what `KodakCurve` says of a point and of how it or a curve stands beside others."""
    score = "psnr" if metric == "psnr" else "ms_ssim_db"
    values = {} if point is None else {"kodak/bpp": point.bpp, f"kodak/{score}": point.score}
    for key, one in found.items():
        gained, saved = ("bd_db", "bd_rate") if one.mean else ("db", "bits")
        if one.gained is not None:
            values[f"kodak/{gained}_vs_{key}"] = one.gained
        if one.saved is not None:
            values[f"kodak/{saved}_vs_{key}"] = -100 * one.saved
    return values


class Reconstructions(pl.Callback):
    """Each validation: originals (left) beside their reconstructions (right)."""

    def __init__(self, count: int = 4, side: int = 256):
        """
        Args:
            count: pairs shown, the first of the validation set.
            side: at most so many pixels of the middle of each are shown, as whole crops would add megabytes a validation.
        """
        self.count, self.side = count, side

    def on_validation_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._pairs: list[Tensor] = []

    def on_validation_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: list[Validated], batch, batch_idx, dataloader_idx=0
    ) -> None:
        if tensorboard(trainer) is None:
            return
        middle = outputs[len(outputs) // 2]  # of the levels
        for x, x_hat in list(zip(middle.x, middle.x_hat, strict=True))[: self.count - len(self._pairs)]:
            pair = torch.stack([x, x_hat])  # (2, 3, H, W)
            self._pairs.append(center_crop(pair, [min(self.side, n) for n in pair.shape[2:]]).float().cpu())

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        writer = tensorboard(trainer)
        if writer is not None and self._pairs:
            grid = make_grid(torch.cat(self._pairs), nrow=2, padding=4, pad_value=1.0)
            writer.add_image("val/original_and_reconstruction", grid, trainer.global_step)


def fit_verdict(training: Sequence[float], validation: Sequence[float], patience: int, tolerance: float) -> Verdict | None:
    """How a run is doing, from its losses at each validation, oldest first.

    over-fitting: the validation loss rose `patience` times in a row and the training loss is lower than before.
    under-fitting: over `patience` validations neither loss changed by the share `tolerance` of what it was.
    """
    if min(len(training), len(validation)) <= patience:
        return None
    training, validation = training[-patience - 1 :], validation[-patience - 1 :]
    rises = all(later > earlier for earlier, later in pairwise(validation))
    if rises and training[-1] < training[0]:
        return "over-fitting"
    if all(abs(losses[-1] - losses[0]) < tolerance * abs(losses[0]) for losses in (training, validation)):
        return "under-fitting"
    return None


class FitNotes(pl.Callback):
    """A text note and a log line when `fit_verdict` finds something; once until the finding changes."""

    def __init__(self, patience: int = 5, tolerance: float = 0.01):
        """
        Args:
            patience: validations the finding must hold for.
            tolerance: smallest relative change of a loss that counts as movement; the mean training loss between two
                validations alone varies by nearly a percent with the photographs drawn.
        """
        if patience < 1:
            raise ValueError(f"patience must be at least one validation, not {patience}")
        self.patience, self.tolerance = patience, tolerance
        self.training: list[float] = []  # mean loss of the steps before each validation
        self.validation: list[float] = []
        self.verdict: Verdict | None = None
        self._forget_steps()

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs, batch, batch_idx) -> None:
        if outputs and torch.isfinite(outputs["loss"]):  # a step that was skipped says nothing
            loss = outputs["loss"].detach() * trainer.accumulate_grad_batches  # Lightning has divided it
            self._sum, self._steps = self._sum + loss, self._steps + 1

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        writer = tensorboard(trainer)
        if writer is None or self._steps == 0:
            return
        self.training.append(float(self._sum) / self._steps)
        self.validation.append(float(trainer.callback_metrics["val/loss"]))
        self._forget_steps()
        previous, self.verdict = self.verdict, fit_verdict(self.training, self.validation, self.patience, self.tolerance)
        if self.verdict is not None and self.verdict != previous:
            note = NOTES[self.verdict].format(patience=self.patience, tolerance=self.tolerance)
            writer.add_text("notes/fit", f"Step {trainer.global_step:,}. {note}", trainer.global_step)
            log.warning("step %d: %s", trainer.global_step, note.replace("**", ""))

    def _forget_steps(self) -> None:
        self._sum, self._steps = 0.0, 0

    def state_dict(self) -> dict:
        return {"training": self.training, "validation": self.validation, "verdict": self.verdict}

    def load_state_dict(self, state_dict: dict) -> None:
        self.training, self.validation = list(state_dict["training"]), list(state_dict["validation"])
        self.verdict = state_dict["verdict"]


class Throughput(pl.Callback):
    """Optimiser steps and crops a second, of all processes together, and the share of time spent waiting for the next batch.

    Validation is left out. In TensorBoard, in the progress bar, and over the whole call in one line at its end.
    """

    def __init__(self, every_n_steps: int = 50):
        """
        Args:
            every_n_steps: steps averaged over for one logged value.
        """
        self.every_n_steps = every_n_steps
        self._started, self._ended = 0.0, None
        self._now, self._call = Pace(), Pace()

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._ended = None
        self._now, self._call = Pace(), Pace()

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch, batch_idx) -> None:
        self._started = time.perf_counter()
        if self._ended is not None:
            self._now.waiting += self._started - self._ended

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs, batch, batch_idx) -> None:
        self._ended = time.perf_counter()
        self._now.working += self._ended - self._started
        self._now.steps += 1 / trainer.accumulate_grad_batches
        self._now.crops += len(batch)
        if self._now.steps >= self.every_n_steps:
            self._write(trainer, pl_module)

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._ended = None  # the gap before the next step is validation, not waiting

    def _write(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        figures, writer = self._now.figures(pl_module.device), tensorboard(trainer)
        for name, value in figures.items():
            if writer is not None:
                writer.add_scalar(f"speed/{name}", value, trainer.global_step)
            pl_module.log(f"speed/{name}", value, prog_bar=name != "steps_per_second", logger=False)  # the bar counts steps itself
        self._call, self._now = self._call + self._now, Pace()

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        whole = self._call + self._now
        if whole.working == 0:
            return
        figures = whole.figures(pl_module.device)
        rank_zero_info(
            f"{figures['steps_per_second']:.2f} steps/s, {figures['crops_per_second']:.1f} crops/s, "
            f"{figures['waiting_for_data']:.1%} of the time waiting for data"
        )


@dataclass
class Pace:
    """What one process did in some steps."""

    working: float = 0.0  # seconds
    waiting: float = 0.0
    steps: float = 0.0
    crops: int = 0

    def __add__(self, other: "Pace") -> "Pace":
        return Pace(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(self)))

    def figures(self, device: torch.device) -> dict[str, float]:
        """Of all processes that train together; each must call it."""
        values = torch.tensor(astuple(self), dtype=torch.float64).float().to(device)
        working, waiting, steps, crops = mean_over_processes(values).tolist()
        seconds = working + waiting
        return {
            "steps_per_second": steps / seconds,
            "crops_per_second": process_count() * crops / seconds,
            "waiting_for_data": waiting / seconds,
        }
