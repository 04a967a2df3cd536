"""The networks `mean_scale` and `hyperprior`."""

import torch
from torch import Tensor, nn

from dlic.layers.bound import lower_bound
from dlic.layers.gaussian import bits, likelihood, scale_of_row
from dlic.layers.scale_rows import ROWS, SCALE_MIN
from dlic.layers.stages import up
from dlic.models.base import Model, ModelOutput, round_ste
from dlic.models.mean_scale.transforms import PreciseAtEnd, analysis, hyper_analysis, synthesis


class MeanScale(Model):
    """Mean–scale hyperprior without context, CompressAI's `mbt2018-mean` (Minnen, Ballé & Toderici 2018, arXiv:1809.02736).

    x ─ g_a ─ y ─ round(y − μ) ─ symbols ─ row σ ─ stream
               │        └─ + μ ─ y_hat ─ g_s ─ x_hat
               └─ h_a ─ z ─ round ─ z_hat ─ h_s ─ σ, μ

    Its zoo has N = 128, M = 192 for its four lowest rates and N = 192, M = 320 above. There images are padded to multiples of 64;
    here z covers 4×4 latents, the last of a row or column perhaps fewer.
    """

    name = "mean_scale"
    solved = ("entropy_bottleneck.quantiles",)
    zoo_name = "mbt2018-mean"
    stride = 16

    def __init__(self, channels: int = 128, latents: int = 192):
        """
        Args:
            channels: width of the transforms, and channels of z (N).
            latents: channels of y (M).
        """
        from dlic.models.factorized.bottleneck import Bottleneck  # training only: decoding needs no compressai

        super().__init__()
        self.config = {"channels": channels, "latents": latents}
        self.g_a, self.g_s, self.h_a, self.h_s = self.transforms(**self.config)
        self.entropy_bottleneck = Bottleneck(channels)

    @classmethod
    def transforms(cls, channels: int, latents: int) -> tuple[nn.Module, nn.Module, nn.Module, nn.Module]:
        """g_a (B, 3, H, W) → (B, M, H/16, W/16) and its inverse g_s, h_a on to (B, N, H/64, W/64) and h_s back."""
        return analysis(channels, latents), synthesis(channels, latents), *cls.hyper_transforms(channels, latents)

    @staticmethod
    def hyper_transforms(channels: int, latents: int) -> tuple[nn.Module, nn.Module]:
        h_s = PreciseAtEnd(
            up(channels, latents, 5), nn.LeakyReLU(),
            up(latents, latents * 3 // 2, 5), nn.LeakyReLU(),
            nn.Conv2d(latents * 3 // 2, 2 * latents, 3, padding=1),
        )  # fmt: skip
        return hyper_analysis(channels, latents, nn.LeakyReLU), h_s

    def forward(self, x: Tensor, level: Tensor | None = None) -> ModelOutput:
        y = self.g_a(x)  # (B, M, H/16, W/16)
        z = self.h_a(self.seen_by_hyper(y))  # (B, N, H/64, W/64)
        with torch.autocast(x.device.type, enabled=False):
            z_hat, z_bits = self.entropy_bottleneck.coded(z)
        scales, means = self.scales_and_means(z_hat, y.shape[2:])
        residual = y - means
        symbols = round_ste(residual)
        noisy = residual + torch.empty_like(residual).uniform_(-0.5, 0.5) if self.training else symbols
        y_bits = bits(noisy, lower_bound(scales, SCALE_MIN)).sum(dim=(1, 2, 3))
        return ModelOutput(self.g_s(symbols + means).float(), y_bits + z_bits, y, (symbols.detach() == 0).float().mean())

    @staticmethod
    def seen_by_hyper(y: Tensor) -> Tensor:
        """The input of h_a."""
        return y

    def scales_and_means(self, z_hat: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """Scales and means of y (B, M, h, w), in float32; scales are not yet bounded."""
        height, width = size
        return self.h_s(z_hat)[:, :, :height, :width].chunk(2, 1)

    def prepare(self) -> None:
        self.entropy_bottleneck.prepare()

    def likelihoods(self, symbols: Tensor) -> Tensor:
        """Probability of integer symbols (K,) in every table, the rows of scales before the channels of z: (ROWS + N, K)."""
        scales = scale_of_row(torch.arange(ROWS))[:, None]
        return torch.cat([likelihood(symbols, scales), self.entropy_bottleneck.likelihoods(symbols)])


class ScaleHyperprior(MeanScale):
    """The hyperprior with scales and zero means, CompressAI's `bmshj2018-hyperprior` (Ballé et al. 2018, arXiv:1802.01436)."""

    name = "hyperprior"
    zoo_name = "bmshj2018-hyperprior"

    @staticmethod
    def hyper_transforms(channels: int, latents: int) -> tuple[nn.Module, nn.Module]:
        h_s = PreciseAtEnd(
            up(channels, channels, 5), nn.ReLU(),
            up(channels, channels, 5), nn.ReLU(),
            nn.Conv2d(channels, latents, 3, padding=1), nn.ReLU(),
        )  # fmt: skip
        return hyper_analysis(channels, latents, nn.ReLU), h_s

    @staticmethod
    def seen_by_hyper(y: Tensor) -> Tensor:
        return y.abs()

    def scales_and_means(self, z_hat: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
        height, width = size
        scales = self.h_s(z_hat)[:, :, :height, :width].float()
        return scales, torch.zeros_like(scales)
