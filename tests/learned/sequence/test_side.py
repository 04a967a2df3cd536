"""Side streams: what is written comes back, and compiled code reads all streams as NumPy does."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlic.classical.motion import compiled
from dlic.classical.motion.field import macroblocks, still
from dlic.classical.motion.temporal import FrameMotion
from dlic.errors import CorruptFileError
from dlic.learned.sequence.areas import superblocks
from dlic.learned.sequence.exact_blocks import ExactBlocks
from dlic.learned.sequence.frames import KEY
from dlic.learned.sequence.packet import read_inter, write_inter, write_motion
from dlic.runtime import wasm
from tests.classical.motion.fields import random_field, sizes

pytestmark = pytest.mark.skipif(not wasm.available(compiled.PATH), reason="Wasmtime is missing")


def packet_of(rng, size, number, references, moves=True) -> tuple[bytes, FrameMotion]:
    """A packet of random motion, maps and offsets."""
    field = random_field(size, len(references), int(rng.integers(1000)), int(rng.choice([2, 60, 2047])))
    coded, mask = rng.random(superblocks(*size)) < rng.choice([0, 0.5, 1]), rng.random(macroblocks(*size)) < 0.2
    steps = rng.integers(-40, 41, coded.shape).astype(np.int16) * coded if rng.random() < 0.6 and coded.any() else None
    exact = ExactBlocks(mask, b"exact") if mask.any() and rng.random() < 0.6 else None
    moved = write_motion(field if moves else still(*size, len(references)), number, references)
    return write_inter(moved, coded, 1, b"abcd" if coded.any() else b"", exact, steps)


def read_by_numpy(*packet):
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(compiled, "serves", lambda height, width: False)
        return read_inter(*packet)


def assert_same(first, second) -> None:
    """Packets and motions of both readers."""
    (one, motion), (other, theirs) = first, second
    for name in ("modes", "split", "vectors", "colours"):
        ours, numpy = getattr(one.field, name), getattr(other.field, name)
        assert ours.dtype == numpy.dtype and np.array_equal(ours, numpy), name
    assert np.array_equal(one.coded, other.coded) and one.stream == other.stream
    for ours, numpy in ((one.steps, other.steps), (one.exact and one.exact.mask, other.exact and other.exact.mask)):
        assert (ours is None) == (numpy is None) and (ours is None or np.array_equal(ours, numpy))
    assert np.array_equal(motion.counts, theirs.counts) and motion.references == theirs.references
    assert (motion.exact is None) == (theirs.exact is None)


@settings(max_examples=40)
@given(sizes(260), st.integers(0, 10**6), st.lists(st.booleans(), min_size=3, max_size=3))
def test_both_read_the_same(size, seed, moves):
    """Frames 8 and 4 of a key frame, and one between them, whose motion is expected from theirs."""
    rng, motions = np.random.default_rng(seed), {0: KEY}
    for (number, references), moving in zip(((8, (0,)), (4, (0, 8)), (6, (4, 8))), moves, strict=True):
        before = [motions[reference] for reference in references]
        data, motions[number] = packet_of(rng, size, number, before, moving)
        ours = read_inter(data, *size, number, before)
        assert_same(ours, read_by_numpy(data, *size, number, before))
        assert np.array_equal(ours[1].counts, motions[number].counts)


@settings(max_examples=60)
@given(sizes(150), st.integers(0, 10**6), st.data())
def test_both_read_the_same_of_damaged_streams(size, seed, data):
    """Or both refuse them."""
    rng = np.random.default_rng(seed)
    packet, motion = packet_of(rng, size, 4, [KEY])
    damaged = bytearray(packet)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(1, len(damaged) - 1))] ^= data.draw(st.integers(1, 255))
    ends = data.draw(st.integers(len(damaged) // 2, len(damaged)))
    answers = [answer_of(read, bytes(damaged[:ends]), *size, 8, [motion]) for read in (read_inter, read_by_numpy)]
    if None in answers:
        assert answers == [None, None]
    else:
        assert_same(*answers)


def answer_of(read, *packet):
    """What a reader gives; None: it refuses the packet."""
    try:
        return read(*packet)
    except CorruptFileError as error:
        assert str(error)
        return None
