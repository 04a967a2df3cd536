"""NumPy arrays ⇄ tensors, and trained transforms ready to run."""

from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dlic.runtime.torch.threads import inference
from dlic.runtime.weights import trained_weights, under

Network = TypeVar("Network", bound=nn.Module)


def to_tensor(pixels: NDArray[np.uint8], dtype: torch.dtype = torch.float32) -> Tensor:
    """uint8 (H, W, 3) → (1, 3, H, W) in [0, 1], channels last."""
    return torch.from_numpy(np.require(pixels, requirements=["C", "W"])).permute(2, 0, 1)[None].to(dtype) / 255


def to_pixels(x_hat: Tensor) -> NDArray[np.uint8]:
    """(1, 3, H, W), about [0, 1] → uint8 (H, W, 3), rounded."""
    return x_hat[0].mul(255).round().clamp(0, 255).to(torch.uint8).permute(1, 2, 0).contiguous().numpy()


def to_batch(latent: NDArray[Any]) -> Tensor:
    """(h, w, M) → (1, M, h, w) channels-last, sharing memory."""
    return torch.from_numpy(latent).permute(2, 0, 1)[None]


def to_latent(batch: Tensor) -> NDArray[Any]:
    """Inverse of `to_batch`."""
    return batch[0].permute(1, 2, 0).contiguous().numpy()


def to_tensors(arrays: Mapping[str, NDArray[Any]]) -> dict[str, Tensor]:
    """Copies the arrays of a checkpoint to tensors for `Model.load_state_dict`."""
    return {name: torch.tensor(array) for name, array in arrays.items()}


def load_transform(module: nn.Module, prefix: str, weights: Mapping[str, NDArray[Any]]) -> nn.Module:
    """Loads the weights under `prefix` into `module`, for inference in channels-last float32."""
    module.load_state_dict({name: value.float() for name, value in to_tensors(under(prefix + ".", weights)).items()})
    return module.requires_grad_(False).eval().to(memory_format=torch.channels_last)


def load_network(network: Network, arrays: Mapping[str, NDArray[Any]]) -> Network:
    """Loads the trained weights among the arrays of a checkpoint, for inference in channels-last float32."""
    network.load_state_dict({name: value.float() for name, value in to_tensors(trained_weights(arrays)).items()})
    return network.requires_grad_(False).eval().to(memory_format=torch.channels_last)


@inference
def affine(
    a: NDArray[np.float64], matrix: NDArray[np.float64], bias: NDArray[np.float64], low: float, high: float
) -> NDArray[np.float64]:
    """`runtime.exact.affine` by torch, on all of its cores."""
    sums = torch.addmm(*(torch.from_numpy(array) for array in (bias, a, matrix)))
    return sums.clamp_(low, high).floor_().numpy()
