"""Small moving clips, and sequences coded with the tiny checkpoint."""

import io
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image

from dlic.container.sequence_reader import SequenceReader
from dlic.learned.sequence.codec import SequenceCodec, load_sequence_codec
from dlic.learned.sequence.decoder import SequenceDecoder
from dlic.learned.sequence.encoder import encode_sequence
from dlic.learned.sequence.partition import Extra
from dlic.learned.sequence.settings import SequenceSettings
from dlic.pixels.frames import Frame, SequenceFormat
from tests.learned.exact.pages import page

ROOT = Path(__file__).parents[3]
TINY = ROOT / "tests" / "golden" / "tiny_light"


@lru_cache(maxsize=1)
def codec() -> SequenceCodec:
    """The tiny checkpoint for key frames and for the others."""
    return load_sequence_codec(TINY)


@lru_cache(maxsize=1)
def photograph() -> np.ndarray:
    pixels = np.array(Image.open(ROOT / "tests" / "photographs" / "kodim23.png").convert("RGB"))
    pixels.setflags(write=False)  # a test that wrote into its frames would change those of others
    return pixels


def pan(count: int, size: tuple[int, int] = (72, 100), at: tuple[int, int] = (100, 100), step: tuple[int, int] = (1, 3)):
    """Frames (H, W, 3) of a window that moves over the photograph."""
    (height, width), (y, x), (down, right) = size, at, step
    return [photograph()[y + down * i : y + down * i + height, x + right * i : x + right * i + width] for i in range(count)]


def typing(count: int, size: tuple[int, int] = (80, 160)):
    """Frames (H, W, 3) of a page on which a line is typed, with a moving photograph at the right."""
    height, width = size
    frames = []
    for i in range(count):
        frame = page(height, width)
        frame[32:48] = page(height, width, "#a03030")[16:32]
        frame[32:48, 8 * (i + 2) :] = 255
        frame[height // 2 :, width // 2 :] = photograph()[200 : 200 + height - height // 2, 3 * i : 3 * i + width - width // 2]
        frames.append(frame)
    return frames


def timed(frames: list[np.ndarray], duration: int = 40) -> list[Frame]:
    """Frames of one duration each."""
    return [Frame(pixels=pixels, pts=duration * i, duration=duration) for i, pixels in enumerate(frames)]


def form_of(frames: list[np.ndarray]) -> SequenceFormat:
    height, width, channels = frames[0].shape
    return SequenceFormat(width=width, height=height, alpha=channels == 4)


def encoded(frames: list[np.ndarray], level: int = 40, extras: list[Extra] | None = None, **settings) -> bytes:
    """The file of some frames."""
    items = [*(extras or []), *timed(frames)]
    return b"".join(encode_sequence(items, form_of(frames), codec(), SequenceSettings(level=level, **settings)))


def decoder(data: bytes, damaged: bool = False) -> SequenceDecoder:
    return SequenceDecoder(SequenceReader(io.BytesIO(data), damaged), codec())


def psnr(first: np.ndarray, second: np.ndarray) -> float:
    error = np.square(first.astype(float) - second).mean()
    return float(10 * np.log10(255**2 / max(error, 1e-6)))
