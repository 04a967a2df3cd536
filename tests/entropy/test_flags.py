"""Adaptive bits in contexts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlic.entropy.adaptive import Probabilities
from dlic.entropy.flags import FlagReader, FlagWriter
from dlic.errors import CorruptFileError


def half(contexts: int) -> Probabilities:
    return Probabilities(np.full(contexts, 16), np.full(contexts, 32))


@given(st.lists(st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=40), max_size=6))
def test_bits_come_back(calls):
    arrays = [(np.array([c for c, _ in call], int), np.array([b for _, b in call], int)) for call in calls]
    writer = FlagWriter(half(4))
    for contexts, bits in arrays:
        writer.code(contexts, bits)
    stream = writer.finish()
    assert len(stream) <= writer.bits / 8 + 8 and not stream.endswith(b"\0")
    reader = FlagReader(stream, half(4))
    for contexts, bits in arrays:
        assert np.array_equal(reader.code(contexts, None), bits)
    reader.finish()


def test_probabilities_adapt():
    writer = FlagWriter(half(1))
    for _ in range(20):
        writer.code(np.zeros(50, int), np.zeros(50, int))
    assert writer.bits < 60  # of 1,000


def test_streams_that_no_writer_wrote_are_refused():
    with pytest.raises(CorruptFileError):
        FlagReader(b"abc\0", half(1))
    with pytest.raises(CorruptFileError, match="more"):
        FlagReader(b"some bytes", half(1)).finish()
