"""Motion fields ⇄ bits."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from dlic.classical.motion.coding import code_field
from dlic.classical.motion.contexts import CONTEXTS, KEPT, probabilities
from dlic.classical.motion.field import FLAT, MotionField, macroblocks, of_macroblocks, still
from dlic.classical.motion.lattice import passes
from dlic.classical.motion.prediction import predict
from dlic.classical.motion.temporal import Expected, FrameMotion, expected
from dlic.entropy.flags import FlagReader, FlagWriter
from tests.classical.motion.fields import random_field, sizes


def written(field: MotionField, hints: Expected | None = None) -> tuple[bytes, MotionField]:
    writer = FlagWriter(probabilities())
    coded = code_field(writer, field.size, field.references, field, hints)
    return writer.finish(), coded


def read(stream: bytes, size: tuple[int, int], references: int, hints: Expected | None = None) -> MotionField:
    reader = FlagReader(stream, probabilities())
    field = code_field(reader, size, references, None, hints)
    reader.finish()
    return field


def assert_equal(first: MotionField, second: MotionField) -> None:
    for name in ("modes", "split", "vectors", "colours"):
        assert np.array_equal(getattr(first, name), getattr(second, name)), name


def hints_of(size: tuple[int, int], references: int, seed: int, reach: int) -> Expected | None:
    """What two moving frames, 0 and 8, let expect of frame 6."""
    first = FrameMotion(number=0, references=(-4, -2), field=random_field(size, 2, seed + 1, reach))
    second = FrameMotion(number=8, references=(0,), field=random_field(size, 1, seed + 2, reach))
    return expected(6, [second, first][:references])


@settings(max_examples=30)
@given(sizes(150), st.integers(1, 2), st.integers(0, 1000), st.sampled_from([1, 6, 2047]), st.booleans())
def test_fields_come_back(size, references, seed, reach, hinted):
    field = random_field(size, references, seed, reach)
    hints = hints_of(size, references, seed, reach) if hinted else None
    stream, coded = written(field, hints)
    assert_equal(read(stream, field.size, references, hints), coded)
    assert np.array_equal(coded.modes, field.modes) and np.array_equal(coded.split, field.split)
    flat = field.modes == FLAT
    assert np.array_equal(coded.colours[flat], field.colours[flat])
    for number in range(references):
        used = of_macroblocks(field.uses(number))
        assert np.array_equal(coded.vectors[number][used], field.vectors[number][used])


def test_what_is_coded_predicts_the_same(photograph):
    frames = [photograph[:90, :130], photograph[20:110, 30:160]]
    field = random_field((90, 130), 2, 5)
    assert np.array_equal(predict(frames, written(field)[1]), predict(frames, field))


def test_smooth_fields_are_cheap():
    field = still(360, 640)
    field.vectors[...] = 7, -3
    assert len(written(field)[0]) < 32
    assert len(written(random_field((360, 640), 1, 0))[0]) > 50 * 32


def test_expected_vectors_are_cheap():
    field = random_field((360, 640), 1, 0)
    field.split[...] = False
    field.vectors[...] = of_macroblocks(field.vectors[0, ::2, ::2])
    field.modes[...] = 0
    hints = expected(2, [FrameMotion(number=1, references=(0,), field=field)])
    assert len(written(field, hints)[0]) < len(written(field)[0]) / 10


def test_counts_of_a_reference_are_where_a_frame_begins():
    field = random_field((120, 160), 2, 3)
    first = probabilities()
    code_field(FlagWriter(first), field.size, 2, field)
    begun = probabilities(counts=first.counts)
    assert begun.counts.sum(axis=0).max() <= KEPT and np.abs(begun.ones - first.ones).max() < 4096
    writer = FlagWriter(probabilities(counts=first.counts))
    code_field(writer, field.size, 2, field)
    assert len(writer.finish()) < len(written(field)[0])


def test_any_stream_gives_a_field_or_is_refused():
    rng = np.random.default_rng(0)
    for length in (0, 1, 4, 30, 400):
        stream = rng.bytes(length).rstrip(b"\0")
        field = code_field(FlagReader(stream, probabilities()), macroblocks(70, 90), 2, None)
        assert field.vectors.min() >= -2048 and field.vectors.max() < 2048 and field.modes.max() <= FLAT


def test_passes_visit_every_place_once_after_its_neighbours():
    for size in ((1, 1), (1, 9), (7, 13), (23, 40)):
        seen = np.zeros(size[0] * size[1], int)
        for one in passes(*size):
            assert one.neighbours is None or seen[one.neighbours].all()
            seen[one.places] += 1
        assert (seen == 1).all()


def test_every_context_has_a_probability():
    assert probabilities().ones.shape == (CONTEXTS,)
