"""Graphs of `Inter`: those of `Light`, given a prediction and its features."""

import numpy as np

from dlic.models.inter import Inter
from dlic.training.graphs import dct, pixels
from dlic.training.graphs.builder import Graph, StoredWeight
from dlic.training.graphs.layers import apply
from dlic.training.graphs.levels import level_gain
from dlic.training.graphs.light import LightGraphs


class InterGraphs(LightGraphs):
    """The graph `prediction` gives the features that `context`, `latents` and `synthesis` take."""

    def __init__(self, network: Inter, weights: dict[str, StoredWeight]):
        super().__init__(network, weights)
        self._inter, self._fine = network, int(network.config["channels"])

    def all(self) -> dict[str, bytes]:
        return super().all() | {"prediction": self.prediction()}

    def prediction(self) -> bytes:
        """p uint8 (H, W, 3) → features for the means (1, K, h, w) and for g_s (1, C, 2h, 2w)."""
        graph, trained, name = Graph(self._weights), self._inter.prediction, "prediction"
        p, level = graph.input("prediction", np.uint8, ("H", "W", 3)), graph.input("level", np.int64, (1,))
        x = graph.op("Gelu", dct.first_features(graph, f"{name}.first", pixels.to_blocks(graph, p, dct.BLOCK)))
        x = graph.op("Gelu", apply(trained.spatial, graph, f"{name}.spatial", x))
        x = graph.op("Mul", x, graph.op("Unsqueeze", level_gain(graph, f"{name}.gain", level), graph.shape(2, 3)))
        merged = graph.op("Gelu", apply(trained.merge, graph, f"{name}.merge", x))
        for_means = apply(trained.for_means, graph, f"{name}.for_means", merged)
        graph.output("for_means", for_means, np.float32, (1, self._hidden, "h", "w"))
        for_pixels = apply(trained.for_pixels, graph, f"{name}.for_pixels", x)
        graph.output("for_pixels", for_pixels, np.float32, (1, self._fine, "hf", "wf"))
        return graph.to_bytes()

    def analysis(self) -> bytes:
        """g_a of the difference from a prediction: image and prediction uint8 (H, W, 3) → latent (h, w, M)."""
        graph = Graph(self._weights)
        image, p = (graph.input(name, np.uint8, ("H", "W", 3)) for name in ("image", "prediction"))
        latent = dct.analysis(self._inter.g_a, graph, "g_a", image, p)
        graph.output("latent", latent, np.float32, ("h", "w", self._latents))
        return graph.to_bytes()

    def synthesis(self) -> bytes:
        """g_s: y_hat (h, w, M), prediction and its features → pixels uint8 (H, W, 3)."""
        graph = Graph(self._weights)
        y_hat, level = graph.input("y_hat", np.float32, ("h", "w", self._latents)), graph.input("level", np.int64, (1,))
        p = graph.input("prediction", np.uint8, ("H", "W", 3))
        known = graph.input("for_pixels", np.float32, (1, self._fine, "hf", "wf"))
        x_hat = dct.synthesis(self._inter.g_s, graph, "g_s", y_hat, level, known, p)
        graph.output("pixels", x_hat, np.uint8, ("H", "W", 3))
        return graph.to_bytes()

    def differences(self) -> bytes:
        """g_s: y_hat (h, w, M) and the features of a prediction → what is added to it, unrounded, and ½: float32 (H, W, 3)."""
        graph = Graph(self._weights)
        y_hat, level = graph.input("y_hat", np.float32, ("h", "w", self._latents)), graph.input("level", np.int64, (1,))
        known = graph.input("for_pixels", np.float32, (1, self._fine, "hf", "wf"))
        unrounded = dct.differences(self._inter.g_s, graph, "g_s", y_hat, level, known)
        graph.output("differences", unrounded, np.float32, ("H", "W", 3))
        return graph.to_bytes()

    def _hyper_features(self, graph: Graph, z: str, size: str, level: str) -> str:
        known = graph.input("for_means", np.float32, (1, self._hidden, "h", "w"))
        return graph.op("Add", super()._hyper_features(graph, z, size, level), known)
