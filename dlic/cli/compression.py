"""The work of `dlic compress` on one image file or clip, as it is sent to other processes."""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from dlic.batch.folders import Done
from dlic.cli import gain_maps, streams, values
from dlic.cli.compress_clip import ClipOptions, compress_clip
from dlic.errors import CorruptFileError
from dlic.formats.registry import kind_to_write
from dlic.formats.writing import Outcome, Wishes
from dlic.images.files import ImageFile, size_of
from dlic.progress import Progress, no_progress
from dlic.runtime.threads import limited
from dlic.runtime.timing import timed


@dataclass(frozen=True, kw_only=True)
class Compression:
    """The work on one image file, as it is sent to other processes."""

    codec: str
    wishes: Wishes
    stripped: frozenset[str]  # names of metadata
    strict: bool
    force: bool
    verify: bool
    keep_time: bool
    max_pixels: int
    clips: ClipOptions = field(default_factory=ClipOptions)

    def outputs(self, target: Path) -> tuple[Path, ...]:
        """The paths of which one is written for `target`."""
        return (target, Path(as_jpeg(str(target)))) if self.wishes.keep_smaller else (target,)

    def file(self, source: str, target: str, progress: Progress = no_progress) -> Done:
        """Compress one image or clip, from a path or `-`, to another. Raises DlicError."""
        if self.clips.take(source, self.codec):
            return compress_clip(
                source, target, self.wishes, self.clips, progress,
                strict=self.strict, force=self.force, verify=self.verify, max_pixels=self.max_pixels,
            )  # fmt: skip
        kind = kind_to_write(self.codec, self.wishes)
        encode = kind.prepare(self.wishes)
        outputs = () if target == streams.STANDARD else self.outputs(Path(target))
        for path in outputs:
            streams.refuse_existing(source, str(path), self.force)
        seconds: dict[str, float] = {}
        with timed(seconds, "image"):
            file = sys.stdin.buffer.read() if source == streams.STANDARD else source
            if self.wishes.max_memory is not None:
                streams.check_memory(size_of(file, self.max_pixels), self.wishes.max_memory)  # before it is read
            picture = kind.load(file, self.max_pixels, self.strict)
            picture = gain_maps.stripped(picture, self.stripped, self.strict, source)
        with limited(self.wishes.threads):
            outcome = encode(picture, progress)
        seconds |= outcome.seconds
        if self.wishes.keep_smaller:
            from dlic.cli.keep_smaller import smaller

            with timed(seconds, "compare with JPEG"):
                outcome = smaller(picture, outcome, self.wishes, self.max_pixels)
        if outcome.as_jpeg and target != streams.STANDARD:
            target = as_jpeg(target)
        with timed(seconds, "write and verify" if self.verify and target != streams.STANDARD else "write"):
            streams.write_bytes(target, outcome.data, self.force, _comparison(outcome, target) if self.verify else None)
        if self.keep_time:
            streams.keep_time(source, target)
        done = _done(source, picture, outcome, target, seconds)
        if sum(map(os.path.lexists, outputs)) > 1:
            return replace(done, notes=(*done.notes, "an earlier output with the other ending is left beside the new one"))
        return done


def as_jpeg(target: str) -> str:
    """'photo.dlic' → 'photo.jpg'"""
    return target.removesuffix(".dlic") + ".jpg"


def _comparison(outcome: Outcome, target: str) -> Callable[[bytes], None]:
    """Refuses a file that does not decode to the encoded picture."""

    def verify(written: bytes) -> None:
        try:
            same = outcome.matches(written)
        except CorruptFileError as error:
            raise streams.not_what_was_encoded(target) from error
        if not same:
            raise streams.not_what_was_encoded(target)

    return verify


def _done(source: str, picture: ImageFile, outcome: Outcome, target: str, seconds: dict[str, float]) -> Done:
    height, width = picture.pixels.shape[:2]
    size, raw = len(outcome.data), picture.pixels.nbytes
    bpp, notes = size * 8 / (width * height), (*picture.notes, *outcome.notes, *gain_maps.kept(picture.metadata, outcome.data))
    figures = {
        "output": target, "bytes": size, "width": width, "height": height, "bpp": bpp, "ratio": raw / size,
        **outcome.figures, "seconds": seconds, "notes": list(notes),
    }  # fmt: skip
    detail = f"{size:,} bytes, {bpp:.3f} bpp, {raw / size:.1f} : 1{outcome.detail}, {values.milliseconds(seconds)}"
    return Done(target, figures, _line(source, target, size) + outcome.said, detail, notes)


def _line(source: str, target: str, size: int) -> str:
    """'photo.jpg 236 kB → photo.dlic 59 kB (−75 %)'"""
    written = f"{'standard output' if target == streams.STANDARD else target} {values.shown_size(size)}"
    if source == streams.STANDARD:
        return written
    before = os.path.getsize(source)
    larger = f", larger than {os.path.basename(source)}" if size > before else ""
    return f"{source} {values.shown_size(before)} → {written} ({values.change(before, size)}{larger})"
