"""AVIF by Pillow's plugin: the version of libavif, and its default tune."""

from functools import cache

import numpy as np
from PIL import features

from dlic.peers.pillow import PillowCodec

SPEED = 6  # the default of Pillow and of avifenc
TUNES = ("iq", "ssim", "psnr")
SIDE, QUALITY = 64, 50  # sides of the test picture that distinguishes tunes


def avif(quality: int, subsampling: str = "4:2:0", tune: str = "") -> PillowCodec:
    """AVIF at speed 6; without a tune, with libavif's default."""
    advanced = {"advanced": {"tune": tune}} if tune else {}
    return PillowCodec("AVIF", {"quality": quality, "speed": SPEED, "subsampling": subsampling, **advanced})


def libavif() -> str:
    """Its version, as Pillow's plugin was built with it; empty where Pillow has no AVIF."""
    return features.version("avif") or ""


def label(subsampling: str, tune: str = "") -> str:
    """The label in tables: with version, speed and tune, even if the tune is libavif's default."""
    tune_label = f"tune={tune}" if tune else f"tune={shipped_tune()} as shipped"
    return f"AVIF {subsampling}, {tune_label}, speed {SPEED}, libavif {libavif()}"


@cache
def shipped_tune() -> str:
    """libavif's default tune, found by comparing files: "iq" since libavif 1.4 with libaom 3.13, "ssim" before; "?" if no tune
    gives the same file.
    """
    picture = _picture()
    shipped = avif(QUALITY).compress(picture)
    return next((tune for tune in TUNES if _compressed(picture, tune) == shipped), "?")


def _compressed(picture: np.ndarray, tune: str) -> bytes | None:
    try:
        return avif(QUALITY, tune=tune).compress(picture)
    except (OSError, ValueError):  # an encoder that does not know this tune
        return None


def _picture() -> np.ndarray:
    """Two ramps and noise, uint8 (H, W, 3), which the tunes code differently."""
    ramp = np.linspace(0, 200, SIDE)
    colours = np.stack([ramp + 0 * ramp[:, None], ramp[:, None] + 0 * ramp, 200 - ramp + 0 * ramp[:, None]], axis=-1)
    noise = np.random.default_rng(0).normal(0, 12, colours.shape)
    return np.clip(colours + noise, 0, 255).astype(np.uint8)
