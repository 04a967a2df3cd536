"""Every optimiser steps, every schedule has its shape."""

import pytest
import torch
from torch import nn

from dlic.training.optimization import Optimizer, Schedule


@pytest.mark.parametrize("name", ["sgd", "adagrad", "adam", "adamw"])
def test_every_optimiser_lowers_a_loss(name):
    module = nn.Linear(4, 1)
    optimizer = Optimizer(name=name, learning_rate=0.05).build(module)
    x = torch.ones(8, 4)
    before = module(x).square().mean().item()
    for _ in range(20):
        optimizer.zero_grad()
        module(x).square().mean().backward()
        optimizer.step()
    assert module(x).square().mean().item() < before


def rates(schedule: Schedule, steps: int) -> list[float]:
    optimizer = Optimizer(name="sgd", learning_rate=1.0).build(nn.Linear(1, 1))
    scheduler = schedule.build(optimizer, steps)
    found = []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return found


def test_cosine_warms_up_holds_and_falls():
    found = rates(Schedule("cosine", warmup_steps=10, hold=0.5, floor=0.01), 100)
    assert found[0] == pytest.approx(0.1) and found[9] == found[50] == pytest.approx(1.0)
    assert found[99] < 0.02 and found[60:] == sorted(found[60:], reverse=True)


@pytest.mark.parametrize("name", ["constant", "plateau"])
def test_constant_and_plateau_warm_up_and_stay(name):
    found = rates(Schedule(name, warmup_steps=4), 20)
    assert found[:4] == pytest.approx([0.25, 0.5, 0.75, 1.0]) and found[4:] == pytest.approx([1.0] * 16)


def test_plateau_cuts_what_the_warm_up_left():
    optimizer = Optimizer(name="sgd", learning_rate=1.0).build(nn.Linear(1, 1))
    schedule = Schedule("plateau", warmup_steps=2, patience=1, factor=0.5)
    warmup, plateau = schedule.build(optimizer, 100), schedule.build_plateau(optimizer)
    for loss in (1.0, 1.0, 1.0, 1.0):
        optimizer.step()
        warmup.step()
        plateau.step(loss)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.5)
