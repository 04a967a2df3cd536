"""The rate–distortion loss: bpp + λ · distortion, with sparsity weights on y."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dlic.metrics.differentiable import distortions
from dlic.models.base import ModelOutput

UNITS = {"mse": 255.0**2, "ms-ssim": 1.0, "visual": 255.0**2}  # distortion that λ weighs, in what is logged


@dataclass(frozen=True, eq=False)
class LossTerms:
    """Scalars of one batch: `loss` is minimised; the others are its parts, and are logged under these names."""

    loss: Tensor
    bpp: Tensor
    distortion: Tensor  # MSE of x in [0, 1], 1 − MS-SSIM, or the MSE of the same cost as a visual distortion
    l1: Tensor  # mean |y|
    l2: Tensor  # mean y²

    def parts(self) -> list[Tensor]:
        """In the order of the fields."""
        return [self.loss, self.bpp, self.distortion, self.l1, self.l2]

    @property
    def distortion_db(self) -> Tensor:
        """PSNR of the batch's mean error, MS-SSIM in dB, or the PSNR of the same cost as a visual distortion."""
        return -10 * torch.log10(self.distortion.clamp_min(1e-10))


class RateDistortionLoss(nn.Module):
    """loss = bpp + lmbda · distortion + l1 · mean|y| + l2 · mean y²; distortions are those of `metrics.differentiable`."""

    def __init__(self, distortion: str = "mse", l1: float = 0.0, l2: float = 0.0, mse_share: float = distortions.MSE_SHARE):
        """
        Args:
            distortion: mse, ms-ssim or visual.
            l1: weight of mean |y|, ≥ 0.
            l2: weight of mean y², ≥ 0.
            mse_share: share of MSE in a visual distortion, 0 … 1; the rest is SSIMULACRA 2's.
        """
        super().__init__()
        if distortion not in UNITS:
            raise ValueError(f"distortion must be {', '.join(list(UNITS)[:-1])} or {list(UNITS)[-1]}, not {distortion!r}")
        if not (l1 >= 0 and l2 >= 0):
            raise ValueError(f"l1 and l2 must not be negative, got {l1}, {l2}")
        if not 0 <= mse_share <= 1:
            raise ValueError(f"mse_share is a share, from 0 to 1, not {mse_share}")
        self.distortion, self.l1, self.l2 = distortion, l1, l2
        self._measure = distortions.distortion(distortion, mse_share)

    def forward(self, output: ModelOutput, x: Tensor, lmbda: Tensor, weight: Tensor | None = None) -> LossTerms:
        """x (B, 3, H, W) in [0, 1], `lmbda` (B,) of each sample, `weight` (B,) of its rate and distortion in the mean (1)."""
        bpp = output.bits / (x.shape[-2] * x.shape[-1])  # (B,)
        distortion = self._measure(output.x_hat, x, lmbda)  # (B,)
        l1, l2 = output.y.abs().mean(), output.y.square().mean()
        costs = bpp + lmbda * distortion
        cost = costs.mean() if weight is None else (weight * costs).mean()
        logged = distortion.mean() / UNITS[self.distortion]
        return LossTerms(cost + self.l1 * l1 + self.l2 * l2, bpp.mean(), logged, l1, l2)
