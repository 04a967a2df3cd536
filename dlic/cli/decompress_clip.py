"""`dlic decompress` of sequences: a .dlic file → a video, an animation or a folder of frames; all of it or a stretch."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from dlic.batch.folders import Done
from dlic.cli import streams, values
from dlic.cli.clip_options import seconds
from dlic.container.format import KIND_AT, MAGIC, SEQUENCE
from dlic.errors import CorruptFileError, DlicError
from dlic.formats.reading import Reading
from dlic.progress import Progress
from dlic.runtime.threads import limited
from dlic.runtime.timing import timed
from dlic.storage.files import written_whole

if TYPE_CHECKING:  # decompressing a picture needs none of it
    from dlic.formats.sequence_reading import SequenceSource
    from dlic.images.video.clip import Item

PIPED = ".mkv"  # the format of standard output: it is written forward


@dataclass(frozen=True, kw_only=True)
class SequenceOptions:
    """The options that are about sequences; picklable for workers."""

    start: Fraction | None = None  # seconds
    stop: Fraction | None = None
    frame: int | None = None  # one frame as a picture
    half_rate: bool = False
    lossless: bool = False

    @classmethod
    def read(cls, start: str | None, stop: str | None, frame: int | None, half_rate: bool, lossless: bool) -> "SequenceOptions":
        """From the texts of the command line. Raises DlicError."""
        options = cls(
            start=seconds(start, "--from"), stop=seconds(stop, "--to"), frame=frame, half_rate=half_rate, lossless=lossless
        )
        if frame is not None and len(options.given) > 1:
            raise DlicError(f"--frame gives one picture; {next(name for name in options.given if name != '--frame')} is for clips")
        return options

    @property
    def given(self) -> list[str]:
        """The options that were given, as the person wrote them."""
        options = {
            "--from": self.start, "--to": self.stop, "--frame": self.frame,
            "--half-rate": self.half_rate or None, "--lossless": self.lossless or None,
        }  # fmt: skip
        return [name for name, value in options.items() if value is not None]

    def target_of(self, source: str, output: str | None) -> str | None:
        """The output of a sequence: of -o, in a folder that holds something, or by default a video next to the input, where PyAV is
        there to write one. None for other files.
        """
        if source == streams.STANDARD or not is_sequence(source) or self.frame is not None:
            return output if source == streams.STANDARD and self.frame is None else None
        own = os.path.basename(source) + (".mp4" if find_spec("av") is not None else ".webp")
        if output is None:
            return os.path.join(os.path.dirname(source), own)
        holds_something = os.path.isdir(output) and not output.endswith(("/", os.sep)) and any(os.scandir(output))
        return os.path.join(output, own) if holds_something else output

    def take(self, source: str) -> bool:
        """Whether a file is a sequence that is written as a clip. Raises DlicError for these options with another file."""
        if is_sequence(source):
            return self.frame is None
        if self.given:
            raise DlicError(f"{self.given[0]} is for sequences, and {streams.shown(source)} is none")
        return False


def is_sequence(source: str) -> bool:
    """Whether a file, or standard input, begins as a sequence does."""
    length = KIND_AT + 1
    if source == streams.STANDARD:
        beginning = streams.peek(length)
    else:
        try:
            with open(source, "rb") as file:
                beginning = file.read(length)
        except OSError:  # which reading it says
            return False
    return beginning == MAGIC + bytes([SEQUENCE])


def decompress_clip(
    source: str, target: str, reading: Reading, options: SequenceOptions, progress: Progress, *, partial: bool, force: bool
) -> Done:
    """Decompresses one sequence, from a path or `-`, to a file, a folder or `-`. Raises DlicError."""
    from dlic.formats.sequence_reading import Excerpt, open_sequence
    from dlic.images.video import creating
    from dlic.pixels.frames import Frame

    if reading.crop is not None:
        raise DlicError("--crop is for pictures, or for one frame of a sequence with --frame")
    if reading.reduction > 1:
        raise DlicError("--scale is for pictures, or for one frame of a sequence with --frame")
    to_folder = _is_folder(target)
    if not to_folder:
        streams.refuse_existing(source, target, force)
        _check_ending(target)
    excerpt = Excerpt(start=options.start, stop=options.stop, half_rate=options.half_rate, partial=partial)
    times: dict[str, float] = {}
    with _path_of(source) as path, limited(reading.threads):
        with timed(times, "open"):
            opened = open_sequence(path, excerpt, reading)
        with timed(times, "decode and write"):
            items = _watched(opened, progress)
            if to_folder:
                frames = (item for item in items if isinstance(item, Frame))
                size, notes = creating.write_folder(Path(target), opened.output(), frames), _left_out(opened)
            else:
                size, notes = _write(target, opened, items, options.lossless, force)
        read = path.stat().st_size
    return _done(opened, target, read, size, [*notes, *_lost(opened)], times)


def _is_folder(target: str) -> bool:
    return target != streams.STANDARD and (target.endswith(("/", os.sep)) or Path(target).is_dir() or not Path(target).suffix)


def _check_ending(target: str) -> None:
    """Raises DlicError for files that hold one picture, before the work."""
    from dlic.images.video import creating

    suffix = PIPED if target == streams.STANDARD else Path(target).suffix.lower()
    if suffix not in creating.ENDINGS:
        endings = ", ".join(creating.ENDINGS)
        raise DlicError(f"a sequence is written as {endings} or into a folder; --frame N writes one picture as {suffix}")


def _write(target: str, opened: "SequenceSource", items: "Iterator[Item]", lossless: bool, force: bool) -> tuple[int, list[str]]:
    from dlic.images.video import creating

    output = opened.output(lossless)
    if target == streams.STANDARD:
        pipe = _Pipe()
        return pipe.size, creating.write_clip(cast(BinaryIO, pipe), PIPED, output, items)
    with written_whole(Path(target), force) as file:
        notes = creating.write_clip(file, Path(target).suffix, output, items)
        file.flush()
        return os.stat(file.name).st_size, notes


class _Pipe:
    """Standard output as a file that cannot seek."""

    def __init__(self) -> None:
        self.size = 0

    def write(self, data: bytes) -> int:
        self.size += len(data)
        return streams.write_piece(bytes(data))


@contextmanager
def _path_of(source: str) -> Iterator[Path]:
    """The sequence as a file that seeks. Raises CorruptFileError where there is none."""
    if source != streams.STANDARD:
        if not Path(source).is_file():
            raise CorruptFileError(f"{streams.shown(source)} does not exist")
        yield Path(source)
        return
    from dlic.images.video.opening import spooled

    with spooled(sys.stdin.buffer) as path:
        yield path


def _watched(opened: "SequenceSource", progress: Progress) -> "Iterator[Item]":
    from dlic.pixels.frames import Frame

    done = 0
    for item in opened.items():
        if isinstance(item, Frame):
            done += 1
            progress(min(1.0, done / len(opened.durations)))
        yield item


def _left_out(opened: "SequenceSource") -> list[str]:
    return [f"{track.kind} in {track.codec} is left out: a folder of frames cannot hold it" for track in opened.tracks]


def _lost(opened: "SequenceSource") -> list[str]:
    more = f"; and {len(opened.lost) - 20:,} more" if len(opened.lost) > 20 else ""
    return ["; ".join(opened.lost[:20]) + more] if opened.lost else []


def _done(opened: "SequenceSource", target: str, read: int, size: int, notes: list[str], times: dict[str, float]) -> Done:
    form, count = opened.form, len(opened.durations)
    length = float(sum(opened.durations) * form.time_base)
    figures: dict[str, Any] = {
        "output": target, "width": form.width, "height": form.height, "frames": count, "duration": length,
        "bytes": read, "written": size, "lost": list(opened.lost), "seconds": times, "notes": notes,
    }  # fmt: skip
    line = f"{target}: {form.width} × {form.height}, {count:,} frames in {length:.2f} s, {values.shown_size(size)}"
    return Done(target, figures, line, f"from {read:,} bytes, {values.milliseconds(times)}", tuple(notes))
