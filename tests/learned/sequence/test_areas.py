"""Areas around coded superblocks, and the silent row."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dlic.learned.sequence.areas import areas, pixels_of, superblocks
from dlic.learned.sequence.structure import chain, hierarchical


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 1000), st.sampled_from([0.02, 0.2, 0.9, 1.0]))
def test_areas_hold_every_coded_superblock_once(height, width, seed, share):
    coded = np.random.default_rng(seed).random((height, width)) < share
    counted = np.zeros(coded.shape, int)
    for area in areas(coded):
        counted[area.slices] += 1
        assert coded[area.slices].any()
    assert counted.max(initial=0) <= 1 and (counted[coded] == 1).all()


def test_two_movers_far_apart_are_two_areas():
    coded = np.zeros((12, 20), bool)
    coded[1, 1] = coded[10, 18] = True
    assert len(areas(coded)) == 2 and len(areas(np.ones((12, 20), bool))) == 1


def test_areas_end_with_the_frame():
    size = superblocks(100, 70)
    assert size == (2, 2)
    (area,) = areas(np.ones(size, bool))
    assert str(pixels_of(area, 100, 70)) == "0,0,70,100"


@given(st.integers(1, 32), st.sampled_from([4, 8, 16, 32]))
def test_every_frame_is_coded_once_after_its_references(count, distance):
    for steps in (hierarchical(count, distance), chain(count)):
        done = set()
        for step in steps:
            assert set(step.references) <= done and len(step.references) <= 2
            assert bool(step.references) == bool(done)
            done.add(step.number)
        highest = {step.number for step in steps if step.highest}
        assert done == set(range(count)) and not any(set(step.references) & highest for step in steps)


def test_half_of_the_frames_are_of_the_highest_layer():
    assert sum(step.highest for step in hierarchical(33, 8)) == 16 == sum(step.highest for step in hierarchical(33, 16))
