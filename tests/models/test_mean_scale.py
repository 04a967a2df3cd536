"""The hyperpriors are CompressAI's, weight for weight."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dlic.layers.gaussian import row_of_scale
from dlic.models import build_model
from dlic.models.base import Model
from dlic.runtime.torch import deploy
from dlic.runtime.torch.whole_numbers import stored_arrays
from tests.peers.compressai.tiny_zoo import tiny_model

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
@settings(max_examples=8)
def test_any_multiple_of_the_stride(rows, columns):
    model = tiny("mean_scale").eval()
    x = torch.rand(1, 3, 16 * rows, 16 * columns)
    assert model(x).x_hat.shape == x.shape


# --- deployed -----------------------------------------------------------------------------------------------------------


def trained(name: str) -> Model:
    """With scales that differ, and medians beside zero."""
    torch.manual_seed(1)
    model = tiny(name).eval()
    with torch.no_grad():
        model.h_s[4].bias[:12] += torch.linspace(0, 10, 12)
        model.h_s[0].weight *= 8
        model.entropy_bottleneck.quantiles[:, :, 1] = torch.randn(8, 1)
    return model


@pytest.mark.parametrize("name", ZOO)
def test_the_deployed_network_is_the_trained_one(name):
    model = trained(name)
    deployed = deploy(name, model.config, stored_arrays(model))
    pixels = np.random.default_rng(0).integers(0, 256, (80, 112, 3), dtype=np.uint8)
    with torch.no_grad():
        y = deployed.encoder.analyse(pixels)
        z = deployed.encoder.hyper(y, 0).astype(np.int32)  # (2, 2, 8)
        output = model(torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].float() / 255)
        medians = model.entropy_bottleneck.medians.numpy()
        z_hat = torch.from_numpy((z + medians).astype(np.float32)).permute(2, 0, 1)[None]
        scales, means = (part[0].permute(1, 2, 0).numpy() for part in model.scales_and_means(z_hat, (5, 7)))
    context, rows = deployed.decoder.context(z, (5, 7), 0), deployed.rows.rows(z, (5, 7), 0)
    assert np.allclose(y, output.y[0].permute(1, 2, 0), atol=1e-3) and np.allclose(context, means, atol=1e-4)
    expected = row_of_scale(torch.from_numpy(scales).clamp_min(0.01)).clamp(0, 63).numpy()
    assert rows.shape == y.shape and np.ptp(rows) > 20 and np.abs(rows - expected).max() < 0.75
    y_hat = deployed.encoder.quantise(context, lambda means, which: np.rint(y - means))
    shown = (output.x_hat[0].clamp(0, 1) * 255).round().permute(1, 2, 0)
    assert np.mean(deployed.decoder.synthesise(y_hat, 0) != shown.numpy()) < 0.01


@given(st.integers(0, 2**32), st.sampled_from(sorted(ZOO)))
@settings(max_examples=6)
def test_threads_change_no_row(seed, name):
    z = np.random.default_rng(seed).integers(-1500, 1500, (9, 7, 8)).astype(np.int32) >> np.random.default_rng(seed).integers(12)
    threads, rows = torch.get_num_threads(), []
    try:
        for count in (1, 2, 3):
            torch.set_num_threads(count)
            rows.append(DEPLOYED[name].rows.rows(z, (36, 28), 0))
    finally:
        torch.set_num_threads(threads)
    assert (rows[0] == rows[1]).all() and (rows[0] == rows[2]).all()


DEPLOYED = {name: deploy(name, SMALL, stored_arrays(trained(name))) for name in ZOO}
