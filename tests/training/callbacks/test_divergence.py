"""A run whose losses are useless goes back to weights from before them, at half the learning rate, and resumes like any other."""

import logging
import math
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Checkpoint, EMAWeightAveraging

from dlic.training.callbacks import divergence as guard
from dlic.training.callbacks.divergence import NonFiniteLossError, StepBack
from dlic.training.module import TrainingModule
from dlic.training.optimization import Optimizer, Schedule
from tests.training.test_module import Spoiled, fit, network


class Ruined(TrainingModule):
    """Its weights become NaN before the batches in `ruined`, and its pixels a thousand times as bright in those of `bright`."""

    ruined: tuple[int, ...] = ()
    bright: range = range(0)

    def training_step(self, x, batch_idx):
        if self.batches_seen in self.ruined:
            with torch.no_grad():
                next(self.network.g_s.parameters()).fill_(math.nan)
        return super().training_step(x * 1000 if self.batches_seen in self.bright else x, batch_idx)


class Weights(pl.Callback):
    """Training and averaged weights after each step, with the learning rate that step had."""

    def __init__(self):
        self.after = {}

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        averaging = next(callback for callback in trainer.callbacks if isinstance(callback, EMAWeightAveraging))
        states = pl_module.network, averaging._average_model.module.network
        copies = [[value.detach().clone() for value in state.parameters()] for state in states]
        self.after[pl_module.batches_seen] = copies, trainer.optimizers[0].param_groups[0]["lr"]


def same(first: list[list[torch.Tensor]], second: list[list[torch.Tensor]]) -> bool:
    return all(torch.equal(a, b) for x, y in zip(first, second, strict=True) for a, b in zip(x, y, strict=True))


@pytest.mark.parametrize(
    ("optimizer", "schedule"),
    [
        ("adamw", Schedule("cosine", warmup_steps=1)),
        ("soap", Schedule("constant", warmup_steps=9)),
        ("adamw", Schedule("plateau", warmup_steps=1)),
    ],
)
def test_weights_averages_and_moments_go_back_and_the_learning_rate_halves(optimizer, schedule, photographs, tmp_path, monkeypatch):
    monkeypatch.setattr(StepBack, "_is_due", lambda self, step: step == 2)
    seen = []
    for ruined in ((), (4,)):
        module = Ruined(network(), 0.01, optimizer=Optimizer(optimizer), schedule=schedule, max_nonfinite=2)
        module.ruined = ruined
        seen.append(Weights())
        fit(module, photographs, tmp_path, steps=8, val_check_interval=4, callbacks=[EMAWeightAveraging(decay=0.5), seen[-1]])
    whole, back = (one.after for one in seen)
    assert same(back[4][0], whole[4][0]) and same(back[6][0], whole[2][0])
    assert (
        back[5][1] == whole[5][1] and back[6][1] == pytest.approx(whole[6][1] / 2) and back[7][1] == pytest.approx(whole[7][1] / 2)
    )
    assert module.nonfinite_total == 2 and all(torch.isfinite(p).all() for p in module.network.parameters())


class SavedAt(Checkpoint):
    def __init__(self, step: int, path: Path):
        self.step, self.path = step, path

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        if trainer.global_step == self.step:
            trainer.save_checkpoint(self.path, weights_only=False)


def test_a_run_that_went_back_resumes_bit_for_bit(photographs, tmp_path):
    def run(steps: int, path: Path, resumed: Path | None = None) -> dict:
        module = Spoiled(network(), 0.01, max_nonfinite=2, schedule=Schedule("constant", warmup_steps=6))
        module.bad = frozenset({2, 3})
        callbacks = [EMAWeightAveraging(decay=0.5), SavedAt(steps, path)]
        fit(module, photographs, tmp_path, steps, callbacks=callbacks, enable_checkpointing=True, ckpt_path=resumed)
        return torch.load(path, weights_only=True)

    whole = run(7, tmp_path / "whole.ckpt")
    run(5, tmp_path / "half.ckpt")
    rest = run(7, tmp_path / "rest.ckpt", tmp_path / "half.ckpt")
    assert all(torch.equal(value, rest["state_dict"][name]) for name, value in whole["state_dict"].items())
    assert whole["lr_schedulers"] == rest["lr_schedulers"] and whole["dlic"] == rest["dlic"]
    assert whole["callbacks"]["StepBack"] == rest["callbacks"]["StepBack"] and rest["callbacks"]["StepBack"]["taken"] == 1


def test_a_loss_many_times_the_usual_takes_a_run_back(photographs, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(guard, "REMEMBERED", 4)
    module = Ruined(network(), 0.01, max_nonfinite=3)
    module.bright = range(6, 9)
    with caplog.at_level(logging.WARNING):
        fit(module, photographs, tmp_path, steps=10)
    assert "3 steps in a row had a loss 20 times the usual; the weights are those of step 0 again" in caplog.text
    assert module.last_loss < 100


def test_weights_that_are_not_finite_are_never_validated(photographs, tmp_path, caplog):
    module = Ruined(network(), 0.01)
    module.ruined = (3,)
    with caplog.at_level(logging.WARNING):
        trainer = fit(module, photographs, tmp_path, steps=4, val_check_interval=4, callbacks=[EMAWeightAveraging(decay=0.5)])
    assert "weights became non-finite" in caplog.text
    assert math.isfinite(trainer.callback_metrics["val/loss"])


def test_weights_that_were_never_finite_end_the_run(photographs, tmp_path):
    module = Ruined(network(), 0.01, max_nonfinite=2)
    with torch.no_grad():
        next(module.network.g_s.parameters()).fill_(math.nan)
    with pytest.raises(NonFiniteLossError, match="2 steps in a row had a loss or gradient that is not finite"):
        fit(module, photographs, tmp_path, steps=4)
