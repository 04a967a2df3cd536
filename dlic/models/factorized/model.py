"""The network `factorized`."""

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

from dlic.layers.dct import dct_basis
from dlic.models.base import Model, ModelOutput
from dlic.models.factorized.transforms import STAGES, transforms

if TYPE_CHECKING:
    from dlic.models.factorized.bottleneck import Bottleneck


class Factorized(Model):
    """Ballé, Laparra & Simoncelli 2017 / Ballé et al. 2018 (arXiv:1802.01436) without its hyperprior.

    x ─ g_a ─ y ─ round(y − median) ─ symbols ─ table of the channel ─ stream
                          └─ + median ─ y_hat ─ g_s ─ x_hat
    """

    name = "factorized"
    solved = ("entropy_bottleneck.quantiles",)
    stride = 16

    def __init__(
        self,
        stage: str = "dct",
        channels: int = 128,
        latents: int = 192,
        fine_blocks: int = 4,
        coarse_blocks: int = 6,
        initial_step: float = 48.0,
        dct_path: bool = False,
    ):
        """
        Args:
            stage: kind of the transforms' stages: dct, gdn, vgg, resnet or densenet.
            channels: width of the inner stages (N).
            latents: channels of y (M).
            fine_blocks: residual blocks at 1/8 of the size (dct only).
            coarse_blocks: residual blocks at 1/16 (dct only).
            initial_step: quantisation step of the DCT it starts as, in 8-bit units; √(18 / (λ ln 2)) at high rates (dct, dct_path).
            dct_path: the stages correct a DCT in a parallel path, so training starts from that DCT (all but dct).
        """
        from dlic.models.factorized.bottleneck import Bottleneck  # training only: decoding needs no compressai

        super().__init__()
        if stage not in STAGES:
            raise ValueError(f"stage must be one of {', '.join(STAGES)}, not {stage!r}")
        self.config = {
            "stage": stage, "channels": channels, "latents": latents,
            "fine_blocks": fine_blocks, "coarse_blocks": coarse_blocks, "initial_step": initial_step,
            "dct_path": dct_path,
        }  # fmt: skip
        self.g_a, self.g_s = transforms(**self.config)
        self.entropy_bottleneck = Bottleneck(latents, init_scale=1)
        if stage == "dct" or dct_path:
            widths = dct_basis(16, latents)[1] * 255 / initial_step
            _spread(self.entropy_bottleneck, widths.clamp_min(0.2))

    def forward(self, x: Tensor, level: Tensor | None = None) -> ModelOutput:
        y = self.g_a(x)  # (B, M, H/16, W/16)
        with torch.autocast(x.device.type, enabled=False):  # cumulative distributions need float32
            y = y.float()
            y_hat, bits = self.entropy_bottleneck.coded(y)
            sparsity = ((y.detach() - self.entropy_bottleneck.medians[:, None, None]).abs() < 0.5).float().mean()
        return ModelOutput(self.g_s(y_hat).float(), bits, y, sparsity)

    def prepare(self) -> None:
        self.entropy_bottleneck.prepare()

    def likelihoods(self, symbols: Tensor) -> Tensor:
        """Probability of integer symbols (K,) in each channel: (M, K)."""
        return self.entropy_bottleneck.likelihoods(symbols)


def _spread(bottleneck: "Bottleneck", widths: Tensor) -> None:
    """Initialises each channel's distribution (logistic of scale 1) with the channel's expected standard deviation."""
    logistic_sigma = math.pi / math.sqrt(3)
    with torch.no_grad():
        first = bottleneck.matrices[0]
        slope = F.softplus(first) * (logistic_sigma / widths)[:, None, None]
        first.copy_(torch.log(torch.expm1(slope)))
