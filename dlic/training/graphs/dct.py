"""Graphs of the transforms that start as a block DCT, on blocks of pixels."""

import numpy as np

from dlic.layers.dct_transforms import BLOCK, Analysis, PlainSynthesis
from dlic.layers.stages import bottlenecks
from dlic.models.light.transforms import Synthesis
from dlic.runtime import early_exit
from dlic.training.graphs import pixels
from dlic.training.graphs.builder import Graph
from dlic.training.graphs.layers import apply, branch
from dlic.training.graphs.levels import level_gain


def analysis(g_a: Analysis, graph: Graph, name: str, image: str, prediction: str | None = None) -> str:
    """uint8 (H, W, 3), or its difference from a prediction → latent (h, w, M)."""
    blocks = pixels.to_blocks(graph, image, BLOCK)
    if prediction is not None:
        around_grey = graph.op("Sub", graph.constant(0.5 * 255), pixels.to_blocks(graph, prediction, BLOCK))
        blocks = graph.op("Add", blocks, around_grey)
    x = apply(g_a.fine, graph, f"{name}.fine", _in_blocked_layout(graph, first_features(graph, f"{name}.first", blocks)))
    x = apply(g_a.merge, graph, f"{name}.merge", x)
    for number, block in enumerate(bottlenecks(g_a.coarse)):
        x = apply(block, graph, f"{name}.coarse.{number}", x)
    return pixels.to_array(graph, x)


def plain_synthesis(g_s: PlainSynthesis, graph: Graph, name: str, y_hat: str) -> str:
    """y_hat (h, w, M) → uint8 (H, W, 3)."""
    x = apply(g_s.coarse, graph, f"{name}.coarse", _in_blocked_layout(graph, pixels.to_planes(graph, y_hat)))
    x = _in_blocked_layout(graph, apply(g_s.split, graph, f"{name}.split", x))
    return _to_pixels(graph, _values(graph, name, apply(g_s.fine, graph, f"{name}.fine", x)))


def synthesis(
    g_s: Synthesis, graph: Graph, name: str, y_hat: str, level: str, known: str | None = None, prediction: str | None = None
) -> str:
    """The same with blocks that depend on the level (1,).

    `known` (1, C, H/8, W/8) is added to features as in `Synthesis`; The result is added to `prediction` (H, W, 3), if there is one.
    """
    x = _synthesis_features(g_s, graph, name, y_hat, level, known)
    zero = 0.5 * 255 if prediction is None else 0.0
    return _to_pixels(graph, _values(graph, name, x, level_gain(graph, f"{name}.gain", level), zero), prediction)


def differences(
    g_s: Synthesis, graph: Graph, name: str, y_hat: str, level: str, known: str | None = None, zero: float = 0.0
) -> str:
    """What `synthesis` adds to a prediction, and ½, unrounded: float32 (H, W, 3). `zero` is what g_s takes for no difference."""
    x = _synthesis_features(g_s, graph, name, y_hat, level, known)
    return pixels.join_blocks(graph, _values(graph, name, x, level_gain(graph, f"{name}.gain", level), zero), BLOCK)


def early_features(g_s: Synthesis, graph: Graph, name: str, y_hat: str, level: str) -> str:
    """y_hat (h, w, M) → the features (H/BLOCK, W/BLOCK, C) that `runtime.early_exit` takes."""
    x = _synthesis_features(g_s, graph, name, y_hat, level, None, early_exit.BLOCKS)
    return graph.op("Mul", pixels.to_array(graph, x), level_gain(graph, f"{name}.gain", level))


def _synthesis_features(
    g_s: Synthesis, graph: Graph, name: str, y_hat: str, level: str, known: str | None, blocks: int | None = None
) -> str:
    """y_hat (h, w, M) → features (1, C, H/BLOCK, W/BLOCK) before the level's gain, behind all or the first blocks there."""
    x = _in_blocked_layout(graph, pixels.to_planes(graph, y_hat))
    x = _level_blocks(graph, f"{name}.coarse", bottlenecks(g_s.coarse.blocks), x, level)
    x = apply(g_s.split, graph, f"{name}.split", x)
    x = _in_blocked_layout(graph, x if known is None else graph.op("Add", x, known))
    return _level_blocks(graph, f"{name}.fine", bottlenecks(g_s.fine.blocks)[:blocks], x, level)


def _level_blocks(graph: Graph, name: str, blocks: list, x: str, level: str) -> str:
    for number, block in enumerate(blocks):
        gain = graph.op("Unsqueeze", level_gain(graph, f"{name}.gains.{number}", level), graph.shape(2, 3))
        x = graph.op("Add", x, branch(block, graph, f"{name}.blocks.{number}", x, gain))
    return x


def _values(graph: Graph, name: str, x: str, gain: str | None = None, zero: float = 0.5 * 255) -> str:
    """Features (1, C, H/BLOCK, W/BLOCK) → 8-bit units above `zero`, and ½: (H/BLOCK, W/BLOCK, 3·BLOCK²). `gain` (1, C) weights
    the features.
    """
    kernel = graph.op("Mul", graph.op("Transpose", _of_blocks(graph, f"{name}.last"), perm=[1, 0]), graph.constant(255))
    if gain is not None:
        kernel = graph.op("Mul", kernel, graph.op("Transpose", gain, perm=[1, 0]))  # cheaper than weighting all features
    bias = graph.op("Gather", graph.weight(f"{name}.last.bias"), _colours_last(graph))
    offset = graph.op("Add", graph.op("Mul", bias, graph.constant(255)), graph.constant(zero + 0.5))  # ½: rounds
    return graph.op("Add", graph.op("MatMul", pixels.to_array(graph, x), kernel), offset)


def _to_pixels(graph: Graph, values: str, prediction: str | None = None) -> str:
    """`_values` → uint8 (H, W, 3), added to a prediction (H, W, 3) if there is one."""
    if prediction is not None:
        values = graph.op("Add", values, pixels.to_blocks(graph, prediction, BLOCK))
    return pixels.from_blocks(graph, graph.op("Clip", values, graph.constant(0), graph.constant(255)), BLOCK)


def first_features(graph: Graph, name: str, blocks: str) -> str:
    """The 1×1 layer of a name that ends with first, on `pixels.to_blocks` (h, w, 3·BLOCK²): (1, C, h, w)."""
    matrix = _of_blocks(graph, name)  # (C, 3·BLOCK²)
    middle_grey = graph.op("ReduceSum", graph.op("Mul", matrix, graph.constant(0.5)), graph.shape(1), keepdims=0)
    bias = graph.op("Sub", graph.weight(f"{name}.bias"), middle_grey)
    kernel = graph.op("Transpose", graph.op("Div", matrix, graph.constant(255)), perm=[1, 0])
    features = graph.op("Add", graph.op("MatMul", blocks, kernel), bias)
    return pixels.to_planes(graph, features)


def _of_blocks(graph: Graph, name: str) -> str:
    """Weights of a 1×1 layer next to the pixels, as a matrix with its 3·BLOCK² channels in the order of `to_blocks`."""
    weight = graph.op("Squeeze", graph.weight(f"{name}.weight"), graph.shape(2, 3))
    return graph.op("Gather", weight, _colours_last(graph), axis=1 if name.endswith("first") else 0)


def _colours_last(graph: Graph) -> str:
    return graph.constant(pixels.colours_last(BLOCK), np.int64)


def _in_blocked_layout(graph: Graph, planes: str) -> str:
    """The same values. ONNX Runtime gives the result of a pooling the layout of its convolutions, so that the sums of residual
    blocks become part of the convolutions.
    """
    return graph.op("MaxPool", planes, kernel_shape=[1, 1])
