"""A target is met by the best file that meets it, or refused in one sentence."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dlic
from dlic.checkpoints.local import find
from dlic.container.format import read
from dlic.formats.learned import encode_colours as encode_to
from dlic.learned.codec import load_codec
from dlic.learned.rate_control import Target
from dlic.metrics.registry import ms_ssim, psnr
from tests.golden.rewrite import TINY

LIGHT = find("light-1")
CODEC = load_codec(LIGHT)


@pytest.fixture(scope="module")
def crop(photograph):
    return photograph[100:300, 200:420]


@pytest.fixture(scope="module")
def sizes(crop):
    analysed = CODEC.analyse(crop)
    return [len(CODEC.encode_at(analysed, level).data) for level in range(CODEC.levels)]


@given(share=st.floats(0.0, 1.2))
@settings(max_examples=20)
def test_a_size_is_never_exceeded_and_the_level_is_the_highest_bisection_can_find(crop, sizes, share):
    limit = round(sizes[0] + share * (sizes[-1] - sizes[0]))
    achieved = encode_to(CODEC, crop, Target("size", limit))
    assert len(achieved.encoded.data) == achieved.figures["size"] <= limit
    level = achieved.encoded.level
    assert level == CODEC.levels - 1 or sizes[level + 1] > limit


def test_bits_per_pixel_are_of_the_true_size(crop, sizes):
    wanted = 8 * sizes[30] / (200 * 220)
    achieved = encode_to(CODEC, crop, Target("bpp", wanted))
    assert achieved.figures["bpp"] <= wanted and achieved.encoded.level >= 30


@pytest.mark.parametrize(("measure", "of"), [("psnr", psnr), ("ms-ssim", ms_ssim)])
def test_a_quality_is_reached_by_the_lowest_level(crop, measure, of):
    analysed = CODEC.analyse(crop)
    qualities = [of(crop, CODEC.decompress(CODEC.encode_at(analysed, level).data)) for level in (10, 20, 50)]
    wanted = qualities[1] * (1 - 1e-6)  # means are floats, whose last bits hang on the number of threads
    achieved = encode_to(CODEC, crop, Target(measure, wanted))
    decoded = dlic.decompress(achieved.encoded.data, weights=LIGHT)
    assert of(crop, decoded) == pytest.approx(achieved.figures[measure], abs=0.02) and achieved.encoded.level <= 20
    assert achieved.figures[measure] >= wanted


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (Target("size", 10), "smallest file .* has .* bytes, not 10"),
        (Target("psnr", 90), "best file .* dB, not 90"),
        (Target("bpp", 1e-5), "smallest"),
        (Target("ms-ssim", 1), "best"),
    ],
)
def test_what_cannot_be_met_says_what_could(crop, target, message):
    with pytest.raises(dlic.DlicError, match=message):
        encode_to(CODEC, crop, target)


@pytest.mark.parametrize(("measure", "value"), [("size", 0), ("bpp", -1), ("psnr", float("nan")), ("ms-ssim", 1.1)])
def test_targets_that_mean_nothing_are_refused(measure, value):
    with pytest.raises(dlic.DlicError, match="target"):
        Target(measure, value)


def test_ms_ssim_of_a_small_picture_has_fewer_scales_and_of_a_tiny_one_none(crop):
    small = crop[:60, :90]
    achieved = encode_to(CODEC, small, Target("ms-ssim", 0.9))
    assert ms_ssim(small, CODEC.decompress(achieved.encoded.data)) == pytest.approx(achieved.figures["ms-ssim"], abs=0.02)
    with pytest.raises(dlic.DlicError, match="11 × 11"):
        encode_to(CODEC, np.zeros((10, 40, 3), np.uint8), Target("ms-ssim", 0.9))


def test_the_analysis_runs_once(crop, monkeypatch):
    calls = []
    analyse = type(CODEC.unit.deployed.encoder).analyse
    monkeypatch.setattr(type(CODEC.unit.deployed.encoder), "analyse", lambda self, pixels: calls.append(1) or analyse(self, pixels))
    encode_to(CODEC, crop, Target("psnr", 30))
    assert len(calls) == 1


def test_a_checkpoint_of_one_rate_meets_a_target_or_says_so(crop):
    codec = load_codec(TINY)
    assert encode_to(codec, crop, Target("size", 10**6)).encoded.level == 0
    with pytest.raises(dlic.DlicError, match="smallest"):
        encode_to(codec, crop, Target("size", 40))


@pytest.mark.parametrize(
    "wishes", [{"quality": 50, "target_size": 1000}, {"target_bpp": 1.0, "target_psnr": 30.0}, {"quality": 0}, {"quality": 101}]
)
def test_the_api_takes_one_wish(crop, wishes):
    with pytest.raises(dlic.DlicError):
        dlic.compress(crop, weights=LIGHT, **wishes)


def test_the_api_meets_targets(crop, sizes):
    assert len(dlic.compress(crop, target_size=sizes[20], weights=LIGHT)) <= sizes[20]
    assert read(dlic.compress(crop, weights=LIGHT)).level == 38  # quality 60
    assert read(dlic.compress(crop, 100, weights=LIGHT)).level == 63
