"""Fewer changes between neighbouring pixels: each takes the colour of a neighbour where that saves more bits than the error costs.

Iterated conditional modes (Besag 1986) of a Potts model: error + β · changes to the four neighbours. What codes the colours then,
copies of equal pixels, costs in proportion to the changes.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

OUTSIDE = -1  # label of pixels that belong to nothing
ROUNDS = 2
STEPS = ((0, -1), (-1, 0), (0, 1), (1, 0))

Labels = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Errors:
    """Weighted squared errors of the labels of an image's pixels: those of a palette's colours, and one for `clear`."""

    image: NDArray[np.uint8]  # (H, W, 3)
    palette: NDArray[np.uint8]  # (K, 3)
    weights: NDArray[np.float32]  # (H, W)
    clear: NDArray[np.float32] | None = None  # (H, W): squared errors of the label K, without the weights

    def at(self, pixels: NDArray[np.intp]) -> "ErrorsAt":
        """Of some pixels (n,), by their place in the image."""
        samples = self.image.reshape(-1, 3)[pixels].T.astype(np.float32)
        clear = None if self.clear is None else self.clear.ravel()[pixels]
        return ErrorsAt(self.palette.T.astype(np.float32), samples, self.weights.ravel()[pixels], clear)


@dataclass(frozen=True, eq=False)
class ErrorsAt:
    """Errors of some pixels: channel by channel, which is several times as fast as sums over a short axis."""

    palette: NDArray[np.float32]  # (3, K)
    samples: NDArray[np.float32]  # (3, n)
    weights: NDArray[np.float32]  # (n,)
    clear: NDArray[np.float32] | None  # (n,)

    def of(self, labels: Labels) -> NDArray[np.float32]:
        """With labels (n,)."""
        colours = self.palette.shape[1]
        entries = np.minimum(labels, colours - 1)
        squares = np.zeros(len(labels), np.float32)
        for channel, values in zip(self.palette, self.samples, strict=True):
            apart = channel[entries] - values
            squares += apart * apart
        if self.clear is not None:
            squares = np.where(labels == colours, self.clear, squares)
        return self.weights * squares


def calmed(labels: Labels, errors: Errors, beta: float) -> Labels:
    """Labels (H, W) with fewer changes; `beta` is the error that is worth one change at one side."""
    width = labels.shape[1]
    framed = np.pad(labels, 1, mode="edge")
    flat = framed.ravel()
    offsets = [row * (width + 2) + column for row, column in STEPS]
    for _ in range(ROUNDS):
        for parity in (0, 1):
            rows, columns = _changing(framed, parity)
            places = (rows + 1) * (width + 2) + columns + 1
            neighbours = np.stack([flat[places + offset] for offset in offsets])  # (4, n)
            flat[places] = _cheapest(flat[places], neighbours, errors.at(rows * width + columns), beta)
    return framed[1:-1, 1:-1].copy()


def _changing(framed: Labels, parity: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns of one colour of a chessboard where a label differs from a neighbour's."""
    inner = framed[1:-1, 1:-1]
    differs = np.zeros(inner.shape, bool)
    for row, column in STEPS:
        differs |= inner != framed[1 + row : 1 + row + inner.shape[0], 1 + column : 1 + column + inner.shape[1]]
    differs &= inner != OUTSIDE
    differs[::2, 1 - parity :: 2] = differs[1::2, parity::2] = False
    rows, columns = np.nonzero(differs)
    return rows, columns


def _cheapest(own: Labels, neighbours: Labels, errors: ErrorsAt, beta: float) -> Labels:
    """The cheapest of its own label and its neighbours' (4, n) for each pixel: (n,)."""
    neighbours = np.where(neighbours == OUTSIDE, own, neighbours)
    best, least = own, np.full(len(own), np.inf, np.float32)
    for candidate in (own, *neighbours):
        changes = sum((candidate != neighbour).astype(np.float32) for neighbour in neighbours)
        cost = errors.of(candidate) + np.float32(beta) * changes
        better = cost < least
        best, least = np.where(better, candidate, best), np.where(better, cost, least)
    return best
