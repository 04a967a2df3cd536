"""Unusable steps are skipped, counted, and end a run that does not recover."""

import pytest
import pytorch_lightning as pl
import torch

from dlic.data.module import PhotographData
from dlic.models.factorized import Factorized
from dlic.training.module import NonFiniteLossError, TrainingModule
from dlic.training.optimization import Optimizer, Schedule


class Spoiled(TrainingModule):
    """Gives a loss that is not a number at the batches in `bad`."""

    bad: frozenset[int] = frozenset()

    def training_step(self, x, batch_idx):
        return super().training_step(x * float("nan") if self.batches_seen in self.bad else x, batch_idx)


def fit(module: TrainingModule, photographs, tmp_path, steps: int, **options) -> pl.Trainer:
    data = PhotographData(str(photographs), crop=64, batch_size=2, validation_crop=64, cache_dir=str(tmp_path))
    trainer = pl.Trainer(
        max_steps=steps, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, num_sanity_val_steps=0, check_val_every_n_epoch=None, **{"val_check_interval": 100, **options},
    )  # fmt: skip
    trainer.fit(module, data)
    return trainer


def network() -> Factorized:
    torch.manual_seed(0)
    return Factorized(channels=16, latents=24, fine_blocks=1, coarse_blocks=1)


def test_a_bad_step_changes_nothing_and_is_counted(photographs, tmp_path):
    spoiled = Spoiled(network())
    spoiled.bad = frozenset({0, 1})
    before = {name: value.clone() for name, value in network().named_parameters()}
    fit(spoiled, photographs, tmp_path, steps=2)
    assert spoiled.nonfinite_total == 2 and spoiled.pixels_seen == 0
    moved = [n for n, v in spoiled.network.named_parameters() if not torch.equal(v, before[n]) and "quantiles" not in n]
    assert moved == []


def test_a_run_recovers_from_bad_steps(photographs, tmp_path):
    spoiled = Spoiled(network(), max_nonfinite=2)
    spoiled.bad = frozenset({0, 2, 4})
    fit(spoiled, photographs, tmp_path, steps=6)
    assert (spoiled.nonfinite_total, spoiled.nonfinite_in_row) == (3, 0)


def test_bad_steps_in_a_row_stop_the_run(photographs, tmp_path):
    spoiled = Spoiled(network(), max_nonfinite=3)
    spoiled.bad = frozenset(range(100))
    with pytest.raises(NonFiniteLossError, match="3 steps in a row"):
        fit(spoiled, photographs, tmp_path, steps=50)


def test_training_lowers_the_loss_and_gradients_are_clipped(photographs, tmp_path):
    module = TrainingModule(network(), lmbda=0.01, clip_norm=0.5, schedule=Schedule("constant", warmup_steps=1))
    trainer = fit(module, photographs, tmp_path, steps=30, val_check_interval=10)
    assert trainer.callback_metrics["train/grad_norm"] > 0
    first = TrainingModule(network(), lmbda=0.01)
    fit(first, photographs, tmp_path, steps=1, val_check_interval=1)
    assert trainer.callback_metrics["val/loss"] < first.trainer.callback_metrics["val/loss"]


@pytest.mark.parametrize("name", ["sgd", "adagrad", "adam"])
def test_other_optimisers_and_the_plateau_schedule_run(name, photographs, tmp_path):
    optimizer = Optimizer(name, learning_rate=1e-6)  # next to nothing moves: a plateau
    module = TrainingModule(network(), optimizer=optimizer, schedule=Schedule("plateau", warmup_steps=1, patience=0))
    trainer = fit(module, photographs, tmp_path, steps=4, val_check_interval=1)
    assert trainer.optimizers[0].param_groups[0]["lr"] < 1e-6


def test_ms_ssim_trains(photographs, tmp_path):
    module = TrainingModule(network(), lmbda=10.0, distortion="ms-ssim")
    data = PhotographData(str(photographs), crop=176, batch_size=1, validation_crop=176, cache_dir=str(tmp_path))
    trainer = pl.Trainer(
        max_steps=1,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(module, data)
    assert 0 < trainer.callback_metrics["train/distortion"] < 1
