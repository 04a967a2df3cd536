"""Where the two passes of refinements split the values of each table, and in which order all passes come."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlic.entropy.tables import FrequencyTables
from dlic.learned.progressive.tables import CENTRE

RARE = 1e-3  # share of the values that a cell has at least
LEAST_BITS = 0.05  # of a second pass: below, a table has one pass


@dataclass(frozen=True)
class SplitTables:
    """The fields of `RefinementTables` that say how its tables are split."""

    splits: NDArray[np.int16]
    cells: NDArray[np.int16]
    ranks: NDArray[np.int16]


@dataclass(frozen=True)
class _Split:
    """Values of cell 0 of one table, and the fall of squared error per bit of both passes."""

    below: int
    coarse: float
    fine: float


def split_in_passes(tables: FrequencyTables, centres: Sequence[NDArray[Any]]) -> SplitTables:
    """The cells that bring the largest fall of squared error per bit in each table, the value that each stands for, and the order
    of all passes by that fall. `centres`: reconstruction points of the tables' values.
    """
    shares = [counts[: max(1, counts.size - 1)] / counts[: max(1, counts.size - 1)].sum() for counts in tables.counts]
    values = [minimum + np.arange(own.size) + own / CENTRE for minimum, own in zip(tables.minima, centres, strict=True)]
    found = [_best(p, v) for p, v in zip(shares, values, strict=True)]
    slopes = np.array([[of.coarse for of in found], [of.fine for of in found]])
    ranks = np.empty(slopes.size, np.int16)
    ranks[np.argsort(-slopes.ravel(), kind="stable")] = np.arange(slopes.size)
    means = [[_mean(p[cut], v[cut]) for cut in _cells(of.below)] for of, p, v in zip(found, shares, values, strict=True)]
    return SplitTables(
        splits=(tables.minima + [of.below for of in found]).astype(np.int16),
        cells=np.rint(CENTRE * np.array(means)).astype(np.int16),
        ranks=ranks.reshape(slopes.shape),
    )


def _best(shares: NDArray[Any], values: NDArray[Any]) -> _Split:
    """The best split of a table of values with these shares (N,); three cells were never better than two."""
    error, bits = _spread(shares, values), _entropy(shares)
    steepest = error / bits if bits else 0.0
    best = _Split(below=0, coarse=np.inf, fine=steepest)
    for below in range(1, shares.size):
        weights = np.array([shares[cell].sum() for cell in _cells(below)])
        gained = _spread(weights, np.array([_mean(shares[cell], values[cell]) for cell in _cells(below)]))
        spent = _entropy(weights)
        if weights.min() > RARE and bits - spent > LEAST_BITS and gained / spent > steepest:
            steepest = gained / spent
            best = _Split(below=below, coarse=steepest, fine=(error - gained) / (bits - spent))
    return best


def _cells(below: int) -> tuple[slice, slice]:
    return slice(0, below), slice(below, None)


def _mean(shares: NDArray[Any], values: NDArray[Any]) -> float:
    return float((shares * values).sum() / shares.sum()) if shares.sum() else 0.0


def _spread(shares: NDArray[Any], values: NDArray[Any]) -> float:
    return float((shares * np.square(values - _mean(shares, values))).sum())


def _entropy(shares: NDArray[Any]) -> float:
    some = shares[shares > 0]
    return float(-(some * np.log2(some)).sum())
