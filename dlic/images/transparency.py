"""Transparency: the alpha channel of a transparent colour, and the colours under transparent pixels.

These colours are invisible. They are made smooth, because smooth areas cost least to code.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

MIDDLE = 128.0  # gray level where no pixel is visible


def with_alpha(samples: NDArray[np.uint16], transparent: int | tuple[int, ...]) -> NDArray[np.uint16]:
    """uint16 (H, W, C) → (H, W, C + 1): opaque except where the colour is the transparent one."""
    alpha = np.where((samples == np.array(transparent)).all(axis=2), 0, 65535).astype(np.uint16)
    return np.dstack([samples, alpha])


def filled(colours: NDArray[np.uint8], alpha: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """uint8 (H, W) or (H, W, 3) with every pixel of alpha 0 replaced by a smooth continuation of the visible pixels.

    They are averaged down a pyramid, and the holes filled on the way up: the push–pull of Gortler et al. (The Lumigraph, 1996).
    """
    visible = alpha > 0
    if visible.all():
        return colours
    planes = np.moveaxis(np.atleast_3d(colours), 2, 0).astype(np.float32)
    smooth = np.stack([_pulled(plane, visible.astype(np.float32)) for plane in planes], axis=-1)
    continued = np.clip(np.rint(smooth), 0, 255).astype(np.uint8).reshape(colours.shape)
    return np.where(visible if colours.ndim == 2 else visible[..., None], colours, continued)


def _pulled(plane: NDArray[np.float32], weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """float32 (H, W) whose values count by weights 0 … 1 (H, W): the holes filled from half the size, and so on."""
    if weight.all():
        return plane
    if plane.size == 1:
        return np.full_like(plane, MIDDLE)
    total = _sums(weight)
    means = _sums(plane * weight) / np.maximum(total, 1e-9)
    coarse = Image.fromarray(_pulled(means, np.minimum(total, 1)))
    behind = np.asarray(coarse.resize((plane.shape[1], plane.shape[0]), Image.Resampling.BILINEAR))
    pulled: NDArray[np.float32] = weight * plane + (1 - weight) * behind
    return pulled


def _sums(plane: NDArray[np.float32]) -> NDArray[np.float32]:
    """Sums of 2×2 pixels: (⌈H/2⌉, ⌈W/2⌉)."""
    padded = np.pad(plane, [(0, size % 2) for size in plane.shape])
    rows = padded[::2] + padded[1::2]
    sums: NDArray[np.float32] = rows[:, ::2] + rows[:, 1::2]
    return sums
