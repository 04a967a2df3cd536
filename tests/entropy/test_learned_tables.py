"""Values in groups come back, in portions of any size, and damage is a CorruptFileError or other values."""

import contextlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlic.entropy.byte_reader import Reader
from dlic.entropy.learned_tables import Decoder, encode
from dlic.errors import CorruptFileError

MAGNITUDES = np.array([0, 1, 8, 64, 400, 400_000])  # in 1/8


def draw(seed: int, count: int, depth: int):
    """Values about as large as their groups say, and rare giants."""
    rng = np.random.default_rng(seed)
    half = 1 << depth - 1
    groups = rng.integers(0, len(MAGNITUDES), count).astype(np.uint8)
    values = np.clip(np.rint(rng.laplace(size=count) * MAGNITUDES[groups] / 8), -half, half - 1).astype(np.int32)
    values[rng.integers(0, count, 2)] = -half, half - 1
    return values, groups


@given(st.integers(0, 2**32), st.integers(1, 3000), st.sampled_from([8, 16]))
@settings(max_examples=25)
def test_pull_inverts_encode_in_portions(seed, count, depth):
    values, groups = draw(seed, count, depth)
    reader = Reader(encode(values, groups, MAGNITUDES, depth))
    decoder = Decoder(reader, count, MAGNITUDES, depth)
    assert reader.position == len(reader.data)
    edges = sorted(np.random.default_rng(seed).integers(0, count + 1, 4).tolist())
    for low, high in zip([0, *edges], [*edges, count], strict=True):
        nothing = np.full(3, decoder.nothing, np.uint8)
        pulled = decoder.pull(np.concatenate([nothing, groups[low:high]]))
        assert (pulled[:3] == 0).all() and (pulled[3:] == values[low:high]).all()
    decoder.finish()


def test_size_is_near_the_entropy():
    rng = np.random.default_rng(0)
    values = np.rint(rng.laplace(size=50_000) * 5).astype(np.int32)
    shares = np.unique(values, return_counts=True)[1] / values.size
    coded = encode(values, np.zeros(values.size, np.uint8), np.array([40]), 8)
    assert 8 * len(coded) < 1.005 * values.size * -(shares * np.log2(shares)).sum()


@given(st.integers(0, 2**32), st.data())
@settings(max_examples=25)
def test_damage_is_an_error_or_other_values(seed, data):
    values, groups = draw(seed, 400, 8)
    coded = bytearray(encode(values, groups, MAGNITUDES, 8))
    coded[data.draw(st.integers(0, len(coded) - 1))] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(CorruptFileError):
        decoder = Decoder(Reader(bytes(coded)), 400, MAGNITUDES, 8)
        assert decoder.pull(groups).shape == (400,)
        decoder.finish()


def test_every_truncation_is_an_error():
    values, groups = draw(1, 300, 8)
    coded = encode(values, groups, MAGNITUDES, 8)
    for size in range(len(coded)):
        with pytest.raises(CorruptFileError):
            Decoder(Reader(coded[:size]), 300, MAGNITUDES, 8)


def test_values_that_do_not_fit_their_groups_are_noticed():
    values, groups = draw(2, 500, 8)
    decoder = Decoder(Reader(encode(values, groups, MAGNITUDES, 8)), 500, MAGNITUDES, 8)
    decoder.pull(np.zeros(500, np.uint8))
    with pytest.raises(CorruptFileError, match="do not fit"):
        decoder.finish()


def test_counts_that_lie_are_refused_before_anything_is_decoded():
    coded = b"\xff\xff\xff\xff\x0f" * len(MAGNITUDES)
    with pytest.raises(CorruptFileError, match="where there should be"):
        Decoder(Reader(coded), 400, MAGNITUDES, 8)
