"""JPEG, baseline and progressive: composes the stages of this folder."""

import math
from dataclasses import dataclass, field, replace

import numpy as np

from dlic.classical.jpeg.blocks import dct, fixed_point_dct, fixed_point_idct, join, split
from dlic.classical.jpeg.files import Picture, read_jpeg, write_jpeg
from dlic.classical.jpeg.frame import Component, Frame
from dlic.classical.jpeg.quantisation import CHROMA, LUMA, dequantise, quantise, scaled, unzigzag, zigzag
from dlic.classical.jpeg.scans import sequential_scan_codes
from dlic.classical.jpeg.subsampling import FACTORS, downsample, upsample
from dlic.classical.jpeg.trellis import LAMBDA, rates_of, trellis
from dlic.errors import DlicError
from dlic.images.colour import PLANE_GAINS, planes_to_rgb, rgb_to_planes
from dlic.images.files import MAX_PIXELS
from dlic.images.metadata import Metadata

AT_ONCE = 4096  # blocks whose coefficients are held in float64: two megabytes


@dataclass(frozen=True, eq=False)
class JpegCodec:
    """ITU-T T.81 with Huffman codes, 8 bits a sample, in a JFIF file.

        pixels ⇄ Y, Cb, Cr ⇄ fewer chroma samples ⇄ 8×8 blocks ⇄ DCT ⇄ levels ⇄ runs and sizes ⇄ Huffman codes ⇄ segments

    Everything before the levels is libjpeg's arithmetic: without `trellis` both write the same pictures, and see the same in files.
    """

    quality: int = 75  # the IJG's scale, 1 … 100
    subsampling: str = "4:2:0"  # or 4:4:4, 4:2:2, 4:4:0, 4:1:1
    progressive: bool = False
    optimise: bool = True  # Huffman tables for this image, not the standard's; always for progressive files
    restart_interval: int = 0  # minimum coded units between restart markers, 0 for none
    trellis: bool = False  # choose levels by rate and distortion, not the nearest
    metadata: Metadata = field(default_factory=Metadata)
    tables: tuple[np.ndarray, np.ndarray] | None = None  # luma and chroma steps (64,) to use in place of `quality`'s
    max_pixels: int = MAX_PIXELS  # larger files are refused

    def compress(self, image: np.ndarray) -> bytes:
        """uint8 (H, W) or (H, W, 3), sides 1 … 65535 → the file. Raises DlicError for other images and settings."""
        return self.write(self.quantised(image))

    def quantised(self, image: np.ndarray) -> Picture:
        """The lossy part of `compress`: the file's content before Huffman coding."""
        frame, steps = self._frame(image), self._steps(image.ndim)
        planes = rgb_to_planes(image) if image.ndim == 3 else image[None]
        blocks = [_blocks(plane, frame, index) for index, plane in enumerate(planes)]
        levels = [zigzag(quantise(fixed_point_dct(own), table)) for own, table in zip(blocks, steps, strict=True)]
        picture = Picture(frame, _filled_up(levels, frame), steps, metadata=self.metadata)
        return _searched(picture, blocks, levels) if self.trellis else picture

    def write(self, picture: Picture) -> bytes:
        """The lossless part of `compress`: Huffman coding."""
        return write_jpeg(picture, self.optimise, self.restart_interval)

    def decompress(self, data: bytes) -> np.ndarray:
        """Any baseline or progressive JPEG, gray or colour → uint8 (H, W) or (H, W, 3). Raises CorruptFileError for other data."""
        picture = read_jpeg(data, self.max_pixels)
        planes = [_plane(picture, index) for index in range(len(picture.steps))]
        if len(planes) == 1:
            return planes[0]
        return planes_to_rgb(planes) if picture.is_ycbcr else np.stack(planes, axis=-1)

    def _frame(self, image: np.ndarray) -> Frame:
        if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or not (image.ndim == 2 or image.shape[2:] == (3,)):
            given_type = f"{image.dtype} {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
            raise DlicError(
                f"an image for JPEG must be a uint8 array of shape (height, width) or (height, width, 3), not {given_type}"
            )
        height, width = image.shape[:2]
        if not (1 <= height <= 65535 and 1 <= width <= 65535):
            raise DlicError(f"the sides of a JPEG are 1 … 65535 pixels, not {height} × {width}")
        if self.subsampling not in FACTORS:
            raise DlicError(f"subsampling {self.subsampling!r} is unknown; use {', '.join(FACTORS)}")
        if not 0 <= self.restart_interval <= 65535:
            raise DlicError(f"a restart interval is 0 … 65535, not {self.restart_interval}")
        if image.ndim == 2:
            return Frame(height, width, (Component(1, 1, 1, 0),), self.progressive)
        luma = Component(1, *FACTORS[self.subsampling], 0)
        return Frame(height, width, (luma, Component(2, 1, 1, 1), Component(3, 1, 1, 1)), self.progressive)

    def _steps(self, dimensions: int) -> tuple[np.ndarray, ...]:
        luma, chroma = self.tables or (scaled(LUMA, self.quality), scaled(CHROMA, self.quality))
        if any(np.shape(table) != (64,) or np.min(table) < 1 or np.max(table) > 32767 for table in (luma, chroma)):
            raise DlicError("a quantisation table is 64 steps of 1 … 32767")
        return (luma, chroma, chroma) if dimensions == 3 else (luma,)


def _blocks(plane: np.ndarray, frame: Frame, index: int) -> np.ndarray:
    """A full plane (H, W) → a component's blocks (N, 64) uint8, the last row and column repeated as libjpeg does."""
    component, (rows, columns) = frame.components[index], frame.grid(index)
    vertical, horizontal = (
        largest // own for largest, own in zip(frame.factors, (component.vertical, component.horizontal), strict=True)
    )
    wide = np.pad(plane, ((0, 0), (0, 8 * columns * horizontal - plane.shape[1])), mode="edge")
    small = downsample(wide, vertical, horizontal)
    return split(np.pad(small, ((0, 8 * rows - small.shape[0]), (0, 0)), mode="edge"))


def _plane(picture: Picture, index: int) -> np.ndarray:
    """Inverse of `_blocks`, DCT and quantisation: the samples (H, W) of a component."""
    frame, component = picture.frame, picture.frame.components[index]
    levels = picture.levels[frame.bounds[index] : frame.bounds[index + 1]]
    blocks = np.empty(levels.shape, np.uint8)
    for first in range(0, len(blocks), AT_ONCE):
        part = slice(first, first + AT_ONCE)
        blocks[part] = fixed_point_idct(dequantise(unzigzag(levels[part]), picture.steps[index]))
    plane = join(blocks, *frame.stored_grid(index))
    height, width = frame.plane_size(index)
    vertical, horizontal = (
        (own, largest) for own, largest in zip((component.vertical, component.horizontal), frame.factors, strict=True)
    )
    return upsample(plane[:height, :width], (frame.height, frame.width), vertical, horizontal)


def _filled_up(levels: list[np.ndarray], frame: Frame) -> np.ndarray:
    """All components' blocks (blocks, 64), with those that fill up the last minimum coded units."""
    return np.concatenate([_filled_grid(own, frame, index) for index, own in enumerate(levels)])


def _filled_grid(levels: np.ndarray, frame: Frame, index: int) -> np.ndarray:
    """A padding block has the DC level of the block coded before it, which costs least."""
    (rows, columns), (stored_rows, stored_columns) = frame.grid(index), frame.stored_grid(index)
    grid = np.zeros((stored_rows, stored_columns, 64), np.int16)
    grid[:rows, :columns] = levels.reshape(rows, columns, 64)
    grid[:rows, columns:, 0] = grid[:rows, columns - 1 : columns, 0]
    horizontal = frame.components[index].horizontal
    grid[rows:, :, 0] = grid[rows - 1, np.arange(stored_columns) // horizontal * horizontal + horizontal - 1, 0]
    return grid.reshape(-1, 64)


def _searched(picture: Picture, blocks: list[np.ndarray], levels: list[np.ndarray]) -> Picture:
    """Two passes of rate–distortion optimised quantisation: first with the rates of plain levels, then with those of the first
    pass.
    """
    frame, searched = picture.frame, picture
    ratios = [zigzag(dct(own - np.float32(128)) / steps) for own, steps in zip(blocks, picture.steps, strict=True)]
    weights = [own / (LAMBDA * picture.steps[0][0] ** 2) for own in map(zigzag, _error_weights(picture))]
    for _ in range(2):
        codes = sequential_scan_codes(searched.levels, frame)
        rates = [rates_of(codes, 2 * component.table + 1) for component in frame.components]
        optimised = [trellis(*of) for of in zip(ratios, levels, weights, rates, strict=True)]
        searched = replace(picture, levels=_filled_up(optimised, frame))
    return searched


def _error_weights(picture: Picture) -> list[np.ndarray]:
    """Squared error of all RGB samples for an error of one step, relative to a luma error: (64,) a component."""
    pixels = [math.prod(picture.frame.factors) / (c.vertical * c.horizontal) for c in picture.frame.components]
    gains = PLANE_GAINS[: len(pixels)]
    return [count * gain * steps**2 for count, gain, steps in zip(pixels, gains, picture.steps, strict=True)]
