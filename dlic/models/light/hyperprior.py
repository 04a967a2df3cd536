"""Hyperprior of `Light`: z → scales and means of y, and the context that refines the means."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dlic.layers.biases import bias_of, start_at_zero
from dlic.layers.context_steps import context_steps
from dlic.layers.gains import LevelVector
from dlic.layers.shuffle import shuffle
from dlic.layers.stages import BottleneckBlock, in_float32

FEATURES = 16.0  # approximate size of trained features of `HyperAnalysis` at 1/32


class HyperAnalysis(nn.Module):
    """y (B, M, H/16, W/16) in steps of its level → z (B, Z, H/64, W/64), through `blocks` blocks at 1/32 and at 1/64."""

    def __init__(self, latents: int, hyper: int, blocks: int):
        super().__init__()
        self.first = nn.Conv2d(latents, 192, 1)
        self.middle = nn.Conv2d(192, 128, 3, stride=2, padding=1)
        self.last = nn.Conv2d(128, hyper, 3, stride=2, padding=1)
        large = torch.full((128,), FEATURES)
        self.fine = nn.Sequential(*[BottleneckBlock(128, 128, large) for _ in range(blocks)])
        self.coarse = nn.Sequential(*[BottleneckBlock(hyper, hyper) for _ in range(blocks)])
        with torch.no_grad():
            self.last.weight.mul_(4)  # so that z spans a few steps from the start

    def forward(self, y: Tensor) -> Tensor:
        features = F.gelu(self.first(asinh(y)))  # scales are sums of logarithms
        return self.coarse(self.last(F.gelu(self.fine(self.middle(features)))))


def asinh(x: Tensor) -> Tensor:
    """asinh(x) to 3e-7, in a tenth of the time of `torch.asinh` on a CPU."""
    return torch.log(x.abs() + torch.sqrt(x * x + 1)).copysign(x)


class ScaleSynthesis(nn.Module):
    """Symbols of z and the level → fractional rows of the scale tables: (B, M, H/16, W/16).

    1×1 and 3×3 layers, ReLU and shuffles only, so that decoders can run the same with whole numbers.
    """

    def __init__(self, latents: int, hyper: int, hidden: int, initial_rows: Tensor):
        """`initial_rows` (ANCHORS, M): result before training."""
        super().__init__()
        self.first = nn.Conv2d(hyper, hidden, 3, padding=1, bias=False)
        self.widen = nn.Conv2d(hidden, 4 * hidden, 1)
        self.middle = nn.Conv2d(hidden, hidden, 3, padding=1)
        self.last = nn.Conv2d(hidden, 4 * latents, 1)
        self.first_bias, self.last_bias = LevelVector(hidden, 0.1), LevelVector(latents, initial_rows)
        with torch.no_grad():
            self.last.weight.mul_(0.1)
            nn.init.zeros_(bias_of(self.last))

    def forward(self, z_symbols: Tensor, level: Tensor) -> Tensor:
        with torch.autocast(z_symbols.device.type, enabled=False):  # as precise as the exported integers
            features = F.relu(self.first(z_symbols) + self.first_bias(level))  # (B, K, H/64, W/64)
            features = shuffle(F.relu(self.widen(features)), 2)  # (B, K, H/32, W/32)
            features = F.relu(self.middle(features))
            return shuffle(self.last(features), 2) + self.last_bias(level)


class Neighbours(nn.Module):
    """Decoded latents (B, M, h, w), zero at the others → contribution to features (B, K, h, w)."""

    def __init__(self, latents: int, hidden: int):
        super().__init__()
        self.known = nn.Conv2d(latents, hidden, 1)
        self.around = nn.Conv2d(hidden, hidden, 3, padding=1)

    def forward(self, known: Tensor) -> Tensor:
        return self.around(F.gelu(self.known(known)))


class MeanSynthesis(nn.Module):
    """Symbols of z, the level and the latents decoded so far → means of y in units of the trunk: (B, M, H/16, W/16).

    Latents are decoded in `steps`, two or four. z predicts the first step; `between` predicts the second half from the first half;
    with four steps, `within` predicts the second quarter of each half from its first quarter. Both start with a contribution of
    zero.
    """

    def __init__(self, latents: int, hyper: int, hidden: int, steps: int):
        super().__init__()
        self.first = nn.Conv2d(hyper, 128, 3, padding=1)
        self.widen = nn.Conv2d(128, 4 * hidden, 1)
        self.middle = nn.Conv2d(hidden, 128, 3, padding=1)
        self.widen_again = nn.Conv2d(128, 4 * hidden, 1)
        self.between = Neighbours(latents, hidden)
        self.last = nn.Conv2d(hidden, latents, 1)
        self.first_bias = LevelVector(128)
        within = [Neighbours(latents, hidden) for _ in range(steps - 2)]
        self.within = nn.ModuleList(within)
        for layer in (self.last, *(neighbours.around for neighbours in within)):
            start_at_zero(layer)
        self.register_load_state_dict_pre_hook(_with_names_of_today)

    def hyper_features(self, z_symbols: Tensor, level: Tensor) -> Tensor:
        features = F.gelu(self.first(z_symbols) + self.first_bias(level))  # (B, 128, H/64, W/64)
        features = F.gelu(shuffle(self.widen(features), 2))  # (B, K, H/32, W/32)
        features = F.gelu(self.middle(features))
        return shuffle(self.widen_again(features), 2)  # (B, K, H/16, W/16)

    def means(self, features: Tensor) -> Tensor:
        return in_float32(self.last, F.gelu(features))

    def in_steps(
        self, features: Tensor, quantise: Callable[[Tensor], Tensor], steps: Sequence[Tensor], first_means: Tensor | None = None
    ) -> Tensor:
        """The context loop, the same for training, encoder and decoder: y_hat (B, M, h, w) in units of the trunk.

        Args:
            features: prediction of y from z (B, K, h, w).
            quantise: means → y_hat, step by step. Only values at the step's latents count; the memory is overwritten afterwards. A
                decoder adds the symbols that it has read.
            steps: mask of each step's latents, from `step_masks` (1, M, h, w).
            first_means: `means` of these features, if already computed.
        """
        y_hat = quantise(self.means(features) if first_means is None else first_means).mul_(steps[0])
        for layer, step in zip((*self.within[:1], self.between, *self.within[1:]), steps[1:], strict=True):
            features = features + layer(y_hat)
            y_hat = torch.addcmul(y_hat, quantise(self.means(features)), step)
        return y_hat


def _with_names_of_today(module: nn.Module, weights: dict[str, Tensor], prefix: str, *_) -> None:
    """Renames weights of the first checkpoints: layers of `between` were the hyper-synthesis's own."""
    for name in [name for name in weights if name.startswith((f"{prefix}known.", f"{prefix}around."))]:
        weights[f"{prefix}between.{name.removeprefix(prefix)}"] = weights.pop(name)


def step_masks(count: int, latents: int, height: int, width: int, device: torch.device | None = None) -> tuple[Tensor, ...]:
    """The latents of each of two or four steps of the context, 1 there and 0 elsewhere: (1, M, h, w) each."""
    step_of = _step_of(count, latents, height, width).to(device)
    return tuple((step_of == step)[None].float() for step in range(count))


@torch.compiler.assume_constant_result  # NumPy's, which torch.compile does not trace
def _step_of(count: int, latents: int, height: int, width: int) -> Tensor:
    """The step of each latent: (M, h, w)."""
    return torch.tensor(context_steps(count, latents, height, width)).permute(2, 0, 1)
