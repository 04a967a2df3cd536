"""The network `light`: transforms, hyperprior and context, trained for every rate at once."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from dlic.entropy.tables import CERTAIN
from dlic.layers.bound import lower_bound
from dlic.layers.dct import dct_basis
from dlic.layers.dct_transforms import Analysis
from dlic.layers.gains import ANCHORS, LEVELS, LevelGain, LevelVector
from dlic.layers.gaussian import bits, likelihood, row_of_scale, scale_of_row, zero_bin
from dlic.layers.scale_rows import ROWS, SCALE_MIN
from dlic.layers.step_price import STEP_PRICE
from dlic.models.base import Model, ModelOutput, round_ste
from dlic.models.light.hyperprior import HyperAnalysis, MeanSynthesis, ScaleSynthesis, step_masks
from dlic.models.light.parity import repaired
from dlic.models.light.transforms import Synthesis

TRUNK_STEP = 48.0  # 8-bit units of one unit of the trunk at 1/16, for which its blocks' first steps are of the right size


SUPERBLOCK = 4  # latents along what one symbol of z covers


def _of_superblocks(values: Tensor) -> Tensor:
    """Sums of values of latents (B, 1, h, w) over superblocks, the last of a row or column perhaps smaller: (B, 1, h/4, w/4)."""
    missing = [-side % SUPERBLOCK for side in values.shape[2:]]
    return F.avg_pool2d(F.pad(values, (0, missing[1], 0, missing[0])), SUPERBLOCK) * SUPERBLOCK**2


def _of_latents(values: Tensor, height: int, width: int) -> Tensor:
    """Values of superblocks (B, 1, h/4, w/4) → of latents (B, 1, height, width)."""
    return values.repeat_interleave(SUPERBLOCK, 2).repeat_interleave(SUPERBLOCK, 3)[:, :, :height, :width]


def lmbdas(lowest: float, highest: float, count: int = LEVELS) -> Tensor:
    """λ of each level, log-uniform: (count,)."""
    return torch.logspace(math.log10(lowest), math.log10(highest), count)


@dataclass(frozen=True, eq=False, kw_only=True)
class CodedLatent:
    """A latent after quantisation, with its estimated bits."""

    y_hat: Tensor  # (B, M, h, w) in units of the trunk
    bits: Tensor  # (B, 1, h/4, w/4) of each superblock: the latents that one symbol of z covers
    saved: Tensor  # (B,) bits that parity saves
    sparsity: Tensor  # () share of zero symbols

    @property
    def total_bits(self) -> Tensor:
        """Of each image: (B,)."""
        return self.bits.sum(dim=(1, 2, 3)) - self.saved


class Light(Model):
    """Variable-rate mean–scale hyperprior with a context of two or four steps.

    x ─ g_a ─ y · gain ─ round(y − μ) ─ symbols ─ row σ(ẑ, level) ─ stream
                │                 └─ + μ ─ y_hat / gain ─ g_s ─ x_hat
                └─ h_a ─ z ─ round ─ ẑ ─┬─ h_s_scale (whole numbers) ─ σ
                                        └─ h_s_mean + context ─ μ

    Minnen, Ballé & Toderici 2018 (arXiv:1809.02736) for the hyperprior, Cui et al. 2021 (arXiv:2003.02012) for the gains,
    He et al. 2021 (arXiv:2103.15306) for the checkerboard.
    """

    g_a: Analysis
    g_s: Synthesis
    lmbdas: Tensor  # (levels,)

    name = "light"
    stride = 16
    levels = LEVELS
    can_freeze = True
    depths = ("encoder_fine", "encoder_coarse", "decoder_fine", "decoder_coarse", "hyper_blocks", "context_steps")
    chains = tuple(zip(depths[:4], ("g_a.fine", "g_a.coarse", "g_s.fine", "g_s.coarse"), strict=True))
    goals = ("lmbda_low", "lmbda_high")

    def __init__(
        self,
        channels: int = 128,
        latents: int = 320,
        hyper: int = 96,
        hidden: int = 96,
        fine_inner: int = 64,
        coarse_inner: int = 96,
        encoder_fine: int = 4,
        encoder_coarse: int = 5,
        decoder_fine: int = 4,
        decoder_coarse: int = 5,
        hyper_blocks: int = 0,
        context_steps: int = 2,
        lmbda_low: float = 0.001,
        lmbda_high: float = 0.2,
    ):
        """
        Args:
            channels: width of the stages at 1/8 (C).
            latents: channels of y (M).
            hyper: channels of z (Z).
            hidden: width of the hyper-synthesis and the context (K).
            fine_inner: width inside the blocks at 1/8.
            coarse_inner: width inside the blocks at 1/16.
            encoder_fine: blocks of g_a at 1/8.
            encoder_coarse: blocks of g_a at 1/16.
            decoder_fine: blocks of g_s at 1/8.
            decoder_coarse: blocks of g_s at 1/16.
            hyper_blocks: blocks of h_a at 1/32, and at 1/64.
            context_steps: 2 or 4.
            lmbda_low: λ of level 0.
            lmbda_high: λ of the highest level.
        """
        super().__init__()
        if context_steps not in (2, 4):
            raise ValueError(f"a context has 2 or 4 steps, not {context_steps}")
        self.config = {
            "channels": channels, "latents": latents, "hyper": hyper, "hidden": hidden,
            "fine_inner": fine_inner, "coarse_inner": coarse_inner,
            "encoder_fine": encoder_fine, "encoder_coarse": encoder_coarse,
            "decoder_fine": decoder_fine, "decoder_coarse": decoder_coarse,
            "hyper_blocks": hyper_blocks, "context_steps": context_steps,
            "lmbda_low": lmbda_low, "lmbda_high": lmbda_high,
        }  # fmt: skip
        inner = fine_inner, coarse_inner
        steps = (18 / (lmbdas(lmbda_low, lmbda_high, ANCHORS) * math.log(2))).sqrt()  # optimal at high rate, in 8-bit units
        gains = (TRUNK_STEP / steps)[:, None]  # (ANCHORS, 1)
        spread = dct_basis(16, latents)[1] * 255 / TRUNK_STEP  # standard deviation of each coefficient in the trunk
        self.register_buffer("lmbdas", lmbdas(lmbda_low, lmbda_high), persistent=False)
        self.g_a = Analysis(channels, latents, inner, (encoder_fine, encoder_coarse), TRUNK_STEP)
        self.g_s = Synthesis(channels, latents, inner, (decoder_fine, decoder_coarse), TRUNK_STEP)
        self.gain, self.inverse_gain = LevelGain(latents, gains.log()), LevelGain(latents, -gains.log())
        self.h_a = HyperAnalysis(latents, hyper, hyper_blocks)
        self.h_s_scale = ScaleSynthesis(latents, hyper, hidden, row_of_scale(0.4 * spread * gains).clamp(0, ROWS - 1))
        self.h_s_mean = MeanSynthesis(latents, hyper, hidden, context_steps)
        self.z_mean, self.z_log_scale = LevelVector(hyper), LevelVector(hyper, math.log(1.5))
        self.encoder_frozen = self.parity = False

    def forward(self, x: Tensor, level: Tensor | None = None) -> ModelOutput:
        if level is None:
            raise ValueError("a network of many rates needs the level of each image")
        y = self.g_a(x) * self.gain(level)  # (B, M, H/16, W/16) in steps of the level
        coded = self.entropy_model(y, level)
        return ModelOutput(self.g_s(coded.y_hat, level).float(), coded.total_bits, y, coded.sparsity)

    def entropy_model(self, y: Tensor, level: Tensor, known: Tensor | None = None, which: Tensor | None = None) -> CodedLatent:
        """Codes y (B, M, h, w), in steps of its level.

        Args:
            y: to code.
            level: (B,).
            known: what a decoder knows besides z (B, K, h, w), added to the features of the means.
            which: superblocks that are coded (B, 1, h/4, w/4), 1 there and 0 elsewhere; others have no symbols. None: all are.
        """
        z = self.h_a(y).float() - self.z_mean(level)  # (B, Z, H/64, W/64)
        z_symbols = round_ste(z)
        noisy = self.training and not self.encoder_frozen
        z_bits = bits(z + self._noise(z) if noisy else z_symbols, self.z_log_scale(level).exp())
        height, width = y.shape[2:]  # z covers 4×4 latents, the last of a row or column perhaps fewer
        if which is not None:
            z_symbols = z_symbols * which
        rows = self.h_s_scale(z_symbols, level)[:, :, :height, :width]
        scale = scale_of_row(lower_bound(rows, 0.0).clamp_max(ROWS - 1))
        if which is not None:  # the silent row of a file
            scale = torch.where(_of_latents(which, height, width) > 0, scale, SCALE_MIN)
        features = self.h_s_mean.hyper_features(z_symbols, level)[:, :, :height, :width]
        if known is not None:
            features = features + known
        gain, inverse_gain = self.gain(level), self.inverse_gain(level)
        steps = step_masks(self.config["context_steps"], y.shape[1], height, width, y.device)
        residuals: list[Tensor] = []
        errors: list[Tensor] = []
        saved = y.new_zeros(len(y), dtype=torch.float32)

        def quantise(means: Tensor) -> Tensor:
            nonlocal saved
            residual, step = y - means * gain, steps[len(residuals)]
            error, groups = self._quantisation_error(residual, scale, step)
            residuals.append(step * residual)
            errors.append(step * error)
            saved = saved + groups
            return (y + error) * inverse_gain

        y_hat = self.h_s_mean.in_steps(features, quantise, steps)
        residual = sum(residuals[1:], residuals[0])
        y_bits = bits(residual + (self._noise(residual) if noisy else sum(errors[1:], errors[0])), scale)
        superblocks = z_bits.sum(dim=1, keepdim=True) + _of_superblocks(y_bits.sum(dim=1, keepdim=True))
        return CodedLatent(
            y_hat=y_hat,
            bits=superblocks if which is None else superblocks * which,
            saved=saved,
            sparsity=(residual.detach().abs() < 0.5).float().mean(),
        )

    @torch.no_grad()
    def _quantisation_error(self, residual: Tensor, scale: Tensor, step: Tensor) -> tuple[Tensor, Tensor | float]:
        """Quantisation error of the residuals of a context step, and the bits (B,) that parity saves. Only with the encoder frozen,
        the zero bin is as wide as an encoder's and groups are even.
        """
        whole = torch.round(residual)
        if self.encoder_frozen:
            whole = whole * (residual.abs() >= zero_bin(scale, STEP_PRICE, CERTAIN))
        if not self.parity:
            return whole - residual, 0.0
        even = repaired(whole, residual, scale, step, STEP_PRICE, CERTAIN)
        return even.symbols - residual, even.groups

    @staticmethod
    def _noise(values: Tensor) -> Tensor:
        """Uniform noise in place of rounding, for the rate in training."""
        return torch.empty_like(values).uniform_(-0.5, 0.5)

    def freeze_encoder(self, parity: bool = False) -> None:
        for module in (self.g_a, self.gain, self.h_a, self.z_mean):
            module.requires_grad_(False)
        self.encoder_frozen, self.parity = True, parity

    def likelihoods(self, symbols: Tensor) -> Tensor:
        """Probability of integer symbols (K,) in every table, those of y before those of z: (2 · ROWS, K)."""
        scales = scale_of_row(torch.arange(ROWS, dtype=torch.float64))[:, None]
        return likelihood(symbols.double(), scales).repeat(2, 1)
