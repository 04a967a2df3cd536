"""Chroma subsampling and upsampling as in libjpeg: box averages down, triangle filters up."""

from functools import reduce

import numpy as np

FACTORS = {
    "4:4:4": (1, 1),
    "4:2:2": (1, 2),
    "4:2:0": (2, 2),
    "4:4:0": (2, 1),
    "4:1:1": (1, 4),
}  # luma samples a chroma sample, (v, h)


def downsample(plane: np.ndarray, vertical: int, horizontal: int) -> np.ndarray:
    """Averages of `vertical` × `horizontal` samples: uint8 (H, W) → (⌈H/vertical⌉, ⌈W/horizontal⌉); the last row and column repeat.

    Averages of two and four round down and up by turns along a row, so that no brightness is gained.
    """
    if vertical == horizontal == 1:
        return plane
    height, width = plane.shape
    padded = np.pad(plane, ((0, -height % vertical), (0, -width % horizontal)), mode="edge").astype(np.uint16)
    parts = [padded[i::vertical, j::horizontal] for i in range(vertical) for j in range(horizontal)]
    sums = reduce(np.add, parts)
    count = vertical * horizontal
    bias = np.full(sums.shape[1], count // 2, np.uint16)
    if horizontal == 2 and vertical < 3:
        bias[::2] -= 1
    return ((sums + bias) // count).astype(np.uint8)


def upsample(plane: np.ndarray, size: tuple[int, int], vertical: tuple[int, int], horizontal: tuple[int, int]) -> np.ndarray:
    """The whole image's samples from a component's: uint8 (h, w) → `size` (H, W).

    `vertical` and `horizontal` are (the component's sampling factor, the frame's largest). Doubling filters with a triangle
    (¾ of the nearer sample, ¼ of the next), any other ratio repeats samples, and so does doubling a plane at most 2 wide.
    """
    doubles_rows, doubles_columns = (largest == 2 * factor for factor, largest in (vertical, horizontal))
    same_rows, same_columns = (largest == factor for factor, largest in (vertical, horizontal))
    if same_rows and same_columns:
        return plane[: size[0], : size[1]]
    if doubles_columns and plane.shape[1] > 2 and (same_rows or doubles_rows):
        return (_double_both(plane) if doubles_rows else _double_columns(plane))[: size[0], : size[1]]
    if doubles_rows and same_columns:
        return _double_rows(plane)[: size[0], : size[1]]
    rows, columns = (
        np.arange(length) * factor // largest for length, (factor, largest) in zip(size, (vertical, horizontal), strict=True)
    )
    return plane[rows[:, None], columns]


def _double_rows(plane: np.ndarray) -> np.ndarray:
    sums = _nearer_rows(plane)
    sums[0::2] += 1
    sums[1::2] += 2
    return (sums >> 2).astype(np.uint8)


def _double_columns(plane: np.ndarray) -> np.ndarray:
    sums = _nearer_rows(plane.T).T
    sums[:, 0::2] += 1
    sums[:, 1::2] += 2
    return (sums >> 2).astype(np.uint8)


def _double_both(plane: np.ndarray) -> np.ndarray:
    sums = _nearer_rows(_nearer_rows(plane).T).T
    sums[:, 0::2] += 8
    sums[:, 1::2] += 7
    return (sums >> 4).astype(np.uint8)


def _nearer_rows(plane: np.ndarray) -> np.ndarray:
    """3 · a row + the row before it, then 3 · the row + the row behind it: (h, w) → uint16 (2h, w); the outermost rows repeat."""
    rows = plane.astype(np.uint16)
    sums = np.repeat(3 * rows, 2, axis=0)
    sums[2::2] += rows[:-1]
    sums[1:-1:2] += rows[1:]
    sums[0] += rows[0]
    sums[-1] += rows[-1]
    return sums
