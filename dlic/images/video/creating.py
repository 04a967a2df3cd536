"""Writes clips of every kind: video files, animations, and folders of frames."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, BinaryIO

from dlic.errors import DlicError, ExistsError
from dlic.images.video import animation, frame_folder, y4m
from dlic.images.video.apng import ApngWriter
from dlic.images.video.clip import Item, Track
from dlic.images.video.frame_folder import Timing
from dlic.images.video.gif import TICK, GifWriter
from dlic.pixels.frames import Frame, SequenceFormat
from dlic.storage.files import cannot_write

VIDEO = (".mp4", ".mov", ".mkv", ".webm")
ANIMATIONS = (".gif", ".apng", ".png", ".webp", ".avif")
ENDINGS = (*VIDEO, ".y4m", *ANIMATIONS)
WEBP_QUALITY, AVIF_QUALITY = 90, 85  # of frames that were decoded from a smaller file
LONGEST_WEBP = (1 << 24) - 1  # milliseconds of one frame


@dataclass(frozen=True, kw_only=True)
class Output:
    """Facts about an output that are known before its first frame."""

    form: SequenceFormat
    durations: Sequence[int]  # of the frames, in ticks of the form's time base
    aspect: Fraction = Fraction(1)  # width of a pixel over its height
    tracks: Sequence[Track] = ()
    lossless: bool = False


def write_clip(file: BinaryIO, suffix: str, output: Output, items: Iterator[Item]) -> list[str]:
    """Writes frames and packets into a file that seeks, in the format of a suffix; returns notes on what is lost.

    Raises DlicError for an unknown suffix, and for a format that cannot hold the clip.
    """
    suffix = suffix.lower()
    if suffix in VIDEO:
        return _video(file, suffix, output, items)
    notes = [f"{track.kind} in {track.codec} is left out: {suffix} cannot hold it" for track in output.tracks]
    frames = (item for item in items if isinstance(item, Frame))
    if suffix == ".y4m":
        return [*notes, *_y4m(file, output, frames)]
    if suffix in ANIMATIONS:
        write = {".gif": _gif, ".webp": _webp, ".avif": _avif}.get(suffix, _apng)
        return [*notes, *write(file, output, frames)]
    raise DlicError(f"cannot write a clip as {suffix or 'a file without ending'}: use {', '.join(ENDINGS)}, or a folder")


def _video(file: BinaryIO, suffix: str, output: Output, items: Iterator[Item]) -> list[str]:
    from dlic.images.video.video_writer import VideoWriter

    writer = VideoWriter(file, suffix, output.form, output.aspect, output.tracks, output.lossless)
    for item in items:
        writer.write(item)
    writer.close()
    return writer.notes


def _y4m(file: BinaryIO, output: Output, frames: Iterator[Frame]) -> list[str]:
    from dlic.images.video.video_writer import written_colour

    form = output.form
    if form.alpha or output.lossless:
        raise DlicError(f".y4m has no place for {'the transparency' if form.alpha else 'lossless RGB'} of a clip: use .mkv")
    rate = y4m.rate_of(len(output.durations), sum(output.durations), form.time_base)
    y4m.write(file, frames, form, written_colour(form), output.aspect, rate)
    return []


# --- animations ---------------------------------------------------------------------------------------------------------


def _gif(file: BinaryIO, output: Output, frames: Iterator[Frame]) -> list[str]:
    form, shown = output.form, _Rounding(output.form.time_base, TICK)
    writer = GifWriter(file, form.width, form.height, form.loops, form.alpha)
    for frame in frames:
        writer.write(frame.pixels, shown.units(frame))
    writer.close()
    return ["each frame has 256 colours at most", *shown.notes("hundredths of a second, at least two")]


def _apng(file: BinaryIO, output: Output, frames: Iterator[Frame]) -> list[str]:
    form = output.form
    writer = ApngWriter(file, form.width, form.height, form.loops, form.alpha)
    for frame in frames:
        writer.write(frame.pixels, frame.duration * form.time_base)
    writer.close()
    return []


def _webp(file: BinaryIO, output: Output, frames: Iterator[Frame]) -> list[str]:
    shown = _Rounding(output.form.time_base, animation.MILLISECOND)
    options: dict[str, Any] = {"lossless": True} if output.lossless else {"quality": WEBP_QUALITY}
    milliseconds = [min(units, LONGEST_WEBP) for units in shown.all_units(output.durations)]
    animation.save_webp(file, (frame.pixels for frame in frames), milliseconds, output.form.loops, **options)
    return shown.notes("milliseconds")


def _avif(file: BinaryIO, output: Output, frames: Iterator[Frame]) -> list[str]:
    shown = _Rounding(output.form.time_base, animation.MILLISECOND)
    options: dict[str, Any] = {"quality": 100 if output.lossless else AVIF_QUALITY, "subsampling": "4:4:4"}
    animation.save_avif(file, (frame.pixels for frame in frames), shown.all_units(output.durations), **options)
    forever = [] if output.form.loops == 0 else ["the animation repeats for ever: Pillow's AVIF has no other count"]
    return [*shown.notes("milliseconds"), *forever]


class _Rounding:
    """Durations in a format's unit. Ends are rounded, so that errors do not add up."""

    def __init__(self, time_base: Fraction, unit: Fraction):
        self._factor, self._end, self._shown, self._is_exact = time_base / unit, 0, 0, True

    def units(self, frame: Frame) -> int:
        return self._next(frame.duration)

    def all_units(self, durations: Sequence[int]) -> list[int]:
        return [self._next(duration) for duration in durations]

    def notes(self, unit: str) -> list[str]:
        return [] if self._is_exact else [f"durations are rounded to {unit}"]

    def _next(self, duration: int) -> int:
        self._end += duration
        units = max(1, round(self._end * self._factor) - self._shown)
        self._is_exact &= units == duration * self._factor
        self._shown += units
        return units


# --- folders ------------------------------------------------------------------------------------------------------------


def write_folder(target: Path, output: Output, frames: Iterator[Frame], suffix: str = ".png") -> int:
    """Writes frames as numbered images, with their times, into a new folder that appears when all are there. Returns the bytes.

    Raises ExistsError where the folder exists and is not empty.
    """
    with _whole_folder(target) as folder:
        durations, size = list[int](), 0
        for number, frame in enumerate(frames):
            size += frame_folder.write_frame(folder, number, frame.pixels, suffix)
            durations.append(frame.duration)
        timing = frame_folder.timing_bytes(Timing(output.form.time_base, durations, output.form.loops))
        (folder / frame_folder.TIMING).write_bytes(timing)
    return size + len(timing)


@contextmanager
def _whole_folder(target: Path) -> Iterator[Path]:
    """A folder that appears at `target` when the block ends without an error."""
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ExistsError(f"{target} exists; name another folder for the frames")
    folder = None
    try:
        folder = Path(mkdtemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent))
        yield folder
        folder.chmod(0o777 & ~_umask(folder))
        folder.replace(target)
        folder = None
    except OSError as error:
        raise cannot_write(target, error) from error
    finally:
        if folder is not None:
            _removed(folder)


def _umask(folder: Path) -> int:
    """The permissions that new folders lack, found without changing the process."""
    probe = folder / "probe"
    probe.mkdir()
    mode = probe.stat().st_mode & 0o777
    probe.rmdir()
    return 0o777 & ~mode


def _removed(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
