"""Blocks of references, and their differences, against their definitions."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from dlic.classical.motion.block_search import could_be_better, keep_better, packed, shifted, unpacked, untried
from dlic.classical.motion.coarse import SIDE, smaller
from dlic.classical.motion.field import BLOCK, FRACTION, SUB
from dlic.classical.motion.planes import CurrentBlocks, Planes, differences, differences_of_parts
from tests.classical.motion.fields import sizes


@settings(max_examples=15)
@given(sizes(), st.integers(0, 1 << 20))
def test_blocks_at_whole_pixels_are_those_of_the_frame_and_its_border(size, seed):
    rng = np.random.default_rng(seed)
    gray = rng.integers(0, 256, size, dtype=np.uint8)
    around = np.pad(gray, 80, mode="edge")
    for block in (BLOCK, SUB):
        pixels = rng.integers(-60, [size[0] + 60, size[1] + 60], (5, 2))
        blocks = Planes(gray).blocks((FRACTION * pixels).astype(np.int32), block)
        for (y, x), found in zip(np.clip(pixels, -block - 1, [size[0] + 1, size[1] + 1]), blocks, strict=True):
            wanted = around[y + 80 : y + 80 + block, x + 80 : x + 80 + block]
            assert np.array_equal(found[: len(wanted), : wanted.shape[1]], wanted)


def test_differences_are_sums_of_absolute_ones():
    rng = np.random.default_rng(0)
    for block in (BLOCK, SUB):
        first, second = rng.integers(0, 256, (2, 7, block, block), dtype=np.uint8)
        first[0], second[0] = 255, 0  # the largest sum
        apart = np.abs(first.astype(int) - second)
        assert np.array_equal(differences(first, second), apart.sum(axis=(1, 2)))
        if block == BLOCK:
            parts = apart.reshape(7, 2, SUB, 2, SUB).sum(axis=(2, 4)).reshape(7, 4)
            assert np.array_equal(differences_of_parts(first, second), parts)
    none = np.empty((0, BLOCK, BLOCK), np.uint8)
    assert differences(none, none).shape == (0,) and differences_of_parts(none, none).shape == (0, 4)


def test_parts_of_macroblocks_are_their_blocks():
    gray = np.random.default_rng(0).integers(0, 256, (40, 55), dtype=np.uint8)
    current = CurrentBlocks(gray)
    whole = current.blocks.reshape(-1, 2, SUB, 2, SUB).transpose(0, 1, 3, 2, 4).reshape(-1, 4, SUB, SUB)
    assert np.array_equal(current.sub_blocks[current.parts], whole)
    assert np.array_equal(current.sub_places[current.parts[:, 0]], current.places)


def test_only_other_vectors_of_few_bits_are_tried_and_better_ones_kept():
    best = np.array([[[0, 1], [2, 3], [4, 5]]], np.int16)
    vectors = np.array([[[0, 1], [7, 7], [8, 8]]], np.int16)
    costs = np.array([9, 9, 9], np.float32)
    which = np.flatnonzero(could_be_better(np.array([1, 10, 2], np.float32), costs, packed(vectors), best))
    assert which.tolist() == [2]
    keep_better(which, costs, np.array([8], np.float32), (packed(best), packed(vectors)[which]))
    assert costs.tolist() == [9, 9, 8] and best.tolist() == [[[0, 1], [2, 3], [8, 8]]]
    assert np.array_equal(unpacked(packed(vectors)), vectors[0])


def test_a_vector_is_tried_once_for_each_block():
    tried, mask = list[np.ndarray](), np.array([True, True, False])
    assert untried(np.array([1, 2, 3], np.int32), mask.copy(), tried).tolist() == [True, True, False]
    assert untried(np.array([1, 5, 6], np.int32), np.ones(3, bool), tried).tolist() == [False, True, True]
    assert untried(np.array([5, 2, 6], np.int32), np.ones(3, bool), tried).tolist() == [True, False, False]


@given(sizes(), st.integers(0, 1000))
def test_vectors_around_are_those_of_neighbours_and_at_the_border_its_own(size, seed):
    vectors = np.random.default_rng(seed).integers(-9, 9, (*size, 2), dtype=np.int16)
    framed = np.pad(vectors, ((1, 1), (1, 1), (0, 0)), mode="edge")
    expected = framed[:-2, 1:-1], framed[1:-1, :-2], framed[1:-1, 2:], framed[2:, 1:-1]
    assert all(np.array_equal(one, other) for one, other in zip(shifted(vectors), expected, strict=True))


@settings(max_examples=15)
@given(sizes(), st.sampled_from([4, 8, 16]), st.integers(0, 1000))
def test_small_copies_have_the_means_of_their_pixels(size, scale, seed):
    gray = np.random.default_rng(seed).integers(0, 256, size, dtype=np.uint8)
    gray[: size[0] // 2] = 255
    padded = np.pad(gray, [(0, -side % (SIDE * scale)) for side in size], mode="edge").astype(int)
    sums = padded.reshape(padded.shape[0] // scale, scale, -1, scale).sum(axis=(1, 3))
    assert np.array_equal(smaller(gray, scale), sums // scale**2)
