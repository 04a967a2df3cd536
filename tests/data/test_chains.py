"""Chains: the order of coding, and pairs as a codec of sequences makes them."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dlic.checkpoints.local import find
from dlic.classical.motion.prediction import predict
from dlic.classical.motion.search import SearchReference, search
from dlic.data.chains import ChainCoder, hierarchy, low_delay
from dlic.learned.codec import load_codec
from dlic.learned.unit import UnitCodec
from dlic.models.inter import Inter
from dlic.training.export import as_codec, learned_tables


@pytest.fixture(scope="module")
def inter() -> UnitCodec:
    torch.manual_seed(0)
    network = Inter(channels=16, latents=24, hyper=8, hidden=8, prediction=8, encoder_fine=1, encoder_coarse=1, decoder_fine=1)
    return as_codec(network.eval(), learned_tables(network)).unit


@pytest.fixture(scope="module")
def key() -> UnitCodec:
    return load_codec(find("light-1")).unit


@pytest.fixture
def moving(photograph) -> np.ndarray:
    """Frames that move one pixel each: (5, 96, 128, 3)."""
    return np.stack([photograph[100:196, 200 + i : 328 + i] for i in range(5)])


@given(st.integers(2, 33))
def test_a_hierarchy_refers_to_frames_that_are_there(count):
    steps, there = hierarchy(count), set()
    for step in steps:
        assert set(step.references) <= there
        there.add(step.frame)
    assert there == set(range(count)) and len(steps) == count
    layers = {step.frame: step.layer for step in steps}
    assert all(layers[number] < step.layer for step in steps[2:] for number in step.references)


@given(st.integers(1, 12))
def test_low_delay_refers_to_the_frame_before(count):
    assert [(step.frame, step.references) for step in low_delay(count)] == [
        (number, (number - 1,) if number else ()) for number in range(count)
    ]


def test_pairs_are_frames_and_what_a_decoder_predicts_of_them(key, inter, moving):
    steps = hierarchy(5)
    pairs = list(ChainCoder(key=key, inter=inter).pairs(moving[:5], steps, [50] * 5, price=4.0))
    assert [pair.x.tobytes() for pair in pairs] == [moving[step.frame].tobytes() for step in steps[1:]]
    coded = key.synthesise(key.rounding.plain(key.deployed.encoder.analyse(moving[0]), 50).y_hat, 50)
    field = search(moving[4], [SearchReference(coded)], 4.0)
    assert np.array_equal(pairs[0].p, predict([coded], field))


def test_better_references_make_better_predictions(key, inter, moving):
    def error(level: int) -> float:
        pairs = ChainCoder(key=key, inter=inter).pairs(moving[:3], low_delay(3), [level] * 3, price=4.0)
        return float(np.mean([np.square(pair.x - pair.p.astype(float)).mean() for pair in pairs]))

    assert error(60) < error(30) < error(5)


def test_without_an_inter_network_references_are_key_frames(key, inter, moving):
    levels = [40] * 4
    alone, chained = (list(ChainCoder(key=key, inter=one).pairs(moving[:4], low_delay(4), levels, 4.0)) for one in (None, inter))
    coded = key.synthesise(key.rounding.plain(key.deployed.encoder.analyse(moving[1]), 40).y_hat, 40)
    assert np.array_equal(alone[1].p, predict([coded], search(moving[2], [SearchReference(coded)], 4.0)))
    assert not np.array_equal(alone[1].p, chained[1].p)


def test_a_still_scene_costs_nothing_and_stays(key, inter, moving):
    """Superblocks without symbols are their prediction bit for bit."""
    still = np.repeat(moving[:1], 4, axis=0)
    pairs = list(ChainCoder(key=key, inter=inter).pairs(still, low_delay(4), [40, 0, 0, 0], price=4.0))
    assert np.array_equal(pairs[1].p, pairs[2].p)
