"""Even groups in training are those of files."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from dlic.entropy.parity import groups_of_steps
from dlic.entropy.parts import Part
from dlic.entropy.tables import CERTAIN
from dlic.layers.context_steps import context_steps
from dlic.layers.gaussian import row_of_scale, scale_of_row
from dlic.layers.scale_rows import ROWS
from dlic.layers.step_price import STEP_PRICE
from dlic.models.light.hyperprior import step_masks
from dlic.models.light.parity import entropies_of_rows, repaired
from dlic.training.module import TrainingModule
from tests.models.test_light import tiny_light

BATCH, LATENTS, HEIGHT, WIDTH = 2, 24, 5, 7


def latents(seed: int, steepest: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Residuals and scales (B, M, h, w)."""
    generator = torch.Generator().manual_seed(seed)
    scale = scale_of_row((torch.rand(BATCH, LATENTS, HEIGHT, WIDTH, generator=generator) * steepest).round())
    return torch.randn(scale.shape, generator=generator) * scale, scale


@pytest.mark.parametrize("count", [2, 4])
@pytest.mark.parametrize("steepest", [4, 20, ROWS - 1])
def test_groups_are_those_of_a_file_and_one_symbol_of_each_odd_one_moves_by_one(count, steepest):
    residual, scale = latents(count, steepest)
    whole, tables = residual.round(), SimpleNamespace(entropies=entropies_of_rows(CERTAIN).numpy())
    numbers = context_steps(count, LATENTS, HEIGHT, WIDTH)
    for number, step in enumerate(step_masks(count, LATENTS, HEIGHT, WIDTH)):
        even = repaired(whole, residual, scale, step, STEP_PRICE, CERTAIN)
        for sample in range(BATCH):
            before, after, scales = (values[sample].permute(1, 2, 0).numpy().ravel() for values in (whole, even.symbols, scale))
            rows = row_of_scale(torch.from_numpy(scales)).round().numpy().astype(np.uint8)
            groups = groups_of_steps(Part("y", rows.reshape(numbers.shape), numbers), tables)[number]
            assert len(groups) == even.groups[sample] and not groups.odd(after).any()
            moved = np.abs(after - before)
            assert moved.sum() == groups.odd(before).sum() and moved.max(initial=0) <= 1
            assert set(np.flatnonzero(moved)) <= set(groups.members)


def test_the_cheapest_symbol_moves():
    """Of symbols with equal bits the one that is nearest to another whole number: three make a group, and the last none."""
    scale = torch.full((1, 7, 1, 1), 20.0)
    residual = torch.tensor([3.1, 2.0, -4.45, 0.2, 0.0, 1.3, -2.1]).reshape(scale.shape)
    even = repaired(residual.round(), residual, scale, torch.ones_like(scale), STEP_PRICE, CERTAIN)
    moved = (even.symbols - residual.round()).flatten().tolist()
    assert moved == [0, 0, -1, 0, 0, 1, 0]


def test_the_last_stage_trains_on_even_groups():
    plain, even = tiny_light().train(), tiny_light().train()
    even.load_state_dict(plain.state_dict())
    plain.freeze_encoder()
    even.freeze_encoder(parity=True)
    x, level = torch.rand(2, 3, 64, 64), torch.tensor([30, 60])
    with torch.no_grad():
        without, with_parity = plain(x, level), even(x, level)
    assert (with_parity.bits < without.bits).all() and not torch.equal(with_parity.x_hat, without.x_hat)


def test_parity_without_a_frozen_encoder_is_refused():
    with pytest.raises(ValueError, match="freeze_encoder"):
        TrainingModule(tiny_light(), parity=True)
