"""The mean-scale hyperprior through its recipe: it learns, resumes, and becomes a checkpoint."""

import pytest
import torch

from dlic.models import build_model
from dlic.training.module import TrainingModule
from dlic.training.optimization import Schedule
from tests.training.test_module import fit
from tests.training.test_run import assert_same_run, last, train


def test_a_resumed_run_is_bit_for_bit_the_uninterrupted_one(photographs, tmp_path):
    often = ["--trainer.val_check_interval", "2"]
    run_of_four = [*often, "--model.schedule.name", "constant", "--trainer.max_steps", "4"]
    assert train(photographs, tmp_path / "whole", *run_of_four, recipe="mean-scale") == 0
    half = [*run_of_four, "--trainer.max_steps", "2"]
    assert train(photographs, tmp_path / "half", *half, recipe="mean-scale") == 0
    resume = ["--resume", str(last(tmp_path / "half"))]
    assert train(photographs, tmp_path / "rest", *run_of_four, *resume, recipe="mean-scale") == 0
    assert_same_run(last(tmp_path / "whole"), last(tmp_path / "rest"), steps=4)


@pytest.mark.parametrize("name", ["mean_scale", "hyperprior"])
def test_training_lowers_the_loss(name, photographs, tmp_path):
    torch.manual_seed(0)
    network = build_model(name, {"channels": 16, "latents": 24})
    module = TrainingModule(network, lmbda=0.01, schedule=Schedule("constant", warmup_steps=1))
    first = fit(module, photographs, tmp_path, steps=1, val_check_interval=1).callback_metrics["val/loss"].item()
    later = fit(module, photographs, tmp_path, steps=40, val_check_interval=20).callback_metrics["val/loss"].item()
    assert later < 0.7 * first
