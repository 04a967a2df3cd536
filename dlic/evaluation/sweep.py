"""Measures codecs at their qualities on a folder of images: plans the files, finds the missing ones, and measures them."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np

from dlic.batch import processes
from dlic.errors import DlicError, UnreadableImageError
from dlic.evaluation.measure import measure
from dlic.evaluation.registry import Settings, open_series
from dlic.evaluation.run import Picture, Row
from dlic.evaluation.series import Series
from dlic.images.files import EXTENSIONS, read_image
from dlic.metrics.registry import Metric, available


@dataclass(frozen=True)
class Plan:
    """The codecs, qualities and images to measure; picklable for workers."""

    folder: Path  # of the images
    codecs: dict[str, str]  # name of the series → the name or path of --codecs
    qualities: dict[str, tuple[float | None, ...]]  # by codec
    pictures: tuple[Picture, ...]
    metrics: tuple[str, ...]
    effort: int = 0
    external: Path | None = None  # file of commands

    def open(self, codec: str) -> Series:
        return open_asked(self.codecs[codec], self.effort, self.external)

    def tasks(self, codec: str) -> list["Task"]:
        """Every file of a codec, in an order that reads each image once."""
        return [Task(codec, quality, picture.name) for picture in self.pictures for quality in self.qualities[codec]]


@dataclass(frozen=True)
class Task:
    """One file to measure; its fields are the key of its row."""

    codec: str
    quality: float | None
    image: str

    @property
    def key(self) -> tuple[str, float | None, str]:
        return self.codec, self.quality, self.image


def parse_qualities(text: str) -> tuple[int, ...]:
    """'10,50,90' → its numbers in rising order, each once. DlicError for anything but whole numbers of 1 to 100."""
    try:
        numbers = sorted({int(part) for part in text.split(",")})
    except ValueError as error:
        raise DlicError(f"--qualities takes whole numbers of 1 to 100 separated by commas, as 10,50,90, not {text!r}") from error
    for number in (numbers[0], numbers[-1]):
        if not 1 <= number <= 100:
            raise DlicError(f"--qualities are from 1 to 100, not {number}")
    return tuple(numbers)


@lru_cache(maxsize=16)
def open_asked(name: str, effort: int, external: Path | None) -> Series:
    """`open_series`, once a process."""
    if external is None:
        return open_series(name, Settings(effort))
    from dlic.evaluation.external import read_external

    return open_series(name, Settings(effort, read_external(external)))


def make_plan(
    folder: Path,
    asked: Sequence[str],
    qualities: Mapping[str, Sequence[int]],
    metrics: Sequence[str] | None = None,
    effort: int = 0,
    external: Path | None = None,
) -> tuple[Plan, dict[str, str]]:
    """The plan, and for each unreadable image of the folder its name and the reason.

    Args:
        folder: of images.
        asked: names of codecs, paths of checkpoints, sections of `external`.
        qualities: of codecs by name; others have their defaults.
        metrics: names from `metrics.METRICS`; None: the defaults.
        effort: of checkpoints.
        external: file of commands, as `external.read_external` takes it.

    Raises DlicError for unknown codecs and metrics, and UnreadableImageError where no image can be read.
    """
    series = {name: open_asked(name, effort, external) for name in asked}
    qualities_by_codec = {series[name].name: _chosen(series[name], qualities.get(name)) for name in asked}
    names = tuple(available(metrics))
    pictures, left_out = pictures_in(folder)
    return Plan(
        folder, {series[name].name: name for name in asked}, qualities_by_codec, pictures, names, effort, external
    ), left_out


def _chosen(series: Series, qualities: Sequence[int] | None) -> tuple[float | None, ...]:
    if qualities is None:
        return series.qualities
    if series.qualities == (None,):
        raise DlicError(f"{series.label} has one rate; --qualities is for codecs with several")
    return tuple(float(quality) for quality in qualities)


def pictures_in(folder: Path) -> tuple[tuple[Picture, ...], dict[str, str]]:
    """Every readable image of a folder, by name, and for each other its name and the reason. Raises DlicError where none can be
    read.
    """
    pictures, left_out = [], {}
    for name, image in images_of(folder):
        if isinstance(image, UnreadableImageError):
            left_out[name] = str(image)
        else:
            height, width = image.shape[:2]
            pictures.append(Picture(name, width, height, hashlib.sha256(image.tobytes()).hexdigest()))
    return tuple(pictures), left_out


def images_of(folder: Path) -> Iterator[tuple[str, np.ndarray | UnreadableImageError]]:
    """Yields every image of a folder by name: uint8 (H, W, 3), or the reason why it cannot be read. Raises DlicError where there is
    no folder, and at the end UnreadableImageError if no image could be read.
    """
    if not folder.is_dir():
        raise DlicError(f"{folder} is not a folder of images")
    readable = False
    for path in sorted(path for path in folder.iterdir() if path.suffix.lower() in EXTENSIONS):
        try:
            pixels = read_image(path).pixels
        except UnreadableImageError as error:
            yield path.name, error
        else:
            readable = True
            yield path.name, pixels
    if not readable:
        raise UnreadableImageError(f"no image in {folder} can be read")


def rows_of(plan: Plan, tasks: Sequence[Task], jobs: int = 1) -> Iterator[Row]:
    """A row for each task as soon as it is measured; with several jobs in any order, each a process with its share of the cores."""
    return processes.results(partial(_row, plan), tasks, jobs, _killed)


def _killed(task: Task, times: int) -> Row:
    raise processes.killed_error(f"{task.codec} on {task.image}", times)


def _row(plan: Plan, task: Task) -> Row:
    first = plan.folder / plan.pictures[0].name
    series = _warm(plan.codecs[task.codec], plan.effort, plan.external, first)
    return measure(series, task.quality, task.image, _pixels(plan.folder / task.image), _metrics(plan.metrics))


@lru_cache(maxsize=16)
def _warm(name: str, effort: int, external: Path | None, image: Path) -> Series:
    """`open_asked`, then codes one image, so that one-time costs of a process do not count as a picture's time."""
    series = open_asked(name, effort, external)
    codec = series.at(series.qualities[0])
    codec.decompress(codec.compress(_pixels(image)))
    return series


@lru_cache(maxsize=2)
def _pixels(path: Path) -> np.ndarray:
    return read_image(path).pixels


@lru_cache(maxsize=4)
def _metrics(names: tuple[str, ...]) -> dict[str, Metric]:
    return available(names)
