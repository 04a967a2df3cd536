"""The flagship network: what it starts as, what it may cost, and that the deployed form is the trained one."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dlic.checkpoints.local import find
from dlic.checkpoints.manifest import read_manifest
from dlic.checkpoints.weights import read_weights
from dlic.entropy.coder import PLAIN
from dlic.entropy.tables import tables_from_likelihoods
from dlic.layers.scale_rows import ROWS
from dlic.learned.picture_codec import level_of
from dlic.metrics.registry import psnr
from dlic.models import build_model
from dlic.models.light import Light
from dlic.models.light.hyperprior import asinh, step_masks
from dlic.models.macs import macs_per_pixel
from dlic.runtime.torch import deploy
from dlic.runtime.torch.arrays import to_batch, to_latent, to_tensors
from dlic.runtime.torch.light_context import ContextLoop
from dlic.runtime.torch.whole_numbers import stored_arrays
from dlic.runtime.weights import WHOLE_NUMBERS, trained_weights
from dlic.training.export import as_codec
from tests.golden.rewrite import TINY_LIGHT, tiny_light


def as_tensor(image: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(image.copy()).permute(2, 0, 1)[None].float() / 255


SMALL = {"channels": 16, "latents": 24, "hyper": 8, "hidden": 8}


def shaken(network: Light) -> Light:
    """Ready to run, with no layer that gives zero."""
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.02)
    return network.eval()


def trained(folder) -> torch.nn.Module:
    manifest = read_manifest(folder)
    network = build_model(manifest.model, manifest.config).eval()
    network.load_state_dict(to_tensors(trained_weights(read_weights(folder))))
    return network


@pytest.mark.parametrize("config", [{}, {"context_steps": 4}, read_manifest(find("light-1")).config])
def test_the_decoder_needs_fewer_than_10_000_macs_a_pixel(config):
    """Everything a receiver runs: both hyper-syntheses, all steps of the context, and g_s."""
    assert 7_000 < macs_per_pixel(Light(**config)).decoder <= 10_000


def test_it_starts_as_a_block_dct(photograph):
    network = Light(encoder_fine=1, encoder_coarse=1, decoder_fine=1, decoder_coarse=1).eval()
    crop = photograph[:256, :256]
    quality, bits = [], []
    with torch.no_grad():
        for level in (0, 30, 63):
            output = network(as_tensor(crop), torch.tensor([level]))
            quality.append(psnr(crop, (output.x_hat[0].clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy()))
            bits.append(output.bits.item())
    assert quality[0] > 24 and quality[1] > quality[0] + 2 and quality[2] > 34
    assert bits[0] < bits[1] < bits[2]


def test_mixed_precision_costs_nothing(photograph):
    """bfloat16 outside of blocks, or for gains, made it 3 % dearer at the highest level."""
    network, x = trained(find("light-1")), as_tensor(photograph[:256, :384])
    for level in torch.tensor([[0], [37], [63]]):
        with torch.no_grad():
            full = network(x, level)
            with torch.autocast("cpu", torch.bfloat16):
                mixed = network(x, level)
        weight = network.lmbdas[level].item() * 255**2 * x[0, 0].numel()
        costs = [output.bits.item() + weight * (output.x_hat - x).square().mean().item() for output in (full, mixed)]
        assert costs[1] <= 1.01 * costs[0]


@pytest.mark.parametrize("name", ["light-1", "light-1-ms-ssim"])
def test_the_deployed_network_is_the_trained_one(photograph, name):
    """Bits of the file and pixels of the decoder against the network in evaluation mode, both with an encoder's wide zeros."""
    network = trained(find(name))
    network.freeze_encoder()
    codec = as_codec(network, tables_from_likelihoods(lambda symbols: network.likelihoods(torch.from_numpy(symbols)).numpy()))
    image = photograph[:128, :160]
    for level in (0, 25, 63):
        encoded = codec.with_coder(PLAIN).encode(image, level)
        with torch.no_grad():
            output = network(as_tensor(image), torch.tensor([level]))
        mine, theirs = codec.decompress(encoded.data), (output.x_hat[0].clamp(0, 1) * 255).permute(1, 2, 0).numpy()
        assert np.median(np.abs(mine - theirs)) < 0.5  # where a symbol was on the edge, its neighbourhood differs
        assert encoded.estimated_bits == pytest.approx(output.bits.item(), rel=0.05)


def test_a_network_that_trains_with_parity_sees_the_rate_and_the_errors_of_files(photograph):
    """On the whole: a row that differs moves the bounds of all groups behind it."""
    network, image = trained(find("light-1")), photograph[:256, :256]
    network.freeze_encoder(parity=True)
    codec = as_codec(network, tables_from_likelihoods(lambda symbols: network.likelihoods(torch.from_numpy(symbols)).numpy()))
    for level in (25, 63):
        encoded = codec.encode(image, level)
        with torch.no_grad():
            output = network(as_tensor(image), torch.tensor([level]))
        mine, theirs = codec.decompress(encoded.data), (output.x_hat[0].clamp(0, 1) * 255).round().permute(1, 2, 0).numpy()
        errors = [np.square(pixels - image.astype(float)).mean() for pixels in (mine, theirs)]
        assert errors[0] == pytest.approx(errors[1], rel=0.02)
        assert encoded.estimated_bits == pytest.approx(output.bits.item(), rel=0.03)


def test_each_sample_of_a_batch_has_its_own_level():
    network = tiny_light().eval()
    x = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        together = network(x, torch.tensor([5, 60]))
        alone = [network(x[i : i + 1], torch.tensor([level])) for i, level in enumerate((5, 60))]
    for i in range(2):
        assert torch.allclose(together.x_hat[i], alone[i].x_hat[0], atol=1e-5)
        assert together.bits[i].item() == pytest.approx(alone[i].bits.item(), rel=1e-4)


def test_noise_in_training_and_rounding_in_evaluation():
    network, x, level = tiny_light(), torch.rand(1, 3, 32, 32), torch.tensor([30])
    assert not torch.equal(network(x, level).bits, network(x, level).bits)
    network.eval()
    assert torch.equal(network(x, level).bits, network(x, level).bits)


@pytest.mark.parametrize("count", [2, 4])
def test_every_parameter_learns(count):
    network = shaken(Light(**SMALL, hyper_blocks=1, context_steps=count)).train()  # zero last layers pass no gradient on
    output = network(torch.rand(4, 3, 64, 64), torch.tensor([0, 20, 40, 63]))
    (output.bits.sum() + output.x_hat.square().sum()).backward()
    silent = [name for name, parameter in network.named_parameters() if parameter.grad is None or not parameter.grad.any()]
    assert not silent


@pytest.mark.parametrize("count", [2, 4])
def test_each_step_has_its_share_of_the_latents_at_every_place_and_in_every_channel(count):
    steps = torch.cat(step_masks(count, 8, 4, 6))
    assert (steps.sum(dim=0) == 1).all()
    assert (steps.mean(dim=1) == 1 / count).all() and (steps.mean(dim=(2, 3)) == 1 / count).all()


def test_quarters_make_halves():
    halves, quarters = step_masks(2, 8, 4, 6), step_masks(4, 8, 4, 6)
    assert all(torch.equal(half, sum(quarters[2 * i : 2 * i + 2])) for i, half in enumerate(halves))


@pytest.mark.parametrize("count", [2, 4])
def test_means_depend_on_earlier_steps_alone(count):
    """And on all of them: what a step's latents are moves the means of each one after it."""
    synthesis = shaken(Light(**SMALL, context_steps=count)).h_s_mean
    steps, features = step_masks(count, 24, 6, 8), torch.randn(1, 8, 6, 8)

    def all_means(y: torch.Tensor) -> list[torch.Tensor]:
        means = []

        def known(mean: torch.Tensor) -> torch.Tensor:
            means.append(mean)
            return y.clone()

        assert torch.equal(synthesis.in_steps(features, known, steps), y)
        return means

    y = torch.randn(1, 24, 6, 8)
    before = all_means(y)
    for changed, step in enumerate(steps):
        after = all_means(y + step)
        moved = [not torch.equal(one, other) for one, other in zip(before, after, strict=True)]
        assert moved == [number > changed for number in range(count)]


@pytest.mark.parametrize("count", [2, 4])
def test_residuals_to_refine_are_those_of_latents_that_are_known(count):
    network = shaken(Light(**SMALL, context_steps=count))
    deployed = deploy("light", network.config, stored_arrays(network))
    y, z = torch.randn(5, 6, 24).numpy(), torch.randint(-2, 3, (2, 2, 8)).numpy()
    expected = np.zeros_like(y)

    def exactly(means: np.ndarray, which: np.ndarray) -> np.ndarray:
        np.copyto(expected, y - means, where=which)
        return y - means

    deployed.encoder.quantise(deployed.decoder.context(z, (5, 6), 30), exactly)
    residual = ContextLoop(network.requires_grad_(False)).residual(to_batch(y), to_batch(z).float(), 30)
    assert np.allclose(to_latent(residual), expected, atol=1e-4)


@given(st.floats(-1e6, 1e6, width=32))
def test_asinh_is_that_of_torch_and_so_is_its_slope(value):
    x = torch.tensor([value]).requires_grad_()
    ours, theirs = asinh(x), torch.asinh(x)
    assert torch.allclose(ours, theirs, rtol=1e-6, atol=3e-7)
    if abs(value) > 1e-6:  # nearer to zero it has none, which nothing that learns will meet
        slopes = (torch.autograd.grad(of.sum(), x)[0] for of in (ours, theirs))
        assert torch.allclose(*slopes, rtol=1e-5)


@given(st.integers(1, 5), st.integers(1, 5), st.integers(0, 63))
@settings(max_examples=10)
def test_any_multiple_of_the_stride(rows, columns, level):
    x = torch.rand(1, 3, 16 * rows, 16 * columns)
    assert tiny_light().eval()(x, torch.tensor([level])).x_hat.shape == x.shape


def test_levels_are_tables_of_their_own_for_z():
    stored = read_weights(TINY_LIGHT)
    z_rows = stored[WHOLE_NUMBERS + "z_rows"]
    assert z_rows.shape == (64, 8) and z_rows.max() < ROWS
    assert len(read_manifest(TINY_LIGHT).tables) == 2 * ROWS


def test_quality_rises_evenly_over_the_levels():
    levels = [level_of(quality, 64) for quality in range(1, 101)]
    assert levels == sorted(levels) and set(levels) == set(range(64))
    assert {level_of(quality, 1) for quality in (1, 50, 100)} == {0}


def test_a_deeper_network_starts_where_a_trained_one_is():
    shallow = shaken(Light(**SMALL))
    deep = Light(**SMALL, hyper_blocks=1, decoder_fine=5, encoder_coarse=6, context_steps=4).eval()
    deep.start_from(shallow.config, shallow.state_dict())
    x, level = torch.rand(1, 3, 64, 64), torch.tensor([30])
    with torch.no_grad():
        before, after = shallow(x, level), deep(x, level)
    assert torch.equal(before.x_hat, after.x_hat) and torch.equal(before.bits, after.bits)


def test_a_network_starts_from_one_trained_for_other_rates():
    trained, similar = Light(**SMALL), Light(**SMALL, lmbda_low=1.3, lmbda_high=245.0)
    similar.start_from(trained.config, trained.state_dict())
    assert all(torch.equal(value, similar.state_dict()[name]) for name, value in trained.state_dict().items())
    assert float(similar.lmbdas[-1]) == pytest.approx(245)


@pytest.mark.parametrize("other", [{"hyper": 9}, {"decoder_fine": 5}, {"context_steps": 4}])
def test_a_network_does_not_start_from_a_deeper_or_wider_one(other):
    trained = Light(**(SMALL | other))
    with pytest.raises(ValueError, match="do not fit"):
        Light(**SMALL).start_from(trained.config, trained.state_dict())
