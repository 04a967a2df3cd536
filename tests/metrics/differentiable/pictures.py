"""Pairs of pictures that differentiable metrics are tried on."""

import numpy as np
import torch
from torch import Tensor


def pair(height: int, width: int, seed: int, noise: int) -> tuple[np.ndarray, np.ndarray]:
    """A picture of soft shapes, uint8 (H, W, 3), and the same with noise."""
    generator = np.random.default_rng(seed)
    waves = np.sin(
        np.arange(height)[:, None, None] / generator.uniform(3, 40) + np.arange(width)[:, None] / generator.uniform(3, 40)
    )
    image = waves * generator.uniform(20, 100, 3) + 120
    return tuple(np.clip(image + generator.normal(0, n, image.shape), 0, 255).astype(np.uint8) for n in (0, noise))


def batch(*images: np.ndarray, dtype: torch.dtype = torch.float32) -> Tensor:
    """uint8 (H, W, 3) each → (B, 3, H, W) in [0, 1]."""
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).to(dtype) / 255
