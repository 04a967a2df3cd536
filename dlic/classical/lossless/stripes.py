"""Planes ⇄ stripes of rows that are coded side by side, and the order in which a decoder reaches their samples.

A picture is turned so that it is at least as high as wide. Its planes are cut into stripes of equal height; the last may have rows
to spare. In all stripes, sample (row, column) is decoded in step column + 2 · row: w and ne, and all other neighbours, were decoded
in steps before. So a step decodes many samples at once, and there are only width + 2 · (height of a stripe − 1) steps.

Neighbours outside of a stripe are samples inside of it of the same step:

    left     (row, −1) = (row − 1, 1), (row, −2) = (row − 1, 0)
    right    (row, width) = (row + 1, width − 2)
    above    (−1, column) = (0, column − 2), (−2, column) = (0, column − 4)

Where these are missing too, samples are mid-grey, and sizes of errors 0.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.lib.stride_tricks import as_strided

from dlic.classical.lossless.prediction import At

ROWS = 128  # of a stripe, at most: each of its first rows costs a quarter more, 0.15 % of a photograph
LONGEST = 1 << 15  # rows of a turned plane, at most: a decoder keeps 200 bytes for each of them and plane
ABOVE, LEFT, RIGHT = 2, 2, 1  # how far neighbours reach


@dataclass(frozen=True)
class Stripes:
    """Geometry of the stripes of a plane (height, width)."""

    height: int  # of the plane
    width: int

    @cached_property
    def turned(self) -> bool:
        return self.width > self.height

    @cached_property
    def length(self) -> int:
        """Rows of the turned plane."""
        return max(self.height, self.width)

    @cached_property
    def columns(self) -> int:
        """Samples in a row: at least 2, so that each step has samples. A plane one sample wide has every sample twice."""
        return max(2, min(self.height, self.width))

    @cached_property
    def count(self) -> int:
        return -(-self.length // ROWS)

    @cached_property
    def rows(self) -> int:
        return -(-self.length // self.count)

    @cached_property
    def last(self) -> int:
        """Rows of the last stripe that are in the plane. There may be none."""
        return self.length - (self.count - 1) * self.rows

    @property
    def samples(self) -> int:
        """Samples of the plane in all stripes."""
        return self.length * self.columns

    @cached_property
    def steps(self) -> int:
        return self.columns + 2 * (self.rows - 1)

    def rows_at(self, step: int) -> tuple[int, int]:
        """The first row of a step and the one behind its last; none in steps that are not of the picture."""
        if not 0 <= step < self.steps:
            return 0, 0
        return max(0, (step - self.columns + 2) // 2), min(self.rows, step // 2 + 1)

    def cut(self, plane: np.ndarray) -> np.ndarray:
        """A plane (H, W) → (count, rows, columns). Rows to spare repeat the last row."""
        plane = plane.T if self.turned else plane
        plane = np.repeat(plane, 2, axis=1) if plane.shape[1] == 1 else plane
        missing = self.count * self.rows - self.length
        return np.pad(plane, ((0, missing), (0, 0)), mode="edge").reshape(self.count, self.rows, self.columns)

    def join(self, stripes: np.ndarray) -> np.ndarray:
        """Inverse of `cut`."""
        plane = stripes.reshape(-1, self.columns)[: self.length, : min(self.height, self.width)]
        return plane.T if self.turned else plane

    def in_steps(self, stripes: np.ndarray) -> np.ndarray:
        """The samples (N,) of a plane in stripes, in the order in which they are decoded."""
        skewed = np.zeros((self.steps, self.rows, self.count), stripes.dtype)
        _slanted(skewed, self)[...] = stripes
        return skewed[self._inside()]

    def from_steps(self, skewed: np.ndarray) -> np.ndarray:
        """Samples by their step, (≥ steps, rows, count) → (count, rows, columns)."""
        return _slanted(skewed, self).copy()

    def _inside(self) -> np.ndarray:
        """Which of (steps, rows, count) are samples of the picture."""
        column = np.arange(self.steps)[:, None] - 2 * np.arange(self.rows)
        inside = np.repeat(((column >= 0) & (column < self.columns))[..., None], self.count, axis=2)
        inside[:, self.last :, -1] = False
        return inside


def framed(stripes: np.ndarray, outside: int) -> np.ndarray:
    """Stripes (…, rows, columns) with their neighbours outside, as above: (…, ABOVE + rows, LEFT + columns + RIGHT)."""
    *lead, rows, columns = stripes.shape
    frame = np.full((*lead, ABOVE + rows, LEFT + columns + RIGHT), outside, stripes.dtype)
    frame[..., ABOVE:, LEFT:-RIGHT] = stripes
    frame[..., ABOVE + 1 :, :LEFT] = stripes[..., :-1, :2]
    frame[..., ABOVE:-1, -RIGHT] = stripes[..., 1:, -2]
    frame[..., 1, LEFT + 2 :] = stripes[..., 0, :-1]
    frame[..., 0, LEFT + 4 :] = stripes[..., 0, :-3]
    return frame


def around_each(frame: np.ndarray, rows: slice = slice(None)) -> At:
    """The neighbours of all samples of a frame, or of those in some rows."""
    height, width = frame.shape[-2] - ABOVE, frame.shape[-1] - LEFT - RIGHT
    return lambda down, right: frame[..., ABOVE + down : ABOVE + down + height, LEFT + right : LEFT + right + width][..., rows, :]


def _slanted(skewed: np.ndarray, stripes: Stripes) -> np.ndarray:
    """A view (count, rows, columns) of samples by their step."""
    step, row, stripe = skewed.strides
    return as_strided(skewed, (stripes.count, stripes.rows, stripes.columns), (stripe, 2 * step + row, step))
