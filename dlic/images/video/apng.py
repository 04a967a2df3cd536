"""Animated PNG: its frames, composed as the PNG specification (third edition) says, and written one by one.

Pillow decodes and encodes each frame as a PNG file of its own. Delays are read here, because they are fractions and Pillow gives
floats; so is the composition, which Pillow rounds where both pictures are half transparent.
"""

import io
import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import lcm
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dlic.entropy.byte_reader import Reader
from dlic.errors import CorruptFileError, UnreadableImageError
from dlic.images.kinds import eight_bit_pixels
from dlic.images.pillow.opening import decoding, open_image
from dlic.images.png import SIGNATURE
from dlic.images.video.canvas import Canvas, Disposal, bounds, with_opaque
from dlic.images.video.clip import BROWSER_DELAY
from dlic.pixels.frames import Frame

CONTROL = struct.Struct(">IIIIIHHBB")  # sequence number, width, height, x, y, delay as a fraction, disposal, blending
DISPOSALS = {0: Disposal.KEEP, 1: Disposal.CLEAR, 2: Disposal.RESTORE}
OVER = 1
OF_ALL_FRAMES = (b"PLTE", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"sBIT")
FINEST = 1_000_000_000  # ticks a second
LARGEST = 65535  # of a numerator or denominator of a delay


@dataclass(frozen=True, kw_only=True)
class PngFrame:
    """One frame as it is coded: the parts of a PNG file of this frame alone, and its place on the canvas."""

    width: int
    height: int
    x: int
    y: int
    delay: Fraction  # seconds
    disposal: Disposal
    over: bool
    data: list[bytes]  # of IDAT


@dataclass(frozen=True, kw_only=True)
class PngHead:
    """Facts about an animation."""

    width: int
    height: int
    frames: int
    plays: int  # 0: for ever
    time_base: Fraction
    alpha: bool  # whether a composed frame may have clear pixels


def is_animated(data: bytes) -> bool:
    """Whether a PNG file is an animation: the control chunk stands before the pixels."""
    control = data.find(b"acTL", len(SIGNATURE))
    return data.startswith(SIGNATURE) and 0 <= control < max(data.find(b"IDAT"), 0)


def read_head(data: bytes, name: str) -> PngHead:
    """Facts from the chunks, none of which is decoded. Raises UnreadableImageError."""
    header = _header(data, name)
    width, height = struct.unpack_from(">II", header)
    frames = list(_frames(data))
    if not frames:
        raise UnreadableImageError(f"{name} is an APNG without a frame")
    control = next(chunk for kind, chunk in _chunks(data) if kind == b"acTL")
    first = frames[0]
    covers = (first.x, first.y, first.width, first.height) == (0, 0, width, height)
    coloured = header[9] in (4, 6) or any(kind == b"tRNS" for kind, _ in _chunks(data))
    return PngHead(
        width=width,
        height=height,
        frames=len(frames),
        plays=int.from_bytes(control[4:8], "big"),
        time_base=Fraction(1, _common(frame.delay.denominator for frame in frames)),
        alpha=coloured or not covers or any(frame.disposal is Disposal.CLEAR for frame in frames),
    )


def read_frames(data: bytes, head: PngHead, name: str) -> Iterator[Frame]:
    """The composed frames. Raises UnreadableImageError where one is broken."""
    header, canvas, pts = _header(data, name), Canvas(head.width, head.height), 0
    shared = b"".join(_chunk(kind, chunk) for kind, chunk in _chunks(data) if kind in OF_ALL_FRAMES)
    for frame in _frames(data):
        own = struct.pack(">II", frame.width, frame.height) + header[8:]
        parts = [SIGNATURE, _chunk(b"IHDR", own), shared, _chunk(b"IDAT", b"".join(frame.data)), _chunk(b"IEND", b"")]
        with decoding(name):
            image = open_image(b"".join(parts))
        part = with_opaque(eight_bit_pixels(image, ("alpha",), name))
        shown = canvas.show(part, frame.x, frame.y, frame.over, frame.disposal)
        duration = max(1, round(frame.delay / head.time_base))
        yield Frame(pixels=shown if head.alpha else shown[..., :3], pts=pts, duration=duration)
        pts += duration


def _common(denominators: Iterable[int]) -> int:
    """Their least common multiple; microseconds where files of odd fractions have a huge one."""
    common = 1
    for denominator in set(denominators):
        common = lcm(common, denominator)
        if common > FINEST:
            return 1_000_000
    return common


# --- chunks -------------------------------------------------------------------------------------------------------------


def _header(data: bytes, name: str) -> bytes:
    kind, header = next(_chunks(data), (b"", b""))
    if kind != b"IHDR" or len(header) != 13:
        raise UnreadableImageError(f"{name} is a PNG without a header")
    return header


def _frames(data: bytes) -> Iterator[PngFrame]:
    """The coded frames; the picture for programs without animation is one only if it has a control chunk."""
    frame: PngFrame | None = None
    for kind, chunk in _chunks(data):
        if kind in (b"fcTL", b"IEND") and frame is not None and frame.data:
            yield frame
            frame = None
        if kind == b"fcTL" and len(chunk) == CONTROL.size:
            frame = _placed(chunk)
        elif kind == b"IDAT" and frame is not None:
            frame.data.append(chunk)
        elif kind == b"fdAT" and frame is not None:
            frame.data.append(chunk[4:])


def _placed(control: bytes) -> PngFrame:
    _, width, height, x, y, delay, denominator, disposal, blending = CONTROL.unpack(control)
    seconds = Fraction(delay, denominator or 100)
    return PngFrame(
        width=width,
        height=height,
        x=x,
        y=y,
        delay=seconds or BROWSER_DELAY,
        disposal=DISPOSALS.get(disposal, Disposal.KEEP),
        over=blending == OVER,
        data=[],
    )


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Names and data up to the end of the file or the first that is cut off."""
    reader = Reader(data, len(SIGNATURE))
    try:
        while reader.position < len(data):
            length = int.from_bytes(reader.take(4), "big")
            kind, chunk = reader.take(4), reader.take(length)
            reader.take(4)
            yield kind, chunk
    except CorruptFileError:
        return


def _chunk(kind: bytes, chunk: bytes) -> bytes:
    return len(chunk).to_bytes(4, "big") + kind + chunk + zlib.crc32(kind + chunk).to_bytes(4, "big")


# --- writing ------------------------------------------------------------------------------------------------------------


class ApngWriter:
    """Writes frames one by one, each only where it differs from the one before. The file must seek: the count comes last."""

    def __init__(self, file: BinaryIO, width: int, height: int, plays: int, alpha: bool):
        self._file, self._plays, self._frames, self._number = file, plays, 0, 0
        self._before: NDArray[np.uint8] | None = None
        self._write(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6 if alpha else 2, 0, 0, 0), SIGNATURE)
        self._count_at = file.tell()
        self._write_count()

    def write(self, pixels: NDArray[np.uint8], seconds: Fraction) -> None:
        """uint8 (H, W, 3) or (H, W, 4). The delay is the nearest fraction of 16 bits."""
        differs = np.full(pixels.shape[:2], True) if self._before is None else (pixels != self._before).any(axis=2)
        top, bottom, left, right = bounds(differs)
        for delay in _delays(seconds):
            self._write_part(pixels[top:bottom, left:right], left, top, delay)
        self._before = pixels

    def close(self) -> None:
        self._write(b"IEND", b"")
        self._file.seek(self._count_at)
        self._write_count()
        self._file.seek(0, io.SEEK_END)

    def _write_part(self, part: NDArray[np.uint8], x: int, y: int, delay: Fraction) -> None:
        size = part.shape[1], part.shape[0]
        self._write(b"fcTL", CONTROL.pack(self._next(), *size, x, y, delay.numerator, delay.denominator, 0, 0))
        buffer = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(part)).save(buffer, "PNG")
        coded = b"".join(chunk for kind, chunk in _chunks(buffer.getvalue()) if kind == b"IDAT")
        if self._frames == 0:
            self._write(b"IDAT", coded)
        else:
            self._write(b"fdAT", self._next().to_bytes(4, "big") + coded)
        self._frames += 1

    def _next(self) -> int:
        self._number += 1
        return self._number - 1

    def _write_count(self) -> None:
        self._write(b"acTL", struct.pack(">II", self._frames, self._plays))

    def _write(self, kind: bytes, chunk: bytes, before: bytes = b"") -> None:
        self._file.write(before + _chunk(kind, chunk))


def _delays(seconds: Fraction) -> Iterator[Fraction]:
    """A delay as frames of at most 65,535 seconds each, whose fractions have 16 bits."""
    while seconds > LARGEST:
        yield Fraction(LARGEST)
        seconds -= LARGEST
    limit = LARGEST if seconds <= 1 else int(LARGEST / seconds)
    delay = seconds.limit_denominator(max(limit, 1))
    yield delay if delay else Fraction(1, LARGEST)
