"""Division of symbols into streams of about equal expected bits, by whole numbers alone; classes of a low rank come first."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlic.entropy.parts import Part
from dlic.entropy.tables import FrequencyTables

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
    order, index = np.argsort(classes, kind="stable"), np.empty(classes.size, np.int64)
    index[order] = np.arange(classes.size) - np.repeat(np.cumsum(sizes) - sizes, sizes)  # of each symbol in its class
    of_class = bits.astype(np.int64) * sizes
    ends = np.cumsum(of_class.ravel()[np.argsort(ranks.ravel())])
    before, total = ends[ranks] - of_class, max(int(ends[-1]), 1)
    passes = zip(before, bits.astype(np.int64), strict=True)
    numbers = (np.minimum((start[classes] + index * own[classes]) * count // total, count - 1) for start, own in passes)
    return [of_pass.astype(np.uint8) for of_pass in numbers]


def streams_of(part: Part, tables: FrequencyTables) -> NDArray[np.uint8]:
    """The stream of every symbol (N,) of a part: those of high rows come first, those of early context steps a little earlier."""
    rows, steps = part.rows.ravel(), np.zeros(1, np.uint8) if part.steps is None else part.steps.ravel()
    classes = (STEPS * rows + steps).astype(np.uint8)
    row, step = np.divmod(np.arange(256), STEPS)
    ranks = np.empty(256, np.int64)
    ranks[np.lexsort((step, LEAD * step - row))] = np.arange(256)
    (streams,) = divided(classes, tables.entropies[row][None], ranks[None], part.streams)
    return streams
