"""Results of one validation batch at one level, for callbacks."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, eq=False)
class Validated:
    """Results of one validation batch at one level, for the callbacks that draw them."""

    x: Tensor  # (B, 3, H, W) originals in [0, 1]
    x_hat: Tensor  # the same shape, rounded to 8 bits
    bpp: Tensor  # (B,)
    psnr: Tensor  # (B,) of the rounded pixels
    level: int
    ssimulacra2: Tensor | None = None  # (B,) likewise, in runs that are trained for it
