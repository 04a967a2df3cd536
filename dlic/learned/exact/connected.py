"""Connected regions of a mask of blocks."""

import numpy as np
from numpy.typing import NDArray


def components(mask: NDArray[np.bool_]) -> tuple[NDArray[np.intp], int]:
    """Numbers the regions of a mask (h, w) whose blocks touch, at corners too: 0 outside, 1 … count inside."""
    parents, numbers, above = [0], np.zeros(mask.shape, np.intp), list[tuple[int, int, int]]()
    for row, (starts, ends) in enumerate(_runs(line) for line in mask):
        current = []
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
            touching = [_root(parents, number) for first, last, number in above if first <= end and last >= start]
            if not touching:
                touching = [len(parents)]
                parents.append(touching[0])
            number = min(touching)
            for other in touching:
                parents[other] = number
            numbers[row, start:end] = number
            current.append((start, end, number))
        above = current
    roots = np.array([_root(parents, number) for number in range(len(parents))])
    kept, order = np.unique(roots, return_inverse=True)
    return order[numbers], len(kept) - 1


def _runs(line: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """First and last + 1 of each run of True."""
    steps = np.diff(line.astype(np.int8), prepend=0, append=0)
    return np.flatnonzero(steps > 0), np.flatnonzero(steps < 0)


def _root(parents: list[int], number: int) -> int:
    while parents[number] != number:
        parents[number] = parents[parents[number]]
        number = parents[number]
    return number
