"""Colours come out right, measured through littlecms: made profiles, conversions, and every output format."""

import io

import numpy as np
import pytest
from PIL import Image, ImageCms

from dlic.images.colours import icc
from dlic.images.colours.code_points import PRIMARIES, CodePoints
from dlic.images.colours.srgb import can_convert, to_srgb
from dlic.images.files import EVERYTHING, image_bytes, not_held, read_image
from dlic.images.metadata import Metadata
from dlic.images.samples import read_samples
from tests.images.sources.statements import avif_with_nclx, png_with
from tests.images.test_files import encoded

P3, PQ, LINEAR = CodePoints(12, 13), CodePoints(9, 16), CodePoints(1, 8)
SRGB = ImageCms.createProfile("sRGB")
RAMP = np.stack(np.meshgrid(*[np.linspace(40, 215, 6)] * 3), axis=-1).reshape(12, 18, 3).astype(np.uint8)
GRAYS = np.linspace(10, 250, 64).astype(np.uint8).reshape(8, 8)


def in_srgb(pixels: np.ndarray, profile: bytes) -> np.ndarray:
    """Colours as a colour-managed viewer shows them."""
    if pixels.ndim == 2 and not profile:
        return np.dstack([pixels] * 3).astype(int)
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile)) if profile else SRGB
    return np.asarray(ImageCms.profileToProfile(Image.fromarray(pixels), source, SRGB, 1, "RGB")).astype(int)


def linear_p3_in_srgb(pixels: np.ndarray) -> np.ndarray:
    """Display P3 → sRGB by the formulas of CSS Color 4, without a profile."""
    code = pixels / 255
    light = np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)
    matrix = np.array([[1.2249, -0.2247, 0], [-0.0420, 1.0419, 0], [-0.0197, -0.0786, 1.0979]])
    mixed = np.clip(light @ matrix.T, 0, 1)
    return np.rint(255 * np.where(mixed <= 0.0031308, 12.92 * mixed, 1.055 * mixed ** (1 / 2.4) - 0.055))


def test_a_made_profile_means_what_its_code_points_say():
    assert np.abs(in_srgb(RAMP, icc.of_code_points(P3, gray=False)) - linear_p3_in_srgb(RAMP)).max() <= 2
    assert np.abs(in_srgb(RAMP, icc.of_code_points(CodePoints(1, 13), gray=False)) - RAMP).max() <= 1
    light = RAMP / 255
    expected = np.rint(255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055))
    assert np.abs(in_srgb(RAMP, icc.of_code_points(LINEAR, gray=False)) - expected).max() <= 1
    assert np.abs(in_srgb(RAMP, icc.of_gamma(2.2, PRIMARIES[1], gray=False)) - RAMP).max() <= 7


@pytest.mark.parametrize(("transfer", "white"), [(16, 148), (18, 191)])
def test_diffuse_white_of_high_dynamic_range_is_white(transfer, white):
    profile = icc.of_code_points(CodePoints(9, transfer), gray=False)
    levels = np.full((1, 4, 3), [[0], [white // 2], [white], [255]], np.uint8)
    shown = in_srgb(levels, profile)[0, :, 0]
    assert shown[0] == 0 and 10 < shown[1] < 200 and shown[2] >= 250 and shown[3] == 255
    assert b"cicp" in profile


@pytest.mark.parametrize(
    "points", [*(CodePoints(primaries, 13) for primaries in PRIMARIES), *(CodePoints(1, t) for t in range(1, 19))]
)
def test_every_known_number_gives_a_profile_that_littlecms_reads(points):
    if points.has_profile:
        for gray, space in ((False, "RGB "), (True, "GRAY")):
            profile = ImageCms.ImageCmsProfile(io.BytesIO(icc.of_code_points(points, gray))).profile
            assert profile.xcolor_space == space


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".avif", ".tif", ".bmp", ".ppm", ".gif", ".jp2", ".tga"])
@pytest.mark.parametrize("statement", ["profile", "code points"])
def test_wide_gamut_looks_the_same_in_every_format(suffix, statement):
    profile = icc.of_code_points(P3, gray=False)
    metadata = Metadata(icc_profile=profile) if statement == "profile" else Metadata(code_points=P3)
    pixels = np.full((32, 32, 3), (60, 190, 80), np.uint8)
    data = image_bytes(pixels, suffix, metadata)
    picture = read_image(data, keep=EVERYTHING)
    difference = in_srgb(picture.pixels, picture.metadata.icc_profile) - in_srgb(pixels, profile)
    assert np.abs(difference).max() <= 5 and np.abs(in_srgb(pixels, profile) - pixels).max() > 40
    converted = suffix in (".bmp", ".ppm", ".gif", ".jp2", ".tga")
    assert bool(picture.metadata.icc_profile) != converted
    assert not_held(pixels, suffix, metadata) == (
        [f"colours are converted to sRGB: {suffix} has no place for their profile"] if converted else []
    )


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".avif", ".tif", ".bmp", ".ppm"])
def test_gray_looks_the_same_in_every_format(suffix):
    profile = icc.of_gamma(1.0, PRIMARIES[1], gray=True)
    data = image_bytes(GRAYS, suffix, Metadata(icc_profile=profile))
    picture = read_image(data, keep=EVERYTHING)
    shown = in_srgb(picture.pixels, picture.metadata.icc_profile)[..., 0]
    limit = 6 if suffix in (".jpg", ".webp", ".avif") else 1
    assert np.abs(shown - in_srgb(GRAYS, profile)[..., 0]).mean() <= limit and np.abs(shown - GRAYS).max() > 30


def test_transparency_survives_the_conversion():
    pixels = np.dstack([RAMP, np.arange(216, dtype=np.uint8).reshape(12, 18)])
    profile = icc.of_code_points(P3, gray=False)
    converted = to_srgb(pixels, profile)
    assert (converted[..., 3] == pixels[..., 3]).all() and (converted[..., :3] == to_srgb(RAMP, profile)).all()
    gray = np.dstack([GRAYS, GRAYS])
    gray_profile = icc.of_gamma(1.0, PRIMARIES[1], gray=True)
    assert to_srgb(gray, gray_profile).shape == gray.shape and (to_srgb(gray, gray_profile)[..., 1] == GRAYS).all()
    assert (
        not can_convert(RAMP, gray_profile)
        and not can_convert(RAMP, b"broken")
        and not can_convert(RAMP.astype(np.uint16), profile)
    )


def test_code_points_come_back_and_have_a_profile_for_those_who_know_no_others():
    data = png_with((b"cICP", bytes([12, 13, 0, 1])))
    first = read_samples(data, strict=True)
    assert (
        first.metadata.code_points == P3
        and in_srgb(RAMP, first.metadata.icc_profile).tolist() == in_srgb(RAMP, icc.of_code_points(P3, gray=False)).tolist()
    )
    again = read_samples(image_bytes(first.pixels, ".png", first.metadata), strict=True)
    assert again.metadata == first.metadata
    in_avif = read_image(avif_with_nclx(12, 13), keep=EVERYTHING, strict=True)
    assert in_avif.metadata.code_points == P3 and in_avif.metadata.icc_profile == first.metadata.icc_profile
    assert read_image(encoded(Image.new("RGB", (8, 8)), "AVIF"), keep=EVERYTHING).metadata == Metadata()  # which states sRGB


def test_light_above_white_is_said_to_be_clipped():
    assert not_held(RAMP, ".png", Metadata(code_points=PQ)) == []
    assert not_held(RAMP, ".jpg", Metadata(code_points=PQ)) == [
        "light above diffuse white is clipped: .jpg has no place for BT.2020 PQ"
    ]
    narrow = Metadata(code_points=CodePoints(9, 16, 0, 0))
    assert not_held(RAMP, ".png", narrow) == [] and not_held(RAMP, ".jpg", narrow) == [
        "colours by code points not kept: .jpg has no place for it"
    ]


@pytest.mark.parametrize(("gamma", "made"), [(45455, False), (45000, False), (55556, True), (100000, True)])
def test_a_gamma_of_srgb_states_nothing(gamma, made):
    data = png_with((b"gAMA", gamma.to_bytes(4, "big")))
    metadata = read_samples(data, strict=True).metadata
    assert bool(metadata.icc_profile) == made
    with_srgb = read_samples(png_with((b"sRGB", b"\0"), (b"gAMA", gamma.to_bytes(4, "big"))), strict=True).metadata
    assert with_srgb.icc_profile == b"" and not_held(RAMP, ".jpg", with_srgb) == []
