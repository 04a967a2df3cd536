"""The hyperpriors are CompressAI's, weight for weight."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dlic.models import build_model
from dlic.models.base import Model
from tests.codecs.tiny_zoo import tiny_model

ZOO = {"mean_scale": "mbt2018-mean", "hyperprior": "bmshj2018-hyperprior"}
SMALL = {"channels": 8, "latents": 12}


def tiny(name: str) -> Model:
    """With latents worth coding."""
    model = build_model(name, SMALL)
    with torch.no_grad():
        model.g_a[-1].weight *= 100
        model.h_a[-1].weight *= 100
    return model


@pytest.mark.parametrize("name", ZOO)
def test_forward_is_that_of_compressai_with_the_same_weights(name):
    theirs, ours = tiny_model(ZOO[name]), build_model(name, SMALL).eval()
    ours.load_state_dict({key: theirs.state_dict()[key] for key in ours.state_dict()})
    theirs.entropy_bottleneck.quantiles.data[:, :, 1] = ours.entropy_bottleneck.quantiles.data[:, :, 1] = torch.randn(8, 1)
    x = torch.rand(2, 3, 128, 64)
    with torch.no_grad():
        expected, output = theirs(x), ours(x)
        bits = sum(-torch.log2(likelihoods).sum(dim=(1, 2, 3)) for likelihoods in expected["likelihoods"].values())
    assert torch.allclose(output.x_hat, expected["x_hat"], atol=1e-5)
    assert torch.allclose(output.bits, bits, rtol=1e-5)
    assert output.y.abs().max() > 2 and output.sparsity < 1  # there is something to compare


@pytest.mark.parametrize("name", ZOO)
def test_every_weight_learns(name):
    model = tiny(name)
    x = torch.rand(2, 3, 64, 48)
    output = model(x)
    assert output.x_hat.shape == x.shape and output.bits.shape == (2,) and output.y.shape == (2, 12, 4, 3)
    (output.bits.mean() / 1000 + output.x_hat.square().mean()).backward()
    silent = [key for key, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert silent == ["entropy_bottleneck.quantiles"]


def test_rounding_in_evaluation_and_noise_in_training():
    model = tiny("mean_scale")
    x = torch.rand(1, 3, 64, 64)
    assert not torch.equal(model(x).bits, model(x).bits)
    model.eval()
    assert torch.equal(model(x).bits, model(x).bits)


@given(st.integers(1, 5), st.integers(1, 5))
@settings(max_examples=8, deadline=None)
def test_any_multiple_of_the_stride(rows, columns):
    model = tiny("mean_scale").eval()
    x = torch.rand(1, 3, 16 * rows, 16 * columns)
    assert model(x).x_hat.shape == x.shape
