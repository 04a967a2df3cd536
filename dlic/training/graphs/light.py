"""Graphs of `Light`: analysis, hyper, context and steps for encoders; latents and synthesis for decoders."""

from typing import cast

import numpy as np

from dlic.models.light import Light
from dlic.models.light.hyperprior import MeanSynthesis, Neighbours
from dlic.training.graphs import dct, pixels
from dlic.training.graphs.builder import Graph, StoredWeight
from dlic.training.graphs.layers import apply
from dlic.training.graphs.levels import level_gain, level_vector


class LightGraphs:
    """Every graph of one network. The level is an input (1,) int64, and sizes are free."""

    def __init__(self, network: Light, weights: dict[str, StoredWeight]):
        self._network, self._weights = network, weights
        self._latents, self._hidden, self._hyper = (int(network.config[key]) for key in ("latents", "hidden", "hyper"))

    def all(self) -> dict[str, bytes]:
        """Name → file."""
        steps = {f"step_{number}": self.step(number) for number in range(1, int(self._network.config["context_steps"]))}
        whole = {"analysis": self.analysis(), "hyper": self.hyper(), "context": self.context(), "latents": self.latents()}
        return whole | steps | {"synthesis": self.synthesis(), "differences": self.differences()}

    def analysis(self) -> bytes:
        """g_a: image uint8 (H, W, 3) → latent (h, w, M), the same for every level."""
        graph = Graph(self._weights)
        image = graph.input("image", np.uint8, ("H", "W", 3))
        graph.output("latent", dct.analysis(self._network.g_a, graph, "g_a", image), np.float32, ("h", "w", self._latents))
        return graph.to_bytes()

    def hyper(self) -> bytes:
        """h_a: y (h, w, M) in steps of the level → symbols of z (h/4, w/4, Z), rounded."""
        graph, h_a = Graph(self._weights), self._network.h_a
        y, level = graph.input("y", np.float32, ("h", "w", self._latents)), graph.input("level", np.int64, (1,))
        features = graph.op("Gelu", self._pointwise(graph, "h_a.first", _asinh(graph, pixels.to_rows(graph, y, self._latents))))
        width = h_a.first.out_channels
        x = pixels.to_planes(graph, pixels.from_rows(graph, features, pixels.size_of(graph, y), width))
        x = apply(h_a.middle, graph, "h_a.middle", x)
        x = graph.op("Gelu", apply(h_a.fine, graph, "h_a.fine", x))
        z = pixels.to_array(graph, apply(h_a.coarse, graph, "h_a.coarse", apply(h_a.last, graph, "h_a.last", x)))
        rounded = graph.op("Round", graph.op("Sub", z, level_vector(graph, "z_mean", level)))
        graph.output("z", rounded, np.float32, ("hz", "wz", self._hyper))
        return graph.to_bytes()

    def context(self) -> bytes:
        """Symbols of z → features (1, K, h, w) and the means (h, w, M) of the first step, in steps of the level."""
        graph = Graph(self._weights)
        z = graph.input("z", np.float32, ("hz", "wz", self._hyper))
        size, level = graph.input("size", np.int64, (2,)), graph.input("level", np.int64, (1,))
        self._give(graph, self._hyper_features(graph, z, size, level), size, level)
        return graph.to_bytes()

    def step(self, number: int) -> bytes:
        """Features of the step before and y_hat (h, w, M) so far → features and means of this step."""
        graph, (name, layer) = Graph(self._weights), self._neighbours()[number - 1]
        before = graph.input("features_before", np.float32, (1, self._hidden, "h", "w"))
        y_hat, level = graph.input("y_hat", np.float32, ("h", "w", self._latents)), graph.input("level", np.int64, (1,))
        size, rows = pixels.size_of(graph, y_hat), pixels.to_rows(graph, y_hat, self._latents)
        self._give(graph, self._with_neighbours(graph, name, layer, before, rows, size), size, level)
        return graph.to_bytes()

    def latents(self) -> bytes:
        """Symbols of z and y → y_hat (h, w, M) in units of the trunk: all steps of the context in one graph.

        Input step_k (h, w, M) bool says which latents belong to step k.
        """
        graph, count = Graph(self._weights), int(self._network.config["context_steps"])
        z = graph.input("z", np.float32, ("hz", "wz", self._hyper))
        symbols, level = graph.input("symbols", np.float32, ("h", "w", self._latents)), graph.input("level", np.int64, (1,))
        masks = [graph.input(f"step_{number}", np.bool_, ("h", "w", self._latents)) for number in range(count)]
        size, steps = pixels.size_of(graph, symbols), [pixels.to_rows(graph, mask, self._latents) for mask in masks]
        gain, inverse_gain = level_gain(graph, "gain", level), level_gain(graph, "inverse_gain", level)
        both = graph.op("Mul", gain, inverse_gain)
        scaled = graph.op("Mul", pixels.to_rows(graph, symbols, self._latents), inverse_gain)
        features = self._hyper_features(graph, z, size, level)
        y_hat = graph.op("Where", steps[0], self._means(graph, features, both, scaled), graph.constant(0))
        for (name, layer), step in zip(self._neighbours(), steps[1:], strict=True):
            features = self._with_neighbours(graph, name, layer, features, y_hat, size)
            y_hat = graph.op("Where", step, self._means(graph, features, both, scaled), y_hat)
        shape = ("h", "w", self._latents)
        graph.output("y_hat", pixels.from_rows(graph, y_hat, size, self._latents), np.float32, shape)
        return graph.to_bytes()

    def synthesis(self) -> bytes:
        """g_s: y_hat (h, w, M) → pixels uint8 (H, W, 3)."""
        graph = Graph(self._weights)
        y_hat, level = graph.input("y_hat", np.float32, ("h", "w", self._latents)), graph.input("level", np.int64, (1,))
        graph.output("pixels", dct.synthesis(self._network.g_s, graph, "g_s", y_hat, level), np.uint8, ("H", "W", 3))
        return graph.to_bytes()

    def differences(self) -> bytes:
        """g_s: y_hat (h, w, M) → unrounded pixels less 128, and ½: float32 (H, W, 3)."""
        graph = Graph(self._weights)
        y_hat, level = graph.input("y_hat", np.float32, ("h", "w", self._latents)), graph.input("level", np.int64, (1,))
        unrounded = dct.differences(self._network.g_s, graph, "g_s", y_hat, level, zero=-0.5)
        graph.output("differences", unrounded, np.float32, ("H", "W", 3))
        return graph.to_bytes()

    def early_features(self) -> bytes:
        """The beginning of g_s: y_hat (h, w, M) → features (H/8, W/8, C) for `runtime.early_exit`."""
        graph, channels = Graph(self._weights), int(self._network.config["channels"])
        y_hat, level = graph.input("y_hat", np.float32, ("h", "w", self._latents)), graph.input("level", np.int64, (1,))
        features = dct.early_features(self._network.g_s, graph, "g_s", y_hat, level)
        graph.output("features", features, np.float32, ("hf", "wf", channels))
        return graph.to_bytes()

    # --- parts of several graphs ------------------------------------------------------------------------------------

    def _hyper_features(self, graph: Graph, z: str, size: str, level: str) -> str:
        """`MeanSynthesis.hyper_features`, cut to the size (h, w) of y."""
        h_s, name = self._network.h_s_mean, "h_s_mean"
        bias = graph.op("Unsqueeze", level_vector(graph, f"{name}.first_bias", level), graph.shape(2, 3))
        x = graph.op("Add", apply(h_s.first, graph, f"{name}.first", pixels.to_planes(graph, z)), bias)
        x = _shuffled(graph, apply(h_s.widen, graph, f"{name}.widen", graph.op("Gelu", x)))
        x = graph.op("Gelu", apply(h_s.middle, graph, f"{name}.middle", graph.op("Gelu", x)))
        x = _shuffled(graph, apply(h_s.widen_again, graph, f"{name}.widen_again", x))
        return graph.op("Slice", x, graph.shape(0, 0), size, graph.shape(2, 3))

    def _with_neighbours(self, graph: Graph, name: str, layer: Neighbours, features: str, known: str, size: str) -> str:
        """Features with the contribution of the latents known so far, rows (h · w, M)."""
        rows = graph.op("Gelu", self._pointwise(graph, f"{name}.known", known))
        planes = pixels.to_planes(graph, pixels.from_rows(graph, rows, size, self._hidden))
        return graph.op("Add", features, apply(layer.around, graph, f"{name}.around", planes))

    def _means(self, graph: Graph, features: str, factor: str, added: str | None = None) -> str:
        """`MeanSynthesis.means` times `factor` (1, M), with `added` (h · w, M) on top: rows (h · w, M)."""
        name = "h_s_mean.last"
        kernel = graph.op("Mul", _matrix(graph, name), graph.op("Transpose", factor, perm=[1, 0]))
        bias = graph.op("Mul", graph.weight(f"{name}.bias"), factor)
        rows = pixels.to_rows(graph, pixels.to_array(graph, graph.op("Gelu", features)), self._hidden)
        return graph.op("Gemm", rows, kernel, bias if added is None else graph.op("Add", added, bias), transB=1)

    def _give(self, graph: Graph, features: str, size: str, level: str) -> None:
        """The outputs of a step."""
        means = self._means(graph, features, level_gain(graph, "gain", level))
        graph.output("features", features, np.float32, (1, self._hidden, "h", "w"))
        graph.output("means", pixels.from_rows(graph, means, size, self._latents), np.float32, ("h", "w", self._latents))

    def _pointwise(self, graph: Graph, name: str, rows: str) -> str:
        """A 1×1 layer for rows (n, in)."""
        return graph.op("Gemm", rows, _matrix(graph, name), graph.weight(f"{name}.bias"), transB=1)

    def _neighbours(self) -> list[tuple[str, Neighbours]]:
        """The layers of the steps after the first, with their names."""
        layers: MeanSynthesis = self._network.h_s_mean
        quarters = [cast(Neighbours, layer) for layer in layers.within]
        within = [(f"h_s_mean.within.{number}", layer) for number, layer in enumerate(quarters)]
        name = "h_s_mean.between"
        if f"{name}.known.weight" not in self._weights:  # the first checkpoints, see `MeanSynthesis`
            name = "h_s_mean"
        return [*within[:1], (name, layers.between), *within[1:]]


def _matrix(graph: Graph, name: str) -> str:
    """The weight of a 1×1 layer: (out, in)."""
    return graph.op("Squeeze", graph.weight(f"{name}.weight"), graph.shape(2, 3))


def _asinh(graph: Graph, x: str) -> str:
    """As `models.light.hyperprior.asinh`."""
    root = graph.op("Sqrt", graph.op("Add", graph.op("Mul", x, x), graph.constant(1)))
    return graph.op("Mul", graph.op("Log", graph.op("Add", graph.op("Abs", x), root)), graph.op("Sign", x))


def _shuffled(graph: Graph, x: str) -> str:
    return graph.op("DepthToSpace", x, blocksize=2, mode="CRD")
