"""Every optimiser steps, every schedule has its shape."""

import pytest
import torch
from torch import nn

from dlic.training.optimization import Optimizer, Schedule


@pytest.mark.parametrize("name", ["sgd", "adagrad", "adam", "adamw", "soap"])
def test_every_optimiser_lowers_a_loss(name):
    torch.manual_seed(0)
    module = nn.Linear(4, 1)
    optimizer = Optimizer(name=name, learning_rate=0.05).build(module)
    x = torch.ones(8, 4)
    before = module(x).square().mean().item()
    for _ in range(20):
        optimizer.zero_grad()
        module(x).square().mean().backward()
        optimizer.step()
    assert module(x).square().mean().item() < before


def convolutions() -> nn.Module:
    torch.manual_seed(0)
    layers = nn.Conv2d(3, 16, 3), nn.ReLU(), nn.Conv2d(16, 600, 1), nn.ReLU(), nn.ConvTranspose2d(600, 3, 2, stride=2)
    return nn.Sequential(*layers).to(memory_format=torch.channels_last)


def steps(module: nn.Module, optimizer: torch.optim.Optimizer, count: range) -> None:
    for step in count:
        x = torch.rand(2, 3, 12, 12, generator=torch.Generator().manual_seed(step))
        optimizer.zero_grad()
        module(x).square().mean().backward()
        optimizer.step()


@pytest.mark.parametrize("name", ["adamw", "soap"])
def test_a_restored_optimiser_goes_on_bit_for_bit(name, tmp_path):
    config, whole, halves = Optimizer(name, learning_rate=1e-3, betas=(0.95, 0.9)), convolutions(), convolutions()
    steps(whole, config.build(whole), range(24))
    first = config.build(halves)
    steps(halves, first, range(12))
    torch.save(first.state_dict(), tmp_path / "state")
    second = config.build(halves)
    second.load_state_dict(torch.load(tmp_path / "state", weights_only=True))
    steps(halves, second, range(12, 24))
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), halves.parameters(), strict=True))


def test_soap_turns_each_dimension_of_a_kernel_but_very_wide_ones():
    module = convolutions()
    optimizer = Optimizer("soap", learning_rate=2e-3, betas=(0.8, 0.9)).build(module)
    steps(module, optimizer, range(1))
    bases = [[len(basis) for basis in optimizer.state[layer.weight]["Q"]] for layer in (module[0], module[2], module[4])]
    assert bases == [[16, 3, 3, 3], [0, 16, 1, 1], [0, 3, 2, 2]]  # 600 channels have none
    (group,) = optimizer.param_groups
    assert (group["lr"], group["betas"], group["weight_decay"]) == (2e-3, (0.8, 0.9), 0.0)


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
