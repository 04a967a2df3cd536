"""Steps of offsets survive their streams."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlic.classical.motion.contexts import CONTEXTS, EVEN, probabilities
from dlic.entropy.flags import FlagReader, FlagWriter
from dlic.errors import CorruptFileError
from dlic.learned.guarded_rounding import MOST
from dlic.learned.sequence.offsets import OF_INTER, code_steps, read_steps, write_steps

STEPS = st.lists(st.integers(-MOST, MOST) | st.integers(-3, 3), min_size=1, max_size=60)


@given(STEPS)
def test_steps_of_key_frames(steps):
    whole = np.array(steps, np.int16)[None]
    assert np.array_equal(read_steps(write_steps(whole), whole.shape), whole)


@given(STEPS, st.lists(st.integers(0, 1), max_size=5))
def test_steps_behind_other_flags(steps, before):
    whole, writer = np.array(steps, np.int16), FlagWriter(probabilities(OF_INTER))
    writer.code(np.arange(len(before)), np.array(before))
    code_steps(writer, CONTEXTS, EVEN, whole.size, whole)
    reader = FlagReader(writer.finish(), probabilities(OF_INTER))
    assert reader.code(np.arange(len(before)), None).tolist() == before
    assert np.array_equal(code_steps(reader, CONTEXTS, EVEN, whole.size, None), whole)
    reader.finish()


def test_expected_steps_cost_what_their_chance_says():
    """A share p of tries succeeds: −log2 of it, and about 1.5 bits for not knowing which."""
    rng = np.random.default_rng(0)
    places = rng.geometric(0.0857, 4000)
    steps = np.where(places % 2, -(places // 2), places // 2).astype(np.int16)
    entropy = -(np.log2(0.0857) + (1 / 0.0857 - 1) * np.log2(1 - 0.0857))
    assert 8 * len(write_steps(steps[None])) / steps.size < entropy + 0.15


def test_damaged_streams_are_refused_or_give_steps():
    data = write_steps(np.arange(-20, 20, dtype=np.int16)[None])
    with pytest.raises(CorruptFileError):
        read_steps(data + b"\0", (1, 40))
    for at in range(len(data)):
        try:
            assert np.abs(read_steps(data[:at] + bytes([data[at] ^ 9]) + data[at + 1 :], (1, 40))).max() <= MOST
        except CorruptFileError:
            continue
