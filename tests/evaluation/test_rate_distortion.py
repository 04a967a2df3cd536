"""Points, curves and bits saved."""

import io
import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from PIL import Image

from dlic.evaluation.comparison import compare
from dlic.evaluation.rate_distortion import (
    JPEG_QUALITIES,
    Point,
    bd_rate,
    bd_rate_between,
    bd_rate_within,
    bits_saved,
    cut,
    frontier,
    jpeg_curve,
    mean_point,
    score_gained,
    shared_scores,
)
from dlic.evaluation.scores import as_score, in_units
from dlic.metrics.registry import psnr


@st.composite
def falling_curves(draw) -> list[Point]:
    """A curve along which more bits give a better picture, shuffled."""
    bpp = sorted(draw(st.lists(st.floats(0.01, 10), min_size=2, max_size=8, unique=True)))
    quality = sorted(draw(st.lists(st.integers(1500, 5000), min_size=len(bpp), max_size=len(bpp), unique=True)))
    return draw(st.permutations([Point(b, p / 100) for b, p in zip(bpp, quality, strict=True)]))


def photograph(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Smooth colours with some noise, uint8 (H, W, 3)."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)).resize((width, height), Image.Resampling.BICUBIC)
    return np.clip(np.asarray(coarse) + rng.normal(0, 8, (height, width, 3)), 0, 255).astype(np.uint8)


class Raw:
    """A codec that stores the first half of the rows."""

    def compress(self, image):
        return image[: len(image) // 2].tobytes()

    def decompress(self, data):
        half = np.frombuffer(data, np.uint8).reshape(-1, 8, 3)
        return np.concatenate([half, half + np.uint8(10)])


def test_mean_point_counts_bytes_and_pixels():
    images = [np.full((4, 8, 3), 50, np.uint8), np.full((8, 8, 3), 99, np.uint8)]
    expected = -10 * math.log10(50 / 255**2)  # half of the pixels are 10 off
    assert mean_point(Raw(), images) == Point(12.0, pytest.approx(expected))


def test_mean_point_needs_images():
    with pytest.raises(ValueError, match="no images"):
        mean_point(Raw(), [])


def test_jpeg_curve_is_that_of_the_files():
    images = [photograph(65, 97), photograph(48, 64, seed=1)]
    (point,) = jpeg_curve(images, [50])
    sizes, quality = [], []
    for image in images:
        file = io.BytesIO()
        Image.fromarray(image).save(file, "JPEG", quality=50, optimize=True, subsampling=2)
        sizes.append(len(file.getvalue()) * 8 / image[..., 0].size)
        quality.append(psnr(image, np.asarray(Image.open(file))))
    assert point == Point(pytest.approx(np.mean(sizes)), pytest.approx(np.mean(quality)))


def test_jpeg_curve_rises():
    curve = jpeg_curve([photograph(96, 128)])
    assert len(curve) == len(JPEG_QUALITIES)
    assert curve == sorted(curve, key=lambda p: p.bpp) == sorted(curve, key=lambda p: p.score)


@pytest.mark.parametrize("size", [(1, 1), (7, 13)])
@pytest.mark.parametrize("value", [0, 255])
def test_jpeg_curve_of_constant_images_is_finite(size, value):
    for point in jpeg_curve([np.full((*size, 3), value, np.uint8)], [5, 95]):
        assert math.isfinite(point.bpp) and math.isfinite(point.score)


@given(falling_curves(), st.data())
def test_a_point_of_the_curve_saves_nothing(curve, data):
    assert bits_saved(curve, data.draw(st.sampled_from(curve))) == pytest.approx(0, abs=1e-9)


@given(falling_curves(), st.floats(0, 1), st.floats(0.01, 3))
def test_saved_is_the_share_of_bits(curve, position, factor):
    """A codec that needs `factor` times the bits saves 1 − factor, wherever on the curve."""
    low, high = min(p.score for p in curve), max(p.score for p in curve)
    decibels = min(high, low + position * (high - low))
    one = bits_saved(curve, Point(1.0, decibels))
    needed = 1 / (1 - one)
    assert bits_saved(curve, Point(factor * needed, decibels)) == pytest.approx(1 - factor, abs=1e-6)
    assert min(p.bpp for p in curve) * 0.999 <= needed <= max(p.bpp for p in curve) * 1.001


def test_bits_are_interpolated_as_logarithms():
    curve = [Point(4.0, 40.0), Point(1.0, 30.0)]
    assert bits_saved(curve, Point(1.0, 35.0)) == pytest.approx(0.5)
    assert bits_saved(curve, Point(4.0, 35.0)) == pytest.approx(-1)
    assert bits_saved(curve, Point(0.0, 35.0)) == 1


def test_equal_psnr_counts_its_cheapest():
    curve = [Point(2.0, 30.0), Point(1.0, 30.0), Point(4.0, 40.0), Point(8.0, 40.0)]
    assert bits_saved(curve, Point(1.0, 35.0)) == pytest.approx(0.5)
    assert bits_saved(curve[:2], Point(1.0, 30.0)) == pytest.approx(0)


@given(falling_curves(), st.floats(0.001, 20))
def test_outside_the_curve_is_an_error(curve, beyond):
    for decibels in (min(p.score for p in curve) - beyond, max(p.score for p in curve) + beyond, math.nan):
        with pytest.raises(ValueError, match="outside the curve"):
            bits_saved(curve, Point(1.0, decibels))


def test_an_empty_curve_is_an_error():
    with pytest.raises(ValueError, match="covers nothing"):
        bits_saved([], Point(1.0, 30.0))


CURVE = [Point(0.05 * 2**i, 25.0 + 2.5 * i + 0.1 * i**2) for i in range(7)]  # 0.05 to 3.2 bpp


def scaled(curve: list[Point], factor: float) -> list[Point]:
    """The same qualities for so many times the bits."""
    return [Point(point.bpp * factor, point.score) for point in curve]


@pytest.mark.parametrize("rate_of", [bd_rate, bd_rate_within])
def test_bd_rate_of_known_curves(rate_of):
    assert rate_of(CURVE, CURVE) == pytest.approx(0, abs=1e-9)
    assert rate_of(CURVE, scaled(CURVE, 0.5)) == pytest.approx(-0.5, abs=0.005)
    assert rate_of(CURVE, scaled(CURVE, 3)) == pytest.approx(2, abs=0.04)


@pytest.mark.parametrize("rate_of", [bd_rate, bd_rate_within])
@given(factors=st.lists(st.floats(0.6, 1.6), min_size=7, max_size=7), seed=st.randoms(use_true_random=False))
def test_bd_rate_is_the_same_from_either_side_and_in_any_order(rate_of, factors, seed):
    other = frontier([Point(point.bpp * factor, point.score) for point, factor in zip(CURVE, factors, strict=True)])
    if len(other) < 4:
        return
    there, back = rate_of(CURVE, other), rate_of(other, CURVE)
    assert (1 + there) * (1 + back) == pytest.approx(1)
    shuffled = list(CURVE)
    seed.shuffle(shuffled)
    assert rate_of(shuffled, other) == there


def test_a_cut_curve_ends_at_the_rates_it_goes_beyond():
    part = cut(CURVE)
    assert [point.bpp for point in part] == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.5])
    assert part[0].score == pytest.approx(CURVE[1].score) and CURVE[4].score < part[-1].score < CURVE[5].score
    assert cut(CURVE[2:5]) == CURVE[2:5]  # nothing is added beyond what was measured
    assert cut([]) == [] and cut(CURVE[:1]) == [] and cut(CURVE[1:2]) == CURVE[1:2]


def test_points_nobody_would_choose_do_not_count():
    worse = [Point(0.3, 26.0), Point(0.4, 31.0), Point(0.4, 20.0), Point(9.0, CURVE[-1].score)]
    assert frontier(CURVE + worse) == CURVE
    assert bd_rate(CURVE, CURVE + worse) == pytest.approx(0, abs=1e-9)


def test_what_cannot_be_compared_says_why():
    far = [Point(point.bpp, point.score + 100) for point in CURVE]
    dear = scaled(CURVE, 1000)
    for anchor, test, reason in ((CURVE[:3], CURVE, "3 and 7"), ([], CURVE, "0 and 7"), (CURVE, far, "share no score")):
        for rate_of in (bd_rate, bd_rate_within):
            with pytest.raises(ValueError, match=reason):
                rate_of(anchor, test)
        assert compare(anchor, test).bd_rate is None and reason in compare(anchor, test).problem
    with pytest.raises(ValueError, match="no points in this range"):
        bd_rate_within(CURVE, dear)
    assert compare(CURVE, dear).whole == pytest.approx(999)


def test_a_comparison_says_where_it_holds():
    half = scaled(CURVE, 0.5)
    compared = compare(CURVE, half)
    assert compared.bd_rate == pytest.approx(-0.5, abs=0.005) and compared.whole == pytest.approx(-0.5)
    low, high = compared.scores
    assert low == pytest.approx(cut(half)[0].score) and high == pytest.approx(cut(CURVE)[-1].score)
    assert compared.bpp == pytest.approx((0.1, 0.75), rel=0.01)


def test_between_scores_it_is_the_same_interpolation():
    other = [
        Point(point.bpp * factor, point.score + 0.1) for point, factor in zip(CURVE, (0.8, 0.9, 1, 1.1, 0.7, 1, 0.9), strict=True)
    ]
    everywhere = shared_scores(CURVE, other)
    assert bd_rate_between(CURVE, other, everywhere) == pytest.approx(bd_rate(CURVE, other))
    compared = compare(CURVE, other, between=(30.0, 35.0))
    assert compared.between == bd_rate_between(CURVE, other, (30.0, 35.0)) and compared.between_scores == (30.0, 35.0)
    assert compare(CURVE, scaled(CURVE, 0.5), (30.0, 35.0)).between == pytest.approx(-0.5)
    part = compare(CURVE, other, (CURVE[-1].score - 3, CURVE[-1].score + 1))
    assert part.between_scores == pytest.approx((CURVE[-1].score - 3, CURVE[-1].score))
    assert compare(CURVE, other, (CURVE[-1].score - 1, CURVE[-1].score + 3)).between is None  # a quarter of the range is shared
    assert compare(CURVE, other).between is None


@given(st.lists(st.floats(0.6, 1.6), min_size=7, max_size=7))
def test_distances_give_the_rates_that_scores_give(factors):
    """Butteraugli falls with the rate: as a score it is negated, and a codec of half the bits still has −50 %."""
    distances = [(point.bpp, 5 - point.score / 10) for point in CURVE]
    anchor = [Point(bpp, as_score("butteraugli", distance)) for bpp, distance in distances]
    test = [
        Point(bpp * factor, as_score("butteraugli", distance)) for (bpp, distance), factor in zip(distances, factors, strict=True)
    ]
    better = [Point(point.bpp / 2, point.score) for point in anchor]
    assert bd_rate(anchor, better) == pytest.approx(-0.5)
    scored = [Point(point.bpp * factor, point.score) for point, factor in zip(CURVE, factors, strict=True)]
    if len(frontier(test)) >= 4:
        assert bd_rate(anchor, test) == pytest.approx(bd_rate(CURVE, scored), abs=1e-6)
    low, high = in_units("butteraugli", compare(anchor, better).scores)
    assert 0 < low < high


@given(falling_curves(), st.floats(0, 1), st.floats(-5, 5))
def test_a_score_is_gained_over_log_rate(curve, share, decibels):
    low, high = sorted(curve, key=lambda p: p.bpp)[:2]
    assume(high.bpp > 1.001 * low.bpp)  # rates whose logarithms are the same number have nothing between them
    rate = low.bpp ** (1 - share) * high.bpp**share
    if low.bpp <= rate <= high.bpp:
        between = (1 - share) * low.score + share * high.score
        assert score_gained(curve, Point(rate, between + decibels)) == pytest.approx(decibels, abs=1e-6)


def test_a_rate_outside_the_curve_gains_nothing():
    curve = [Point(0.5, 30.0), Point(1.0, 33.0)]
    for rate in (0.49, 1.01):
        with pytest.raises(ValueError, match=r"0\.500 to 1\.000 bpp"):
            score_gained(curve, Point(rate, 31.0))
    with pytest.raises(ValueError, match="nothing"):
        score_gained([], Point(1.0, 30.0))
