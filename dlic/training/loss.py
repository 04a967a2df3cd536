"""The rate–distortion loss: bpp + λ · distortion, with sparsity weights on y."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dlic.models.base import ModelOutput

DISTORTIONS = ("mse", "ms-ssim")


@dataclass(frozen=True)
class LossTerms:
    """Scalars of one batch; `loss` is what is minimised, the others are its parts and are logged under these names."""

    loss: Tensor
    bpp: Tensor
    distortion: Tensor  # MSE of x in [0, 1], or 1 − MS-SSIM
    l1: Tensor  # mean |y|
    l2: Tensor  # mean y²

    @property
    def distortion_db(self) -> Tensor:
        """PSNR of the batch's mean error, or MS-SSIM in dB."""
        return -10 * torch.log10(self.distortion.clamp_min(1e-10))


class RateDistortionLoss(nn.Module):
    """loss = bpp + lmbda · 255² · MSE (mse) or bpp + lmbda · (1 − MS-SSIM) (ms-ssim), + l1 · mean|y| + l2 · mean y²."""

    def __init__(self, lmbda: float = 0.0067, distortion: str = "mse", l1: float = 0.0, l2: float = 0.0):
        """
        Args:
            lmbda: weight of the distortion, > 0.
            distortion: mse or ms-ssim.
            l1: weight of mean |y|, ≥ 0.
            l2: weight of mean y², ≥ 0.
        """
        super().__init__()
        if distortion not in DISTORTIONS:
            raise ValueError(f"distortion must be mse or ms-ssim, not {distortion!r}")
        if not (math.isfinite(lmbda) and lmbda > 0 and l1 >= 0 and l2 >= 0):
            raise ValueError(f"lmbda must be positive and l1, l2 not negative, got {lmbda}, {l1}, {l2}")
        self.lmbda, self.distortion, self.l1, self.l2 = lmbda, distortion, l1, l2

    def forward(self, output: ModelOutput, x: Tensor) -> LossTerms:
        """x (B, 3, H, W) in [0, 1]; MS-SSIM needs H and W above 160."""
        bpp = output.bits.mean() / (x.shape[-2] * x.shape[-1])
        if self.distortion == "mse":
            distortion, scale = torch.mean((output.x_hat - x) ** 2), 255.0**2
        else:
            from pytorch_msssim import ms_ssim

            distortion, scale = 1 - ms_ssim(output.x_hat, x, data_range=1.0), 1.0
        l1, l2 = output.y.abs().mean(), output.y.square().mean()
        loss = bpp + self.lmbda * scale * distortion + self.l1 * l1 + self.l2 * l2
        return LossTerms(loss, bpp, distortion, l1, l2)
