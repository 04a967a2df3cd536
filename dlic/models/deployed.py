"""Running trained transforms on arrays: what every model's deployed form shares."""

import numpy as np
import torch
from torch import Tensor, nn


def load_transform(module: nn.Module, prefix: str, weights: dict[str, Tensor]) -> nn.Module:
    """`module` with the weights stored under `prefix`, ready to run in channels-last float32."""
    own = {name[len(prefix) + 1 :]: value.float() for name, value in weights.items() if name.startswith(prefix + ".")}
    module.load_state_dict(own)
    return module.requires_grad_(False).eval().to(memory_format=torch.channels_last)


@torch.inference_mode()
def run_analysis(g_a: nn.Module, pixels: np.ndarray) -> np.ndarray:
    """uint8 (H, W, 3) → y float32 (M, H/stride, W/stride)."""
    x = torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1)[None].float() / 255  # (1, 3, H, W), channels last
    return g_a(x)[0].contiguous().numpy()


@torch.inference_mode()
def run_synthesis(g_s: nn.Module, y_hat: np.ndarray) -> np.ndarray:
    """y_hat float32 (M, h, w) → uint8 (H, W, 3), rounded."""
    x_hat = g_s(torch.from_numpy(y_hat)[None].to(memory_format=torch.channels_last))[0]
    return x_hat.mul(255).round().clamp(0, 255).to(torch.uint8).permute(1, 2, 0).contiguous().numpy()
