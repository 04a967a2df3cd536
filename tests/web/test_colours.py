"""Colours of pictures with ICC profiles by dlic.js in Node, against littleCMS."""

import numpy as np
import pytest

import dlic
from dlic.images.colours import icc
from dlic.images.colours.code_points import PRIMARIES
from tests.golden.rewrite import TINY_LIGHT
from tests.web.golden_files import LIGHT
from tests.web.node import NODE
from tests.web.profiles import PROFILES, SPACES, SRGB, converted, squares, write, write_squares

if NODE is None:
    pytest.skip("no Node on this machine", allow_module_level=True)

OF_SRGB = {"gamma", "linear", "point"}  # profiles with its primaries


def apart(shown: np.ndarray, wanted: np.ndarray) -> int:
    return int(np.abs(shown[..., :3].astype(int) - wanted).max())


@pytest.fixture(scope="module")
def shown(decode, tmp_path_factory):
    """(profile, space asked for) → answer."""
    folder = tmp_path_factory.mktemp("profiles")
    files = write_squares(folder)
    asked = [(name, space) for name in files for space in ("auto", "srgb")]
    answers = decode([{"file": str(folder / files[name]), "options": {"colorSpace": space}} for name, space in asked])
    return dict(zip(asked, answers, strict=True))


@pytest.mark.parametrize("asked", ["auto", "srgb"])
@pytest.mark.parametrize("name", PROFILES)
def test_colours_are_those_of_littlecms(shown, name, asked):
    answer = shown[name, asked]
    assert answer["colorSpace"] == ("srgb" if asked == "srgb" or name in OF_SRGB else "display-p3"), answer
    assert apart(answer["pixels"], converted(squares(), PROFILES[name], SPACES[answer["colorSpace"]])) <= 1


def test_gray(decode, tmp_path):
    image = squares()[..., 0]
    for gamma in (1.0, 1.8):
        profile = icc.of_gamma(gamma, PRIMARIES[1], gray=True)
        (tmp_path / "gray").write_bytes(dlic.compress(image, 60, weights=TINY_LIGHT, icc_profile=profile))
        (answer,) = decode([{"file": str(tmp_path / "gray")}])
        assert answer["colorSpace"] == "srgb" and apart(answer["pixels"], converted(image, profile, SRGB)) <= 1


def test_profiles_that_cannot_be_read_count_as_srgb(decode, tmp_path):
    adobe = PROFILES["adobe"]
    broken = [SRGB, b"not a profile", adobe[:140], adobe[:36] + b"none" + adobe[40:], adobe[:16] + b"CMYK" + adobe[20:]]
    for number, profile in enumerate(broken):
        write(tmp_path / str(number), LIGHT[3].read_bytes(), profile)
    plain, *answers = decode([{"file": str(path)} for path in (LIGHT[3], *sorted(tmp_path.iterdir()))])
    for answer in answers:
        assert answer["colorSpace"] == "srgb" and np.array_equal(answer["pixels"], plain["pixels"])
    (wrong,) = decode([{"file": str(LIGHT[3]), "options": {"colorSpace": "display-p3"}}])
    assert wrong["code"] == "RangeError"
