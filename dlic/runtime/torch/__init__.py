"""The runtime on PyTorch: names of models → networks and rows."""

from dlic.runtime.torch.registry import deploy

__all__ = ["deploy"]
