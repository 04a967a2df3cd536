"""ColorVideoVDP by its authors' optional package."""

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from dlic.errors import DlicError
from dlic.metrics.distances import check_same_shape

if TYPE_CHECKING:
    from types import ModuleType

DISPLAY = "standard_4k"  # 30 inches, 3840 × 2160, 200 nits, seen from 0.75 m: the package's default


def color_video_vdp(a: np.ndarray, b: np.ndarray) -> float:
    """ColorVideoVDP (Mantiuk et al. 2024) of a still image, in JOD: 10 where no difference can be seen, then down.

    `a` is the original; both uint8 sRGB (H, W, 3). DlicError where the package is missing.
    """
    check_same_shape(a, b)
    quality, _ = _metric().predict(b, a, dim_order="HWC")
    return float(quality)


@cache
def _metric() -> Any:
    return _package().cvvdp(display_name=DISPLAY)


def _package() -> "ModuleType":
    try:
        import pycvvdp
    except ImportError as error:
        raise DlicError("ColorVideoVDP needs the package cvvdp: pip install cvvdp") from error
    return pycvvdp
