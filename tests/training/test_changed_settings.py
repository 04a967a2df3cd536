"""A resumed run uses every changed setting, or refuses it by name."""

import copy
import logging

import pytest
import torch
import yaml
from PIL import Image
from torch import nn

from dlic.errors import DlicError
from dlic.training.changed_settings import adopt, changed, configuration_of, refuse_fixed, settings_of
from dlic.training.optimization import Optimizer, Schedule
from tests.conftest import KODAK
from tests.training.test_run import last, train


def state(optimizer: Optimizer, schedule: Schedule) -> dict:
    """A checkpoint's states after three steps."""
    module = nn.Linear(2, 2)
    built = optimizer.build(module)
    schedules = [schedule.build(built, 10)] + ([schedule.build_plateau(built)] if schedule.name == "plateau" else [])
    for _ in range(3):
        module(torch.ones(1, 2)).sum().backward()
        built.step()
        schedules[0].step()
    return {"optimizer_states": [built.state_dict()], "lr_schedulers": [each.state_dict() for each in schedules]}


@pytest.mark.parametrize("name", ["sgd", "adagrad", "adam", "adamw"])
@pytest.mark.parametrize("shape", ["constant", "cosine", "plateau"])
def test_unchanged_settings_leave_every_number(name, shape):
    optimizer, schedule = Optimizer(name=name), Schedule(name=shape)
    checkpoint = state(optimizer, schedule)
    before = copy.deepcopy(checkpoint)
    adopt(checkpoint, settings_of(optimizer, schedule), optimizer, schedule)
    assert str(checkpoint) == str(before)


@pytest.mark.parametrize("shape", ["constant", "cosine", "plateau"])
def test_a_changed_rate_scales_what_was_lowered_since(shape):
    optimizer, schedule = Optimizer(learning_rate=1e-3), Schedule(name=shape)
    checkpoint = state(optimizer, schedule)
    (group,) = checkpoint["optimizer_states"][0]["param_groups"]
    group["initial_lr"] = 5e-4  # the run went back once
    checkpoint["lr_schedulers"][0]["base_lrs"] = [5e-4]
    rate = group["lr"]
    adopt(checkpoint, settings_of(optimizer, schedule), Optimizer(learning_rate=2e-4), schedule)
    assert group["initial_lr"] == pytest.approx(1e-4) and group["lr"] == pytest.approx(rate / 5)
    assert checkpoint["lr_schedulers"][0]["base_lrs"] == [pytest.approx(1e-4)]


def test_other_settings_of_the_optimiser_and_the_schedule_are_taken():
    before, schedule = Optimizer(name="adamw"), Schedule(name="plateau")
    checkpoint = state(before, schedule)
    now = Optimizer(name="adamw", betas=(0.8, 0.9), weight_decay=0.1)
    adopt(checkpoint, settings_of(before, schedule), now, Schedule(name="plateau", patience=9, factor=0.2))
    (group,) = checkpoint["optimizer_states"][0]["param_groups"]
    assert group["betas"] == (0.8, 0.9) and group["weight_decay"] == 0.1
    assert (checkpoint["lr_schedulers"][1]["patience"], checkpoint["lr_schedulers"][1]["factor"]) == (9, 0.2)
    sgd = Optimizer(name="sgd", momentum=0.9)
    checkpoint = state(sgd, Schedule())
    adopt(checkpoint, settings_of(sgd, Schedule()), Optimizer(name="sgd", momentum=0.0), Schedule())
    (group,) = checkpoint["optimizer_states"][0]["param_groups"]
    assert group["momentum"] == 0.0 and group["nesterov"] is False


@pytest.mark.parametrize(
    ("optimizer", "schedule", "key"),
    [
        (Optimizer(name="sgd"), Schedule(name="constant"), "model.optimizer.name"),
        (Optimizer(), Schedule(name="cosine"), "model.schedule.name"),
        (Optimizer(), Schedule(name="constant", warmup_steps=7), "model.schedule.warmup_steps"),
    ],
)
def test_settings_that_the_state_fixes_are_refused_by_name(optimizer, schedule, key):
    before = Optimizer(), Schedule(name="constant")
    with pytest.raises(DlicError, match=key):
        adopt(state(*before), settings_of(*before), optimizer, schedule)


def test_changed_keys_are_found_at_any_depth():
    before = {"model": {"lmbda": 0.1, "network": {"class_path": "a"}}, "data": {"crop": 64, "cache_dir": None}, "resume": "x"}
    now = {"model": {"lmbda": 0.2, "network": {"class_path": "a"}}, "data": {"crop": 64}, "from": "light-1", "resume": "y"}
    found = changed(before, now)
    assert found == {"model.lmbda": (0.1, 0.2), "from": ("nothing", "light-1")}
    with pytest.raises(DlicError, match="cannot change from from nothing to light-1"):
        refuse_fixed(found)


def test_a_checkpoint_away_from_its_run_has_no_configuration(tmp_path):
    assert configuration_of(tmp_path / "run" / "checkpoints" / "last.ckpt") is None


def test_a_resumed_run_takes_another_rate_and_says_so(photographs, tmp_path, caplog, capsys):
    steps = ["--trainer.val_check_interval", "2", "--model.schedule.name", "constant"]
    assert train(photographs, tmp_path, *steps, "--trainer.max_steps", "2") == 0
    again = [*steps, "--trainer.max_steps", "4", "--resume", "auto"]
    with caplog.at_level(logging.WARNING):
        assert train(photographs, tmp_path, *again, "--model.optimizer.learning_rate", "5e-5", "--data.batch_size", "1") == 0
    stored = torch.load(last(tmp_path), weights_only=True)
    (group,) = stored["optimizer_states"][0]["param_groups"]
    assert group["initial_lr"] == pytest.approx(5e-5) and stored["global_step"] == 4
    config = yaml.safe_load((last(tmp_path).parent.parent / "config.yaml").read_text())
    assert config["model"]["optimizer"]["learning_rate"] == 5e-5
    for key in ("model.optimizer.learning_rate", "data.batch_size", "trainer.max_steps"):
        assert f"changed: {key} is" in caplog.text
    capsys.readouterr()
    assert train(photographs, tmp_path, *again, "--seed_everything", "7") == 1
    assert "cannot change seed_everything from 0 to 7" in capsys.readouterr().err
    assert len(list(tmp_path.glob("*/version_*"))) == 2  # the refused call has left no folder


def test_a_picture_of_kodak_is_refused_before_there_is_a_run(tmp_path, capsys):
    (tmp_path / "photos").mkdir()
    for name in "ab":
        Image.open(KODAK).save(tmp_path / "photos" / f"{name}.png")
    assert train(tmp_path / "photos", tmp_path / "out", "--trainer.max_steps", "1") == 1
    assert "is Kodak kodim23" in capsys.readouterr().err
    assert not list((tmp_path / "out").glob("factorized*"))


def test_the_end_of_a_run_names_the_next_command(photographs, tmp_path, capsys, caplog):
    with caplog.at_level(logging.INFO):
        assert train(photographs, tmp_path, "--trainer.max_steps", "2", "--trainer.val_check_interval", "1") == 0
    said = capsys.readouterr()
    text = caplog.text + said.out + said.err
    assert "next: dlic export " in text and "best.ckpt my-checkpoint" in text
    assert not any(word in text for word in ("Tip", "litlogger", "TPU", "Seed set", "Epoch"))
