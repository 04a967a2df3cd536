"""Stages halve and double; blocks that must start as the identity do; GDN is CompressAI's."""

import pytest
import torch
from compressai.layers import GDN as ReferenceGDN

from dlic.layers.gdn import GDN
from dlic.layers.stages import BottleneckBlock, analysis_stage, synthesis_stage


@pytest.mark.parametrize("name", ["gdn", "vgg", "resnet", "densenet"])
def test_stages_halve_and_double(name):
    x = torch.rand(2, 8, 12, 20)
    assert analysis_stage(name, 8, 16)(x).shape == (2, 16, 6, 10)
    assert synthesis_stage(name, 8, 16)(x).shape == (2, 16, 24, 40)


def test_an_unknown_stage_is_refused():
    with pytest.raises(KeyError):
        analysis_stage("transformer", 8, 8)


def test_blocks_start_as_the_identity_and_learn():
    x, block = torch.rand(1, 8, 6, 6), BottleneckBlock(8)
    assert torch.equal(block(x), x)
    block(x).square().sum().backward()
    assert block.last.weight.grad.abs().sum() > 0


@pytest.mark.parametrize("inverse", [False, True])
def test_gdn_agrees_with_compressai(inverse):
    x = torch.randn(2, 6, 5, 7)
    assert torch.allclose(GDN(6, inverse)(x), ReferenceGDN(6, inverse)(x), atol=1e-5)


def test_gdn_gradients_can_lift_a_clamped_weight():
    gdn = GDN(2)
    with torch.no_grad():
        gdn.gamma.fill_(-1.0)
    gdn(torch.randn(1, 2, 4, 4)).abs().sum().backward()
    assert torch.isfinite(gdn.gamma.grad).all()
