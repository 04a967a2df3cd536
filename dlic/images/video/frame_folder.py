"""Folders of numbered images ⇄ frames, with their times in timing.json."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dlic.errors import DlicError, UnreadableImageError
from dlic.images.files import EXTENSIONS, MAX_PIXELS, image_bytes, read_image
from dlic.images.video.clip import Clip, check_frame_size
from dlic.pixels.frames import Frame, SequenceFormat
from dlic.storage.files import read_whole

TIMING = "timing.json"  # {"time_base": "1/1000", "plays": 0, "durations": [40, 40, …]}
NUMBERED = re.compile(r"(.*?)(\d+)\.\w+", re.DOTALL)
DIGITS = 6  # of the names of written frames: ten hours at 25 frames a second


@dataclass(frozen=True)
class Timing:
    """Times of the frames of a folder."""

    time_base: Fraction
    durations: list[int]
    plays: int = 1


def frame_paths(folder: Path) -> list[Path]:
    """The images of a folder whose names differ in a number alone, by that number.

    Raises UnreadableImageError where there are none, or two series.
    """
    matches = [(path, NUMBERED.fullmatch(path.name)) for path in folder.iterdir() if path.suffix.lower() in EXTENSIONS]
    numbered = sorted((int(match[2]), path) for path, match in matches if match)
    series = {(match[1], path.suffix.lower()) for path, match in matches if match}
    if not numbered or len(series) > 1 or len(numbered) < len(matches):
        reason = "no numbered image" if not numbered else "images that are no single numbered series"
        raise UnreadableImageError(f"{folder} holds {reason}; frames are named like 0001.png, 0002.png")
    return [path for _, path in numbered]


def open_folder(folder: Path, fps: Fraction | None, max_pixels: int = MAX_PIXELS) -> Clip:
    """A folder of frames. Times are those of timing.json unless a rate is given. Raises DlicError without either."""
    paths = frame_paths(folder)
    timing = _timing(folder, fps, len(paths))
    first = _pixels(paths[0], max_pixels, alpha=True)
    height, width, channels = first.shape
    form = SequenceFormat(width=width, height=height, time_base=timing.time_base, alpha=channels == 4, loops=timing.plays)

    def items() -> Iterator[Frame]:
        pts = 0
        for number, (path, duration) in enumerate(zip(paths, timing.durations, strict=True)):
            pixels = _pixels(path, max_pixels, form.alpha)
            check_frame_size(str(folder), (pixels.shape[1], pixels.shape[0]), form, number)
            yield Frame(pixels=_with_channels(pixels, form.alpha), pts=pts, duration=duration)
            pts += duration

    seconds = float(sum(timing.durations) * timing.time_base)
    return Clip(form=form, items=items, frames=len(paths), seconds=seconds)


def _pixels(path: Path, max_pixels: int, alpha: bool) -> NDArray[np.uint8]:
    pixels: NDArray[np.uint8] = read_image(path, max_pixels, ["alpha"] if alpha else []).pixels
    return pixels


def _with_channels(pixels: NDArray[np.uint8], alpha: bool) -> NDArray[np.uint8]:
    if not alpha or pixels.shape[2] == 4:
        return pixels
    return np.dstack([pixels, np.full(pixels.shape[:2], 255, np.uint8)])


# --- times --------------------------------------------------------------------------------------------------------------


def _timing(folder: Path, fps: Fraction | None, frames: int) -> Timing:
    if fps is not None:
        return Timing(1 / fps, [1] * frames)
    path = folder / TIMING
    if not path.is_file():
        raise DlicError(f"{folder} does not say how long its frames are shown; --fps 25 does")
    timing = read_timing(path)
    if len(timing.durations) != frames:
        raise UnreadableImageError(f"{path} has the times of {len(timing.durations):,} frames, but the folder has {frames:,}")
    return timing


def read_timing(path: Path) -> Timing:
    """Inverse of `timing_bytes`. Raises UnreadableImageError."""
    try:
        stated = json.loads(read_whole(path, UnreadableImageError))
        timing = Timing(Fraction(stated["time_base"]), [int(ticks) for ticks in stated["durations"]], int(stated["plays"]))
    except (ValueError, TypeError, KeyError, ZeroDivisionError) as error:
        raise UnreadableImageError(f"{path} is damaged: {error}") from error
    if timing.time_base <= 0 or timing.plays < 0 or min(timing.durations, default=1) < 1:
        raise UnreadableImageError(f"{path} holds times that no frame has: durations are whole numbers from 1")
    return timing


def timing_bytes(timing: Timing) -> bytes:
    stated = {"time_base": str(timing.time_base), "plays": timing.plays, "durations": timing.durations}
    return json.dumps(stated).encode()


def write_frame(folder: Path, number: int, pixels: NDArray[np.uint8], suffix: str = ".png") -> int:
    """Writes one frame of a folder that is being made; returns its bytes."""
    return (folder / f"{number:0{DIGITS}d}{suffix}").write_bytes(image_bytes(pixels, suffix))
