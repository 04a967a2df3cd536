"""The models that this runtime can deploy, by name."""

from collections.abc import Mapping
from dataclasses import replace
from importlib import import_module
from typing import Any, cast

from safetensors.numpy import load

from dlic.runtime.memory import PROCESS_WITH_ONNX
from dlic.runtime.network import DeployedModel
from dlic.runtime.onnx.sessions import Sessions

DEPLOYMENTS = {
    "factorized": "dlic.runtime.onnx.one_rate:deploy_factorized",
    "hyperprior": "dlic.runtime.onnx.one_rate:deploy_scale_hyperprior",
    "mean_scale": "dlic.runtime.onnx.one_rate:deploy_mean_scale",
    "light": "dlic.runtime.onnx.light:deploy_light",
    "inter": "dlic.runtime.onnx.inter:deploy_inter",
}


def deploy(name: str, config: Mapping[str, Any], weights: bytes, graphs: Mapping[str, bytes]) -> DeployedModel:
    """The model `name` of a checkpoint, ready to run.

    Args:
        name: a name of `dlic.models`.
        config: of the checkpoint's manifest.
        weights: weights.safetensors of the checkpoint: trained weights and whole numbers.
        graphs: of the checkpoint, by name.

    Raises KeyError for an unknown name; KeyError, TypeError or ValueError where they do not fit each other; DlicError for a version
    of ONNX Runtime that is too old.
    """
    module, function = DEPLOYMENTS[name].split(":")
    made = cast(DeployedModel, getattr(import_module(module), function)(config, load(weights), Sessions(graphs, weights)))
    return replace(made, process=PROCESS_WITH_ONNX)
