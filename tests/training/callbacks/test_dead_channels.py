"""Channels that have died are counted, and begin anew without changing what a network gives."""

import logging

import pytest
import torch

from dlic.models import build_model
from dlic.training.callbacks.dead_channels import Watch, revive
from dlic.training.optimization import Optimizer
from tests.training.test_run import NETWORKS, train

KILLED = 5


def trained() -> torch.nn.Module:
    """As after training: the blocks say something."""
    torch.manual_seed(0)
    network = build_model("light", NETWORKS["light"]).eval()
    with torch.no_grad():
        for name, weight in network.named_parameters():
            if name.endswith("last.weight"):
                weight.add_(torch.randn_like(weight) * 0.01)
    return network


def shown(network: torch.nn.Module) -> tuple[Watch, torch.Tensor]:
    watch = Watch(network)
    x = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad(), watch.watching():
        output = network(x, torch.tensor([10, 50]))
    return watch, output.x_hat


def test_dead_channels_begin_anew_without_changing_anything():
    network = trained()
    whole, partly = network.g_s.coarse.blocks[0], network.g_a.fine[0]
    with torch.no_grad():
        whole.spatial.bias.fill_(-1000)
        partly.spatial.bias[:KILLED] = -1000
        partly.squeeze.bias[-1] = -1000
    watch, before = shown(network)
    dead = KILLED + len(whole.spatial.bias)
    assert watch.share == pytest.approx(dead / sum(len(block.spatial.bias) for block in watch.blocks))

    assert revive(network, watch) == dead
    watch, after = shown(network)
    assert watch.share == 0 and not watch.dead(partly.squeeze).any()
    assert torch.allclose(after, before, atol=1e-4)
    network(torch.rand(2, 3, 64, 64), torch.tensor([10, 50])).x_hat.sum().backward()
    assert whole.last.weight.grad.abs().sum(dim=(0, 2, 3)).min() > 0
    assert partly.last.weight.grad[:, :KILLED].abs().sum() > 0 and partly.spatial.weight.grad[:, -1].abs().sum() > 0


def test_frozen_blocks_stay_dead():
    network = trained()
    with torch.no_grad():
        network.g_a.coarse[0].spatial.bias.fill_(-1000)
    network.freeze_encoder()
    assert revive(network, shown(network)[0]) == 0


def test_a_run_tells_of_dead_channels_and_revives_them(photographs, tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        assert train(photographs, tmp_path, "--trainer.max_steps", "1", "--model.revive", "true", recipe="light") == 0
    assert "0% of the blocks' channels were dead; 0 begin anew" in caplog.text


@pytest.mark.parametrize("name", ["adamw", "soap"])
def test_weights_are_stepped_in_their_units(name):
    """As one trains the quotient of weight and unit, with inputs that are larger by as much."""
    torch.manual_seed(0)
    unit = torch.tensor([0.25, 1.0, 4.0])[None, :, None, None]
    plain = torch.nn.Conv2d(3, 4, 1)
    scaled = torch.nn.Conv2d(3, 4, 1)
    with torch.no_grad():
        scaled.weight.copy_(plain.weight * unit)
        scaled.bias.copy_(plain.bias)
    scaled.units = lambda: [(scaled.weight, unit)]
    optimizers = [Optimizer(name, learning_rate=0.1).build(module) for module in (plain, scaled)]
    x = torch.rand(2, 3, 5, 5)
    for _ in range(12):
        for module, optimizer, inputs in zip((plain, scaled), optimizers, (x, x / unit), strict=True):
            optimizer.zero_grad()
            module(inputs).square().mean().backward()
            optimizer.step()
    assert torch.allclose(scaled.weight, plain.weight * unit, rtol=1e-3, atol=1e-5)
