"""Block DCT bases as initial weights of transforms that start as a DCT."""

import math

import torch
from torch import Tensor

# Orthonormal luma/chroma rotation of RGB: grey, red–blue, magenta–green.
COLOUR_ROTATION = (
    torch.tensor([[1.0, 1.0, 1.0], [1.0, 0.0, -1.0], [1.0, -2.0, 1.0]], dtype=torch.float64)
    / torch.tensor([[3.0], [2.0], [6.0]], dtype=torch.float64).sqrt()
)

CHROMA_PENALTY = 1.8  # a chroma coefficient is about as small as a luma coefficient of 1.8 times its frequency


def dct_matrix(size: int) -> Tensor:
    """Orthonormal DCT-II, rows are basis functions: (size, size) float64."""
    k = torch.arange(size, dtype=torch.float64)
    matrix = torch.cos(math.pi * k[:, None] * (2 * k[None, :] + 1) / (2 * size)) * math.sqrt(2 / size)
    matrix[0] /= math.sqrt(2)
    return matrix


def frequencies(size: int) -> Tensor:
    """Radial frequency of every (plane, u, v) in cycles of the block, chroma penalised: (3, size, size)."""
    k = torch.arange(size, dtype=torch.float64)
    radius = (k[:, None] ** 2 + k[None, :] ** 2).sqrt()
    return torch.stack([radius + 0.5, *[CHROMA_PENALTY * (radius + 0.5)] * 2])


def dct_basis(size: int, channels: int) -> tuple[Tensor, Tensor]:
    """The `channels` lowest-frequency functions of the size×size luma/chroma DCT, as a 1×1 layer after `pixel_unshuffle`.

    Returns the orthonormal rows (channels, 3·size²), columns ordered as `pixel_unshuffle(x, size)` orders its channels,
    and the typical standard deviation of each coefficient for photographs in [0, 1] (channels,), which falls as 1/f.
    """
    rows = torch.einsum("pc,ui,vj->puvcij", COLOUR_ROTATION, dct_matrix(size), dct_matrix(size))
    order = frequencies(size).flatten().argsort(stable=True)[:channels]
    # 0.14: standard deviation of the mean-removed luma of photographs per pixel; energy ∝ f⁻² over a block of size² coefficients.
    sigma = 0.14 * size / (1 + 2.5 * frequencies(size).flatten())
    return rows.reshape(3 * size * size, 3 * size * size)[order].float(), sigma[order].float()


def merge_blocks(size: int, inner: Tensor, outer: Tensor) -> Tensor:
    """Weight of the 2×2 stride-2 convolution that turns coefficients of size×size blocks into those of 2size×2size blocks.

    `inner` (C, 3·size²) and `outer` (M, 3·4·size²) come from `dct_basis`; the result is (M, C, 2, 2),
    exact where `inner` is complete.
    """
    full = outer.reshape(-1, 3, 2, size, 2, size)  # (M, plane, a, i, b, j): pixel (a·size + i, b·size + j)
    return torch.einsum("mpaibj,cpij->mcab", full, inner.reshape(-1, 3, size, size))
