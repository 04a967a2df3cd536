"""Pictures in colour spaces other than sRGB, and what littleCMS makes of them."""

import io
import struct
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms

import dlic
from dlic.container.chunks import ICC, pack
from dlic.container.format import append
from dlic.images.colours import icc
from dlic.images.colours.code_points import D65, PRIMARIES, CodePoints, Primaries
from tests.golden.rewrite import TINY_LIGHT

ADOBE_RGB = Primaries(D65, (0.64, 0.33), (0.21, 0.71), (0.15, 0.06))
PROPHOTO = Primaries((0.3457, 0.3585), (0.7347, 0.2653), (0.1596, 0.8404), (0.0366, 0.0001))
SRGB, DISPLAY_P3 = (icc.of_code_points(CodePoints(primaries, 13), gray=False) for primaries in (1, 12))
SPACES = {"srgb": SRGB, "display-p3": DISPLAY_P3}


def squares() -> np.ndarray:
    """Gray from black to white, pure red, dark colours, and many others: uint8 (256, 256, 3)."""
    rng = np.random.default_rng(0)
    colours = rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)
    colours[0] = np.linspace(0, 255, 32)[:, None]
    colours[1] = np.arange(0, 256, 8)[:, None] * [1, 0, 0]
    colours[2] = rng.integers(0, 40, (32, 3))
    return np.kron(colours, np.ones((8, 8, 1), np.uint8))


def with_curve(profile: bytes, curve: bytes) -> bytes:
    """A profile of RGB with another curve."""
    places = b"".join(name + struct.pack(">II", len(profile), len(curve)) for name in (b"rTRC", b"gTRC", b"bTRC"))
    at = profile.index(b"rTRC")
    return struct.pack(">I", len(profile) + len(curve)) + profile[4:at] + places + profile[at + 36 :] + curve


def parametric(kind: int, *numbers: float) -> bytes:
    return b"para" + bytes(4) + struct.pack(f">HH{len(numbers)}i", kind, 0, *(round(65536 * number) for number in numbers))


def points(*codes: int) -> bytes:
    """A curve of no, one, or many points."""
    return (b"curv" + bytes(4) + struct.pack(f">I{len(codes)}H", len(codes), *codes)).ljust(16, b"\0")


PROFILES = {
    "display-p3": DISPLAY_P3,
    "adobe": icc.of_gamma(563 / 256, ADOBE_RGB, gray=False),
    "prophoto": icc.of_gamma(1.8, PROPHOTO, gray=False),
    "bt2020": icc.of_code_points(CodePoints(9, 14), gray=False),
    "smpte240": icc.of_code_points(CodePoints(9, 7), gray=False),  # a curve of 4096 points
    "gamma": icc.of_gamma(2.2, PRIMARIES[1], gray=False),
    "linear": with_curve(SRGB, points()),
    "point": with_curve(SRGB, points(round(2.6 * 256))),
    "two": with_curve(DISPLAY_P3, points(1000, 60000)),
    "kind 1": with_curve(DISPLAY_P3, parametric(1, 2.2, 1.05, -0.05)),
    "kind 2": with_curve(DISPLAY_P3, parametric(2, 2.2, 0.9, -0.1, 0.02)),
    "kind 4": with_curve(DISPLAY_P3, parametric(4, 2.4, 0.93, 0.05, 0.08, 0.05, 0.01, 0.002)),
}


def write_squares(folder: Path) -> dict[str, str]:
    """Writes the squares with each profile into a folder. Names of profiles → names of files."""
    for name, profile in PROFILES.items():
        write(folder / f"squares {name}.dlic", file_of_squares(), profile)
    return {name: f"squares {name}.dlic" for name in PROFILES}


def write(path: Path, data: bytes, profile: bytes) -> Path:
    """A file with a profile."""
    path.write_bytes(append(data, ((ICC, pack(profile)),)))
    return path


@cache
def file_of_squares() -> bytes:
    """A file of exactly these pixels."""
    data = dlic.compress(squares(), 60, weights=TINY_LIGHT)
    assert np.array_equal(dlic.decompress(data, weights=TINY_LIGHT), squares())
    return data


def converted(image: np.ndarray, profile: bytes, to: bytes) -> np.ndarray:
    """uint8 (H, W[, 3]) → (H, W, 3): relative colorimetric, by littleCMS without its shorter ways, which are a level or two off."""
    source, target = (ImageCms.ImageCmsProfile(io.BytesIO(each)) for each in (profile, to))
    intent, flags = ImageCms.Intent.RELATIVE_COLORIMETRIC, ImageCms.Flags.NOOPTIMIZE
    found = ImageCms.profileToProfile(Image.fromarray(image), source, target, intent, "RGB", flags=flags)
    return np.asarray(found)
