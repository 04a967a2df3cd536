"""`Light` as a codec runs it: arrays in and out, latents laid out (h, w, M), parsing by whole numbers."""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from dlic.entropy.parts import Symbols
from dlic.entropy.tables import FrequencyTables
from dlic.layers.gaussian import ROWS
from dlic.models.base import split_weights, under
from dlic.models.light import STEP_PRICE, Light
from dlic.models.light.hyperprior import Context, ExactScaleSynthesis, step_masks
from dlic.models.light.transforms import BLOCK, Analysis, LevelBlocks, Synthesis
from dlic.progress import Progress
from dlic.runtime.tile_context import Surroundings
from dlic.runtime.torch.arrays_and_threads import Deployed, to_batch, to_latent
from dlic.runtime.torch.distortions import DISTORTIONS
from dlic.runtime.torch.fused import clipped, fused_block, overwriting
from dlic.runtime.torch.light_refine import Goal, refined

Transform = Callable[[Tensor], Tensor]
# Latents around a tile that g_a and g_s are shown. Their receptive fields reach 6 and 5 beyond it, but with 2 what
# light-1 gives differs from the whole picture's by 0.00003 of a step in y, and by one 8-bit level in some samples beside a seam,
# 0.0003 dB of a band of 16 pixels there (three photographs, three levels). With 1 it was 0.0013 of a step and 0.007 dB, with none
# 0.07 of a step and 0.09 dB.
HALO = 2
# where the channels of `to_blocks` (row, column, colour) are in those of `pixel_unshuffle` (colour, row, column)
COLOURS_LAST = torch.arange(3 * BLOCK**2).reshape(3, BLOCK**2).T.flatten()


class DeployedLight(Deployed):
    """Latents are numpy arrays (h, w, M), which torch sees channels-last without copying."""

    stride, levels, refinable = Light.stride, Light.levels, True
    space, halo = 0, HALO
    step_price = STEP_PRICE

    @torch.inference_mode(False)  # so that `refine` can differentiate, wherever the checkpoint was loaded
    def __init__(self, config: dict, weights: dict[str, Tensor]):
        """`config` and `weights` are those of an exported `Light`; raises where they do not fit each other."""
        network = Light(**config)
        trained, deployed = split_weights(weights)
        network.load_state_dict({name: value.float() for name, value in trained.items()})
        self.network = network.requires_grad_(False).eval().to(memory_format=torch.channels_last)
        self.h_s_scale = ExactScaleSynthesis.from_tensors(under("h_s_scale.", deployed))
        self.z_rows = deployed["z_rows"].numpy()  # (levels, Z) uint8
        self.g_a = analysis_of_blocks(network.g_a)
        self.g_s = lru_cache(maxsize=8)(lambda level: synthesis_of_blocks(network.g_s, level))

    @torch.inference_mode()
    def analyse(self, pixels: np.ndarray) -> np.ndarray:
        return to_latent(self.g_a(to_batch(to_blocks(pixels))))

    @torch.inference_mode()
    def at_level(self, latent: np.ndarray, level: int) -> np.ndarray:
        return to_latent(to_batch(latent) * self.network.gain(torch.tensor([level])))

    @torch.inference_mode()
    def hyper(self, y: np.ndarray, level: int) -> np.ndarray:
        z = self.network.h_a(to_batch(y)) - self.network.z_mean(torch.tensor([level]))
        return to_latent(torch.round(z))

    def hyper_rows(self, size: tuple[int, int], level: int) -> np.ndarray:
        height, width = size
        rows = self.z_rows[level] + np.uint8(ROWS)  # the tables of z stand after those of y
        return np.broadcast_to(rows, (-(-height // 4), -(-width // 4), len(rows)))

    @torch.inference_mode()
    def rows(self, z_symbols: np.ndarray, size: tuple[int, int], level: int) -> np.ndarray:
        height, width = size
        rows = self.h_s_scale(torch.from_numpy(z_symbols).double(), level, torch)  # NumPy gives the same, slower
        return rows[:height, :width].contiguous().numpy()

    @torch.inference_mode()
    def context(self, z_symbols: np.ndarray, size: tuple[int, int], level: int) -> Context:
        return self.context_of(z_symbols, size, level)

    def context_of(self, z_symbols: np.ndarray, size: tuple[int, int], level: int) -> Context:
        """`context` outside of inference mode, for what is to be differentiated."""
        return self._context(to_batch(z_symbols.astype(np.float32)), size, level)

    def _context(self, z: Tensor, size: tuple[int, int], level: int) -> Context:
        levels, (height, width) = torch.tensor([level]), size
        features = self.network.h_s_mean.hyper_features(z, levels)[:, :, :height, :width]
        gain, inverse_gain = self.network.gain(levels), self.network.inverse_gain(levels)
        return Context(features, self.network.h_s_mean.means(features), gain, inverse_gain, gain * inverse_gain)

    @torch.inference_mode()
    def quantise(self, context: Context, quantise: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> np.ndarray:
        remaining = iter(self._steps(context))

        def in_trunk(means: Tensor) -> Tensor:
            symbols = to_batch(quantise(to_latent(means * context.gain), to_latent(next(remaining) > 0)))
            return torch.addcmul(symbols * context.inverse_gain, means, context.both_gains)

        return to_latent(self._in_steps(context, in_trunk))

    @torch.inference_mode()
    def reconstruct(self, context: Context, symbols: np.ndarray) -> np.ndarray:
        return to_latent(self._y_hat(context, to_batch(symbols).float().mul_(context.inverse_gain)))

    def y_hat(self, context: Context, symbols: Tensor) -> Tensor:
        """`reconstruct` in tensors (1, M, h, w), through which gradients pass outside of inference mode."""
        return self._y_hat(context, symbols * context.inverse_gain)

    def _y_hat(self, context: Context, scaled: Tensor) -> Tensor:
        return self._in_steps(context, lambda means: torch.addcmul(scaled, means, context.both_gains))

    def residual(self, y: Tensor, z: Tensor, level: int) -> Tensor:
        """y (1, M, h, w) less its means for symbols of z (1, Z, h/4, w/4), where the context knows y itself; differentiable."""
        context, distances = self._context(z, y.shape[2:], level), []

        def known(means: Tensor) -> Tensor:
            distances.append(y - means * context.gain)
            return y * context.inverse_gain

        self._in_steps(context, known)
        return sum(step * distance for step, distance in zip(self._steps(context), distances, strict=True))

    def _in_steps(self, context: Context, quantise: Callable[[Tensor], Tensor]) -> Tensor:
        return self.network.h_s_mean.in_steps(context.features, quantise, self._steps(context), context.first_means)

    def _steps(self, context: Context) -> tuple[Tensor, ...]:
        return _steps(self.network.config["context_steps"], *context.first_means.shape[1:])

    def refine(
        self,
        image: np.ndarray,
        y: np.ndarray,
        plain: Symbols,
        rounded: Callable[[np.ndarray], Symbols],
        level: int,
        tables: FrequencyTables,
        effort: int,
        progress: Progress,
        around: Surroundings | None,
        distortion: str,
    ) -> Symbols:
        goal = Goal(self, around.image if around else image, level, tables, around, DISTORTIONS[distortion])
        return refined(goal, y, plain, rounded, effort, progress)

    @torch.inference_mode()
    def synthesise(self, y_hat: np.ndarray, level: int) -> np.ndarray:
        return from_blocks(to_latent(self.g_s(level)(to_batch(y_hat))))


def analysis_of_blocks(g_a: Analysis) -> Transform:
    """g_a for blocks of pixels 0 … 255, `to_blocks` of an image (1, 3·BLOCK², H/BLOCK, W/BLOCK)."""
    weight, bias = g_a.first.weight / 255, g_a.first.bias - 0.5 * g_a.first.weight.sum(dim=(1, 2, 3))
    weight = weight[:, COLOURS_LAST].to(memory_format=torch.channels_last)
    fine, coarse = [fused_block(block) for block in g_a.fine], [fused_block(block) for block in g_a.coarse]

    def run(blocks: Tensor) -> Tensor:
        return _through(coarse, g_a.merge(_through(fine, F.conv2d(blocks, weight, bias))))

    return run


def synthesis_of_blocks(g_s: Synthesis, level: int) -> Transform:
    """g_s at one level, giving blocks for `from_blocks`: pixels from 0 to below 256 that are not rounded, but ½ too large."""
    levels = torch.tensor([level])
    (coarse_offset, coarse), (fine_offset, fine) = (_at_level(blocks, levels) for blocks in (g_s.coarse, g_s.fine))
    split_bias = g_s.split.bias + fine_offset
    weight, bias = g_s.last.weight * g_s.gain(levels) * 255, (g_s.last.bias + 0.5) * 255 + 0.5
    last = clipped(weight[COLOURS_LAST].to(memory_format=torch.channels_last), bias[COLOURS_LAST], 0.0, 255.0)

    def run(y_hat: Tensor) -> Tensor:
        features = coarse(y_hat + coarse_offset[:, None, None])
        return last(fine(F.conv_transpose2d(features, g_s.split.weight, split_bias, stride=2)))

    return run


def to_blocks(pixels: np.ndarray) -> np.ndarray:
    """uint8 (H, W, 3) → float32 (H/BLOCK, W/BLOCK, BLOCK·BLOCK·3), each block row by row with its colours last."""
    height, width = pixels.shape[:2]
    blocks = torch.from_numpy(pixels).reshape(height // BLOCK, BLOCK, width // BLOCK, 3 * BLOCK)
    return blocks.transpose(1, 2).float().reshape(height // BLOCK, width // BLOCK, -1).numpy()


def from_blocks(blocks: np.ndarray) -> np.ndarray:
    """Inverse of `to_blocks` for values from 0 to below 256, without what follows the point: → uint8 (H, W, 3)."""
    height, width = blocks.shape[:2]
    pixels = torch.from_numpy(blocks).to(torch.uint8).reshape(height, width, BLOCK, 3 * BLOCK).transpose(1, 2)
    return pixels.reshape(height * BLOCK, width * BLOCK, 3).numpy()


def _at_level(blocks: LevelBlocks, levels: Tensor) -> tuple[Tensor, Transform]:
    return overwriting(blocks.blocks, [gain(levels)[0, :, 0, 0] for gain in blocks.gains])


def _through(layers: list[Transform], x: Tensor) -> Tensor:
    for layer in layers:
        x = layer(x)
    return x


@lru_cache(maxsize=4)  # tiles come in four sizes
@torch.inference_mode(False)  # gradients may pass by it later
def _steps(count: int, latents: int, height: int, width: int) -> tuple[Tensor, ...]:
    return tuple(step.contiguous(memory_format=torch.channels_last) for step in step_masks(count, latents, height, width))
