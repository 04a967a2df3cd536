"""ONNX Runtime computes what PyTorch does, for every architecture, part by part and for whole files."""

import numpy as np
import pytest

from dlic.container.format import read
from dlic.learned.codec import load_codec
from dlic.runtime import threads
from dlic.runtime.network import DeployedModel
from tests.golden.rewrite import TINY_LIGHT
from tests.runtime.onnx.models import MODELS, both, exported

SIZE = 80, 112  # of an image: 5 × 7 latents, 2 × 2 symbols of z
LATENTS = SIZE[0] // 16, SIZE[1] // 16
NEAR = {"rtol": 1e-3, "atol": 2e-3}  # of values of about 10


@pytest.fixture(params=MODELS)
def networks(request) -> tuple[DeployedModel, DeployedModel]:
    return both(request.param)


def image() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (*SIZE, 3), dtype=np.uint8)


def levels_of(network: DeployedModel) -> list[int]:
    return sorted({0, network.decoder.levels // 3, network.decoder.levels - 1})


def test_they_state_the_same_facts(networks):
    ours, theirs = networks
    for name in ("stride", "levels", "unit", "halo"):
        assert getattr(ours.decoder, name) == getattr(theirs.decoder, name)
    assert ours.encoder.step_price == theirs.encoder.step_price and ours.encoder.refinable == theirs.encoder.refinable


def test_the_encoder_is_the_same(networks):
    ours, theirs = networks
    latents = [network.encoder.analyse(image()) for network in networks]
    assert np.allclose(*latents, **NEAR) and latents[0].shape[:2] == LATENTS and latents[0].dtype == np.float32
    for level in levels_of(ours):
        y = theirs.encoder.at_level(latents[1], level)
        assert np.allclose(ours.encoder.at_level(latents[1], level), y, rtol=1e-5)
        z = [network.encoder.hyper(y, level) for network in networks]
        assert z[0].shape == z[1].shape and np.count_nonzero(z[0] != z[1]) <= 0.01 * z[0].size


def test_the_decoder_is_the_same(networks):
    ours = networks[0]
    rng = np.random.default_rng(1)
    channels = ours.encoder.analyse(image()).shape[2]
    symbols = rng.integers(-3, 4, (*LATENTS, channels)).astype(np.int32)
    for level in levels_of(ours):
        z = rng.integers(-2, 3, ours.rows.hyper_rows(LATENTS, level).shape).astype(np.int32)
        y_hats = [network.decoder.reconstruct(network.decoder.context(z, LATENTS, level), symbols) for network in networks]
        assert np.allclose(*y_hats, **NEAR)
        shown = [network.decoder.synthesise(y_hats[1], level) for network in networks]
        assert shown[0].shape == (*SIZE, 3) and shown[0].dtype == np.uint8
        assert np.abs(shown[0].astype(int) - shown[1]).max() <= 1
        if hasattr(ours.decoder, "early_features"):
            features = [network.decoder.early_features(y_hats[1], level) for network in networks]
            assert np.allclose(*features, **NEAR)


def test_the_context_loop_of_the_encoder_gives_the_y_hat_of_the_decoder(networks):
    ours = networks[0]
    y = ours.encoder.at_level(ours.encoder.analyse(image()), 0)
    z = ours.encoder.hyper(y, 0).astype(np.int32)
    symbols = np.zeros(y.shape, np.float32)

    def quantise(means: np.ndarray, mask: np.ndarray) -> np.ndarray:
        rounded = np.rint(y - means)
        np.add(symbols, rounded * mask, out=symbols)
        return rounded

    y_hat = ours.encoder.quantise(ours.decoder.context(z, LATENTS, 0), quantise)
    assert np.allclose(y_hat, ours.decoder.reconstruct(ours.decoder.context(z, LATENTS, 0), symbols), **NEAR)


def test_weights_of_half_precision_are_the_same():
    ours, theirs = both("light of 4 steps", half=True)
    assert np.allclose(ours.encoder.analyse(image()), theirs.encoder.analyse(image()), **NEAR)


def test_graphs_hold_no_weights():
    *_, graphs = exported("light of 4 steps")
    assert sum(map(len, graphs.values())) < 120_000 and set(graphs) == {
        "analysis", "hyper", "context", "step_1", "step_2", "step_3", "latents", "synthesis", "differences", "early_features",
    }  # fmt: skip


@pytest.mark.parametrize("cores", [1, 2])
@pytest.mark.parametrize("level", [0, 31, 63])
def test_a_file_has_the_same_symbols_by_both_on_one_core_and_two(level, cores, photograph):
    ours, theirs = load_codec(TINY_LIGHT, "onnx"), load_codec(TINY_LIGHT, "torch")
    with threads.limited(cores):
        data = ours.compress(photograph[:90, :150], level)
        assert ours.crcs(read(data)) == theirs.crcs(read(data))
        shown = ours.decompress(data)
    assert np.abs(shown.astype(int) - theirs.decompress(data)).max() <= 1
    written = theirs.symbols(read(theirs.compress(photograph[:90, :150], level)))
    mine = ours.symbols(read(data))
    assert np.mean(written.y != mine.y) < 1e-3  # values in the middle of two integers may go either way


def test_an_effort_is_pytorchs(photograph):
    ours = load_codec(TINY_LIGHT, "onnx")
    plain, refined = (ours.encode(photograph[:64, :96], 20, effort) for effort in (0, 1))
    assert len(refined.data) < len(plain.data) and ours.crcs(read(refined.data)) == refined.crcs
