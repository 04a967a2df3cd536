"""Values with contexts come back, in portions of any size, and damage is a CorruptFileError."""

import contextlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlic.entropy.byte_reader import Reader
from dlic.entropy.contexts import CONTEXTS, Decoder, context_of, encode, estimated_bits
from dlic.errors import CorruptFileError


def draw(seed: int, count: int, scale: float = 1.0):
    """Values whose size their context foretells, runs of zeros and rare giants among them."""
    rng = np.random.default_rng(seed)
    contexts = rng.integers(0, CONTEXTS, count).astype(np.uint8)
    values = np.rint(rng.laplace(size=count) * scale * contexts / 8).astype(np.int32)
    values[: count // 3] = 0
    if count:
        values[rng.integers(0, count, 3)] = rng.integers(-(2**23) + 1, 2**23, 3)
    return values, contexts


@given(st.integers(0, 2**32), st.integers(1, 3000), st.sampled_from([0.0, 0.1, 1.0, 300.0]))
@settings(max_examples=25)
def test_pull_inverts_encode_in_portions(seed, count, scale):
    values, contexts = draw(seed, count, scale)
    decoder = Decoder(Reader(encode(values, contexts)), count)
    # The encoder's order is each group's; portions of the same sequence keep it.
    edges = sorted(np.random.default_rng(seed).integers(0, count + 1, 4).tolist())
    portions = [slice(low, high) for low, high in zip([0, *edges], [*edges, count], strict=True)]
    assert (np.concatenate([decoder.pull(contexts[part]) for part in portions]) == values).all()
    decoder.finish()


@pytest.mark.parametrize("value", [0, 5, -(2**23) + 1])
def test_one_value_over_and_over_takes_few_bytes(value):
    values, contexts = np.full(100_000, value, np.int32), np.zeros(100_000, np.uint8)
    coded = encode(values, contexts)
    assert len(coded) < (60 if value == 0 else 400_000)
    decoder = Decoder(Reader(coded), 100_000)
    assert (decoder.pull(contexts) == values).all()


def test_the_estimate_is_near_what_is_written():
    values, contexts = (each[20_000:] for each in draw(3, 60_000))  # without its run of zeros
    assert 8 * len(encode(values, contexts)) == pytest.approx(estimated_bits(values, contexts), rel=0.03)


def test_contexts_rise_with_activity_and_fit():
    activities = np.arange(1 << 20)
    contexts = context_of(activities).astype(int)
    assert contexts[0] == 0 and (np.diff(contexts) >= 0).all() and contexts.max() < CONTEXTS


@given(st.integers(0, 2**32), st.data())
@settings(max_examples=25)
def test_damage_is_an_error_or_other_values(seed, data):
    values, contexts = draw(seed, 400)
    coded = bytearray(encode(values, contexts))
    coded[data.draw(st.integers(0, len(coded) - 1))] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(CorruptFileError):
        decoder = Decoder(Reader(bytes(coded)), 400)
        assert decoder.pull(contexts).shape == (400,)
        decoder.finish()


def test_every_truncation_is_an_error():
    values, contexts = draw(1, 500)
    coded = encode(values, contexts)
    for size in range(len(coded)):
        with pytest.raises(CorruptFileError):
            Decoder(Reader(coded[:size]), 500)


def test_values_that_do_not_fit_their_contexts_are_noticed():
    values, contexts = draw(2, 500)
    decoder = Decoder(Reader(encode(values, contexts)), 500)
    decoder.pull(contexts[::-1][:400])
    with pytest.raises(CorruptFileError):
        decoder.finish()
