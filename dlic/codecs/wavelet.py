"""A wavelet codec: CDF 9/7, dead-zone quantisation, and bit planes in an embedded stream, of which every beginning shows a picture.

    pixels ⇄ YCbCr ⇄ CDF 9/7 ⇄ whole multiples of one step ⇄ bit planes with contexts ⇄ rANS
                     (classical/wavelets)                    (classical/bit_planes)     (entropy/adaptive)
"""

import math
import zlib
from dataclasses import dataclass

import numpy as np

from dlic.classical import bit_planes
from dlic.classical.wavelets import forward_97, inverse_97, synthesis_norm_97
from dlic.container.fields import Reader, uint
from dlic.container.format import Container, read, write
from dlic.entropy import adaptive
from dlic.errors import CorruptFileError, DlicError

MODEL = b"wavelet\0"
MAX_PIXELS = 178_956_970
LEVELS = 5
MAX_PLANES = 24
STEP_UNIT = 64  # steps are stored in 1/64
CENTRE = 0.45  # where in its interval a coefficient is put: values nearer zero are more frequent
STREAM = [uint("components", 1), uint("planes", 1), uint("step", 2)]

# JPEG's full-range YCbCr (ITU-T T.871) and its inverse.
TO_YCBCR = np.array([[0.299, 0.587, 0.114], [-0.168735892, -0.331264108, 0.5], [0.5, -0.418687589, -0.081312411]], np.float32)
TO_RGB = np.array([[1, 0, 1.402], [1, -0.344136286, -0.714136286], [1, 1.772, 0]], np.float32)
WEIGHTS = {1: np.ones(1, np.float32), 3: np.linalg.norm(TO_RGB, axis=0)}  # what an error in each component does to R, G and B


@dataclass(frozen=True)
class WaveletCodec:
    """uint8 (H, W) or (H, W, 3) ⇄ .dlic files that may be cut anywhere: see `decompress_prefix`."""

    quality: int = 75  # 1 … 100: the step of the quantiser
    size: int | None = None  # most bytes of the file

    def compress(self, image: np.ndarray) -> bytes:
        height, width = image.shape[:2]
        components = 1 if image.ndim == 2 else 3
        step = round(STEP_UNIT * step_of(self.quality))
        targets = _quantise(_forward(image), step / STEP_UNIT)
        planes = int(max(np.abs(target).max() for target in targets)).bit_length()
        found = bit_planes.states((height, width), components, LEVELS, targets)
        writer = adaptive.Writer(bit_planes.prior(), None if self.size is None else self.size - 60)
        bit_planes.walk(found, planes, writer)
        fields = {"components": components, "planes": planes, "step": step}
        stream = b"".join(field.write(fields[field.name]) for field in STREAM) + writer.finish()
        return write(Container(width, height, 0, MODEL, 0, stream))

    def decompress(self, data: bytes) -> np.ndarray:
        c = read(data)
        return decode(c.stream, c.height, c.width)


def step_of(quality):
    return 2 ** ((100 - quality) / 12.5) * 0.5


def decode(stream, height, width):
    reader = Reader(stream)
    fields = {field.name: field.read(reader) for field in STREAM}
    found = bit_planes.states((height, width), fields["components"], LEVELS, None)
    bit_planes.walk(found, fields["planes"], adaptive.Decoder(stream[reader.position :], bit_planes.prior()))
    step = fields["step"] / STEP_UNIT
    planes = np.zeros((fields["components"], height, width), np.float32)
    for s in found:
        mag = np.abs(s.known)
        v = np.where(mag > 0, np.sign(s.known) * (mag + CENTRE * (1 << s.low.astype(np.int32))), 0)
        planes[s.component, s.band.rows, s.band.columns] = v * (step / (synthesis_norm_97(s.band.level, s.band.kind) * WEIGHTS[len(planes)][s.component]))
    return _inverse(planes)


def _forward(image):
    x = np.atleast_3d(image).astype(np.float32) - 128
    if x.shape[2] == 3:
        x = x @ TO_YCBCR.T
    return forward_97(np.ascontiguousarray(np.moveaxis(x, 2, 0)), LEVELS)


def _inverse(planes):
    x = np.moveaxis(inverse_97(planes, LEVELS), 0, 2)
    if x.shape[2] == 3:
        x = x @ TO_RGB.T
    x = np.clip(np.rint(x + 128), 0, 255).astype(np.uint8)
    return x[..., 0] if x.shape[2] == 1 else x


def _quantise(coefficients, step):
    from dlic.classical.wavelets import bands
    out = np.zeros(coefficients.shape, np.int32)
    for band in bands(coefficients.shape[1:], LEVELS):
        for c in range(len(coefficients)):
            w = synthesis_norm_97(band.level, band.kind) * WEIGHTS[len(coefficients)][c] / step
            part = coefficients[c, band.rows, band.columns]
            out[c, band.rows, band.columns] = np.trunc(part * np.float32(w))
    return list(out)
