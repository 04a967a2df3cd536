"""Fused layers compute what the trained ones do, with and without the operators that make them fast."""

import pytest
import torch

from dlic.layers import fused
from dlic.layers.stages import BottleneckBlock


@pytest.fixture(params=[True, False], ids=["fused", "plain"])
def works(request, monkeypatch):
    if request.param and not fused.fusion_works():
        pytest.skip("this PyTorch has no fused convolutions")
    monkeypatch.setattr(fused, "fusion_works", lambda: request.param)


@pytest.mark.parametrize("with_gain", [True, False])
def test_a_fused_block_is_the_block(works, with_gain):
    torch.manual_seed(0)
    block = BottleneckBlock(24, 10).requires_grad_(False)
    block.last.weight.normal_()
    x = torch.randn(1, 24, 9, 7).to(memory_format=torch.channels_last)
    gain = torch.rand(10) if with_gain else None
    expected = x + block.branch(x, None if gain is None else gain[None, :, None, None])
    before = x.clone()
    with torch.inference_mode():
        assert torch.allclose(fused.fused_block(block, gain)(x), expected, atol=1e-5)
    assert torch.equal(x, before)
