"""Pixels ⇄ the VP8L stream of WebP lossless (RFC 9649), by libwebp in Pillow, without the RIFF header of a WebP file."""

import io
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dlic.errors import CorruptFileError

SIGNATURE, HEAD = 0x2F, 5  # the first byte of a stream; bytes of its signature, size, alpha and version
MAX_SIDE = 1 << 14
Search = tuple[int, int]  # method and quality of libwebp
QUICK, THOROUGH, EXHAUSTIVE = (4, 75), (6, 80), (6, 100)  # 50, 80 and 3,000 ms for a megapixel of text; none is always the smallest


def encode(pixels: NDArray[np.uint8], search: Search = THOROUGH) -> bytes:
    """uint8 (H, W, 3), or (H, W, 4) with the colours under alpha 0 kept → a stream."""
    file = io.BytesIO()
    method, quality = search
    Image.fromarray(pixels).save(file, "WEBP", lossless=True, exact=True, method=method, quality=quality)
    data = file.getvalue()
    assert data[12:16] == b"VP8L", "libwebp writes the simple format where there is no metadata"
    return data[20 : 20 + int.from_bytes(data[16:20], "little")]


def has_alpha(stream: bytes) -> bool:
    """Whether a stream says that some of its pixels may be transparent."""
    return len(stream) >= HEAD and bool(int.from_bytes(stream[1:HEAD], "little") >> 28 & 1)


def decode(stream: bytes, height: int, width: int, channels: int = 3) -> NDArray[np.uint8]:
    """Inverse of `encode`: uint8 (H, W, channels). Raises CorruptFileError; sizes are checked before memory is allocated."""
    _check_head(stream, height, width, channels)
    padded = stream + b"\0" * (len(stream) % 2)
    body = b"WEBPVP8L" + struct.pack("<I", len(stream)) + padded
    try:
        with Image.open(io.BytesIO(b"RIFF" + struct.pack("<I", len(body)) + body), formats=["WEBP"]) as image:
            mode = "RGB" if channels == 3 else "RGBA"
            pixels = np.asarray(image if image.mode == mode else image.convert(mode))  # converting copies
    except (OSError, ValueError, SyntaxError, EOFError, MemoryError) as error:
        raise CorruptFileError("a WebP lossless stream in the file is damaged") from error
    if pixels.shape != (height, width, channels):
        raise CorruptFileError(f"a WebP lossless stream decodes to {pixels.shape}, not to {(height, width, channels)}")
    return pixels


def _check_head(stream: bytes, height: int, width: int, channels: int) -> None:
    """Compares the header of a stream with the picture that it should hold."""
    if len(stream) < HEAD or stream[0] != SIGNATURE:
        raise CorruptFileError("a WebP lossless stream in the file does not begin as one")
    bits = int.from_bytes(stream[1:HEAD], "little")
    stated: tuple[Any, ...] = (bits >> 14 & MAX_SIDE - 1) + 1, (bits & MAX_SIDE - 1) + 1
    if stated != (height, width):
        raise CorruptFileError(f"a WebP lossless stream has {stated[1]} × {stated[0]} pixels, not {width} × {height}")
    if bits >> 29 or (channels == 3 and bits >> 28 & 1):
        raise CorruptFileError("a WebP lossless stream in the file is of an unknown version, or transparent where nothing may be")
