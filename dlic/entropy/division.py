"""Division of symbols into streams of about equal expected bits, by whole numbers alone; classes of a low rank come first."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlic.entropy.parts import Part
from dlic.entropy.tables import FrequencyTables, looked_up

STEPS = 4  # context steps at most
LEAD = 2  # rows by which symbols of a context step count more than those of the next: they improve the means of those


def divided(classes: NDArray[np.uint8], bits: NDArray[Any], ranks: NDArray[Any], count: int) -> list[NDArray[np.uint8]]:
    """The stream, 0 … count − 1, of every symbol (N,) in each of its passes.

    Args:
        classes: of the symbols (N,).
        bits: expected, of a symbol of each class in each pass (passes, C), whole numbers of any unit.
        ranks: of each pass of each class (passes, C), each 0 … passes · C − 1 once.
        count: of streams.
    """
    sizes = np.bincount(classes, minlength=bits.shape[1])
    of_class = bits.astype(np.int64) * sizes
    ends = np.cumsum(of_class.ravel()[np.argsort(ranks.ravel())])
    before, total = ends[ranks] - of_class, max(int(ends[-1]), 1)
    return [
        _placed(classes, _shares(start, own, sizes, total, count)) for start, own in zip(before, bits.astype(np.int64), strict=True)
    ]


def _placed(classes: NDArray[np.uint8], shares: NDArray[Any]) -> NDArray[np.uint8]:
    """The stream of every symbol (N,): few classes are in more than one, so that nothing has to be sorted."""
    streams = looked_up(shares.argmax(axis=1).astype(np.uint8), classes)
    numbers = np.arange(shares.shape[1], dtype=np.uint8)
    for divided_class in np.flatnonzero(np.count_nonzero(shares, axis=1) > 1):
        streams[np.flatnonzero(classes == divided_class)] = np.repeat(numbers, shares[divided_class])
    return streams


def _shares(before: NDArray[Any], bits: NDArray[Any], sizes: NDArray[Any], total: int, count: int) -> NDArray[Any]:
    """How many symbols of each class are in each stream: (C, count). Symbol j is in ⌊(before + j · bits) · count / total⌋."""
    left = np.arange(1, count) * total - before[:, None] * count  # of the bits up to the end of each stream but the last
    below = np.where(bits[:, None], -(-left // np.maximum(bits * count, 1)[:, None]), np.where(left > 0, sizes[:, None], 0))
    upto = np.clip(below, 0, sizes[:, None])
    shares: NDArray[np.int64] = np.diff(upto, axis=1, prepend=0, append=sizes[:, None])
    return shares


def streams_of(part: Part, tables: FrequencyTables) -> NDArray[np.uint8]:
    """The stream of every symbol (N,) of a part: those of high rows come first, those of early context steps a little earlier."""
    rows, steps = part.rows.ravel(), np.zeros(1, np.uint8) if part.steps is None else part.steps.ravel()
    classes = (STEPS * rows + steps).astype(np.uint8)
    row, step = np.divmod(np.arange(256), STEPS)
    ranks = np.empty(256, np.int64)
    ranks[np.lexsort((step, LEAD * step - row))] = np.arange(256)
    entropies = tables.entropies[np.minimum(row, len(tables) - 1)]  # no symbol has a row beyond the tables
    (streams,) = divided(classes, entropies[None], ranks[None], part.streams)
    return streams
