"""Coding-independent code points (ITU-T H.273): how PNG, AVIF and HEIF name primaries and transfer functions by numbers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Chromaticity = tuple[float, float]  # CIE 1931 x, y

C, D65, E, DCI = (0.310, 0.316), (0.3127, 0.3290), (1 / 3, 1 / 3), (0.314, 0.351)
REFERENCE_WHITE = 203.0  # cd/m² of diffuse white in pictures of high dynamic range (ITU-R BT.2408)
PQ_PEAK, HLG_WHITE = 10_000.0, 0.75  # cd/m² of code 1; the code of diffuse white


@dataclass(frozen=True)
class Primaries:
    """Chromaticities of white and of the three colours."""

    white: Chromaticity
    red: Chromaticity
    green: Chromaticity
    blue: Chromaticity


@dataclass(frozen=True)
class CodePoints:
    """The numbers of cICP and nclx. Here the pixels are RGB or gray, at full range."""

    primaries: int
    transfer: int
    matrix: int = 0
    full_range: int = 1

    @property
    def is_srgb(self) -> bool:
        """Whether the colours are those of pictures that state nothing."""
        return (self.primaries, self.transfer) in SRGB

    @property
    def has_profile(self) -> bool:
        """Whether an ICC profile can state these colours, at least up to diffuse white."""
        return (
            bool(self.full_range)
            and self.matrix == 0
            and self.primaries in PRIMARIES
            and (self.transfer in PARAMETRIC or self.transfer in SAMPLED)
        )

    @property
    def is_high_dynamic_range(self) -> bool:
        return self.transfer in (PQ, HLG)

    def __str__(self) -> str:
        return f"{PRIMARY_NAMES.get(self.primaries, self.primaries)} {TRANSFER_NAMES.get(self.transfer, self.transfer)}"


PRIMARIES: Mapping[int, Primaries] = {
    1: Primaries(D65, (0.640, 0.330), (0.300, 0.600), (0.150, 0.060)),
    4: Primaries(C, (0.670, 0.330), (0.210, 0.710), (0.140, 0.080)),
    5: Primaries(D65, (0.640, 0.330), (0.290, 0.600), (0.150, 0.060)),
    6: Primaries(D65, (0.630, 0.340), (0.310, 0.595), (0.155, 0.070)),
    7: Primaries(D65, (0.630, 0.340), (0.310, 0.595), (0.155, 0.070)),
    8: Primaries(C, (0.681, 0.319), (0.243, 0.692), (0.145, 0.049)),
    9: Primaries(D65, (0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    10: Primaries(E, (1.0, 0.0), (0.0, 1.0), (0.0, 0.0)),
    11: Primaries(DCI, (0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
    12: Primaries(D65, (0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
    22: Primaries(D65, (0.630, 0.340), (0.295, 0.605), (0.155, 0.077)),
}
PRIMARY_NAMES = {1: "BT.709", 9: "BT.2020", 11: "DCI-P3", 12: "Display P3"}
PQ, HLG, UNSPECIFIED = 16, 18, 2
TRANSFER_NAMES = {1: "BT.709", 4: "gamma 2.2", 5: "gamma 2.8", 8: "linear", 13: "sRGB", PQ: "PQ", HLG: "HLG"}
SRGB = {(primaries, transfer) for primaries in (1, UNSPECIFIED) for transfer in (13, UNSPECIFIED)}


def power_with_toe(parameters: tuple[float, ...]) -> Callable[[Floats], Floats]:
    """light = (a·code + b)^g from d on, and c·code below; parameters g, a, b, c, d as ICC's parametric curves of type 3."""
    g, a, b, c, d = parameters
    return lambda code: np.where(code >= d, np.maximum(a * code + b, 0) ** g, c * code)


def _smpte240(v: Floats) -> Floats:
    return np.where(v < 0.0912863421, v / 4, ((v + 0.1115721957) / 1.1115721957) ** (1 / 0.45))


def _pq(v: Floats) -> Floats:
    """SMPTE ST 2084, so that diffuse white is 1; brighter lights are clipped, since a profile has nothing above its white."""
    m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
    root = v ** (1 / m2)
    light: Floats = (np.maximum(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1)
    return np.minimum(light * PQ_PEAK / REFERENCE_WHITE, 1)


def _hlg(v: Floats) -> Floats:
    """ARIB STD-B67 with the system gamma 1.2 of a display of 1000 cd/m², clipped as PQ."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073

    def scene(code: Floats) -> Floats:
        return np.where(code <= 0.5, code**2 / 3, (np.exp((code - c) / a) + b) / 12)

    return np.minimum((scene(v) / scene(np.array(HLG_WHITE))) ** 1.2, 1)


SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
BT709_CURVE = (1 / 0.45, 1 / 1.09929682680944, 0.09929682680944 / 1.09929682680944, 1 / 4.5, 0.081242858)
PARAMETRIC: Mapping[int, tuple[float, ...]] = {  # g, or the parameters of `power_with_toe`
    1: BT709_CURVE, 6: BT709_CURVE, 11: BT709_CURVE, 12: BT709_CURVE, 14: BT709_CURVE, 15: BT709_CURVE,
    4: (2.2,), 5: (2.8,), 8: (1.0,), 13: SRGB_CURVE,
}  # fmt: skip
SAMPLED: Mapping[int, Callable[[Floats], Floats]] = {  # from code 0 … 1 to light 0 … 1
    7: _smpte240, PQ: _pq, 17: lambda v: np.minimum(v**2.6 * 52.37 / 48, 1), HLG: _hlg,
    9: lambda v: np.where(v > 0, 10 ** (2 * (v - 1)), 0.0), 10: lambda v: np.where(v > 0, 10 ** (2.5 * (v - 1)), 0.0),
}  # fmt: skip
