"""Reversible colour transforms by lifting, modulo 2^depth: planes of 8- and 16-bit samples stay planes of 8 and 16 bits.

A difference d is stored as d + 2^(depth − 1), so that no difference is mid-grey; where one does not fit it wraps, and unwraps.
"""

from collections.abc import Callable, Sequence

import numpy as np

Planes = Sequence[np.ndarray]  # int32 (H, W) each, 0 … 2^depth − 1
TRANSFORMS = ("none", "green", "ycocg", "rct")


def forward(planes: Planes, depth: int, transform: str) -> Planes:
    """R, G, B → three planes, the first like luma. One of TRANSFORMS:

    none: also for any other number of planes. green: green and the differences from it. ycocg: YCoCg-R (Malvar & Sullivan 2003).
    rct: the one of JPEG 2000.
    """
    wrap, store = _modulo(depth)
    if transform == "none":
        return planes
    red, green, blue = planes
    if transform == "ycocg":
        co = wrap(red - blue)
        middle = blue + (co >> 1)
        cg = wrap(green - middle)
        return store(middle + (cg >> 1), 0), store(co), store(cg)
    to_red, to_blue = wrap(red - green), wrap(blue - green)
    luma = green if transform == "green" else store(green + (to_red + to_blue >> 2), 0)
    return luma, store(to_red), store(to_blue)


def inverse(planes: Planes, depth: int, transform: str) -> Planes:
    """Inverse of `forward`."""
    if transform == "none":
        return planes
    first, second, third = planes
    _, store = _modulo(depth)
    half = 1 << (depth - 1)
    if transform == "ycocg":
        co, cg = second - half, third - half
        middle = first - (cg >> 1)
        blue = middle - (co >> 1)
        return store(blue + co, 0), store(middle + cg, 0), store(blue, 0)
    to_red, to_blue = second - half, third - half
    green = first if transform == "green" else first - (to_red + to_blue >> 2)
    return store(green + to_red, 0), store(green, 0), store(green + to_blue, 0)


def _modulo(depth: int) -> tuple[Callable, Callable]:
    """Around zero, and into 0 … 2^depth − 1 with an offset, half of that range by default."""
    half = 1 << (depth - 1)
    mask = 2 * half - 1
    return lambda values: (values + half & mask) - half, lambda values, offset=half: values + offset & mask
