"""Planes ⇄ rows of 8×8 blocks, and the two-dimensional DCT-II of blocks as matrix products."""

import numpy as np

SIZE = 8


def split(plane: np.ndarray) -> np.ndarray:
    """(H, W), both multiples of 8 → blocks (H/8 · W/8, 64), each row by row, from left to right and top to bottom."""
    height, width = plane.shape
    grid = plane.reshape(height // SIZE, SIZE, width // SIZE, SIZE)
    return grid.transpose(0, 2, 1, 3).reshape(-1, SIZE * SIZE)


def join(blocks: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Inverse of `split` for a grid of `rows` × `columns` blocks."""
    grid = blocks.reshape(rows, columns, SIZE, SIZE)
    return grid.transpose(0, 2, 1, 3).reshape(rows * SIZE, columns * SIZE)


def dct(blocks: np.ndarray) -> np.ndarray:
    """Orthonormal DCT-II: blocks (N, 64) → float32 coefficients (N, 64), the lowest frequency first.

    The mean of a block times 8 is its first coefficient; samples −128 … 127 give coefficients within ±1024.
    """
    return blocks.astype(np.float32) @ TRANSFORM.T


def fixed_point_dct(samples: np.ndarray) -> np.ndarray:
    """libjpeg's accurate integer DCT ("islow") of uint8 samples (N, 64): multiples of ⅛, float64 (N, 64)."""
    blocks = samples.reshape(-1, SIZE).astype(np.float64) - 128
    rows = _rounded_shift(blocks @ FIXED_POINT.T, 11).reshape(-1, SIZE, SIZE)  # 2 of 13 bits are kept for the second pass
    return _rounded_shift(FIXED_POINT @ rows, 15).reshape(-1, SIZE * SIZE) / 8


def fixed_point_idct(coefficients: np.ndarray) -> np.ndarray:
    """libjpeg's inverse DCT of whole coefficients (N, 64), exact to the last bit: uint8 (N, 64).

    Decoders that each round in their own way differ by one level now and then, and after the conversion to RGB by three.
    """
    columns = _rounded_shift(FIXED_POINT.T @ coefficients.reshape(-1, SIZE, SIZE), 11)
    rows = _rounded_shift(columns.reshape(-1, SIZE) @ FIXED_POINT, 18)  # 13 + 2 + 3: the two passes give 8 times the IDCT
    return np.clip(rows + 128, 0, 255).astype(np.uint8).reshape(-1, SIZE * SIZE)


def _rounded_shift(products: np.ndarray, bits: int) -> np.ndarray:
    """Whole numbers in float64 over 2^bits, halves up."""
    return np.floor(products * 0.5**bits + 0.5)


def _matrix() -> np.ndarray:
    """One row a frequency: (8, 8), orthonormal."""
    frequency, position = np.arange(SIZE)[:, None], np.arange(SIZE)
    cosines = np.cos(np.pi * frequency * (2 * position + 1) / (2 * SIZE)) * np.sqrt(2 / SIZE)
    cosines[0] /= np.sqrt(2)
    return cosines


TRANSFORM = np.kron(_matrix(), _matrix()).astype(np.float32)  # both directions at once: (64 frequencies, 64 samples)


def _fixed_point() -> np.ndarray:
    """The one-dimensional IDCT of Loeffler, Ligtenberg and Moschytz in libjpeg's 13-bit constants: (8 frequencies, 8 samples).

    Within a pass its butterflies add and multiply whole numbers exactly, so that they are a matrix; float64 products are as exact.
    """
    x = np.eye(SIZE)  # contribution of each frequency
    z = (x[2] + x[6]) * 4433
    low, high = z - x[6] * 15137, z + x[2] * 6270
    total, difference = (x[0] + x[4]) * 8192, (x[0] - x[4]) * 8192
    even = [total + high, difference + low, difference - low, total - high]
    z5 = (x[7] + x[3] + x[5] + x[1]) * 9633
    z1, z2 = (x[7] + x[1]) * -7373, (x[5] + x[3]) * -20995
    z3, z4 = (x[7] + x[3]) * -16069 + z5, (x[5] + x[1]) * -3196 + z5
    odd = [x[1] * 12299 + z1 + z4, x[3] * 25172 + z2 + z3, x[5] * 16819 + z2 + z4, x[7] * 2446 + z1 + z3]
    front = [e + o for e, o in zip(even, odd, strict=True)]
    back = [e - o for e, o in zip(even, odd, strict=True)]
    return np.stack(front + back[::-1], axis=1)


FIXED_POINT = _fixed_point()
