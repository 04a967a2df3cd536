"""The textbook model: every stage type trains, deploys, and starts where its stages say."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dlic.learned.codec import load_codec
from dlic.metrics.registry import psnr
from dlic.models import build_model
from dlic.models.factorized import STAGES, Factorized
from dlic.runtime.torch import deploy
from dlic.runtime.torch.arrays import to_tensors
from dlic.runtime.torch.whole_numbers import stored_arrays
from tests.golden.rewrite import TINY

SMALL = {"channels": 16, "latents": 24, "fine_blocks": 1, "coarse_blocks": 1}


KINDS = [{"stage": stage} for stage in STAGES] + [{"stage": stage, "dct_path": True} for stage in STAGES[1:]]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: "+".join(map(str, kind.values())))
def test_every_stage_type_gives_shapes_bits_and_gradients(kind):
    model = Factorized(**kind, **SMALL)
    x = torch.rand(2, 3, 64, 48)
    output = model(x)
    assert output.x_hat.shape == x.shape and output.bits.shape == (2,) and output.y.shape == (2, 24, 4, 3)
    assert (output.bits > 0).all()
    (output.bits.mean() / 1000 + output.x_hat.square().mean()).backward()
    silent = [name for name, p in model.named_parameters() if p.grad is None]
    assert silent == ["entropy_bottleneck.quantiles"]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: "+".join(map(str, kind.values())))
def test_the_deployed_network_is_the_trained_one(kind):
    torch.manual_seed(0)  # with some weights of the densenet, rounding to float32 alone reaches 2e-4
    model = Factorized(**kind, **SMALL).eval()
    deployed = deploy("factorized", model.config, stored_arrays(model))
    pixels = torch.randint(0, 256, (32, 48, 3), dtype=torch.uint8)
    x = pixels.permute(2, 0, 1)[None].float() / 255
    with torch.no_grad():
        y = model.g_a(x)
        expected = (model.g_s(torch.round(y))[0].clamp(0, 1) * 255).round().permute(1, 2, 0)
    latent = deployed.encoder.analyse(pixels.numpy())
    assert torch.allclose(torch.from_numpy(latent).permute(2, 0, 1), y[0], atol=1e-4)
    decoded = torch.from_numpy(deployed.decoder.synthesise(torch.round(y)[0].permute(1, 2, 0).contiguous().numpy(), 0))
    assert (decoded.float() - expected).abs().max() <= 1


def test_an_unknown_stage_is_refused():
    with pytest.raises(ValueError, match="dct, gdn, vgg, resnet, densenet"):
        Factorized(stage="unet")


@pytest.mark.parametrize("kind", [{}, {"stage": "gdn", "dct_path": True}], ids=["dct", "dct_path"])
def test_the_dct_start_is_a_transform_coder_before_any_training(kind, photograph):
    torch.manual_seed(0)
    model = Factorized(**kind, channels=192, latents=256, initial_step=8.0, fine_blocks=1, coarse_blocks=1).eval()
    x = torch.from_numpy(photograph[:256, :256].copy()).permute(2, 0, 1)[None].float() / 255
    with torch.no_grad():
        decoded = (model(x).x_hat[0].clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy()
    assert psnr(photograph[:256, :256], decoded) > 33


def test_rounding_in_evaluation_and_noise_in_training():
    model = Factorized(**SMALL)
    x = torch.rand(1, 3, 32, 32)
    assert not torch.equal(model(x).bits, model(x).bits)
    model.eval()
    assert torch.equal(model(x).bits, model(x).bits)


def test_quantiles_are_solved_without_leaving_tables_behind():
    model = Factorized(**SMALL)
    model.prepare()
    bottleneck = model.entropy_bottleneck
    assert bottleneck.loss().item() < 0.2 * len(bottleneck.medians)
    assert bottleneck._quantized_cdf.numel() == 0


def test_estimated_bits_of_the_model_are_those_of_the_file(photograph):
    """What training minimises is what a file costs: within 1 %."""
    codec = load_codec(TINY)
    from dlic.checkpoints.manifest import read_manifest
    from dlic.checkpoints.weights import read_weights

    manifest = read_manifest(TINY)
    model = build_model(manifest.model, manifest.config).eval()
    model.load_state_dict(to_tensors(read_weights(TINY)))
    x = torch.from_numpy(photograph).permute(2, 0, 1)[None].float() / 255
    with torch.no_grad():
        estimated = model(x).bits.item()
    assert 8 * len(codec.compress(photograph)) == pytest.approx(estimated, rel=0.01)


@given(st.integers(1, 4), st.integers(1, 4))
@settings(max_examples=8)
def test_any_multiple_of_the_stride(rows, columns):
    model = Factorized(**SMALL).eval()
    x = torch.rand(1, 3, 16 * rows, 16 * columns)
    assert model(x).x_hat.shape == x.shape
