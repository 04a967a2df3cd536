"""Chroma planes of half size ⇄ full size along one axis: linear interpolation and its least-squares inverse.

The inverse gives the plane whose interpolation is nearest to the given full plane. So `halve(double(c))` is c, and a picture that
is shown through its 4:2:0 planes is as near to the decoded one as those planes allow.
"""

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]


def double(plane: Plane, size: int, co_sited: bool) -> Plane:
    """(⌈size/2⌉, W) → (size, W). Co-sited samples lie on every second row; the others lie halfway between two rows."""
    above = np.concatenate([plane[:1], plane[:-1]])
    below = np.concatenate([plane[1:], plane[-1:]])
    full = np.empty((2 * len(plane), plane.shape[1]), np.float32)
    if co_sited:
        full[::2], full[1::2] = plane, (plane + below) / 2
    else:
        full[::2], full[1::2] = (3 * plane + above) / 4, (3 * plane + below) / 4
    return full[:size]


def halve(full: Plane, co_sited: bool) -> Plane:
    """Inverse of `double`, (size, W) → (⌈size/2⌉, W): solves its normal equations, which are tridiagonal, row by row."""
    weights, middle, beside = _normal_equations(len(full), co_sited)
    rows = _transposed(full, weights)
    factors = np.empty(len(middle))  # Thomas algorithm: forward, then backward
    pivot = middle[0]
    rows[0] /= np.float32(pivot)
    for k in range(1, len(middle)):
        factors[k] = beside[k - 1] / pivot
        pivot = middle[k] - beside[k - 1] * factors[k]
        rows[k] = (rows[k] - np.float32(beside[k - 1]) * rows[k - 1]) / np.float32(pivot)
    for k in range(len(middle) - 2, -1, -1):
        rows[k] -= np.float32(factors[k + 1]) * rows[k + 1]
    return rows


def _transposed(full: Plane, weights: tuple[NDArray[Any], ...]) -> Plane:
    """The transpose of `double` applied to a full plane."""
    even, odd_own, odd_other = weights
    half = (len(full) + 1) // 2
    pairs = np.zeros((2 * half, full.shape[1]), np.float32)
    pairs[: len(full)] = full
    upper, lower = pairs[::2], pairs[1::2]
    rows: Plane = even[0] * upper + odd_own * lower
    rows[:-1] += even[1] * upper[1:]
    rows[0] += even[1] * upper[0]
    rows[1:] += odd_other * lower[:-1]
    rows[-1] += odd_other * lower[-1]
    return rows


@lru_cache(maxsize=16)
def _normal_equations(size: int, co_sited: bool) -> tuple[tuple[NDArray[Any], ...], NDArray[Any], NDArray[Any]]:
    """Weights of `double` and the two diagonals of UᵀU, where U is its matrix."""
    own, other = (1.0, 0.0) if co_sited else (0.75, 0.25)  # of even rows: their own sample, the one above
    odd_own, odd_other = (0.5, 0.5) if co_sited else (0.75, 0.25)  # of odd rows: their own sample, the one below
    half = (size + 1) // 2
    middle, beside = np.zeros(half), np.zeros(max(half - 1, 0))
    for row in range(size):
        k, step = row // 2, 1 if row % 2 else -1
        first, second = (odd_own, odd_other) if row % 2 else (own, other)
        neighbour = min(max(k + step, 0), half - 1)
        if neighbour == k:
            middle[k] += (first + second) ** 2
        else:
            middle[k] += first**2
            middle[neighbour] += second**2
            beside[min(k, neighbour)] += first * second
    weights = tuple(np.array(weight, np.float32) for weight in ([own, other], odd_own, odd_other))
    return weights, middle, beside
