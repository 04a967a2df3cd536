"""Parts of the choice: regions, colours, prices and the first look."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from dlic.learned.exact.blocks import blocks_of
from dlic.learned.exact.calming import OUTSIDE, Errors, calmed
from dlic.learned.exact.choice import Chooser
from dlic.learned.exact.connected import components
from dlic.learned.exact.few_colours import Colours, Merging
from dlic.learned.exact.first_look import first_look, repetition
from dlic.learned.exact.ground import ground_of, shades_of
from dlic.learned.exact.layer import hidden, in_pixels
from dlic.learned.exact.price import Price
from dlic.learned.exact.visibility import FLAT, visibility
from dlic.pixels.colour_codes import packed, unpacked
from dlic.pixels.rectangles import Rectangle
from tests.learned.exact.pages import gradient, grain, page, page_with_photograph, pixel_art, text_on_gradient

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
    palette, entries = Merging(colours).palette(size)
    assert len(palette) == min(size, len(colours.values)) and set(entries.tolist()) == set(range(len(palette)))
    if size >= len(colours.values):
        assert (palette[entries] == colours.values).all()


@given(PICTURES)
def test_packed_colours_come_back(picture):
    assert (unpacked(packed(picture)) == picture).all()
    colours = Colours.of(picture)
    assert colours.weights.sum() == picture.shape[0] * picture.shape[1]
    assert (colours.values[colours.places] == picture).all()


def test_more_colours_are_nearer():
    colours = Colours.of(grain(page()))
    merging = Merging(colours)
    errors = []
    for size in (4, 16, 64, 256):
        palette, entries = merging.palette(size)
        errors.append(((palette[entries].astype(int) - colours.values) ** 2).sum(axis=1) @ colours.weights)
    assert errors == sorted(errors, reverse=True) and errors[-1] < errors[0] / 20


def test_backgrounds_stay_exact():
    picture = page(ink="#203040", paper="#fdf6e3")
    entries = Merging(Colours.of(picture)).palette(6)[0]
    assert [253, 246, 227] in entries.tolist() and [32, 48, 64] in entries.tolist()


def test_a_line_of_text_on_an_empty_screen_is_enough():
    screen = np.full((640, 960, 3), 30, np.uint8)
    assert first_look(screen) is None
    screen[16:32, :240] = page(16, 240, "white", "#1e1e1e")
    assert first_look(screen).possible[1, 2]


def test_the_first_look_tells_pages_from_photographs(photograph):
    assert first_look(page()).possible.all()
    assert first_look(pixel_art()).possible.all()
    assert first_look(photograph) is None and first_look(gradient()) is None and first_look(grain(page())) is None
    mixed = first_look(page_with_photograph(photograph)).possible
    assert mixed[3:11, 4:16].mean() < 0.2 and mixed[:3].all()


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


def test_colours_that_do_not_count_join_those_that_do():
    picture = page(ink="#203040", paper="#fdf6e3").copy()
    picture[:40, :40] = np.random.default_rng(3).integers(0, 256, (40, 40, 3))
    weights = np.ones(picture.shape[:2])
    weights[:40, :40] = 0
    palette = Merging(Colours.of(picture, weights)).palette(4)[0]
    assert [253, 246, 227] in palette.tolist() and [32, 48, 64] in palette.tolist()


def test_errors_show_on_flats_and_hide_at_edges():
    weights = visibility(page())
    assert weights.shape == (160, 240) and weights.max() == pytest.approx((1 + FLAT) / 2, rel=1e-3)
    assert weights.min() < 1 and weights[-3:, -3:].min() > 16


@given(arrays(np.int32, st.tuples(st.integers(1, 12), st.integers(1, 12)), elements=st.integers(OUTSIDE, 4)), st.floats(0, 2000))
def test_calming_never_costs(labels, beta):
    rng = np.random.default_rng(labels.size)
    palette = rng.integers(0, 256, (4, 3), dtype=np.uint8)
    image = rng.integers(0, 256, (*labels.shape, 3), dtype=np.uint8)
    clear = rng.random(labels.shape, np.float32) * 1000
    errors = Errors(image, palette, rng.random(labels.shape, np.float32), clear)

    def cost(labels):
        inside = np.flatnonzero(labels.ravel() != OUTSIDE)
        changes = 0
        for first, second in ((labels[1:], labels[:-1]), (labels[:, 1:], labels[:, :-1])):
            changes += ((first != second) & (first != OUTSIDE) & (second != OUTSIDE)).sum()
        return errors.at(inside).of(labels.ravel()[inside], np.arange(inside.size)).sum() + beta * changes

    after = calmed(labels, errors, beta)
    assert ((after == OUTSIDE) == (labels == OUTSIDE)).all()
    assert cost(after) <= cost(labels) * (1 + 1e-5) + 1e-3


def test_shades_are_the_gradients(photograph):
    assert ground_of(page()[:, :, ::-1] // 255 * 255) is None
    picture = page().copy()
    picture[80:] = gradient()[80:]
    shades = shades_of(picture)
    assert shades[90:150, 10:-10].mean() > 0.9 and shades[:70].mean() < 0.05
    smooth = ground_of(picture)
    assert (smooth[shades] == picture[shades]).all() and smooth.shape == picture.shape


def test_text_on_a_gradient_leaves_the_gradient_to_the_network():
    picture = text_on_gradient()
    exact = Chooser(picture, "screen").at(Price.of_level(38, 64))
    assert exact is not None and not exact.whole and 0.4 < exact.clear.mean() < 0.98
    ink = (picture.astype(int).min(axis=2) > 250) & in_pixels(exact.layer.mask, Rectangle(0, 0, 240, 160))
    assert ink.any() and not (exact.clear & ink).any() and np.abs(exact.image[ink].astype(int) - 255).max() < 40


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
