"""Animated WebP and AVIF, by Pillow: read frame by frame, and written from frames as they come."""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.ImageFile import ImageFile as PillowFile

from dlic.images.pillow.opening import decoding, open_image
from dlic.images.video.clip import BROWSER_DELAY
from dlic.pixels.frames import Frame

MILLISECOND = Fraction(1, 1000)
CONTAINERS = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts")  # boxes that hold boxes


@dataclass(frozen=True, kw_only=True)
class AnimationHead:
    """Facts about an animation."""

    width: int
    height: int
    frames: int
    plays: int  # 0: for ever
    time_base: Fraction
    alpha: bool
    durations: tuple[int, ...] | None = None  # in ticks, where the file has a table of them


def read_head(data: bytes, name: str) -> AnimationHead | None:
    """Facts from the header; None for a still picture. Raises UnreadableImageError for a broken file."""
    with decoding(name):
        image = open_image(data)
    frames, (width, height) = int(getattr(image, "n_frames", 1)), image.size
    if frames < 2 or image.format not in ("WEBP", "AVIF"):
        return None
    timing = _avif_timing(data) if image.format == "AVIF" else None
    return AnimationHead(
        width=width,
        height=height,
        frames=frames,
        plays=int(image.info.get("loop", 0)) if timing is None else timing.plays,
        time_base=MILLISECOND if timing is None else Fraction(1, timing.scale),
        alpha=image.mode == "RGBA",
        durations=None if timing is None or len(timing.durations) != frames else timing.durations,
    )


def read_frames(data: bytes, head: AnimationHead, name: str) -> Iterator[Frame]:
    """The frames as whole pictures. Raises UnreadableImageError where one is broken."""
    pts = 0
    with decoding(name):
        image = open_image(data)
    for number in range(head.frames):
        with decoding(name):
            pixels = _pixels(image, number, "RGBA" if head.alpha else "RGB")
        stated = head.durations[number] if head.durations else round(image.info.get("duration", 0) * MILLISECOND / head.time_base)
        duration = stated or max(1, round(BROWSER_DELAY / head.time_base))
        yield Frame(pixels=pixels, pts=pts, duration=duration)
        pts += duration


def _pixels(image: PillowFile, number: int, mode: str) -> NDArray[np.uint8]:
    image.seek(number)
    image.load()
    return np.array(image.convert(mode))


# --- AVIF: times are in the boxes of the track ---------------------------------------------------------------------------


@dataclass(frozen=True)
class _AvifTiming:
    scale: int  # ticks a second
    durations: tuple[int, ...]
    plays: int


def _avif_timing(data: bytes) -> _AvifTiming | None:
    """Times of the first track; None where its boxes are not as expected."""
    found: dict[bytes, bytes] = {}
    for kind, box in _boxes(data, 0, len(data)):
        if kind not in found and kind in (b"mdhd", b"stts", b"elst"):
            found[kind] = box
    try:
        scale = struct.unpack_from(">I", found[b"mdhd"], 20 if found[b"mdhd"][0] else 12)[0]
        count = struct.unpack_from(">I", found[b"stts"], 4)[0]
        entries = [
            struct.unpack_from(">II", found[b"stts"], 8 + 8 * entry) for entry in range(min(count, len(found[b"stts"]) // 8))
        ]
    except (KeyError, struct.error, IndexError):
        return None
    if not scale > 0 or sum(repeats for repeats, _ in entries) > len(data):
        return None
    durations = tuple(ticks for repeats, ticks in entries for _ in range(repeats))
    repeated = found.get(b"elst", bytes(4))[3] & 1  # an edit list that repeats: libavif writes it for animations that go on
    return _AvifTiming(scale, durations, 0 if repeated else 1)


def _boxes(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, bytes]]:
    """Names and contents of the boxes within ISO base media boxes, in their order."""
    while start + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, start)
        if size < 8 or start + size > end:
            return
        if kind in CONTAINERS:
            yield from _boxes(data, start + 8, start + size)
        else:
            yield kind, data[start + 8 : start + size]
        start += size


# --- writing ------------------------------------------------------------------------------------------------------------


class FramesImage(Image.Image):
    """A picture of several frames that Pillow's `save` asks for one after the other: one is in memory at a time."""

    is_animated = True

    def __init__(self, frames: Iterator[NDArray[np.uint8]], count: int):
        super().__init__()
        self._frames, self.n_frames, self._at = frames, count, -1
        self.seek(0)

    def seek(self, frame: int) -> None:
        if frame == self._at + 1:
            if frame >= self.n_frames:
                raise EOFError("no more frames")
            shown = Image.fromarray(next(self._frames))
            self.im, self._mode, self._size, self._at = shown.im, shown.mode, shown.size, frame
        elif frame >= self.n_frames:
            raise EOFError("no more frames")

    def tell(self) -> int:
        return max(self._at, 0)


Save = Callable[[BinaryIO], None]


def save_webp(file: BinaryIO, frames: Iterator[NDArray[np.uint8]], durations: list[int], plays: int, **options: Any) -> None:
    """Writes an animated WebP; durations are in milliseconds."""
    picture = FramesImage(frames, len(durations))
    picture.save(file, "WEBP", save_all=True, duration=durations, loop=plays, **options)


def save_avif(file: BinaryIO, frames: Iterator[NDArray[np.uint8]], durations: list[int], **options: Any) -> None:
    """Writes an animated AVIF, which repeats for ever; durations are in milliseconds."""
    picture = FramesImage(frames, len(durations))
    picture.save(file, "AVIF", save_all=True, duration=durations, **options)
