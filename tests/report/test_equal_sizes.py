"""The page of photographs at equal size: what it chooses, what it shows, and what it says of that."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dlic.errors import DlicError
from dlic.metrics.registry import psnr
from dlic.report.equal_sizes import NEAR, write_page
from dlic.report.photograph_choice import COUNT, CROP, choose, differing_window
from tests.evaluation.sample_run import pillow_series

WEBP = pillow_series("webp", "WebP", "WEBP", ".webp", (5, 20, 40, 60, 80), method=2)
JPEG = pillow_series("jpeg", "JPEG 4:2:0", "JPEG", ".jpg", (5, 15, 30, 50, 75), optimize=True)
GREY = np.full((300, 280, 3), 90, np.uint8)


@given(st.dictionaries(st.sampled_from([f"kodim{i:02}.png" for i in range(1, 25)]), st.floats(-30, 30), min_size=1))
def test_ten_are_chosen_with_both_ends_and_the_themes(differences):
    images = dict.fromkeys(differences, GREY)
    chosen = choose(differences, images)
    assert len(chosen) == min(COUNT, len(differences)) and list(chosen) == sorted(chosen, key=lambda name: differences[name])
    assert {min(differences.values()), max(differences.values())} <= {differences[name] for name in chosen}
    for name, theme in (("kodim04.png", "a face"), ("kodim08.png", "text")):
        assert name not in differences or theme in chosen[name].reason
    assert any("the darkest photograph" in choice.reason for choice in chosen.values())
    assert any("worst case" in choice.reason for choice in chosen.values())


def test_windows_lie_within_the_picture():
    images = {"kodim22.png": GREY, "kodim15.png": np.zeros((40, 500, 3), np.uint8)}
    for name, choice in choose(dict.fromkeys(images, 0.0), images).items():
        top, left = choice.corner
        assert 0 <= top <= max(0, images[name].shape[0] - CROP) and 0 <= left <= max(0, images[name].shape[1] - CROP)


def test_the_window_is_where_two_pictures_differ_most():
    other = GREY.copy()
    other[-40:, -20:] = 200
    top, left = differing_window(GREY, other)
    assert top + CROP >= 296 and left + CROP >= 272


def test_the_page_shows_what_was_measured(tmp_path, photograph):
    images = {f"{place}.png": np.ascontiguousarray(photograph[top : top + 270, 200:480]) for place, top in enumerate((0, 100))}
    size = write_page(tmp_path / "docs" / "gallery", images, [JPEG, WEBP, WEBP], rate=0.4)
    text = (tmp_path / "docs" / "gallery.md").read_text(encoding="utf-8")
    files = sorted((tmp_path / "docs" / "gallery").iterdir())
    assert size == sum(file.stat().st_size for file in files) + len(text.encode())
    shown = re.findall(r"!\[[^]]*\]\(gallery/([^)]*)\)", text)
    assert sorted(shown) == [file.name for file in files] and len(files) == 2 * 4
    assert "WebP is ahead on 2 of 2" in text and text.count("SSIMULACRA 2") >= 5 and "median" not in text.partition("## ")[0]
    original = np.array(Image.open(tmp_path / "docs" / "gallery" / "0-0.jpg").convert("RGB"))
    assert original.shape == (CROP, CROP, 3)
    assert max(psnr(images["0.png"][y : y + CROP, x : x + CROP], original) for y in (0, 14) for x in (0, 16, 24)) >= NEAR
    limit = int(0.4 * 270 * 280 / 8)
    for cell in re.findall(r"\| bytes \|[^|]*\|(.*)\|", text):
        sizes = [int(number.replace(",", "")) for number in re.findall(r"[\d,]*\d{3}", cell)]
        assert len(sizes) == 3 and all(size <= limit for size in sizes)


def test_a_codec_without_a_file_so_small_says_so(tmp_path, photograph):
    write_page(tmp_path / "page", {"one.png": np.ascontiguousarray(photograph[:64, :64])}, [JPEG, WEBP], rate=0.01)
    assert "its smallest file" in (tmp_path / "page.md").read_text(encoding="utf-8")


def test_what_makes_no_page(tmp_path, photograph):
    with pytest.raises(DlicError, match="two codecs"):
        write_page(tmp_path / "page", {"one.png": photograph}, [JPEG])
    with pytest.raises(DlicError, match="SSIMULACRA 2, which must be among"):
        write_page(tmp_path / "page", {"one.png": photograph[:40, :40]}, [JPEG, WEBP], metrics=("psnr",))
    assert not list(tmp_path.iterdir())
