"""Parameters that depend on the rate level, in graphs whose input the level is."""

from dlic.layers.level_interpolation import interpolation
from dlic.training.graphs.builder import Graph


def level_vector(graph: Graph, name: str, level: str) -> str:
    """`LevelVector` of a level (1,): (1, C)."""
    weights = graph.op("Gather", graph.constant(interpolation()), level)
    return graph.op("MatMul", weights, graph.weight(f"{name}.anchors"))


def level_gain(graph: Graph, name: str, level: str) -> str:
    """`LevelGain` of a level (1,): (1, C)."""
    return graph.op("Exp", level_vector(graph, name, level))
