"""Vectors interpolated over the levels."""

import torch

from dlic.layers.gains import ANCHORS, LEVELS, LevelGain, LevelVector, interpolation


def test_interpolation_passes_through_its_anchors_and_lies_between():
    weights = torch.from_numpy(interpolation())
    assert torch.allclose(weights.sum(dim=1), torch.ones(LEVELS))
    assert torch.allclose(weights[:: (LEVELS - 1) // (ANCHORS - 1)], torch.eye(ANCHORS), atol=1e-5)
    assert (weights > 0).sum(dim=1).max() == 2


def test_gains_are_geometric_between_anchors():
    gain = LevelGain(3, torch.linspace(0, 7, ANCHORS)[:, None])
    values = torch.stack([gain(torch.tensor([level]))[0, 0, 0, 0] for level in range(LEVELS)])
    ratios = values[1:] / values[:-1]
    assert torch.allclose(ratios, ratios[:1], rtol=1e-4)


def test_each_sample_has_its_own():
    vector = LevelVector(4)
    torch.nn.init.normal_(vector.anchors)
    both = vector(torch.tensor([3, 60]))
    assert both.shape == (2, 4, 1, 1)
    assert torch.equal(both[1:], vector(torch.tensor([60])))
    assert torch.allclose(vector.all_levels()[3], both[0, :, 0, 0])
