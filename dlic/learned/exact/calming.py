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

    def of(self, labels: Labels, which: NDArray[np.intp]) -> NDArray[np.float32]:
        """Of some of the pixels, by their places `which` (m,) among them, with labels (m,)."""
        colours = self.palette.shape[1]
        entries = np.minimum(labels, colours - 1)
        squares = np.zeros(len(labels), np.float32)
        for channel, values in zip(self.palette, self.samples, strict=True):
            apart = channel.take(entries) - values.take(which)
            squares += apart * apart
        if self.clear is not None:
            squares = np.where(labels == colours, self.clear.take(which), squares)
        errors: NDArray[np.float32] = self.weights.take(which) * squares
        return errors


def calmed(labels: Labels, errors: Errors, beta: float) -> Labels:
    """Labels (H, W) with fewer changes; `beta` is the error that is worth one change at one side.

    The pixels of one colour of a chessboard are chosen at once. Later on, only those can
    change whose neighbours did.
    """
    framed = np.pad(labels, 1, mode="edge")
    inside, due, flat = np.pad(labels != OUTSIDE, 1).ravel(), np.pad(_changing(labels), 1).ravel(), framed.ravel()
    width, black = framed.shape[1], _chessboard(framed.shape).ravel()
    offsets = np.array([row * width + column for row, column in STEPS])
    for turn in range(2 * ROUNDS):
        places = np.flatnonzero(due & inside & (black if turn % 2 == 0 else ~black))
        rows, columns = np.divmod(places, width)
        of_pixels = errors.at((rows - 1) * labels.shape[1] + columns - 1)
        own, neighbours = flat[places], np.stack([flat[places + offset] for offset in offsets])  # (n,), (4, n)
        flat[places] = cheapest = _cheapest(own, neighbours, of_pixels, beta)
        due[places] = False
        due[places[cheapest != own] + offsets[:, None]] = True
    return framed[1:-1, 1:-1].copy()


def _changing(labels: Labels) -> NDArray[np.bool_]:
    """Where a label differs from a neighbour's: (H, W)."""
    differs = np.zeros(labels.shape, bool)
    across, down = labels[:, 1:] != labels[:, :-1], labels[1:] != labels[:-1]
    differs[:, 1:] |= across
    differs[:, :-1] |= across
    differs[1:] |= down
    differs[:-1] |= down
    return differs


def _chessboard(shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """(H, W): True where the sum of row and column is even."""
    board = np.zeros(shape, bool)
    board[::2, ::2] = board[1::2, 1::2] = True
    return board


def _cheapest(own: Labels, neighbours: Labels, errors: ErrorsAt, beta: float) -> Labels:
    """The cheapest of its own label and its neighbours' (4, n) for each pixel: (n,)."""
    neighbours = np.where(neighbours == OUTSIDE, own, neighbours)
    best, others = own.copy(), neighbours != own
    least = errors.of(own, np.arange(len(own))) + np.float32(beta) * others.sum(axis=0, dtype=np.float32)
    for candidates, other in zip(neighbours, others, strict=True):
        which = np.flatnonzero(other)
        candidate = candidates[which]
        changes = (neighbours[:, which] != candidate).sum(axis=0, dtype=np.float32)
        cost = errors.of(candidate, which) + np.float32(beta) * changes
        better = cost < least[which]
        best[which[better]], least[which[better]] = candidate[better], cost[better]
    return best
