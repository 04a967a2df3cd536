"""PyTorch layers → operators of a graph, for values (1, C, H, W). A layer's name in the network is the name of its weights."""

from functools import singledispatch
from typing import cast

import numpy as np
from torch import nn

from dlic.layers.dct_transforms import CorrectedDct
from dlic.layers.gdn import GDN, PEDESTAL
from dlic.layers.stages import BottleneckBlock, DenseBlock, ResidualBlock
from dlic.training.graphs.builder import Graph


@singledispatch
def apply(layer: nn.Module, graph: Graph, name: str, x: str) -> str:
    """The result of a layer for the value `x`. Raises TypeError for a layer without a rule here."""
    raise TypeError(f"{name} is a {type(layer).__name__}, which has no ONNX graph")


@apply.register
def _(layer: nn.Sequential, graph: Graph, name: str, x: str) -> str:
    for number, part in enumerate(layer):
        x = apply(part, graph, f"{name}.{number}", x)
    return x


@apply.register
def _(layer: nn.Conv2d, graph: Graph, name: str, x: str) -> str:
    form = {"kernel_shape": layer.kernel_size, "strides": layer.stride, "pads": 2 * _numbers(layer.padding)}
    return graph.op("Conv", x, *_weights(layer, graph, name), **form)


@apply.register
def _(layer: nn.ConvTranspose2d, graph: Graph, name: str, x: str) -> str:
    form = {"kernel_shape": layer.kernel_size, "strides": layer.stride, "pads": 2 * _numbers(layer.padding)}
    return graph.op("ConvTranspose", x, *_weights(layer, graph, name), output_padding=_numbers(layer.output_padding), **form)


@apply.register
def _(layer: nn.ReLU, graph: Graph, name: str, x: str) -> str:
    return graph.op("Relu", x)


@apply.register
def _(layer: nn.LeakyReLU, graph: Graph, name: str, x: str) -> str:
    return graph.op("LeakyRelu", x, alpha=layer.negative_slope)


@apply.register
def _(layer: GDN, graph: Graph, name: str, x: str) -> str:
    beta, gamma = (_squared(graph, f"{name}.{kind}", low) for kind, low in (("beta", 1e-6), ("gamma", 0.0)))
    kernel = graph.op("Unsqueeze", gamma, graph.shape(2, 3))
    root = graph.op("Sqrt", graph.op("Conv", graph.op("Mul", x, x), kernel, beta, kernel_shape=[1, 1]))
    return graph.op("Mul" if layer.inverse else "Div", x, root)


def _squared(graph: Graph, name: str, low: float) -> str:
    """The parameter of `GDN` that is stored as its square root."""
    bounded = graph.op("Max", graph.weight(name), graph.constant((low + PEDESTAL) ** 0.5))
    return graph.op("Sub", graph.op("Mul", bounded, bounded), graph.constant(PEDESTAL))


@apply.register
def _(layer: ResidualBlock, graph: Graph, name: str, x: str) -> str:
    inner = graph.op("Relu", apply(layer.first, graph, f"{name}.first", x))
    return graph.op("Add", x, apply(layer.last, graph, f"{name}.last", inner))


@apply.register
def _(layer: DenseBlock, graph: Graph, name: str, x: str) -> str:
    features = [x]
    for number, part in enumerate(layer.layers):
        together = graph.op("Concat", *features, axis=1) if number else x
        features.append(graph.op("Relu", apply(part, graph, f"{name}.layers.{number}", together)))
    return graph.op("Add", x, apply(layer.fuse, graph, f"{name}.fuse", graph.op("Concat", *features, axis=1)))


@apply.register
def _(layer: BottleneckBlock, graph: Graph, name: str, x: str) -> str:
    return graph.op("Add", x, branch(layer, graph, name, x))


def branch(layer: BottleneckBlock, graph: Graph, name: str, x: str, gain: str | None = None) -> str:
    """The branch that a block adds to x; `gain` (1, inner, 1, 1) weights the inner channels."""
    features = graph.op("Gelu", apply(layer.squeeze, graph, f"{name}.squeeze", x))
    features = graph.op("Gelu", apply(layer.spatial, graph, f"{name}.spatial", features))
    return apply(layer.last, graph, f"{name}.last", features if gain is None else graph.op("Mul", features, gain))


@apply.register
def _(layer: CorrectedDct, graph: Graph, name: str, x: str) -> str:
    scaled = x if layer.scale is None else graph.op("Mul", x, graph.constant(layer.scale.numpy()))
    network = apply(layer.network, graph, f"{name}.network", scaled)
    return graph.op("Add", apply(layer.linear, graph, f"{name}.linear", x), network)


@apply.register
def _(layer: nn.PixelShuffle, graph: Graph, name: str, x: str) -> str:
    return graph.op("DepthToSpace", x, blocksize=layer.upscale_factor, mode="CRD")


@apply.register
def _(layer: nn.PixelUnshuffle, graph: Graph, name: str, x: str) -> str:
    side = layer.downscale_factor
    blocks = graph.op("SpaceToDepth", x, blocksize=side)  # channels (row, column, colour)
    colours_first = np.arange(3 * side**2).reshape(side**2, 3).T.ravel()
    return graph.op("Gather", blocks, graph.constant(colours_first, np.int64), axis=1)


def _weights(layer: nn.Conv2d | nn.ConvTranspose2d, graph: Graph, name: str) -> list[str]:
    kinds = ("weight",) if layer.bias is None else ("weight", "bias")
    return [graph.weight(f"{name}.{kind}") for kind in kinds]


def _numbers(sizes: object) -> list[int]:
    return list(cast(tuple[int, int], sizes))
