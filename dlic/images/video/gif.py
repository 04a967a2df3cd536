"""Animated GIF: its blocks, read one by one and composed as browsers do, and written one by one.

Pillow decodes and encodes the LZW data of each frame. Its own composition differs from browsers where a frame is smaller than the
canvas, where a background colour is named, and where a disposal is not.
"""

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dlic.entropy.byte_reader import Reader
from dlic.errors import CorruptFileError, UnreadableImageError
from dlic.images.pillow.opening import decoding
from dlic.images.video.canvas import Canvas, Disposal, bounds, with_opaque
from dlic.pixels.frames import Frame

MAGICS = (b"GIF87a", b"GIF89a")
SCREEN = 13  # bytes of the signature and the screen descriptor
TICK = Fraction(1, 100)  # seconds: the unit of delays
BROWSER_TICKS = 10  # that browsers show a frame with a delay below 2
LOOP = b"\x21\xff\x0bNETSCAPE2.0\x03\x01"  # how the extension with the loop count begins
EXTENSION, IMAGE, TRAILER = 0x21, 0x2C, 0x3B
CONTROL, APPLICATION = 0xF9, 0xFF
DISPOSALS = {2: Disposal.CLEAR, 3: Disposal.RESTORE}


@dataclass(frozen=True, kw_only=True)
class GifFrame:
    """One frame of a GIF as it is coded; `picture` is a GIF of this frame alone."""

    x: int
    y: int
    picture: bytes
    delay: int  # hundredths of a second
    disposal: Disposal
    transparent: int | None  # index in the palette


@dataclass(frozen=True, kw_only=True)
class GifHead:
    """Facts about an animation."""

    width: int
    height: int
    frames: int
    plays: int  # 0: for ever
    alpha: bool  # whether a composed frame may have clear pixels


def read_head(data: bytes, name: str) -> GifHead:
    """Facts from the blocks of a GIF, none of which is decoded. Raises UnreadableImageError."""
    if len(data) < SCREEN:
        raise UnreadableImageError(f"{name} ends in its first bytes")
    width, height = struct.unpack_from("<HH", data, 6)
    frames, clear = 0, False
    for frame in _frames(data, name):
        covers = (frame.x, frame.y) == (0, 0) and _size(frame) == (width, height) and frame.transparent is None
        clear |= (frames == 0 and not covers) or frame.disposal is Disposal.CLEAR  # otherwise every later frame is opaque too
        frames += 1
    if not frames:
        raise UnreadableImageError(f"{name} is a GIF without a frame")
    return GifHead(width=width, height=height, frames=frames, plays=_plays(data), alpha=clear)


def read_frames(data: bytes, head: GifHead, name: str) -> Iterator[Frame]:
    """The composed frames. Raises UnreadableImageError where one is broken."""
    canvas, pts = Canvas(head.width, head.height), 0
    for frame in _frames(data, name):
        shown = canvas.show(_pixels(frame, name), frame.x, frame.y, True, frame.disposal)
        duration = frame.delay if frame.delay > 1 else BROWSER_TICKS
        yield Frame(pixels=shown if head.alpha else shown[..., :3], pts=pts, duration=duration)
        pts += duration


def _pixels(frame: GifFrame, name: str) -> NDArray[np.uint8]:
    """RGBA of one frame."""
    with decoding(name):
        image = Image.open(io.BytesIO(frame.picture))
        indices = np.asarray(image)
        palette = np.array(image.getpalette("RGB") or np.repeat(np.arange(256), 3), np.uint8).reshape(-1, 3)
    colours = np.zeros((256, 4), np.uint8)
    colours[: len(palette), :3] = palette[:256]
    colours[:, 3] = 255
    if frame.transparent is not None:
        colours[frame.transparent] = 0
    pixels: NDArray[np.uint8] = np.take(colours.view(np.uint32)[:, 0], indices).view(np.uint8).reshape(*indices.shape, 4)
    return pixels


def _size(frame: GifFrame) -> tuple[int, int]:
    width, height = struct.unpack_from("<HH", frame.picture, 6)
    return width, height


# --- blocks -------------------------------------------------------------------------------------------------------------


def _frames(data: bytes, name: str) -> Iterator[GifFrame]:
    """The coded frames. A file that ends within one ends before it."""
    reader = Reader(data, 10)
    try:
        flags = reader.take(3)[0]
        palette = reader.take(3 << (flags & 7) + 1) if flags & 0x80 else b""
        control = (0, 0, 0)  # flags, delay, transparent index
        while (kind := reader.take(1)[0]) != TRAILER:
            if kind == EXTENSION:
                label, block = reader.take(1)[0], b"".join(_sub_blocks(reader))
                control = struct.unpack_from("<BHB", block) if label == CONTROL and len(block) >= 4 else control
            elif kind == IMAGE:
                yield _frame(reader, palette, control)
                control = (0, 0, 0)
            else:
                return  # browsers stop at an unknown block as well
    except CorruptFileError:
        return


def _frame(reader: Reader, palette: bytes, control: tuple[int, int, int]) -> GifFrame:
    x, y, width, height, flags = struct.unpack("<HHHHB", reader.take(9))
    if flags & 0x80:
        palette = reader.take(3 << (flags & 7) + 1)
    depth = reader.take(1)
    start = reader.position
    for _ in _sub_blocks(reader):
        pass
    bits = max(1, (len(palette) // 3).bit_length() - 1)
    screen = struct.pack("<HHBBB", width, height, (0x80 if palette else 0) | (bits - 1), 0, 0)
    image = struct.pack("<BHHHHB", IMAGE, 0, 0, width, height, flags & 0x40)  # keeps the interlacing
    coded = reader.data[start : reader.position]
    return GifFrame(
        x=x,
        y=y,
        picture=MAGICS[1] + screen + palette + image + depth + coded + bytes([TRAILER]),
        delay=control[1],
        disposal=DISPOSALS.get(control[0] >> 2 & 7, Disposal.KEEP),
        transparent=control[2] if control[0] & 1 else None,
    )


def _sub_blocks(reader: Reader) -> Iterator[bytes]:
    while length := reader.take(1)[0]:
        yield reader.take(length)


def _plays(data: bytes) -> int:
    """A loop count n of the extension means that the animation is repeated n times, 0 for ever; without it, it plays once."""
    at = data.find(LOOP)
    if at < 0 or at + 18 > len(data):
        return 1
    repeats = int.from_bytes(data[at + 16 : at + 18], "little")
    return repeats + 1 if repeats else 0


# --- writing ------------------------------------------------------------------------------------------------------------


class GifWriter:
    """Writes frames one by one, each with a palette of its own. Frames without alpha are written where they differ from the one
    before; those with alpha replace all of it.
    """

    def __init__(self, file: BinaryIO, width: int, height: int, plays: int, alpha: bool):
        self._file, self._alpha, self._before = file, alpha, np.zeros((height, width, 4), np.uint8)
        file.write(MAGICS[1] + struct.pack("<HHBBB", width, height, 0, 0, 0))
        if plays != 1:
            file.write(LOOP + struct.pack("<HB", min(max(plays - 1, 0), 65535), 0))

    def write(self, pixels: NDArray[np.uint8], delay: int) -> None:
        """uint8 (H, W, 3) or (H, W, 4), shown for `delay` hundredths of a second. Alpha below 128 is clear."""
        rgba = _two_valued(pixels)
        differs = np.full(rgba.shape[:2], True) if self._alpha else (rgba != self._before).any(axis=2)
        top, bottom, left, right = bounds(differs)
        self._before = rgba
        for ticks in _delays(delay):
            self._write_part(rgba[top:bottom, left:right], left, top, ticks)

    def close(self) -> None:
        self._file.write(bytes([TRAILER]))

    def _write_part(self, rgba: NDArray[np.uint8], x: int, y: int, delay: int) -> None:
        clear, disposal = rgba[..., 3] == 0, 2 if self._alpha else 1
        colours = 255 if clear.any() else 256
        image = Image.fromarray(np.ascontiguousarray(rgba[..., :3])).quantize(colours, Image.Quantize.MEDIANCUT)
        indices = np.array(image)
        palette = bytes(image.getpalette() or b"")[: 3 * colours].ljust(768, b"\0")
        indices[clear] = 255
        control = struct.pack("<BBBBHBB", EXTENSION, CONTROL, 4, disposal << 2 | bool(clear.any()), delay, 255, 0)
        place = struct.pack("<BHHHHB", IMAGE, x, y, rgba.shape[1], rgba.shape[0], 0x87)
        self._file.write(control + place + palette + _coded(indices))


def _coded(indices: NDArray[np.uint8]) -> bytes:
    """Code size and LZW data of 8-bit indices, by Pillow."""
    buffer = io.BytesIO()
    image = Image.fromarray(indices)
    image.putpalette(bytes(range(256)) * 3)
    image.save(buffer, "GIF", optimize=False, interlace=0)
    frame = next(_frames(buffer.getvalue(), "a frame"))
    return frame.picture[13 + 768 + 10 : -1]


def _two_valued(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """RGBA with alpha 0 or 255, and no colour where it is 0."""
    rgba = with_opaque(pixels).copy()
    rgba[rgba[..., 3] < 128] = 0
    rgba[..., 3] = np.where(rgba[..., 3] < 128, 0, 255)
    return rgba


def _delays(delay: int) -> Iterator[int]:
    """A long delay as several frames, because the field has 16 bits; below 2 browsers would show it for ten."""
    while delay > 65535:
        yield 65535
        delay -= 65535
    yield max(delay, 2)
