"""Pixels in graphs: uint8 (H, W, 3) ⇄ values, and arrays with channels last ⇄ values (1, C, H, W)."""

import numpy as np
from onnx import TensorProto

from dlic.training.graphs.builder import Graph

COLOURS = 3


def to_planes(graph: Graph, array: str) -> str:
    """(h, w, C) → (1, C, h, w)."""
    return graph.op("Unsqueeze", graph.op("Transpose", array, perm=[2, 0, 1]), graph.shape(0))


def to_array(graph: Graph, planes: str) -> str:
    """Inverse of `to_planes`."""
    return graph.op("Transpose", graph.op("Squeeze", planes, graph.shape(0)), perm=[1, 2, 0])


def size_of(graph: Graph, array: str) -> str:
    """(h, w) of an array (h, w, …)."""
    return graph.op("Shape", array, start=0, end=2)


def to_rows(graph: Graph, array: str, channels: int) -> str:
    """(h, w, C) → (h · w, C)."""
    return graph.op("Reshape", array, graph.shape(-1, channels))


def from_rows(graph: Graph, rows: str, size: str, channels: int) -> str:
    """Inverse of `to_rows`, for a size (h, w)."""
    return graph.op("Reshape", rows, graph.op("Concat", size, graph.shape(channels), axis=0))


def to_unit_planes(graph: Graph, pixels: str) -> str:
    """uint8 (H, W, 3) → (1, 3, H, W) in [0, 1]."""
    return to_planes(graph, graph.op("Div", graph.op("Cast", pixels, to=TensorProto.FLOAT), graph.constant(255)))


def from_unit_planes(graph: Graph, planes: str) -> str:
    """Inverse of `to_unit_planes`, rounded."""
    rounded = graph.op("Round", graph.op("Mul", planes, graph.constant(255)))
    clipped = graph.op("Clip", rounded, graph.constant(0), graph.constant(255))
    return to_array(graph, graph.op("Cast", clipped, to=TensorProto.UINT8))


def to_blocks(graph: Graph, pixels: str, side: int) -> str:
    """uint8 (H, W, 3) → float32 (H/side, W/side, side·side·3), each block row by row with its colours last."""
    size = graph.op("Div", size_of(graph, pixels), graph.shape(side, side))
    height, width = (graph.op("Gather", size, graph.shape(axis)) for axis in (0, 1))
    shape = graph.op("Concat", height, graph.shape(side), width, graph.shape(side * COLOURS), axis=0)
    blocks = graph.op("Transpose", graph.op("Reshape", pixels, shape), perm=[0, 2, 1, 3])
    return graph.op("Cast", from_rows(graph, blocks, size, side * side * COLOURS), to=TensorProto.FLOAT)


def from_blocks(graph: Graph, blocks: str, side: int) -> str:
    """Inverse of `to_blocks` for values in [0, 256); truncates."""
    return join_blocks(graph, graph.op("Cast", blocks, to=TensorProto.UINT8), side)  # first: a quarter of the bytes is moved


def join_blocks(graph: Graph, blocks: str, side: int) -> str:
    """(H/side, W/side, side·side·3) → (H, W, 3), of any type."""
    size = size_of(graph, blocks)
    shape = graph.op("Concat", size, graph.shape(side, side * COLOURS), axis=0)
    lines = graph.op("Transpose", graph.op("Reshape", blocks, shape), perm=[0, 2, 1, 3])
    return from_rows(graph, lines, graph.op("Mul", size, graph.shape(side, side)), COLOURS)


def colours_last(side: int) -> np.ndarray:
    """Channels of `pixel_unshuffle` (colour, row, column) in the order of `to_blocks` (row, column, colour)."""
    return np.arange(COLOURS * side**2).reshape(COLOURS, side**2).T.ravel()
