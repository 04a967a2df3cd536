"""Bad steps are skipped and counted, optimisers and losses run, a network of several rates learns them all at once."""

import math
import shutil
import sys
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from hypothesis import given
from hypothesis import strategies as st
from pytorch_lightning.callbacks import EMAWeightAveraging

from dlic.data.module import PhotographData
from dlic.models.base import Model, ModelOutput
from dlic.models.factorized import Factorized
from dlic.training.callbacks.divergence import NonFiniteLossError
from dlic.training.levels import drawn_levels
from dlic.training.module import TrainingModule
from dlic.training.optimization import Optimizer, Schedule
from tests.golden.rewrite import tiny_light


class Spoiled(TrainingModule):
    """Gives a loss that is not a number at the batches in `bad`."""

    bad: frozenset[int] = frozenset()

    def training_step(self, x, batch_idx):
        return super().training_step(x * float("nan") if self.batches_seen in self.bad else x, batch_idx)


def fit(module: TrainingModule, photographs, tmp_path, steps: int, batch_size: int = 2, ckpt_path=None, **options) -> pl.Trainer:
    data = PhotographData(str(photographs), crop=64, batch_size=batch_size, validation_crop=64, cache_dir=str(tmp_path))
    usual = {"val_check_interval": 100, "enable_checkpointing": False}
    trainer = pl.Trainer(
        max_steps=steps, accelerator="cpu", logger=False, enable_progress_bar=False, enable_model_summary=False,
        num_sanity_val_steps=0, check_val_every_n_epoch=None, **(usual | options),
    )  # fmt: skip
    trainer.fit(module, data, ckpt_path=ckpt_path, weights_only=True)
    return trainer


def seeded(make: Callable[..., Model], **settings) -> Model:
    torch.manual_seed(0)
    return make(**settings)


def network() -> Factorized:
    return seeded(Factorized, channels=16, latents=24, fine_blocks=1, coarse_blocks=1)


def test_a_bad_step_changes_nothing_and_is_counted(photographs, tmp_path):
    spoiled = Spoiled(network(), 0.01)
    spoiled.bad = frozenset({0, 1})
    before = {name: value.clone() for name, value in network().named_parameters()}
    fit(spoiled, photographs, tmp_path, steps=2)
    assert spoiled.nonfinite_total == 2 and spoiled.pixels_seen == 0
    moved = [n for n, v in spoiled.network.named_parameters() if not torch.equal(v, before[n]) and "quantiles" not in n]
    assert moved == []


def test_a_run_recovers_from_bad_steps(photographs, tmp_path):
    spoiled = Spoiled(network(), 0.01, max_nonfinite=2)
    spoiled.bad = frozenset({0, 2, 4})
    fit(spoiled, photographs, tmp_path, steps=6)
    assert (spoiled.nonfinite_total, spoiled.nonfinite_in_row) == (3, 0)


def test_bad_steps_in_a_row_stop_the_run(photographs, tmp_path):
    spoiled = Spoiled(network(), 0.01, max_nonfinite=3, max_step_backs=2)
    spoiled.bad = frozenset(range(100))
    with pytest.raises(NonFiniteLossError, match="3 steps in a row"):
        fit(spoiled, photographs, tmp_path, steps=50)
    assert spoiled.nonfinite_total == 9  # it went back twice


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
    module = TrainingModule(network(), 0.01, optimizer=optimizer, schedule=Schedule("plateau", warmup_steps=1, patience=0))
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


# --- several rates ------------------------------------------------------------------------------------------------------


def one_step(module: TrainingModule, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, ModelOutput]:
    """(loss, levels drawn, what the network gave) of a training step outside of a run."""
    seen = []
    handle = module.network.register_forward_hook(lambda network, inputs, output: seen.append((inputs[1], output)))
    module.on_train_batch_start(x, 0)
    loss = module.training_step(x, 0)
    handle.remove()
    return loss, *seen[0]


def test_each_sample_has_a_level_of_its_own_fixed_by_seed_and_batch_number():
    x = torch.rand(16, 3, 64, 64)
    module, again = TrainingModule(tiny_light()), TrainingModule(tiny_light())
    levels = [one_step(module, x)[1].tolist() for _ in range(8)]
    assert all(len(set(batch)) > 8 for batch in levels) and levels[0] != levels[1]
    drawn = {level for batch in levels for level in batch}
    assert min(drawn) < 4 and max(drawn) > 59 and max(drawn) <= 63
    assert [one_step(again, x)[1].tolist() for _ in range(8)] == levels


def test_a_sample_weighs_by_the_root_of_mean_lmbda_over_its_own():
    x, module = torch.rand(4, 3, 64, 64), TrainingModule(tiny_light())
    loss, levels, output = one_step(module, x)
    lmbdas = torch.logspace(-3, np.log10(0.2), 64)
    lmbda = lmbdas[levels]
    costs = output.bits / 64**2 + lmbda * 255**2 * (output.x_hat - x).square().mean(dim=(1, 2, 3))
    assert loss.item() == pytest.approx(((lmbdas.mean() / lmbda).sqrt() * costs).mean().item(), rel=1e-4)


class Outputs(pl.Callback):
    """Keeps what each validation batch gave."""

    def __init__(self):
        self.batches = []

    def on_validation_batch_end(self, trainer, pl_module, outputs, batch, batch_idx, dataloader_idx=0):
        self.batches.append(outputs)


def test_validation_is_the_mean_over_levels_from_lowest_to_highest(photographs, tmp_path):
    kept = Outputs()
    trainer = fit(TrainingModule(tiny_light()), photographs, tmp_path, steps=1, val_check_interval=1, callbacks=[kept])
    (levels,) = kept.batches
    assert [one.level for one in levels] == [0, 13, 25, 38, 50, 63]
    assert all(torch.equal(one.x, levels[0].x) for one in levels)
    bpp, psnr = (torch.stack([getattr(one, name).mean() for one in levels]) for name in ("bpp", "psnr"))
    assert bpp.tolist() == sorted(bpp.tolist()) and psnr.tolist() == sorted(psnr.tolist())
    assert trainer.callback_metrics["val/bpp"] == pytest.approx(bpp.mean().item())
    assert trainer.callback_metrics["val/psnr"] == pytest.approx(psnr.mean().item())


def test_validation_levels_are_as_many_as_asked_for_or_as_there_are():
    assert TrainingModule(tiny_light(), validation_levels=2).validation_levels == [0, 63]
    assert TrainingModule(tiny_light(), validation_levels=99).validation_levels == list(range(64))
    assert TrainingModule(network(), 0.01).validation_levels == [0]
    with pytest.raises(ValueError, match="validation_levels"):
        TrainingModule(tiny_light(), validation_levels=0)


@pytest.mark.parametrize("lmbda", [None, 0.0, -1.0, math.nan, math.inf])
def test_one_rate_needs_a_positive_lmbda(lmbda):
    with pytest.raises(ValueError, match="lmbda must be a positive number"):
        TrainingModule(network(), lmbda)


def test_several_rates_refuse_an_lmbda():
    with pytest.raises(ValueError, match="lmbda must be left out"):
        TrainingModule(tiny_light(), 0.01)


@given(st.integers(0, 2**63), st.integers(1, 30), st.integers(1, 30), st.integers(1, 64))
def test_the_level_of_a_crop_depends_on_its_number_alone(first, count, more, levels):
    together = drawn_levels(0, first, count + more, levels)
    assert torch.equal(together, torch.cat([drawn_levels(0, first, count, levels), drawn_levels(0, first + count, more, levels)]))
    assert together.min() >= 0 and together.max() < levels


# --- steps of several batches -------------------------------------------------------------------------------------------


def test_accumulated_gradients_are_those_of_a_larger_batch(photographs, tmp_path):
    """With the encoder frozen no noise differs."""
    options = {"schedule": Schedule("cosine", warmup_steps=2), "freeze_encoder": True}
    accumulated, large = TrainingModule(tiny_light(), **options), TrainingModule(tiny_light(), **options)
    in_parts = fit(accumulated, photographs, tmp_path, steps=3, accumulate_grad_batches=4, val_check_interval=12)
    at_once = fit(large, photographs, tmp_path, steps=3, batch_size=8, val_check_interval=3)
    ours, theirs = accumulated.state_dict(), large.state_dict()
    assert all(torch.allclose(ours[name], theirs[name], atol=1e-5) for name in ours)
    assert in_parts.callback_metrics.keys() == at_once.callback_metrics.keys() >= {"train/loss", "val/loss"}
    for name, value in in_parts.callback_metrics.items():
        assert float(value) == pytest.approx(float(at_once.callback_metrics[name]), rel=1e-4), name
    assert in_parts.lr_scheduler_configs[0].scheduler.get_last_lr() == at_once.lr_scheduler_configs[0].scheduler.get_last_lr()
    assert (in_parts.global_step, accumulated.batches_seen) == (at_once.global_step, 4 * large.batches_seen) == (3, 12)
    assert accumulated.pixels_seen == large.pixels_seen == 3 * 8 * 64**2


def test_one_bad_batch_of_a_step_is_left_out(photographs, tmp_path):
    spoiled = Spoiled(network(), 0.01)
    spoiled.bad = frozenset({1})
    fit(spoiled, photographs, tmp_path, steps=2, accumulate_grad_batches=2)
    assert (spoiled.nonfinite_total, spoiled.pixels_seen) == (1, 3 * 2 * 64**2)
    assert all(value.isfinite().all() for value in spoiled.state_dict().values())


def test_no_checkpoint_may_fall_between_two_steps(photographs, tmp_path):
    with pytest.raises(ValueError, match=r"multiple of accumulate_grad_batches \(3\), not 100"):
        fit(TrainingModule(network(), 0.01), photographs, tmp_path, steps=1, accumulate_grad_batches=3)


# --- torch.compile ------------------------------------------------------------------------------------------------------


def test_compiled_training_steps_are_the_same_and_keep_the_names_of_the_weights(photographs, tmp_path, monkeypatch):
    plain = TrainingModule(tiny_light())
    fit(plain, photographs, tmp_path, steps=2, val_check_interval=1, callbacks=[EMAWeightAveraging(decay=0.5)])
    # traced, but not translated to machine code, which takes a minute
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="eager", fullgraph=True))
    compiled = TrainingModule(tiny_light(), compile=True)
    fit(compiled, photographs, tmp_path, steps=2, val_check_interval=1, callbacks=[EMAWeightAveraging(decay=0.5)])
    ours, theirs = compiled.state_dict(), plain.state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.allclose(ours[name], theirs[name], atol=1e-5) for name in ours)


class OneLayer(Model):
    """Little enough to become machine code in seconds."""

    name, stride, config = "one layer", 8, {}

    def __init__(self):
        super().__init__()
        self.g_a, self.g_s = torch.nn.Conv2d(3, 4, 8, stride=8), torch.nn.ConvTranspose2d(4, 3, 8, stride=8)

    def forward(self, x, level=None):
        y = self.g_a(x)
        return ModelOutput(self.g_s(y), y.abs().sum(dim=(1, 2, 3)), y, (y.detach().abs() < 0.5).float().mean())


@pytest.mark.skipif(sys.platform != "linux" or not shutil.which("g++"), reason="needs a compiler that PyTorch finds")
def test_training_steps_become_machine_code_where_there_is_a_compiler(photographs, tmp_path):
    plain, compiled = (TrainingModule(seeded(OneLayer), 0.01, compile=switch) for switch in (False, True))
    for module in (plain, compiled):
        fit(module, photographs, tmp_path, steps=2)
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] > 0
    ours, theirs = compiled.state_dict(), plain.state_dict()
    assert ours.keys() == theirs.keys() and all(torch.allclose(ours[name], theirs[name], atol=1e-5) for name in ours)


def test_the_last_stage_leaves_what_an_encoder_alone_runs_and_measures_rounded_latents(photographs, tmp_path):
    module = TrainingModule(tiny_light(), freeze_encoder=True, schedule=Schedule(name="constant", warmup_steps=1))
    before = {name: value.clone() for name, value in module.network.named_parameters()}
    fit(module, photographs, tmp_path, steps=2)
    moved = {name.split(".")[0] for name, value in module.network.named_parameters() if not torch.equal(value, before[name])}
    assert moved.isdisjoint({"g_a", "gain", "h_a", "z_mean"}) and {"g_s", "h_s_scale", "h_s_mean"} <= moved
    network, x, level = module.network.train(), torch.rand(1, 3, 32, 32), torch.tensor([30])
    assert torch.equal(network(x, level).bits, network(x, level).bits)


def test_a_model_without_that_stage_says_so():
    with pytest.raises(ValueError, match="factorized cannot"):
        TrainingModule(network(), 0.01, freeze_encoder=True)
