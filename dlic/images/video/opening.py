"""Opens clips of every kind: video files, animations, and folders of frames."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import numpy as np

from dlic.errors import DlicError, UnreadableImageError
from dlic.images.files import MAX_PIXELS
from dlic.images.video import animation, apng, gif
from dlic.images.video.clip import Clip, Item, at_rate, check_clip_size
from dlic.images.video.frame_folder import open_folder
from dlic.pixels.frames import SequenceFormat
from dlic.storage.files import read_whole

VIDEO_ENDINGS = frozenset(
    [".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".y4m", ".ts", ".mts", ".mpg", ".mpeg", ".ogv", ".flv", ".wmv"]
)
ANIMATION_ENDINGS = frozenset([".gif", ".png", ".apng", ".webp", ".avif", ".avifs"])
BEGINNING = 1 << 16  # bytes by which a kind is recognised: the control chunk of a PNG may stand behind a profile
IMAGE_BRANDS = (b"avif", b"avis", b"mif1", b"msf1", b"heic", b"heix", b"hevc", b"jxl ", b"crx ")  # of ISO base media files


def is_video(beginning: bytes) -> bool:
    """Whether a file that begins like this is a video, and no picture or animation that Pillow reads."""
    if beginning[4:8] == b"ftyp":
        return beginning[8:12] not in IMAGE_BRANDS
    return (
        beginning.startswith(
            (b"\x1aE\xdf\xa3", b"YUV4MPEG2 ", b"FLV\1", b"OggS", b"\0\0\1\xba", b"\0\0\1\xb3", b"0&\xb2u\x8ef\xcf\x11")
        )
        or beginning[4:8] in (b"moov", b"mdat", b"wide")
        or (beginning[:4] == b"RIFF" and beginning[8:12] == b"AVI ")
        or (beginning[:1] == b"G" and beginning[188:189] in (b"G", b"") and not beginning.startswith(b"GIF"))
    )


def may_be_clip(beginning: bytes) -> bool:
    """Whether a file that begins like this is a video, or states that it is an animation. Of a GIF only its loop says so."""
    if beginning.startswith(gif.MAGICS):
        return gif.LOOP in beginning
    if beginning.startswith(b"\x89PNG"):
        return apng.is_animated(beginning)
    if beginning[:4] == b"RIFF" and beginning[8:12] == b"WEBP":
        return beginning[12:16] == b"VP8X" and bool(beginning[20] & 2)
    return is_video(beginning) or (beginning[4:8] == b"ftyp" and b"avis" in beginning[8 : int.from_bytes(beginning[:4], "big")])


def is_clip(source: Path) -> bool:
    """Whether a file is a video, or an animation of several frames, from its content. A file that cannot be read is none."""
    try:
        with open(source, "rb") as file:
            beginning = file.read(BEGINNING)
        if is_video(beginning):
            return True
        if not (beginning.startswith(gif.MAGICS) or may_be_clip(beginning)):
            return False
        clip = _animation(source.read_bytes(), str(source))
        return clip is not None and clip.frames != 1
    except (OSError, UnreadableImageError):  # reading it as a picture says why
        return False


def open_clip(
    source: str | Path, fps: Fraction | None = None, max_pixels: int = MAX_PIXELS, tracks: bool = True, name: str | None = None
) -> Clip:
    """A video file, an animation or a folder of frames.

    Args:
        source: its path.
        fps: frames a second of a folder; of a file, in place of its own times.
        max_pixels: larger frames are refused.
        tracks: whether sound and subtitles are copied.
        name: of the source in messages; default: its path.

    Raises UnreadableImageError for files that are none of these, DlicError where PyAV is missing or a folder has no times.
    """
    path, name = Path(source), name or str(source)
    if path.is_dir():
        return open_folder(path, fps, max_pixels)
    with _readable(path, name) as file:
        beginning = file.read(BEGINNING)
    clip = None if is_video(beginning) else open_animation(read_whole(path, UnreadableImageError), name, max_pixels)
    if clip is None:
        from dlic.images.video.video_reader import open_video

        clip = open_video(path, name, max_pixels, tracks)
    return clip if fps is None else at_rate(clip, fps)


def open_animation(data: bytes, name: str, max_pixels: int = MAX_PIXELS) -> Clip | None:
    """An animated GIF, APNG, WebP or AVIF; None for everything else, still pictures too. Raises UnreadableImageError."""
    clip = _animation(data, name)
    if clip is None or clip.frames == 1:
        return None
    check_clip_size(name, clip.form.width, clip.form.height, max_pixels)
    if clip.form.alpha and all((frame.pixels[..., 3] == 255).all() for frame in clip.pictures()):
        return _opaque(clip)  # files of frames that differ little state an alpha channel that they do not show
    return clip


def _opaque(clip: Clip) -> Clip:
    """A clip without the alpha channel of its frames."""

    def items() -> Iterator[Item]:
        return (replace(frame, pixels=np.ascontiguousarray(frame.pixels[..., :3])) for frame in clip.pictures())

    return replace(clip, form=replace(clip.form, alpha=False), items=items)


def _animation(data: bytes, name: str) -> Clip | None:
    if data.startswith(gif.MAGICS):
        head = gif.read_head(data, name)
        return _clip(head, gif.TICK, lambda: gif.read_frames(data, head, name))
    if apng.is_animated(data):
        png_head = apng.read_head(data, name)
        return _clip(png_head, png_head.time_base, lambda: apng.read_frames(data, png_head, name))
    if data[:4] == b"RIFF" or data[4:8] == b"ftyp":
        other = animation.read_head(data, name)
        return None if other is None else _clip(other, other.time_base, lambda: animation.read_frames(data, other, name))
    return None


def _clip(
    head: gif.GifHead | apng.PngHead | animation.AnimationHead, time_base: Fraction, items: Callable[[], Iterator[Item]]
) -> Clip:
    form = SequenceFormat(width=head.width, height=head.height, time_base=time_base, alpha=head.alpha, loops=head.plays)
    return Clip(form=form, items=items, frames=head.frames)


@contextmanager
def _readable(path: Path, name: str) -> Iterator[BinaryIO]:
    try:
        with open(path, "rb") as file:
            yield file
    except FileNotFoundError as error:
        raise UnreadableImageError(f"{name} does not exist") from error
    except OSError as error:
        raise UnreadableImageError(f"{name} cannot be read: {error.strerror or error}") from error


@contextmanager
def spooled(stream: BinaryIO) -> Iterator[Path]:
    """A pipe as a temporary file, because demuxers seek and rate control reads twice."""
    with tempfile.NamedTemporaryFile(prefix="dlic-", suffix=".clip") as file:
        shutil.copyfileobj(stream, file)
        file.flush()
        yield Path(file.name)


def rate(text: str) -> Fraction:
    """'25', '29.97', '30000/1001' → frames a second. Raises DlicError."""
    nominal = {"23.976": Fraction(24000, 1001), "29.97": Fraction(30000, 1001), "59.94": Fraction(60000, 1001)}
    try:
        value = nominal.get(text) or Fraction(text)
    except (ValueError, ZeroDivisionError) as error:
        raise DlicError(f"{text!r} is no rate; write frames a second as 25, 29.97 or 30000/1001") from error
    if not 0 < value <= 100_000:
        raise DlicError(f"a rate is more than 0 and at most 100,000 frames a second, not {text}")
    return value
