"""Photographs and small trained models that tests share."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from PIL import Image

ROOT = Path(__file__).parent.parent
KODAK = ROOT / "tests" / "photographs" / "kodim23.png"

# Examples are the same in every run, and however slow the machine is, so that a change alone can fail a test;
# `pytest --hypothesis-profile search` looks for others.
settings.register_profile("search", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("repeatable", settings.get_profile("search"), derandomize=True)
settings.load_profile("repeatable")


@pytest.fixture(scope="session")
def photograph() -> np.ndarray:
    """A real photograph: uint8 (512, 768, 3)."""
    return np.array(Image.open(KODAK).convert("RGB"))


@pytest.fixture
def two_pictures(tmp_path, photograph) -> Path:
    """A folder of two small pictures to measure on."""
    images = tmp_path / "pictures"
    images.mkdir()
    for i in range(2):
        Image.fromarray(photograph[100 * i : 100 * i + 96, 200:328]).save(images / f"{i}.png")
    return images


@pytest.fixture(scope="session")
def photographs(tmp_path_factory, photograph) -> Path:
    """A folder tree of small photographs to train on."""
    folder = tmp_path_factory.mktemp("photographs")
    (folder / "deeper").mkdir()
    for i in range(6):
        y, x = 60 * i, 100 * i
        Image.fromarray(photograph[y : y + 150, x : x + 170]).save(folder / ("deeper" if i % 2 else "") / f"{i}.png")
    return folder


@pytest.fixture(scope="session")
def clips(tmp_path_factory, photograph) -> Path:
    """A folder tree of three short clips, in which the camera moves two pixels a frame; and a picture, which is none."""
    folder = tmp_path_factory.mktemp("clips")
    (folder / "deeper").mkdir()
    for number, name in enumerate(("a", "deeper/b", "c")):
        frames = [Image.fromarray(photograph[50 * number :, 2 * i : 2 * i + 96][:80]) for i in range(6)]
        frames[0].save(folder / f"{name}.webp", save_all=True, append_images=frames[1:], duration=40, lossless=True)
    Image.fromarray(photograph[:32, :32]).save(folder / "still.webp")
    return folder
