"""The runtime on ONNX Runtime: names of models → networks and rows."""

from dlic.runtime.onnx.registry import deploy

__all__ = ["deploy"]
