"""Trainable models by the names that checkpoints and recipes use."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dlic.models.base import Model

MODELS = {
    "factorized": "dlic.models.factorized:Factorized",
    "hyperprior": "dlic.models.mean_scale:ScaleHyperprior",
    "mean_scale": "dlic.models.mean_scale:MeanScale",
    "light": "dlic.models.light:Light",
    "inter": "dlic.models.inter:Inter",
}


def build_model(name: str, config: dict) -> "Model":
    """Builds a trainable model by name. Raises KeyError for an unknown name."""
    module, model = MODELS[name].split(":")
    return getattr(import_module(module), model)(**config)
