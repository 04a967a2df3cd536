"""Models by name → their graphs."""

from collections.abc import Callable, Mapping
from typing import Any

from dlic.models.inter import Inter
from dlic.models.light import Light
from dlic.training.graphs.builder import StoredWeight, stored_weights
from dlic.training.graphs.inter import InterGraphs
from dlic.training.graphs.light import LightGraphs
from dlic.training.graphs.one_rate import factorized_graphs, mean_scale_graphs, scale_hyperprior_graphs

Maker = Callable[[Mapping[str, Any], dict[str, StoredWeight]], dict[str, bytes]]


def _light(config: Mapping[str, Any], weights: dict[str, StoredWeight]) -> dict[str, bytes]:
    graphs = LightGraphs(Light(**config), weights)
    return graphs.all() | {"early_features": graphs.early_features()}


def _inter(config: Mapping[str, Any], weights: dict[str, StoredWeight]) -> dict[str, bytes]:
    return InterGraphs(Inter(**config), weights).all()


MAKERS: dict[str, Maker] = {
    "factorized": factorized_graphs,
    "hyperprior": scale_hyperprior_graphs,
    "mean_scale": mean_scale_graphs,
    "light": _light,
    "inter": _inter,
}


def graphs_of(model: str, config: Mapping[str, Any], weights: bytes) -> dict[str, bytes]:
    """The graphs of a model, by name; none for models that only PyTorch runs.

    Args:
        model: a name of `dlic.models`.
        config: of its manifest.
        weights: weights.safetensors. The graphs refer to its arrays by name and place; they hold none of them.
    """
    return MAKERS[model](config, stored_weights(weights)) if model in MAKERS else {}
