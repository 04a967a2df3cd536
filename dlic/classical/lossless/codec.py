"""Lossless coding of 8- and 16-bit samples in the .dlic container: predicted, by the reversible 5/3 wavelet, or by copies.

samples ⇄ bands of rows ┬ reversible colour ┬ `wavefront`: residuals of all planes ⇄ rANS
         (BAND pixels)   │                   ├ `residuals` of each plane ⇄ Huffman codes
                         │                   └ `coefficients` of the wavelet ⇄ Huffman codes
                         └ palettes and copies (`repeating`), of 8-bit samples that repeat
"""

import math
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from dlic.classical.lossless import coefficients, prediction, repeating, residuals, reversible_colour, wavefront, webp
from dlic.classical.lossless.choices import choice
from dlic.classical.lossless.stripes import LONGEST
from dlic.container.format import LOSSLESS, Chunks, Container, check_kind, check_no_coder, read, write
from dlic.entropy.byte_reader import Reader, read_varint, uint, write_varint
from dlic.errors import CorruptFileError, DlicError
from dlic.images.files import MAX_PIXELS
from dlic.pixels.arrays import check_size

BAND = 1 << 22  # pixels coded together: bounds memory in addition to the samples, and adapts tables to the picture
RAW, PREDICTIVE, WAVELET, COPIED, WAVEFRONT = "raw", "predictive", "wavelet", "copied", "wavefront"
KINDS = (RAW, PREDICTIVE, WAVELET, COPIED, WAVEFRONT)  # of a band, by the number that stands for each
TRANSFORMS = {WAVEFRONT: wavefront, PREDICTIVE: residuals, WAVELET: coefficients}  # modules that code the planes of a band
WEBP_CHANNELS = {1: [0, 0, 0], 2: [0, 0, 0, 1], 3: [0, 1, 2], 4: [0, 1, 2, 3]}  # of RGBA, for those of samples
NEAR, NEAR_DRAWING = 1.03, 1.2  # a quick search of photographs and drawings takes at most so many times the bytes of a thorough one
DRAWING = 0.55  # share of pixels like the one to the left: at most 0.49 in 40 training photographs
EXHAUSTIVE_BELOW = 1 << 20  # pixels up to which an exhaustive search, of some seconds, is tried too
STREAM = [uint("depth", 1), uint("channels", 1)]


@dataclass(frozen=True)
class LosslessCodec:
    """Lossless at every size. "wavefront" gives the smallest files, of text and drawings with bands of copies, and is read fastest.
    "predictive" is what transparency and earlier files have; "wavelet" is the reversible transform of JPEG 2000.
    """

    transform: str = WAVEFRONT
    max_pixels: int = MAX_PIXELS  # larger files are refused
    chunks: Chunks = ()  # of new files

    def __post_init__(self) -> None:
        if self.transform not in TRANSFORMS:
            raise DlicError(f"a lossless transform is wavefront, predictive or wavelet, not {self.transform!r}")

    def compress(self, image: np.ndarray) -> bytes:
        """uint8 or uint16 samples (H, W), or (H, W, C) of 2 … 4 channels → a .dlic file. Raises DlicError for other arrays."""
        samples = _check(image)
        height, width = image.shape[:2]
        stream = encode(samples, self.transform)
        container = Container(kind=LOSSLESS, width=width, height=height, symbols_crc=_crc(image), stream=stream, chunks=self.chunks)
        return write(container)

    def decompress(self, data: bytes) -> np.ndarray:
        """Inverse of `compress`, for all transforms. Raises CorruptFileError."""
        container = read(data)
        check_kind(container, LOSSLESS, codec="the lossless codec")
        check_no_coder(container)
        check_size(container.width, container.height, self.max_pixels)
        image = decode(container.stream, container.height, container.width)
        if _crc(image) != container.symbols_crc:
            raise CorruptFileError("the picture is damaged: its samples are not those that were encoded")
        return image


def encode(samples: np.ndarray, transform: str) -> bytes:
    """The stream of samples (H, W, C), uint8 or uint16."""
    fields = {"depth": 8 * samples.dtype.itemsize, "channels": samples.shape[2]}
    head = b"".join(field.write(fields[field.name]) for field in STREAM)
    return head + b"".join(_encode_band(samples[rows], transform) for rows in _rows(*samples.shape[:2]))


def decode(stream: bytes, height: int, width: int) -> np.ndarray:
    """Inverse of `encode`: (H, W) where there is one channel. Raises CorruptFileError."""
    reader = Reader(stream)
    fields = {field.name: int(field.read(reader)) for field in STREAM}
    depth, channels = fields["depth"], fields["channels"]
    if depth not in (8, 16) or not 1 <= channels <= 4:
        raise CorruptFileError(f"the picture would have {channels} channels of {depth} bits, which lossless files do not")
    decoded = [_decode_band(reader, (rows.stop - rows.start, width, channels), depth) for rows in _rows(height, width)]
    if reader.position != len(stream):
        raise CorruptFileError("the coded picture holds more than its samples")
    samples = np.concatenate(decoded)
    return samples[..., 0] if channels == 1 else samples


def _encode_band(samples: np.ndarray, transform: str) -> bytes:
    """Kind, colour transform, planes; bare samples where nothing is gained."""
    depth = 8 * samples.dtype.itemsize
    transform = PREDICTIVE if transform == WAVEFRONT and max(samples.shape[:2]) > LONGEST else transform
    planes = list(np.moveaxis(samples.astype(np.int32), 2, 0))
    colour = _best_colour(planes, depth)
    planes[:3] = reversible_colour.forward(planes[:3], depth, colour)
    coded = bytes([reversible_colour.TRANSFORMS.index(colour)]) + TRANSFORMS[transform].encode(planes, depth)
    copied = _copied(samples, min(len(coded), samples.nbytes)) if transform != WAVELET else b""
    if copied:
        return copied
    if len(coded) < samples.nbytes:
        return bytes([KINDS.index(transform)]) + coded
    return bytes([KINDS.index(RAW)]) + samples.astype(samples.dtype.newbyteorder("<")).tobytes()


def _copied(samples: np.ndarray, limit: int) -> bytes:
    """A band as one of `repeating`, empty where that has not fewer than `limit` bytes."""
    if samples.dtype != np.uint8 or max(samples.shape[:2]) >= webp.MAX_SIDE:
        return b""
    pixels = np.ascontiguousarray(samples[..., WEBP_CHANNELS[samples.shape[2]]])
    drawing = (samples[:, 1:] == samples[:, :-1]).all(axis=2).sum() > DRAWING * math.prod(samples.shape[:2])
    if len(webp.encode(pixels, webp.QUICK)) > (NEAR_DRAWING if drawing else NEAR) * limit:
        return b""
    small = math.prod(samples.shape[:2]) <= EXHAUSTIVE_BELOW
    searches = (webp.THOROUGH, webp.EXHAUSTIVE) if small else (webp.THOROUGH,)
    coded = repeating.smallest(pixels, searches)
    return bytes([KINDS.index(COPIED)]) + write_varint(len(coded)) + coded if len(coded) < limit else b""


def _decode_band(reader: Reader, shape: tuple[int, int, int], depth: int) -> np.ndarray:
    """Inverse of `_encode_band`: samples (H, W, C)."""
    dtype = np.dtype(f"u{depth // 8}")
    kind = choice(reader, KINDS, "way of coding")
    if kind == RAW:
        samples = np.frombuffer(reader.take(math.prod(shape) * dtype.itemsize), dtype.newbyteorder("<"))
        return samples.astype(dtype).reshape(shape)
    if kind == COPIED:
        return _decode_copied(reader, shape, depth)
    colour = choice(reader, reversible_colour.TRANSFORMS, "colour transform")
    if colour != "none" and shape[2] < 3:
        raise CorruptFileError(f"a picture of {shape[2]} channels has no colour to transform")
    planes = TRANSFORMS[kind].decode(reader, shape, depth)
    planes[:3] = reversible_colour.inverse(planes[:3], depth, colour)
    samples = np.empty(shape, dtype)
    for channel, plane in enumerate(planes):
        samples[..., channel] = plane
    return samples


def _decode_copied(reader: Reader, shape: tuple[int, int, int], depth: int) -> np.ndarray:
    """Inverse of `_copied`."""
    if depth != 8:
        raise CorruptFileError(f"samples of {depth} bits cannot be coded by copies")
    order = WEBP_CHANNELS[shape[2]]
    pixels = repeating.decode(reader.take(read_varint(reader)), *shape[:2], channels=len(order))
    return pixels[..., [order.index(channel) for channel in range(shape[2])]]


def _best_colour(planes: list[np.ndarray], depth: int) -> str:
    """The colour transform with the fewest bits in MED's residuals."""
    if len(planes) < 3:
        return "none"

    def bits(transform: str) -> float:
        return sum(_residual_bits(plane, depth) for plane in reversible_colour.forward(planes[:3], depth, transform))

    return min(reversible_colour.TRANSFORMS, key=bits)


def _residual_bits(plane: np.ndarray, depth: int) -> float:
    residuals, _, _ = prediction.predict(plane, depth, "med", np.zeros(plane.shape, np.int32))
    return float(np.log2(1 + 2 * np.abs(residuals)).sum())


def _rows(height: int, width: int) -> Iterator[slice]:
    """The rows of each band of about BAND pixels."""
    step = max(1, BAND // width)
    for top in range(0, height, step):
        yield slice(top, min(height, top + step))


def _check(image: np.ndarray) -> np.ndarray:
    """Samples (H, W, C) of an image. Raises DlicError for unsupported arrays."""
    if not isinstance(image, np.ndarray) or image.dtype not in (np.uint8, np.uint16):
        raise DlicError(f"lossless coding takes uint8 or uint16 samples, not {getattr(image, 'dtype', type(image).__name__)}")
    if image.ndim not in (2, 3) or (image.ndim == 3 and not 2 <= image.shape[2] <= 4) or image.size == 0:
        raise DlicError(f"lossless coding takes (height, width) or (height, width, 2 … 4) samples, not {image.shape}")
    return image[..., None] if image.ndim == 2 else image


def _crc(image: np.ndarray) -> int:
    return zlib.crc32(image.astype(image.dtype.newbyteorder("<")).tobytes())
