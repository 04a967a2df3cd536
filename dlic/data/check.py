"""Checks a folder of photographs before training: sizes, broken files, duplicates, traces of JPEG, pictures of evaluation sets."""

import hashlib
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from dlic.batch.processes import cores
from dlic.classical.jpeg.quantisation import LUMA, scaled
from dlic.data.evaluation_sets import EvaluationSet, overlaps
from dlic.data.fingerprints import SAME, distances, fingerprint, stack
from dlic.data.photographs import find_photographs
from dlic.errors import UnreadableImageError
from dlic.images.files import MAX_PIXELS, opened, read_image
from dlic.progress import Progress, no_progress

BLOCKY = 0.75  # gray levels: JPEG at quality 80 leaves 0.9 on Kodak, at 90 0.4, and 0.2 are in the originals
LOW_QUALITY = 85  # of JPEG files: below it blocks can be measured
SOFT = 40.0  # dB: half the resolution shows as much
GRAY = 2  # largest difference between channels that scans of gray pictures have
MIDDLE = 2048  # side of the part in which damage is looked for, a multiple of 8
CLIP = 16  # gray levels: larger steps are edges of the picture
MOST_COMPARED = 50_000  # photographs whose pairs are compared: more would take hours
CHUNK = 256  # rows of the table of distances at a time


@dataclass(frozen=True, eq=False)
class Examined:
    """Measures of one photograph."""

    path: str  # below the folder
    width: int
    height: int
    pixels_sha256: str
    blockiness: float  # gray levels, see `blockiness`
    softness: float  # dB, see `softness`
    gray: bool
    jpeg_quality: int | None  # of a JPEG file, see `jpeg_quality`
    fingerprint: np.ndarray = field(repr=False, compare=False)

    @property
    def megapixels(self) -> float:
        return self.width * self.height / 1e6


@dataclass(frozen=True)
class Broken:
    """A file that cannot be read."""

    path: str
    reason: str


@dataclass(frozen=True)
class Found:
    """The result of `check`."""

    folder: str
    photographs: tuple[Examined, ...]
    broken: tuple[Broken, ...]
    duplicates: tuple[tuple[str, ...], ...]  # groups of the same pixels
    alike: tuple[tuple[str, ...], ...] | None  # groups of other versions of a photograph; None where there are too many to compare
    overlap: tuple[tuple[str, str], ...]  # (path, picture of an evaluation set)


def check(folder: Path, sets: Sequence[EvaluationSet], jobs: int | None = None, progress: Progress = no_progress) -> Found:
    """Examine every photograph below `folder`, several at once. Raises DlicError where there is none."""
    paths = find_photographs(folder)
    results = []
    with ThreadPoolExecutor(jobs or cores()) as pool:
        for result in pool.map(lambda path: _examined(path, folder), paths):
            results.append(result)
            progress(len(results) / len(paths))
    photographs = tuple(photograph for photograph in results if isinstance(photograph, Examined))
    marks = stack([photograph.fingerprint for photograph in photographs])
    names = [photograph.path for photograph in photographs]
    overlap = tuple((names[photograph.index], photograph.picture) for photograph in overlaps(marks, sets))
    broken = tuple(photograph for photograph in results if isinstance(photograph, Broken))
    return Found(str(folder), photographs, broken, _duplicates(photographs), _alike(photographs, marks), overlap)


def _examined(path: Path, folder: Path) -> Examined | Broken:
    name = path.relative_to(folder).as_posix()
    try:
        pixels = read_image(path).pixels
        quality = jpeg_quality(path)
    except UnreadableImageError as error:
        return Broken(name, str(error))
    height, width = pixels.shape[:2]
    part = _middle(pixels)
    luma = np.asarray(Image.fromarray(part).convert("L"))
    return Examined(
        path=name,
        width=width,
        height=height,
        pixels_sha256=hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes()).hexdigest(),
        blockiness=blockiness(luma),
        softness=softness(luma),
        gray=is_gray(part),
        jpeg_quality=quality,
        fingerprint=fingerprint(pixels),
    )


def _middle(pixels: np.ndarray) -> np.ndarray:
    """At most MIDDLE×MIDDLE pixels of the middle, beginning at a block of a JPEG."""
    top, left = (max(0, side - MIDDLE) // 16 * 8 for side in pixels.shape[:2])
    return np.ascontiguousarray(pixels[top : top + MIDDLE, left : left + MIDDLE])


# --- measures -----------------------------------------------------------------------------------------------------------


def blockiness(luma: np.ndarray) -> float:
    """Blocking of JPEG: excess of differences between neighbouring pixels across every eighth line, uint8 (H, W) → gray levels.

    The mean of its two neighbours is subtracted from each difference, so that slopes count nothing; it is cut at 16 levels.
    Of the eight places at which the lines of a grid can lie, that with the largest mean is held against the median of all, so
    that pictures cut since then show their grid too; those made smaller have none, and their damage is gone as well. Horizontal and
    vertical are averaged. Pictures below 24 pixels give 0.
    """
    if min(luma.shape) < 24:
        return 0.0
    levels = luma.astype(np.float32)
    return float(np.mean([_excess(levels), _excess(levels.T)]))


def _excess(levels: np.ndarray) -> float:
    differences = np.abs(np.diff(levels, axis=1))
    jumps = differences[:, 1:-1] - (differences[:, :-2] + differences[:, 2:]) / 2
    jumps = np.clip(jumps, -CLIP, CLIP).mean(axis=0)
    places = [jumps[place::8].mean() for place in range(8)]
    return float(np.max(places) - np.median(places))


def softness(luma: np.ndarray) -> float:
    """PSNR in dB of a picture made half as large and enlarged again, uint8 (H, W): high where out of focus or once enlarged."""
    image = Image.fromarray(luma)
    half = image.resize((max(1, image.width // 2), max(1, image.height // 2)), Image.Resampling.LANCZOS)
    again = np.asarray(half.resize(image.size, Image.Resampling.LANCZOS), dtype=np.float32)
    error = np.mean((again - luma) ** 2)
    return float(10 * np.log10(255**2 / max(error, 1e-2)))


def is_gray(pixels: np.ndarray) -> bool:
    """Whether uint8 (H, W, 3) has nearly no colour."""
    some = pixels[::3, ::3].astype(np.int16)
    return float((np.ptp(some, axis=2) <= GRAY).mean()) > 0.999


def jpeg_quality(path: Path) -> int | None:
    """The IJG quality whose luma table is nearest to that of a JPEG file; None for files of other kinds."""
    tables = getattr(opened(path, MAX_PIXELS), "quantization", None)
    if not tables:
        return None
    steps = np.array(tables[min(tables)])
    return int(min(range(1, 101), key=lambda quality: np.abs(np.sort(scaled(LUMA, quality)) - np.sort(steps)).sum()))


# --- duplicates ---------------------------------------------------------------------------------------------------------


def _duplicates(photographs: Iterable[Examined]) -> tuple[tuple[str, ...], ...]:
    groups: dict[str, list[str]] = {}
    for photograph in photographs:
        groups.setdefault(photograph.pixels_sha256, []).append(photograph.path)
    return tuple(tuple(group) for group in groups.values() if len(group) > 1)


def _alike(photographs: Sequence[Examined], marks: np.ndarray) -> tuple[tuple[str, ...], ...] | None:
    """Groups of versions of the same photograph, without groups of identical pixels only."""
    if len(photographs) > MOST_COMPARED:
        return None
    leader = list(range(len(photographs)))  # of the group, by following it

    def first_of(index: int) -> int:
        while leader[index] != index:
            leader[index] = index = leader[leader[index]]
        return index

    for start in range(0, len(marks), CHUNK):
        for i, j in np.argwhere(distances(marks[start : start + CHUNK], marks[start:]) <= SAME):
            first, second = sorted((first_of(start + int(i)), first_of(start + int(j))))
            leader[second] = first
    groups: dict[int, list[Examined]] = {}
    for index, photograph in enumerate(photographs):
        groups.setdefault(first_of(index), []).append(photograph)
    return tuple(
        tuple(photograph.path for photograph in group)
        for group in groups.values()
        if len({photograph.pixels_sha256 for photograph in group}) > 1
    )
