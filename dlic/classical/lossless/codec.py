"""Lossless coding of 8- and 16-bit samples in the .dlic container: predicted, by the reversible 5/3 wavelet, or as WebP lossless.

samples ⇄ bands of rows ┬ reversible colour ⇄ residuals or coefficients with contexts ⇄ Huffman codes
         (BAND pixels)   │ (one of TRANSFORMS)  (classical/prediction, wavelets)         (entropy/contexts)
                         └ palettes, copies and a colour cache (`webp`), of 8-bit samples that repeat
"""

import math
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from dlic.classical.lossless import prediction, reversible_colour, webp
from dlic.classical.wavelet.transform import Band, bands, forward_53, inverse_53
from dlic.container.format import LOSSLESS, Chunks, Container, check_kind, check_no_coder, read, write
from dlic.entropy import contexts
from dlic.entropy.byte_reader import Reader, read_varint, uint, write_varint
from dlic.entropy.contexts import Decoder, context_of
from dlic.errors import CorruptFileError, DlicError
from dlic.images.files import MAX_PIXELS
from dlic.pixels.arrays import check_size, size_of_array

BAND = 1 << 22  # pixels coded together: bounds memory in addition to the samples, and adapts tables to the picture
LEVELS = 5
RAW, PREDICTIVE, WAVELET, WEBP = "raw", "predictive", "wavelet", "webp"
KINDS = (RAW, PREDICTIVE, WAVELET, WEBP)  # of a band, by the number that stands for each
WEBP_CHANNELS = {1: [0, 0, 0], 2: [0, 0, 0, 1], 3: [0, 1, 2], 4: [0, 1, 2, 3]}  # of WebP's, for the channels of samples
NEAR = 1.2  # a quick search takes at most so many times the bytes of a thorough one, but for rare drawings
EXHAUSTIVE_BELOW = 1 << 20  # pixels up to which an exhaustive search, of some seconds, is tried too
STREAM = [uint("depth", 1), uint("channels", 1)]

Visit = Callable[[np.ndarray, np.ndarray], np.ndarray]  # (activities, values where they are known) → values


@dataclass(frozen=True)
class LosslessCodec:
    """Lossless at every size. "predictive" gives the smaller files, of text and drawings with "webp" bands; "wavelet" is the
    reversible transform of JPEG 2000.
    """

    transform: str = "predictive"
    max_pixels: int = MAX_PIXELS  # larger files are refused
    chunks: Chunks = ()  # of new files

    def __post_init__(self) -> None:
        if self.transform not in (PREDICTIVE, WAVELET):
            raise DlicError(f"a lossless transform is predictive or wavelet, not {self.transform!r}")

    def compress(self, image: np.ndarray) -> bytes:
        """uint8 or uint16 samples (H, W), or (H, W, C) of 2 … 4 channels → a .dlic file. Raises DlicError for other arrays."""
        samples = _check(image)
        height, width = image.shape[:2]
        stream = encode(samples, self.transform)
        container = Container(kind=LOSSLESS, width=width, height=height, symbols_crc=_crc(image), stream=stream, chunks=self.chunks)
        return write(container)

    def decompress(self, data: bytes) -> np.ndarray:
        """Inverse of `compress`, for both transforms. Raises CorruptFileError."""
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
    planes = list(np.moveaxis(samples.astype(np.int32), 2, 0))
    colour = _best_colour(planes, depth)
    planes[:3] = reversible_colour.forward(planes[:3], depth, colour)
    encode_planes = _encode_residuals if transform == PREDICTIVE else _encode_coefficients
    coded = bytes([reversible_colour.TRANSFORMS.index(colour)]) + encode_planes(planes, depth)
    copied = _copied(samples, len(coded)) if transform == PREDICTIVE else b""
    if copied:
        return copied
    if len(coded) < samples.nbytes:
        return bytes([KINDS.index(transform)]) + coded
    return bytes([KINDS.index(RAW)]) + samples.astype(samples.dtype.newbyteorder("<")).tobytes()


def _copied(samples: np.ndarray, limit: int) -> bytes:
    """A band as WebP lossless, empty where that has not fewer than `limit` bytes."""
    if samples.dtype != np.uint8 or max(samples.shape[:2]) >= webp.MAX_SIDE:
        return b""
    pixels = np.ascontiguousarray(samples[..., WEBP_CHANNELS[samples.shape[2]]])
    if len(webp.encode(pixels, webp.QUICK)) > NEAR * limit:
        return b""
    small = math.prod(samples.shape[:2]) <= EXHAUSTIVE_BELOW
    searches = (webp.THOROUGH, webp.EXHAUSTIVE) if small else (webp.THOROUGH,)
    coded = webp.smallest(pixels, searches)
    return bytes([KINDS.index(WEBP)]) + write_varint(len(coded)) + coded if len(coded) < limit else b""


def _decode_band(reader: Reader, shape: tuple[int, int, int], depth: int) -> np.ndarray:
    """Inverse of `_encode_band`: samples (H, W, C)."""
    dtype = np.dtype(f"u{depth // 8}")
    kind = _choice(reader, KINDS, "way of coding")
    if kind == RAW:
        samples = np.frombuffer(reader.take(math.prod(shape) * dtype.itemsize), dtype.newbyteorder("<"))
        return samples.astype(dtype).reshape(shape)
    if kind == WEBP:
        return _decode_copied(reader, shape, depth)
    colour = _choice(reader, reversible_colour.TRANSFORMS, "colour transform")
    if colour != "none" and shape[2] < 3:
        raise CorruptFileError(f"a picture of {shape[2]} channels has no colour to transform")
    decode_planes = _decode_residuals if kind == PREDICTIVE else _decode_coefficients
    planes = decode_planes(reader, shape, depth)
    planes[:3] = reversible_colour.inverse(planes[:3], depth, colour)
    return np.stack(planes, axis=2).astype(dtype)


def _decode_copied(reader: Reader, shape: tuple[int, int, int], depth: int) -> np.ndarray:
    """Inverse of `_copied`."""
    if depth != 8:
        raise CorruptFileError(f"samples of {depth} bits cannot be WebP lossless")
    order = WEBP_CHANNELS[shape[2]]
    pixels = webp.decode(reader.take(read_varint(reader)), *shape[:2], channels=len(order))
    return pixels[..., [order.index(channel) for channel in range(shape[2])]]


def _encode_residuals(planes: list[np.ndarray], depth: int) -> bytes:
    """Every plane with the predictor that suits it best: its number, then the residuals."""
    parts: list[bytes] = []
    before: list[np.ndarray] = []
    for plane in planes:
        beside = _beside(before, size_of_array(plane))
        tried = [prediction.predict(plane, depth, predictor, beside) for predictor in prediction.PREDICTORS]
        costs = [contexts.estimated_bits(residuals, context_of(activities)) for residuals, activities, _ in tried]
        best = int(np.argmin(costs))
        residuals, activities, magnitudes = tried[best]
        parts.append(bytes([best]) + contexts.encode(residuals, context_of(activities)))
        before.append(magnitudes)
    return b"".join(parts)


def _decode_residuals(reader: Reader, shape: tuple[int, int, int], depth: int) -> list[np.ndarray]:
    """Inverse of `_encode_residuals`."""
    planes: list[np.ndarray] = []
    before: list[np.ndarray] = []
    for _ in range(shape[2]):
        predictor = _choice(reader, prediction.PREDICTORS, "predictor")
        decoder = Decoder(reader, math.prod(shape[:2]))
        pull = _puller(decoder)
        plane, magnitudes = prediction.restore(_beside(before, shape[:2]), depth, predictor, pull)
        decoder.finish()
        planes.append(plane)
        before.append(magnitudes)
    return planes


def _puller(decoder: Decoder) -> Callable[[np.ndarray], np.ndarray]:
    return lambda activities: decoder.pull(context_of(activities))


def _beside(before: list[np.ndarray], shape: tuple[int, int]) -> np.ndarray:
    """Activity from the planes before: their residuals' magnitudes at the same position, to the right and below."""
    activity = np.zeros(shape, np.int32)
    if before:
        last = before[-1]
        activity += 2 * last
        activity[:, :-1] += last[:, 1:]
        activity[:-1] += last[1:]
    if len(before) > 1:
        activity += before[-2]
    return activity


def _encode_coefficients(planes: list[np.ndarray], depth: int) -> bytes:
    """The 5/3 coefficients of every plane, band by band."""
    parts, before = [], None
    for plane in planes:
        coefficients = forward_53(plane - (1 << (depth - 1)), LEVELS)
        coded: list[tuple[np.ndarray, np.ndarray]] = []

        def visit(activities: np.ndarray, values: np.ndarray, coded=coded) -> np.ndarray:
            coded.append((context_of(activities), values))
            return values

        before = _walk(coefficients, before, visit)
        of, values = (np.concatenate(column) for column in zip(*coded, strict=True))
        parts.append(contexts.encode(values, of))
    return b"".join(parts)


def _decode_coefficients(reader: Reader, shape: tuple[int, int, int], depth: int) -> list[np.ndarray]:
    """Inverse of `_encode_coefficients`."""
    planes: list[np.ndarray] = []
    before: np.ndarray | None = None
    for _ in range(shape[2]):
        decoder = Decoder(reader, math.prod(shape[:2]))
        coefficients, pull = np.zeros(shape[:2], np.int32), _puller(decoder)
        before = _walk(coefficients, before, partial(_pulled, pull))
        decoder.finish()
        planes.append(inverse_53(coefficients, LEVELS) + (1 << (depth - 1)) & (1 << depth) - 1)
    return planes


def _pulled(pull: Callable[[np.ndarray], np.ndarray], activities: np.ndarray, _: np.ndarray) -> np.ndarray:
    """The visitor of a decoder: it reads the values."""
    return pull(activities)


def _walk(coefficients: np.ndarray, before: np.ndarray | None, visit: Visit) -> np.ndarray:
    """Visits all coefficients (H, W) and fills in the results of `visit`; returns their magnitudes (H, W).

    An encoder and a decoder take the same walk: bands from coarse to fine, and each band in four lattices, of which later ones have
    neighbours on all sides. `before` (H, W) are the magnitudes of the plane before.
    """
    magnitudes = np.zeros(coefficients.shape, np.int32)
    walked: dict[tuple[int, str], np.ndarray] = {}
    for band in bands(size_of_array(coefficients), LEVELS):
        if 0 in band.shape:
            continue
        place = band.rows, band.columns
        beside = _known_beside(band, walked, None if before is None else before[place])
        frame = np.zeros((band.shape[0] + 2, band.shape[1] + 2), np.int32)
        inside = frame[1:-1, 1:-1]
        for down, right in ((0, 0), (1, 1), (0, 1), (1, 0)):
            lattice = slice(down, None, 2), slice(right, None, 2)
            activities = beside[lattice] + _around(frame)[lattice]
            values = visit(activities.ravel(), coefficients[place][lattice].ravel()).reshape(activities.shape)
            coefficients[place][lattice] = values
            inside[lattice] = np.abs(values)
        magnitudes[place] = inside
        walked[band.level, band.kind] = inside
    return magnitudes


def _around(frame: np.ndarray) -> np.ndarray:
    """Magnitudes around each coefficient of a band that has a border of one: the nearest count twice."""
    near = frame[:-2, 1:-1] + frame[2:, 1:-1] + frame[1:-1, :-2] + frame[1:-1, 2:]
    return 2 * near + frame[:-2, :-2] + frame[:-2, 2:] + frame[2:, :-2] + frame[2:, 2:]


def _known_beside(band: Band, walked: dict[tuple[int, str], np.ndarray], before: np.ndarray | None) -> np.ndarray:
    """Prediction of a band's magnitudes (H, W) from the coarser band, the level's other bands and the plane before."""
    activity = np.zeros(band.shape, np.int32)
    parent = walked.get((band.level + 1, band.kind))
    if parent is not None:
        rows, columns = (np.minimum(np.arange(size) // 2, limit - 1) for size, limit in zip(band.shape, parent.shape, strict=True))
        activity += 2 * parent[rows[:, None], columns]
    for kind in ("HL", "LH"):
        magnitudes = walked.get((band.level, kind))
        if magnitudes is not None:
            part = magnitudes[: band.shape[0], : band.shape[1]]
            activity[: part.shape[0], : part.shape[1]] += part
    if before is not None:
        activity += 2 * before
    return activity


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


def _choice(reader: Reader, options: tuple[str, ...], name: str) -> str:
    number = reader.take(1)[0]
    if number >= len(options):
        raise CorruptFileError(f"the coded picture names {name} {number}, which this dlic does not know")
    return options[number]


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
