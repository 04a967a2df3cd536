"""Biases of layers, which PyTorch's types say may be missing."""

from torch import Tensor, nn


def bias_of(layer: nn.Module) -> Tensor:
    """The bias of a layer that has one."""
    bias = layer.bias
    assert isinstance(bias, Tensor), layer
    return bias


def start_at_zero(layer: nn.Module) -> None:
    """The layer gives zero until it is trained."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
