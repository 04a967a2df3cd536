"""TIFF samples → gray, RGB or palette colours, with or without alpha, upright."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlic.images.bit_depth import to_sixteen_bits
from dlic.images.tiff import samples as stored
from dlic.images.tiff.directory import Directory, first_directory
from dlic.images.tiff.samples import Layout, WrongTiff, layout_of

COLOUR_MAP, EXTRA_SAMPLES, ORIENTATION = 320, 338, 274
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE = 0, 1, 2, 3
ASSOCIATED, UNASSOCIATED, COREL_DRAW = 1, 2, 999  # extra samples that are alpha
COLOURS = {WHITE_IS_ZERO: 1, BLACK_IS_ZERO: 1, RGB: 3, PALETTE: 1}  # samples of a colour


@dataclass(frozen=True, eq=False)
class TiffPlan:
    """The directory of a TIFF file that `read` can read, before its samples are read."""

    directory: Directory
    layout: Layout
    photometric: int
    alpha: int | None  # which sample; None for none
    is_associated: bool  # whether the colours are multiplied by alpha

    @property
    def has_palette(self) -> bool:
        return self.photometric == PALETTE

    @property
    def is_gray(self) -> bool:
        return self.photometric in (WHITE_IS_ZERO, BLACK_IS_ZERO)

    @property
    def left_over(self) -> int:
        """Samples of a pixel that are neither colour nor alpha."""
        return self.layout.samples - COLOURS[self.photometric] - (self.alpha is not None)


def plan_of(data: bytes) -> TiffPlan | None:
    """None for files that are no TIFF, and for TIFF files of other kinds than `read` takes. Raises WrongTiff."""
    directory = first_directory(data)
    layout = layout_of(directory) if directory else None
    if directory is None or layout is None:
        return None
    photometric = directory.number(stored.PHOTOMETRIC, WHITE_IS_ZERO)
    colours = COLOURS.get(photometric)
    if colours is None or layout.samples < colours:
        return None
    extra = [int(number) for number in directory.numbers(EXTRA_SAMPLES)][: layout.samples - colours]
    if not extra and photometric == RGB and layout.samples == 4:  # what writers mean that state no extra samples
        extra = [UNASSOCIATED]
    alphas = [i for i, meaning in enumerate(extra) if meaning in (ASSOCIATED, UNASSOCIATED, COREL_DRAW)]
    return TiffPlan(
        directory=directory,
        layout=layout,
        photometric=photometric,
        alpha=colours + alphas[0] if alphas else None,
        is_associated=bool(alphas) and extra[alphas[0]] == ASSOCIATED,
    )


def read(data: bytes, plan: TiffPlan) -> NDArray[Any]:
    """uint8 or uint16 (H, W) or (H, W, 2 … 4), upright. Samples below 8 bits are scaled to 8, and those of 9 … 15 bits to 16.

    Raises WrongTiff, and Pillow's own errors.
    """
    samples = stored.read(data, plan.directory, plan.layout)
    peak = (1 << plan.layout.bits) - 1
    colours: NDArray[Any] = samples[..., : COLOURS[plan.photometric]]
    if plan.photometric == PALETTE:
        colours = _palette(plan)[colours[..., 0]]
    else:
        colours = _scaled(peak - colours if plan.photometric == WHITE_IS_ZERO else colours, peak)
    if plan.alpha is None:
        pixels = colours
    else:
        alpha = _as(colours.dtype, _scaled(samples[..., plan.alpha], peak))
        pixels = np.dstack([_divided(colours, alpha) if plan.is_associated else colours, alpha])
    pixels = pixels[..., 0] if pixels.shape[2] == 1 else pixels
    return np.ascontiguousarray(turned(pixels, plan.directory.number(ORIENTATION, 1)))


def turned(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Stored pixels of an orientation 1 … 8 turned upright; others stay."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels[:, ::-1] if orientation in (2, 3, 6, 7) else pixels


def _scaled(samples: NDArray[Any], peak: int) -> NDArray[Any]:
    """0 … peak → all of uint8 or uint16, to the nearest."""
    if peak in (255, 65535):
        return samples
    if peak > 255:
        return to_sixteen_bits(samples, peak)
    return ((samples.astype(np.uint16) * 255 + peak // 2) // peak).astype(np.uint8)


def _as(dtype: np.dtype[Any], samples: NDArray[Any]) -> NDArray[Any]:
    """uint8 or uint16 as the other."""
    if samples.dtype == dtype:
        return samples
    return samples.astype(np.uint16) * 257 if dtype == np.uint16 else (samples >> 8).astype(np.uint8)


def _palette(plan: TiffPlan) -> NDArray[Any]:
    """Colours by index (N, 3): uint8 where 8 bits hold them all, which writers put into 16 in three ways; else uint16."""
    size = 1 << plan.layout.bits
    numbers = plan.directory.numbers(COLOUR_MAP)
    if len(numbers) != 3 * size:
        raise WrongTiff(f"its palette has {len(numbers)} values where {3 * size} are needed")
    table = np.array(numbers, np.uint16).reshape(3, size).T
    low, high = table & 255, table >> 8
    if not high.any():
        return low.astype(np.uint8)
    return high.astype(np.uint8) if not low.any() or (low == high).all() else table


def _divided(colours: NDArray[Any], alpha: NDArray[Any]) -> NDArray[Any]:
    """Colours that were multiplied by alpha, without it; where alpha is 0 they stay."""
    peak = np.iinfo(colours.dtype).max
    over = np.maximum(alpha, 1).astype(np.uint32)[..., None]
    divided = np.minimum((colours.astype(np.uint32) * peak + over // 2) // over, peak).astype(colours.dtype)
    return np.where(alpha[..., None] > 0, divided, colours)
