"""A wavelet codec: CDF 9/7, dead-zone quantisation, and bit planes in an embedded stream; every prefix of it can be decoded.

pixels ⇄ YCbCr ⇄ CDF 9/7 ⇄ whole multiples of one step ⇄ bit planes with contexts ⇄ rANS
                 (classical/wavelets)                    (classical/bit_planes)     (entropy/adaptive)
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from dlic.classical.wavelet import bit_planes
from dlic.classical.wavelet.bit_planes import State
from dlic.classical.wavelet.transform import Band, bands, forward_97, inverse_97, synthesis_norm_97
from dlic.container.format import WAVELET, Chunks, Container, check_kind, check_no_coder, read, read_beginning, write
from dlic.entropy.adaptive import Decoder, Writer
from dlic.entropy.byte_reader import Reader, uint, write_varint
from dlic.errors import CorruptFileError, DlicError
from dlic.images.colour import PLANE_GAINS, rgb_to_ycbcr, rounded, ycbcr_to_rgb
from dlic.images.files import MAX_PIXELS
from dlic.pixels.arrays import check_size, size_of_array

LEVELS = 5
MAX_PLANES = 24
STEP_UNIT = 64  # steps are stored in 1/64
CENTRE = 0.47  # where in its interval a coefficient is put: values nearer zero are more frequent
STREAM = [uint("components", 1), uint("planes", 1), uint("step", 2)]

WEIGHTS = {1: (1.0,), 3: tuple(np.sqrt(3 * PLANE_GAINS).tolist())}  # weight of an error in each component


@dataclass(frozen=True)
class WaveletCodec:
    """uint8 (H, W) or (H, W, 3) ⇄ .dlic files that may be cut anywhere: see `decompress_prefix`."""

    quality: int = 75  # 1 … 100: the quantiser's step, about as JPEG's quality
    size: int | None = None  # bytes of the file, beyond which the stream is cut
    max_pixels: int = MAX_PIXELS  # larger files are refused
    chunks: Chunks = ()  # of new files

    def __post_init__(self) -> None:
        if not 1 <= self.quality <= 100:
            raise DlicError(f"quality must be 1 … 100, not {self.quality}")

    def compress(self, image: np.ndarray) -> bytes:
        """Raises DlicError for any other array, or where `size` is less than a header takes."""
        _check(image)
        step = _step(self.quality)
        targets = _quantise(_forward(image), step)
        planes = int(max(np.abs(target).max() for target in targets)).bit_length()
        states = bit_planes.states(size_of_array(image), len(targets), LEVELS, targets)
        fields = {"components": len(targets), "planes": planes, "step": step}
        head = b"".join(field.write(fields[field.name]) for field in STREAM)
        height, width = image.shape[:2]
        container = Container(kind=WAVELET, width=width, height=height, symbols_crc=0, stream=head, chunks=self.chunks)
        writer = Writer(bit_planes.prior(), _room(container, self.size))
        bit_planes.walk(states, planes, writer)
        stream = container.stream + writer.finish()
        if self.size is not None:  # the states may be ahead of the stream, whose size is limited
            states = _decode(stream, size_of_array(image), strict=True)[0]
        return write(replace(container, stream=stream, symbols_crc=_crc(states)))

    def decompress(self, data: bytes) -> np.ndarray:
        """Inverse of `compress`. Raises CorruptFileError unless every byte of the file is as it was written."""
        container = self._ours(read(data))
        states, step = _decode(container.stream, (container.height, container.width), strict=True)
        if _crc(states) != container.symbols_crc:
            raise CorruptFileError("the picture is damaged: its coefficients are not those that were encoded")
        return _inverse(_dequantise(states, step))

    def decompress_prefix(self, data: bytes) -> np.ndarray:
        """Decodes a prefix of a file. Raises CorruptFileError where the header is incomplete."""
        container = self._ours(read_beginning(data)[0])
        return _inverse(_dequantise(*_decode(container.stream, (container.height, container.width), strict=False)))

    def _ours(self, container: Container) -> Container:
        check_kind(container, WAVELET, codec="the wavelet codec")
        check_no_coder(container)
        check_size(container.width, container.height, self.max_pixels)
        return container


def encode(samples: np.ndarray, quality: int) -> bytes:
    """The stream of samples uint8 (H, W) or (H, W, 3), whole."""
    return read(WaveletCodec(quality).compress(samples)).stream


def decode(stream: bytes, height: int, width: int) -> np.ndarray:
    """Inverse of `encode`. Raises CorruptFileError."""
    return _inverse(_dequantise(*_decode(stream, (height, width), strict=True)))


def _step(quality: int) -> int:
    """The quantiser's step in 1/64, scaled with quality as the IJG scales JPEG's tables; at 100 errors are below one level."""
    scale = 5000 / quality if quality < 50 else 200 - 2 * quality
    return min(max(STEP_UNIT // 2, round(STEP_UNIT * 0.56 * scale)), 65535)


def _forward(image: np.ndarray) -> np.ndarray:
    """Samples → coefficients of each component: float32 (1 or 3, H, W)."""
    values = image.astype(np.float32)
    planes = values[None] if image.ndim == 2 else np.moveaxis(rgb_to_ycbcr(values), 2, 0)
    return forward_97(planes - 128, LEVELS)


def _inverse(coefficients: np.ndarray) -> np.ndarray:
    """Inverse of `_forward`, rounded to uint8."""
    planes = inverse_97(coefficients, LEVELS) + 128
    return rounded(planes[0] if len(planes) == 1 else ycbcr_to_rgb(np.moveaxis(planes, 0, 2)))


def _quantise(coefficients: np.ndarray, step: int) -> list[np.ndarray]:
    """Whole steps towards zero, int32 (H, W) for each component: a dead zone of twice the step."""
    targets = [np.zeros(plane.shape, np.int32) for plane in coefficients]
    for component, (plane, target) in enumerate(zip(coefficients, targets, strict=True)):
        for band in bands(plane.shape, LEVELS):
            place = band.rows, band.columns
            target[place] = plane[place] / np.float32(_unit(band, component, len(targets), step))
    return targets


def _dequantise(states: Sequence[State], step: int) -> np.ndarray:
    """Coefficients (components, H, W), each in its interval near the middle."""
    components = states[-1].component + 1
    height, width = (max(state.place[axis].stop for state in states) for axis in (0, 1))
    planes = np.zeros((components, height, width), np.float32)
    for state in states:
        magnitude = np.abs(state.known)
        interval = np.left_shift(1, np.where(magnitude > 0, state.low, 0).astype(np.int32))
        middle = np.where(magnitude > 0, magnitude + np.float32(CENTRE) * interval, 0)
        unit = _unit(state.band, state.component, components, step)
        planes[state.component][state.place] = np.sign(state.known) * middle * np.float32(unit)
    return planes


def _unit(band: Band, component: int, components: int, step: int) -> float:
    """The quantiser's step in a band: the same error in the picture everywhere."""
    return step / STEP_UNIT / (synthesis_norm_97(band.level, band.kind) * WEIGHTS[components][component])


def _decode(stream: bytes, shape: tuple[int, int], strict: bool) -> tuple[list[State], int]:
    """The decoded bits of the coefficients, and their step. Raises CorruptFileError; if `strict`, also unless every byte was
    used.
    """
    reader = Reader(stream)
    fields = {field.name: int(field.read(reader)) for field in STREAM}
    if fields["components"] not in WEIGHTS or fields["planes"] > MAX_PLANES or not fields["step"]:
        raise CorruptFileError(f"the coded picture has {fields}, which wavelet files do not")
    states = bit_planes.states(shape, fields["components"], LEVELS)
    decoder = Decoder(stream[reader.position :], bit_planes.prior())
    bit_planes.walk(states, fields["planes"], decoder)
    if strict and not decoder.complete:
        raise CorruptFileError("the coded picture is damaged: its last chunk is not whole")
    return states, fields["step"]


def _room(container: Container, size: int | None) -> int | None:
    """Bytes left for chunks in a file of `size`."""
    if size is None:
        return None
    least = len(write(container)) - 1 + len(write_varint(max(size, 0)))
    if size < least:
        raise DlicError(f"a wavelet file of this picture takes at least {least} bytes, not {size}")
    return size - least


def _crc(states: Sequence[State]) -> int:
    crc = 0
    for state in states:
        crc = zlib.crc32(state.known.astype("<i4").tobytes(), crc)
    return crc


def _check(image: np.ndarray) -> None:
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8:
        raise DlicError(f"the wavelet codec takes uint8 samples, not {getattr(image, 'dtype', type(image).__name__)}")
    if image.ndim not in (2, 3) or image.shape[2:] not in ((), (3,)) or image.size == 0:
        raise DlicError(f"the wavelet codec takes (height, width) or (height, width, 3) samples, not {image.shape}")
