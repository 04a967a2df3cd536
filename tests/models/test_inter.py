"""The network of predicted frames: what it starts as, what it may cost, and that the deployed form is the trained one."""

import numpy as np
import pytest
import torch
from safetensors.numpy import save

from dlic.entropy.coder import PLAIN
from dlic.entropy.tables import tables_from_likelihoods
from dlic.learned.rounding import Rounding
from dlic.models import build_model
from dlic.models.inter import Inter
from dlic.models.light import Light
from dlic.models.macs import macs_per_pixel
from dlic.pixels.rectangles import Rectangle
from dlic.runtime.onnx.registry import deploy as deploy_on_onnx
from dlic.runtime.torch import deploy
from dlic.runtime.torch.whole_numbers import stored_arrays
from dlic.training.export import as_codec, learned_tables
from dlic.training.graphs.registry import graphs_of

LIGHT = {"channels": 16, "latents": 24, "hidden": 8, "context_steps": 4}
SMALL = {**LIGHT, "hyper": 8, "prediction": 8}
LEVELS = torch.tensor([30])


def as_tensor(image: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(image.copy()).permute(2, 0, 1)[None].float() / 255


def shaken(network: Inter) -> Inter:
    """Ready to run, with no layer that gives zero."""
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.02)
    return network.eval()


@pytest.fixture(scope="module")
def network() -> Inter:
    return shaken(Inter(**SMALL))


@pytest.fixture
def frames(photograph) -> tuple[np.ndarray, np.ndarray]:
    """A picture and a prediction of it, a pixel away: uint8 (128, 160, 3) each."""
    return photograph[:128, 100:260], photograph[1:129, 101:261]


def test_it_is_built_from_the_configuration_that_it_states():
    config = Inter(**SMALL, lmbda_low=0.01).config
    assert build_model("inter", config).config == config and config.items() >= SMALL.items()


def test_it_starts_as_light_on_the_residual(frames):
    """Untrained features of the prediction add nothing."""
    x, p = map(as_tensor, frames)
    inter, light = Inter(**SMALL).eval(), Light(**LIGHT, hyper=8).eval()
    light.load_state_dict({name: inter.state_dict()[name] for name in light.state_dict()})
    with torch.no_grad():
        ours, theirs = inter(x, LEVELS, p), light(x - p + 0.5, LEVELS)
    assert torch.allclose(ours.x_hat, theirs.x_hat + p - 0.5, atol=1e-5)
    assert ours.bits.item() == pytest.approx(theirs.bits.item(), rel=1e-5)


def test_it_grows_from_trained_weights_of_light(frames):
    """Of the channels of z, those of the largest scales stay."""
    light = Light(**LIGHT, hyper=12).eval()
    with torch.no_grad():
        light.z_log_scale.anchors[:, [1, 4, 7, 9]] = -4.0
        for layer in (light.h_s_scale.first, light.h_s_mean.first):
            layer.weight[:, [1, 4, 7, 9]] = 0.0
    inter = Inter(**SMALL)
    inter.grow_from(light.config, light.state_dict())
    x, p = map(as_tensor, frames)
    with torch.no_grad():
        ours, theirs = inter.eval()(x, LEVELS, p), light(x - p + 0.5, LEVELS)
    assert torch.allclose(ours.x_hat, theirs.x_hat + p - 0.5, atol=1e-5)
    with pytest.raises(ValueError, match="hidden"):
        Inter(**(SMALL | {"hidden": 4})).grow_from(light.config, light.state_dict())
    with pytest.raises(ValueError, match="fewer channels"):
        Inter(**(SMALL | {"hyper": 16})).grow_from(light.config, light.state_dict())


def test_the_decoder_needs_fewer_than_10_000_macs_a_pixel_and_the_prediction_under_1_000():
    blocks = {"encoder_fine": 9, "encoder_coarse": 1, "decoder_fine": 5, "decoder_coarse": 2, "hyper_blocks": 2, "context_steps": 4}
    inter, light = macs_per_pixel(Inter(**blocks)), macs_per_pixel(Light(**blocks, hyper=32))
    assert inter.decoder <= 10_000 and 0 < inter.decoder - light.decoder <= 1_000
    assert inter.encoder - light.encoder == inter.decoder - light.decoder  # an encoder runs it as well


def test_without_a_prediction_grey_is_one(network, frames):
    x = as_tensor(frames[0])
    with torch.no_grad():
        alone, from_grey = network(x, LEVELS), network(x, LEVELS, torch.full_like(x, 128 / 255))
    assert torch.equal(alone.x_hat, from_grey.x_hat)
    codec = as_codec(network, learned_tables(network))
    given = codec.unit.deployed.given(np.full_like(frames[0], 128))
    grey = codec.unit.deployed.decoder.synthesise(np.zeros((8, 10, 24), np.float32), 30)
    assert np.array_equal(given.decoder.synthesise(np.zeros((8, 10, 24), np.float32), 30), grey)


@pytest.mark.parametrize("level", [0, 30, 63])
def test_the_deployed_network_is_the_trained_one(network, frames, level):
    """Symbols through the whole of encoder and decoder, given a prediction, against the network in evaluation mode."""
    network.freeze_encoder()
    codec = as_codec(network, tables_from_likelihoods(lambda symbols: network.likelihoods(torch.from_numpy(symbols)).numpy()))
    image, prediction = frames
    unit = codec.unit.given(prediction)
    analysed = unit.analyse(image, Rectangle(0, 0, image.shape[1], image.shape[0]))
    encoded = codec.with_coder(PLAIN).unit.given(prediction).encode(analysed, level)
    with torch.no_grad():
        output = network(as_tensor(image), torch.tensor([level]), as_tensor(prediction))
    decoded = unit.decode(encoded.unit)
    mine, theirs = unit.synthesise(decoded.y_hat, level), (output.x_hat[0].clamp(0, 1) * 255).permute(1, 2, 0).numpy()
    assert np.median(np.abs(mine - theirs)) < 0.5
    assert encoded.estimated_bits == pytest.approx(output.bits.item(), rel=0.05)


def test_rows_do_not_depend_on_the_prediction(network, frames):
    """Symbols parse without any other frame; the means, and so the pixels, do depend on it."""
    deployed = deploy("inter", network.config, stored_arrays(network))
    first, second = (deployed.given(frame) for frame in frames)
    assert first.rows is second.rows is deployed.rows
    z, size = np.random.default_rng(0).integers(-2, 3, (2, 3, 8)), (8, 10)
    means = [given.decoder.reconstruct(given.decoder.context(z, size, 30), np.zeros((*size, 24))) for given in (first, second)]
    assert not np.allclose(*means)


@pytest.mark.parametrize("level", [0, 30, 63])
def test_onnx_runtime_codes_as_pytorch_does(network, frames, level):
    """Given a prediction or none: the same symbols, pixels within one level."""
    config, arrays = network.config, stored_arrays(network)
    weights = save(arrays)
    models = [deploy("inter", config, arrays), deploy_on_onnx("inter", config, weights, graphs_of("inter", config, weights))]
    tables, (image, prediction) = learned_tables(network), frames
    for given in (models, [model.given(prediction) for model in models]):
        results = []
        for model in given:
            plain = Rounding(model, tables, even=True).plain(model.encoder.analyse(image), level)
            decoder, y = model.decoder, plain.symbols.y
            again = decoder.reconstruct(decoder.context(plain.symbols.z, y.shape[:2], level), y)
            results.append((y, *(decoder.synthesise(y_hat, level).astype(int) for y_hat in (plain.y_hat, again))))
        assert np.mean(results[0][0] != results[1][0]) < 1e-3
        assert np.abs(results[0][1] - results[1][1]).mean() < 0.2 and np.abs(results[1][1] - results[1][2]).max() <= 1


def test_a_prediction_of_another_size_is_refused(network, frames):
    config, weights = network.config, save(stored_arrays(network))
    for model in (
        deploy("inter", config, stored_arrays(network)),
        deploy_on_onnx("inter", config, weights, graphs_of("inter", config, weights)),
    ):
        with pytest.raises(ValueError, match="does not fit"):
            model.given(frames[1]).encoder.analyse(frames[0][:64])


def test_gradients_reach_what_is_known_of_the_prediction(frames, monkeypatch):
    monkeypatch.setattr(Inter, "worth_coding", lambda *_: torch.ones(1, 1, 2, 3))
    x, p = map(as_tensor, frames)
    network = shaken(Inter(**SMALL)).train()
    output = network(x, LEVELS, p)
    (output.bits.sum() + output.x_hat.square().sum()).backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in network.prediction.parameters())


def test_training_leaves_out_what_an_encoder_leaves_out(frames):
    """A well predicted half is not coded, counts for nothing and passes no gradient on."""
    x, p = map(as_tensor, frames)
    p[..., 64:], p[..., :64] = x[..., 64:], 0.5
    network = Inter(**SMALL).train()
    torch.manual_seed(1)  # no image as a whole
    levels = torch.tensor([63])
    which = network.worth_coding(x, levels, p)
    assert which[0, 0].tolist() == [[1, 0, 0], [1, 0, 0]]
    torch.manual_seed(1)
    output = network(x, levels, p)
    assert torch.equal(output.x_hat[..., 64:], x[..., 64:]) and not torch.equal(output.x_hat[..., :64], x[..., :64])
    with torch.no_grad():
        whole = network.eval()(x, levels, p)
    assert 0 < output.bits.item() < whole.bits.item() * 1.05


def test_superblocks_that_are_left_out_have_no_symbols(network, frames):
    x, p = map(as_tensor, frames)
    which = torch.tensor([[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]])[None, None]
    with torch.no_grad():
        y = network.g_a(x - p + 0.5) * network.gain(LEVELS)
        coded, whole = network.entropy_model(y, LEVELS, which=which), network.entropy_model(y, LEVELS)
    assert torch.equal(coded.bits == 0, which == 0) and whole.bits.min() > 0
    assert whole.total_bits.item() == pytest.approx(whole.bits.sum().item() - whole.saved.item())
    steps = (coded.y_hat * network.gain(LEVELS) - whole.y_hat * network.gain(LEVELS))[0, :, :4, :4]
    assert steps.abs().mean() < 1  # only what surrounds it has changed
