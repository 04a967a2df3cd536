"""The rate–distortion loss: bpp + λ · distortion, with sparsity weights on y."""

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

    def parts(self) -> list[Tensor]:
        """In the order of the fields."""
        return [self.loss, self.bpp, self.distortion, self.l1, self.l2]

    @property
    def distortion_db(self) -> Tensor:
        """PSNR of the batch's mean error, or MS-SSIM in dB."""
        return -10 * torch.log10(self.distortion.clamp_min(1e-10))


class RateDistortionLoss(nn.Module):
    """loss = bpp + lmbda · 255² · MSE (mse) or bpp + lmbda · (1 − MS-SSIM) (ms-ssim), + l1 · mean|y| + l2 · mean y²."""

    def __init__(self, distortion: str = "mse", l1: float = 0.0, l2: float = 0.0):
        """
        Args:
            distortion: mse or ms-ssim.
            l1: weight of mean |y|, ≥ 0.
            l2: weight of mean y², ≥ 0.
        """
        super().__init__()
        if distortion not in DISTORTIONS:
            raise ValueError(f"distortion must be mse or ms-ssim, not {distortion!r}")
        if not (l1 >= 0 and l2 >= 0):
            raise ValueError(f"l1 and l2 must not be negative, got {l1}, {l2}")
        self.distortion, self.l1, self.l2 = distortion, l1, l2

    def forward(self, output: ModelOutput, x: Tensor, lmbda: Tensor, weight: Tensor | None = None) -> LossTerms:
        """x (B, 3, H, W) in [0, 1], `lmbda` (B,) of each sample, `weight` (B,) of its rate and distortion in the mean (1).

        MS-SSIM needs H and W above 160.
        """
        bpp = output.bits / (x.shape[-2] * x.shape[-1])  # (B,)
        distortion, scale = self._distortion(output.x_hat, x)  # (B,)
        l1, l2 = output.y.abs().mean(), output.y.square().mean()
        costs = bpp + lmbda * scale * distortion
        cost = costs.mean() if weight is None else (weight * costs).mean()
        return LossTerms(cost + self.l1 * l1 + self.l2 * l2, bpp.mean(), distortion.mean(), l1, l2)

    def _distortion(self, x_hat: Tensor, x: Tensor) -> tuple[Tensor, float]:
        if self.distortion == "mse":
            # one pass over the pixels each way; x_hat - x squared and averaged takes three
            return torch.linalg.vector_norm(x_hat - x, dim=(1, 2, 3)).square() / x[0].numel(), 255.0**2
        from pytorch_msssim import ms_ssim

        with torch.autocast(x.device.type, enabled=False):  # variances are differences of means that bfloat16 would drown
            return 1 - ms_ssim(x_hat.float(), x, data_range=1.0, size_average=False), 1.0
