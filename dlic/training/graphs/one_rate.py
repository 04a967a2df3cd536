"""Graphs of the models of one rate: analysis and synthesis, and with a hyperprior hyper and means."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from torch import nn

from dlic.layers.dct_transforms import Analysis, PlainSynthesis
from dlic.models.factorized import transforms
from dlic.models.mean_scale import MeanScale, ScaleHyperprior
from dlic.training.graphs import dct, pixels
from dlic.training.graphs.builder import Graph, StoredWeight
from dlic.training.graphs.layers import apply


def factorized_graphs(config: Mapping[str, Any], weights: dict[str, StoredWeight]) -> dict[str, bytes]:
    """Graphs of `Factorized`."""
    g_a, g_s = transforms(**config)
    return _transforms(g_a, g_s, config["latents"], weights)


def mean_scale_graphs(config: Mapping[str, Any], weights: dict[str, StoredWeight]) -> dict[str, bytes]:
    """Graphs of `MeanScale`."""
    g_a, g_s, h_a, h_s = MeanScale.transforms(**config)
    hyper = {"hyper": _hyper(h_a, False, config, weights), "means": _means(h_s, config, weights)}
    return _transforms(g_a, g_s, config["latents"], weights) | hyper


def scale_hyperprior_graphs(config: Mapping[str, Any], weights: dict[str, StoredWeight]) -> dict[str, bytes]:
    """Graphs of `ScaleHyperprior`, whose means are zero."""
    g_a, g_s, h_a, _ = ScaleHyperprior.transforms(**config)
    return _transforms(g_a, g_s, config["latents"], weights) | {"hyper": _hyper(h_a, True, config, weights)}


def _transforms(g_a: nn.Module, g_s: nn.Module, latents: int, weights: dict[str, StoredWeight]) -> dict[str, bytes]:
    analysis, synthesis, latent = Graph(weights), Graph(weights), ("h", "w", latents)
    image, y_hat = analysis.input("image", np.uint8, ("H", "W", 3)), synthesis.input("y_hat", np.float32, latent)
    if isinstance(g_a, Analysis) and isinstance(g_s, PlainSynthesis):
        y, shown = dct.analysis(g_a, analysis, "g_a", image), dct.plain_synthesis(g_s, synthesis, "g_s", y_hat)
    else:
        y = pixels.to_array(analysis, apply(g_a, analysis, "g_a", pixels.to_unit_planes(analysis, image)))
        planes = apply(g_s, synthesis, "g_s", pixels.to_planes(synthesis, y_hat))
        shown = pixels.from_unit_planes(synthesis, planes)
    analysis.output("latent", y, np.float32, latent)
    synthesis.output("pixels", shown, np.uint8, ("H", "W", 3))
    return {"analysis": analysis.to_bytes(), "synthesis": synthesis.to_bytes()}


def _hyper(h_a: nn.Module, of_magnitudes: bool, config: Mapping[str, Any], weights: dict[str, StoredWeight]) -> bytes:
    """h_a: y (h, w, M) → symbols of z (h/4, w/4, N), rounded."""
    graph, channels = Graph(weights), config["channels"]
    y = pixels.to_planes(graph, graph.input("y", np.float32, ("h", "w", config["latents"])))
    z = pixels.to_array(graph, apply(h_a, graph, "h_a", graph.op("Abs", y) if of_magnitudes else y))
    graph.output("z", graph.op("Round", graph.op("Sub", z, _medians(graph))), np.float32, ("hz", "wz", channels))
    return graph.to_bytes()


def _means(h_s: nn.Module, config: Mapping[str, Any], weights: dict[str, StoredWeight]) -> bytes:
    """h_s without the scales: symbols of z → means of y, of its size (h, w)."""
    graph, latents = Graph(weights), config["latents"]
    z = graph.input("z", np.float32, ("hz", "wz", config["channels"]))
    size = graph.input("size", np.int64, (2,))
    planes = apply(h_s, graph, "h_s", pixels.to_planes(graph, graph.op("Add", z, _medians(graph))))
    means = graph.op("Slice", planes, graph.shape(latents), graph.shape(2 * latents), graph.shape(1))
    means = graph.op("Slice", means, graph.shape(0, 0), size, graph.shape(2, 3))
    graph.output("means", pixels.to_array(graph, means), np.float32, ("h", "w", latents))
    return graph.to_bytes()


def _medians(graph: Graph) -> str:
    """(N,)"""
    quantiles = graph.weight("entropy_bottleneck.quantiles")
    middle = graph.op("Gather", quantiles, graph.constant(1, np.int64), axis=2)
    return graph.op("Squeeze", middle, graph.shape(1))
