"""Access to biases of layers, which are optional in PyTorch's types."""

from torch import Tensor, nn


def bias_of(layer: nn.Module) -> Tensor:
    """The bias of a layer that has one."""
    bias = layer.bias
    assert isinstance(bias, Tensor), layer
    return bias


def start_at_zero(layer: nn.Module) -> None:
    """Initialises a layer with zeros."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
