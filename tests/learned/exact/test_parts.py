"""Parts of the choice: regions, colours, prices and the first look."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from dlic.learned.exact.canvas import Canvas
from dlic.learned.exact.connected import components
from dlic.learned.exact.few_colours import Colours, Merging, packed, unpacked
from dlic.learned.exact.first_look import blocks_of, first_look, repetition
from dlic.learned.exact.layer import hidden, in_pixels
from dlic.learned.exact.price import Price
from dlic.pixels.rectangles import Rectangle
from tests.learned.exact.pages import gradient, grain, page, page_with_photograph, pixel_art

PICTURES = arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40), st.just(3)), elements=st.integers(0, 255))


@given(arrays(bool, st.tuples(st.integers(1, 20), st.integers(1, 20))))
def test_regions_are_those_of_scipy(mask):
    numbers, count = components(mask)
    expected, expected_count = ndimage.label(mask, np.ones((3, 3)))
    assert count == expected_count and (numbers > 0).tolist() == mask.tolist()
    assert len(set(zip(numbers.ravel().tolist(), expected.ravel().tolist(), strict=True))) == count + (not mask.all())


@given(PICTURES, st.integers(1, 20))
@settings(max_examples=40)
def test_a_palette_has_so_many_colours_and_keeps_the_rest(picture, size):
    colours = Colours.of(picture)
    entries = Merging(colours).palette(size)
    assert len(np.unique(entries, axis=0)) <= min(size, len(colours.values))
    if size >= len(colours.values):
        assert (entries == colours.values).all()


@given(PICTURES)
def test_packed_colours_come_back(picture):
    assert (unpacked(packed(picture)) == picture).all()
    assert Colours.of(picture).counts.sum() == picture.shape[0] * picture.shape[1]


def test_more_colours_are_nearer():
    colours = Colours.of(grain(page()))
    merging = Merging(colours)
    errors = [((merging.palette(size).astype(int) - colours.values) ** 2).sum(axis=1) @ colours.counts for size in (4, 16, 64, 256)]
    assert errors == sorted(errors, reverse=True) and errors[-1] < errors[0] / 20


def test_backgrounds_stay_exact():
    picture = page(ink="#203040", paper="#fdf6e3")
    entries = Merging(Colours.of(picture)).palette(6)
    assert [253, 246, 227] in entries.tolist() and [32, 48, 64] in entries.tolist()


def test_the_first_look_tells_pages_from_photographs(photograph):
    assert first_look(page()).possible.all()
    assert first_look(pixel_art()).possible.all()
    assert first_look(photograph) is None and first_look(gradient()) is None and first_look(grain(page())) is None
    mixed = first_look(page_with_photograph(photograph)).possible
    assert not mixed[3:9, 6:13].any() and mixed[:3].all()


@given(PICTURES)
def test_repetition_is_a_share(picture):
    shares = repetition(picture)
    assert shares.shape == (-(-picture.shape[0] // 16), -(-picture.shape[1] // 16))
    assert shares.min() >= 0 and shares.max() <= 1
    assert (repetition(np.full_like(picture, 7)) == 1).all()


def test_repetition_counts_equal_neighbours():
    stripes = np.zeros((32, 32, 3), np.uint8)
    stripes[:, ::2] = 255
    assert repetition(stripes)[1, 1] == 0.5  # above, and not to the left


@given(PICTURES)
def test_blocks_are_those_of_the_picture(picture):
    mask = np.ones((-(-picture.shape[0] // 16), -(-picture.shape[1] // 16)), bool)
    blocks = blocks_of(picture, mask)
    assert len(blocks) == mask.size
    assert (blocks[0][: picture.shape[0], : picture.shape[1]] == picture[:16, :16]).all()


def test_prices_rise_with_the_level_and_text_costs_more_than_flats():
    prices = [Price.of_level(level, 64) for level in (0, 31, 63)]
    assert [round(price.lmbda, 4) for price in prices] == [0.001, 0.0136, 0.2]
    flat, text = np.full((1, 16, 16, 3), 200, np.uint8), page()[None, 16:32, 16:32]
    for price in prices:
        assert price.of_network(flat)[0] < 10 < price.of_network(text)[0]
    costs = [price.of_network(text)[0] for price in prices]
    assert costs == sorted(costs)


def test_other_pixels_get_the_nearest_colour(photograph):
    picture = page_with_photograph(photograph)
    mask = np.zeros((12, 18), bool)
    mask[:3] = True
    canvas = Canvas(picture, mask)
    painted = canvas.painted(4)
    palette = np.unique(painted[:48].reshape(-1, 3), axis=0).astype(int)
    sample = picture[100, 150].astype(int)
    nearest = palette[((palette - sample) ** 2).sum(axis=1).argmin()]
    assert len(palette) <= 4 and painted[100, 150].tolist() == nearest.tolist()
    assert canvas.cost(None).squares == 0 and canvas.cost(4).squares > canvas.cost(16).squares


@pytest.mark.parametrize(
    "part", [Rectangle(0, 0, 50, 40), Rectangle(7, 9, 20, 30), Rectangle(16, 16, 16, 16), Rectangle(49, 39, 1, 1)]
)
def test_a_mask_in_pixels(part):
    mask = np.random.default_rng(0).random((3, 4)) < 0.5
    whole = np.kron(mask, np.ones((16, 16), bool))
    assert (in_pixels(mask, part) == whole[part.slices]).all()


def test_what_is_hidden_is_smooth():
    picture, mask = page(64, 96), np.zeros((4, 6), bool)
    mask[1:3, 1:5] = True
    smooth = hidden(picture, mask)
    assert (smooth[:16] == picture[:16]).all() and not (smooth[16:48, 16:80] == picture[16:48, 16:80]).all()
    assert np.abs(np.diff(smooth[24:40, 24:72].astype(int), axis=1)).max() < 40
