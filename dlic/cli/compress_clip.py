"""`dlic compress` of clips: a video, an animation or a folder of frames → a .dlic file of kind sequence."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from dlic.batch.folders import Done
from dlic.cli import streams, values
from dlic.cli.clip_options import bits
from dlic.errors import CorruptFileError, DlicError, UnreadableImageError
from dlic.formats.sequence_writing import ClipWishes, EncodedClip, encode_clip, verify_file
from dlic.formats.writing import Wishes, option
from dlic.images.files import EXTENSIONS
from dlic.images.video import opening
from dlic.images.video.clip import Clip
from dlic.images.video.frame_folder import TIMING
from dlic.progress import Progress
from dlic.runtime.threads import limited
from dlic.runtime.timing import timed
from dlic.storage.files import written_whole

CODECS = ("learned", "sequence")  # of --codec, that take clips
TRACKS = ("audio", "subtitles")  # of --strip; either leaves out both
TAKES = {
    "quality",
    "target_size",
    "target_psnr",
    "effort",
    "content",
    "tune",
    "model",
    "weights",
    "max_memory",
    "threads",
    "browsed",
}  # of Wishes


@dataclass(frozen=True, kw_only=True)
class ClipOptions:
    """The options that are about clips; picklable for workers."""

    fps: Fraction | None = None
    still: bool = False  # the first frame as a picture
    low_delay: bool = False
    target_bitrate: int | None = None  # bits a second
    with_tracks: bool = True

    @classmethod
    def read(cls, fps: str | None, still: bool, low_delay: bool, target_bitrate: str | None, strip: Sequence[str]) -> "ClipOptions":
        """From the texts of the command line. Raises DlicError."""
        return cls(
            fps=None if fps is None else opening.rate(fps),
            still=still,
            low_delay=low_delay,
            target_bitrate=bits(target_bitrate),
            with_tracks=not {"all", *TRACKS} & _words(strip),
        )

    @staticmethod
    def of_pictures(strip: Sequence[str]) -> list[str]:
        """The words of --strip that are about pictures."""
        return sorted(_words(strip) - set(TRACKS))

    @staticmethod
    def endings(codec: str) -> frozenset[str]:
        """Of the files that -r takes."""
        return EXTENSIONS | (opening.VIDEO_ENDINGS | opening.ANIMATION_ENDINGS if codec in CODECS else frozenset())

    def take(self, source: str, codec: str) -> bool:
        """Whether a file, a folder of frames or standard input is compressed as a clip."""
        if self.still or codec not in CODECS:
            return False
        if source == streams.STANDARD:
            return opening.may_be_clip(streams.peek(opening.BEGINNING))
        path = Path(source)
        return (self.fps is not None or (path / TIMING).is_file()) if path.is_dir() else opening.is_clip(path)

    def are_frames(self, names: Sequence[str], recursive: bool) -> bool:
        """Whether a folder of frames is compressed as one clip."""
        return len(names) == 1 and not recursive and os.path.isdir(names[0]) and self.take(names[0], CODECS[0])

    def check(self, source: str | None, codec: str) -> None:
        """Raises DlicError for options of clips with a source that is not a clip."""
        given = {"--fps": self.fps, "--low-delay": self.low_delay or None, "--target-bitrate": self.target_bitrate}
        for name, value in given.items():
            if value is not None and source is not None and not self.take(source, codec):
                raise DlicError(f"{name} is for clips, and {streams.shown(source)} is none")


def _words(strip: Sequence[str]) -> set[str]:
    return {word.strip() for option in strip for word in option.split(",")}


def compress_clip(
    source: str,
    target: str,
    wishes: Wishes,
    options: ClipOptions,
    progress: Progress,
    *,
    strict: bool,
    force: bool,
    verify: bool,
    max_pixels: int,
) -> Done:
    """Compresses one clip, from a path or `-`, to another. Raises DlicError."""
    wanted = clip_wishes(wishes, options)
    streams.refuse_existing(source, target, force)
    seconds: dict[str, float] = {}
    with _path_of(source) as path, limited(wishes.threads):
        with timed(seconds, "open"):
            clip = opening.open_clip(path, options.fps, max_pixels, options.with_tracks, streams.shown(source))
        if strict and clip.notes:
            raise UnreadableImageError(f"{streams.shown(source)} is refused by --strict: {', '.join(clip.notes)}")
        with timed(seconds, "encode"):
            encoded = encode_clip(clip, wanted, progress)
            size = _write(target, encoded, force, wanted if verify else None)
    return _done(clip, encoded, target, size, seconds)


def clip_wishes(wishes: Wishes, options: ClipOptions) -> ClipWishes:
    """Raises DlicError for options that clips do not have."""
    for wish in wishes.given:
        if wish not in TAKES:
            takes = ", ".join(option(name) for name in ("quality", "target_size", "target_bitrate", "target_psnr", "effort"))
            raise DlicError(f"{option(wish)} does not go with clips; they take {takes}; --still takes one frame as a picture")
    return ClipWishes(
        quality=wishes.quality,
        target_size=wishes.target_size,
        target_bitrate=options.target_bitrate,
        target_psnr=wishes.target_psnr,
        low_delay=options.low_delay,
        effort=wishes.effort or 0,
        content=wishes.content,
        tune=wishes.tune,
        model=wishes.model,
        weights=wishes.weights,
    )


@contextmanager
def _path_of(source: str) -> Iterator[Path]:
    """The clip as a file that seeks."""
    if source != streams.STANDARD:
        yield Path(source)
        return
    with opening.spooled(sys.stdin.buffer) as path:
        yield path


def _write(target: str, encoded: EncodedClip, force: bool, verified: ClipWishes | None) -> int:
    """Writes the pieces as they are made; the bytes."""
    if target == streams.STANDARD:
        return sum(streams.write_piece(piece) for piece in encoded.pieces)
    with written_whole(Path(target), force) as file:
        size = sum(file.write(piece) for piece in encoded.pieces)
        file.flush()
        if verified is not None:
            _verify(file.name, target, verified)
    return size


def _verify(path: str, target: str, wishes: ClipWishes) -> None:
    try:
        with open(path, "rb") as file:
            verify_file(file, wishes)
    except CorruptFileError as error:
        raise streams.not_what_was_encoded(target) from error


def _done(clip: Clip, encoded: EncodedClip, target: str, size: int, seconds: dict[str, float]) -> Done:
    form = clip.form
    length = float(encoded.ticks * form.time_base)
    bpp = 8 * size / (form.width * form.height * max(1, encoded.frames))
    figures: dict[str, Any] = {
        "output": target, "bytes": size, "width": form.width, "height": form.height, "frames": encoded.frames,
        "duration": length, "bpp": bpp, "bits_per_second": 8 * size / length if length else None, "level": encoded.level,
        "loops": form.loops, "tracks": [{"kind": track.kind, "codec": track.codec} for track in clip.tracks],
        "seconds": seconds, "notes": list(clip.notes),
    }  # fmt: skip
    line = f"{target}: {encoded.frames:,} frames in {length:.2f} s, {values.shown_size(size)}"
    detail = (
        f"{size:,} bytes, {bpp:.4f} bpp, {8 * size / max(length, 1e-3) / 1000:,.0f} kbit/s, level {encoded.level}, "
        f"{values.milliseconds(seconds)}"
    )
    return Done(target, figures, line, detail, tuple(clip.notes))
