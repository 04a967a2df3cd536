"""Fewer colours, without dithering: clusters of colours that are merged in pairs, those first whose merging adds the least error.

The pairwise nearest neighbour algorithm (Equitz 1989). Pixels of one colour keep one colour, so that equal shapes stay equal.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlic.pixels.colour_codes import packed, unpacked

MOST = 1024  # clusters to begin with: their distances take 8 MB
MAX_COLOURS = 256  # of a palette in WebP lossless
LEAST = 1e-6  # weight of a colour whose pixels do not count


@dataclass(frozen=True, eq=False)
class Colours:
    """The colours of some pixels."""

    values: NDArray[np.uint8]  # (N, 3), different from each other
    weights: NDArray[np.float64]  # (N,): of their pixels, summed; 0 or more
    places: NDArray[np.intp]  # (…): the colour of each pixel among the values

    @classmethod
    def of(cls, pixels: NDArray[np.uint8], weights: NDArray[Any] | None = None) -> "Colours":
        """The colours of pixels (…, 3), which count by weights (…) or alike."""
        codes, places = np.unique(packed(pixels), return_inverse=True)
        places = places.reshape(pixels.shape[:-1])
        total = np.bincount(places.ravel(), None if weights is None else weights.ravel(), len(codes))
        return cls(unpacked(codes), total.astype(np.float64), places)

    def inside(self, mask: NDArray[np.bool_], weights: NDArray[Any]) -> "Colours":
        """Those of some of the pixels (…), which count by weights (…) now."""
        places = self.places[mask]
        present = np.bincount(places, minlength=len(self.values)) > 0
        places = (np.cumsum(present) - 1)[places]
        total = np.bincount(places, weights[mask], int(present.sum())).astype(np.float64)
        return Colours(self.values[present], total, places)


class Merging:
    """Palettes of decreasing size for the same colours; each is the one before with some clusters merged."""

    def __init__(self, colours: Colours):
        self.colours = colours
        self._cluster, count = _binned(colours.values)  # of each colour
        weights = np.maximum(colours.weights, LEAST)
        self._weights = np.bincount(self._cluster, weights, count).astype(np.float64)
        sums = [np.bincount(self._cluster, weights * colours.values[:, channel], count) for channel in range(3)]
        self._centres = np.stack(sums, axis=1) / self._weights[:, None]
        self._steps = self._merge() if count > 1 else []

    def __len__(self) -> int:
        """Clusters of the largest palette."""
        return len(self._steps) + 1

    def palette(self, size: int) -> tuple[NDArray[np.uint8], NDArray[np.intp]]:
        """A palette of at most so many colours (K, 3), and for each of the colours its place in it (N,)."""
        parent = np.arange(len(self))
        for kept, gone in self._steps[: max(0, len(self) - size)]:
            parent[gone] = kept
        for number in range(len(parent)):  # chains are short: each merge points to a cluster that is left
            while parent[number] != parent[parent[number]]:
                parent[number] = parent[parent[number]]
        entries = np.unique(parent[self._cluster], return_inverse=True)[1]
        return _represented(self.colours, entries), entries

    def _merge(self) -> list[tuple[int, int]]:
        """All merges in order, as (cluster that stays, cluster that ends)."""
        pairs, steps = _Pairs.of(self._centres, self._weights), list[tuple[int, int]]()
        while len(pairs.names) > 1:
            steps += [pairs.merge() for _ in range(len(pairs.names) // 2)]
            pairs = pairs.left
        return steps


@dataclass(frozen=True, eq=False)
class _Pairs:
    """Clusters that are merged, those of the least distance first."""

    names: NDArray[np.intp]  # (C,)
    centres: NDArray[np.float64]  # (3, C)
    weights: NDArray[np.float64]  # (C,); 0 for clusters that have ended
    distances: NDArray[np.float64]  # (C, C): right between clusters that have not ended
    nearest: NDArray[np.intp]  # (C,): the other cluster of the least distance …
    least: NDArray[np.float64]  # … and this distance; infinite for clusters that have ended
    ended: NDArray[np.float64]  # (C,): infinite for clusters that have ended, 0 for others

    @classmethod
    def of(cls, centres: NDArray[np.float64], weights: NDArray[np.float64]) -> "_Pairs":
        """All pairs of clusters: (C, 3) and (C,)."""
        distances, names = _distances(centres, weights), np.arange(len(weights))
        nearest = distances.argmin(axis=1)
        least = distances[names, nearest]
        return cls(names, centres.T.copy(), weights.copy(), distances, nearest, least, np.zeros(len(weights)))

    @property
    def left(self) -> "_Pairs":
        """Those of clusters that have not ended: small arrays stay in a core's cache."""
        left = np.flatnonzero(self.weights)
        places = np.zeros(len(self.names), np.intp)
        places[left] = np.arange(len(left))
        return _Pairs(
            names=self.names[left],
            centres=self.centres[:, left],
            weights=self.weights[left],
            distances=self.distances[np.ix_(left, left)],
            nearest=places[self.nearest[left]],
            least=self.least[left],
            ended=self.ended[left],
        )

    def merge(self) -> tuple[int, int]:
        """Merges one pair: the names of the cluster that stays and of the one that ends."""
        centres, weights, nearest, least = self.centres, self.weights, self.nearest, self.least
        kept = int(least.argmin())
        gone = int(nearest[kept])
        total = weights[kept] + weights[gone]
        centres[:, kept] = (centres[:, kept] * weights[kept] + centres[:, gone] * weights[gone]) / total
        weights[kept], weights[gone] = total, 0
        self.ended[gone] = least[gone] = np.inf
        apart = centres - centres[:, kept, None]
        apart *= apart
        row = (apart[0] + apart[1] + apart[2]) * (weights * total / (weights + total)) + self.ended
        row[kept] = np.inf
        self.distances[kept] = self.distances[:, kept] = row
        stale = ((nearest == kept) | (nearest == gone)).nonzero()[0].tolist()
        nearer = (row < least).nonzero()[0]
        nearest[nearer], least[nearer] = kept, row[nearer]
        for cluster in {kept, *stale}:
            if weights[cluster]:
                again = self.distances[cluster] + self.ended
                nearest[cluster] = other = again.argmin()
                least[cluster] = again[other]
        return int(self.names[kept]), int(self.names[gone])


def _binned(values: NDArray[np.uint8]) -> tuple[NDArray[np.intp], int]:
    """A cluster for each colour (N, 3): its own, or a cube's where there are too many."""
    cluster, bits = np.arange(len(values)), 1
    while (count := int(cluster.max()) + 1) > MOST:
        cluster, bits = np.unique(packed(values >> bits), return_inverse=True)[1], bits + 1
    return cluster, count


def _distances(centres: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Squared error that the merging of each two clusters adds: (C, C), infinite on the diagonal."""
    squares = (centres**2).sum(axis=1)
    apart = np.maximum(squares[:, None] + squares - 2 * centres @ centres.T, 0)
    distances: NDArray[np.float64] = apart * (weights[:, None] * weights / (weights[:, None] + weights))
    np.fill_diagonal(distances, np.inf)
    return distances


def _represented(colours: Colours, cluster: NDArray[np.intp]) -> NDArray[np.uint8]:
    """Each cluster's colour (K, 3): the one of most of its weight, so that backgrounds stay exact, or the mean."""
    weights = np.maximum(colours.weights, LEAST)
    order = np.lexsort((-weights, cluster))
    starts = np.flatnonzero(np.diff(cluster[order], prepend=-1))
    totals = np.add.reduceat(weights[order], starts)
    means = np.rint(np.add.reduceat(colours.values[order] * weights[order, None], starts, axis=0) / totals[:, None])
    first = order[starts]
    return np.where(2 * weights[first, None] > totals[:, None], colours.values[first], means).astype(np.uint8)
