"""Bits with adaptive probabilities come back from their bytes, which are near their entropy."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlic.entropy.binary import BitDecoder, BitEncoder
from dlic.errors import CorruptFileError

CONTEXTS = 5
BITS = st.lists(st.tuples(st.booleans(), st.integers(0, CONTEXTS - 1)), max_size=600)


def coded(bits: list[tuple[bool, int]]) -> bytes:
    encoder = BitEncoder(CONTEXTS)
    for bit, context in bits:
        encoder.push(bit, context)
    return encoder.finish()


@given(BITS)
def test_bits_come_back(bits):
    decoder = BitDecoder(coded(bits), CONTEXTS)
    assert [decoder.pull(context) for _, context in bits] == [bit for bit, _ in bits]
    decoder.finish()


@pytest.mark.parametrize("rare", [2, 10, 100])
def test_the_bytes_are_near_the_entropy(rare):
    bits = [(place % rare == 0, 0) for place in range(20_000)]
    entropy = math.log2(rare) / rare + (1 - 1 / rare) * math.log2(rare / (rare - 1))
    assert 8 * len(coded(bits)) < 20_000 * entropy * 1.25 + 64


def test_long_runs_of_ones_carry():
    bits = [(True, 0)] * 5000 + [(False, 0)] * 3 + [(True, 1)] * 5000
    decoder = BitDecoder(coded(bits), CONTEXTS)
    assert [decoder.pull(context) for _, context in bits] == [bit for bit, _ in bits]


@given(BITS, st.binary(min_size=5, max_size=9).filter(lambda data: data[-1] != 0))
def test_bytes_too_many_are_found(bits, more):
    decoder = BitDecoder(coded(bits) + more, CONTEXTS)
    for _, context in bits:
        decoder.pull(context)
    with pytest.raises(CorruptFileError):
        decoder.finish()


@given(st.binary(max_size=40), st.lists(st.integers(0, CONTEXTS - 1), max_size=400))
def test_any_bytes_decode_to_some_bits(data, contexts):
    decoder = BitDecoder(data, CONTEXTS)
    assert {decoder.pull(context) for context in contexts} <= {True, False}
