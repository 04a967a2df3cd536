"""Which photograph a crop is drawn from: fixed by (seed, index), and found without looking at all of them."""

import tracemalloc
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlic.data.crops import Augmentation, TrainingCrops, cumulative_shares, draw
from dlic.data.photographs import Photographs

MILLION = 1_000_000


@given(st.lists(st.tuples(st.integers(1, 9000), st.integers(1, 9000)), min_size=1, max_size=50), st.integers(0, 2**32))
def test_draws_are_those_of_numpys_choice(sizes, seed):
    """Of the shares themselves, so that crops are those that earlier versions drew."""
    sizes = np.array(sizes, dtype=np.int64)
    roots = np.sqrt(sizes.prod(axis=1))
    shares, cumulative = roots / roots.sum(), cumulative_shares(sizes)
    ours, numpys = np.random.default_rng(seed), np.random.default_rng(seed)
    for number in (None, 1, 7, None):
        assert np.array_equal(draw(ours, cumulative, number), numpys.choice(len(sizes), number, p=shares))


class Many(Photographs):
    """A million photographs that are all the same."""

    def __init__(self, pixels: np.ndarray):
        super().__init__((), ())
        object.__setattr__(self, "shown", pixels)

    def __len__(self) -> int:
        return MILLION

    def pixels(self, index: int) -> np.ndarray:
        assert 0 <= index < MILLION
        return self.shown

    def sizes(self) -> np.ndarray:
        return np.full((MILLION, 2), 48)


def test_a_crop_costs_as_much_among_a_million_photographs_as_among_a_few(photograph):
    """A pass over them would take eight million bytes for its sums."""
    crops = TrainingCrops(Many(photograph[:48, :48]), 32, 0, Augmentation())
    crops[0]
    tracemalloc.start()
    for index in range(4):
        crops[index]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < MILLION


class Counted(PurePosixPath):
    """A path that counts how often it is looked at."""

    looks = 0

    def __hash__(self) -> int:
        Counted.looks += 1
        return super().__hash__()


@pytest.mark.parametrize("number", [100, 400])
def test_a_part_of_the_photographs_is_chosen_in_one_pass(number):
    paths = tuple(Counted(f"{i}.jpg") for i in range(number))
    photographs = Photographs(paths, tuple(Path(f"{i}.npy") for i in range(number)))
    Counted.looks = 0
    part = photographs.only(paths[::2])
    assert Counted.looks <= 4 * number
    assert part.paths == paths[::2] and part.decoded == photographs.decoded[::2]
