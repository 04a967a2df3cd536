"""Fused layers compute what the trained ones do, with and without the operators that make them fast."""

import pytest
import torch

from dlic.layers.stages import BottleneckBlock
from dlic.runtime.torch import fused


@pytest.fixture(params=[True, False], ids=["fused", "plain"])
def works(request, monkeypatch):
    if request.param and not fused.fusion_works():
        pytest.skip("this PyTorch has no fused convolutions")
    monkeypatch.setattr(fused, "fusion_works", lambda: request.param)


def test_a_fused_block_is_the_block(works):
    torch.manual_seed(0)
    block = BottleneckBlock(24, 10).requires_grad_(False)
    block.last.weight.normal_()
    x = torch.randn(1, 24, 9, 7).to(memory_format=torch.channels_last)
    expected = block(x)
    before = x.clone()
    with torch.inference_mode():
        assert torch.allclose(fused.fused_block(block)(x), expected, atol=1e-5)
    assert torch.equal(x, before)


def test_blocks_that_overwrite_are_the_blocks_one_after_another(works):
    torch.manual_seed(1)
    blocks = [BottleneckBlock(24, 10).requires_grad_(False) for _ in range(3)]
    for block in blocks:
        block.last.weight.normal_()
        block.last.bias.normal_()
    gains = list(torch.rand(3, 10))
    x = torch.randn(1, 24, 9, 7).to(memory_format=torch.channels_last)
    expected = x
    for block, gain in zip(blocks, gains, strict=True):
        expected = expected + block.branch(expected, gain[None, :, None, None])
    with torch.inference_mode():
        offset, layer = fused.overwriting(blocks, gains)
        for start in (x + offset[:, None, None], (x + offset[:, None, None]).contiguous()):  # channels last, and planes
            assert torch.allclose(layer(start), expected, rtol=1e-4, atol=1e-4)


def test_a_clipped_layer_is_the_layer_clipped(works):
    torch.manual_seed(2)
    x, weight, bias = torch.randn(1, 8, 9, 7).to(memory_format=torch.channels_last), torch.randn(5, 8, 1, 1), torch.randn(5)
    expected = torch.nn.functional.conv2d(x, weight, bias).clamp(-1.0, 2.0)
    with torch.inference_mode():
        found = fused.clipped(weight, bias, -1.0, 2.0)(x)
    assert torch.allclose(found, expected, atol=1e-5) and found.min() == -1.0 and found.max() == 2.0
