"""Differentiable distortions in the units λ weighs; training and efforts minimise bits a pixel + λ · distortion.

mse       255² · MSE
ms-ssim   1 − MS-SSIM
visual    (1 − s) · λ_e / λ · e + s · 255² · MSE, of SSIMULACRA 2's error e and a share s of MSE

All take x_hat and x (B, 3, H, W) in [0, 1] and λ (B,), or one λ for all, and return (B,).
"""

import math
from collections.abc import Callable
from functools import partial
from typing import TypeAlias

import torch
from torch import Tensor

from dlic.errors import DlicError
from dlic.metrics.differentiable.ssim import ms_ssim
from dlic.metrics.differentiable.ssimulacra2 import scale_count, ssimulacra2_error

Distortion: TypeAlias = Callable[[Tensor, Tensor, Tensor], Tensor]

NAMES = ("mse", "ms-ssim", "visual")
MSE_SHARE = 0.25  # of a visual distortion


def distortion(name: str, mse_share: float = MSE_SHARE) -> Distortion:
    """A distortion by its name; `mse_share` 0 … 1 is that of a visual one. DlicError for a name that is unknown."""
    if name not in NAMES:
        raise DlicError(f"there is no distortion {name!r}; there are {', '.join(NAMES)}")
    distortions: dict[str, Distortion] = {
        "mse": squared_error, "ms-ssim": dissimilarity, "visual": partial(visual_error, mse_share=mse_share)
    }  # fmt: skip
    return distortions[name]


def squared_error(x_hat: Tensor, x: Tensor, lmbda: Tensor) -> Tensor:
    """Mean squared error in 8-bit units: (B,)."""
    # one pass over the pixels each way; x_hat - x squared and averaged takes three
    return torch.linalg.vector_norm(x_hat - x, dim=(1, 2, 3)).square() * (255**2 / x[0].numel())


def dissimilarity(x_hat: Tensor, x: Tensor, lmbda: Tensor) -> Tensor:
    """1 − MS-SSIM: (B,); 0 where not even one scale fits."""
    return 1 - ms_ssim(x_hat, x)


def visual_error(x_hat: Tensor, x: Tensor, lmbda: Tensor, mse_share: float = MSE_SHARE) -> Tensor:
    """SSIMULACRA 2's error and squared error: (B,). Images that are too small for the former have the latter alone."""
    squared = squared_error(x_hat, x, lmbda)
    if scale_count(*x.shape[-2:]) == 0:
        return squared
    return (1 - mse_share) * error_weight(lmbda) / lmbda * ssimulacra2_error(x_hat, x) + mse_share * squared


def error_weight(lmbda: Tensor) -> Tensor:
    """λ_e, the weight of SSIMULACRA 2's error that costs about as many bits as λ · 255² · MSE: 0.004 at λ = 0.001, 0.4 at 0.2."""
    return 0.004 * (lmbda / 0.001) ** (math.log(100) / math.log(200))
