"""The models that this runtime can deploy, by name."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, cast

import torch
from numpy.typing import NDArray

from dlic.runtime.network import DeployedModel
from dlic.runtime.torch.state import own_state
from dlic.runtime.torch.threads import follow_limit

DEPLOYMENTS = {
    "factorized": "dlic.runtime.torch.factorized:deploy_factorized",
    "hyperprior": "dlic.runtime.torch.mean_scale:deploy_scale_hyperprior",
    "mean_scale": "dlic.runtime.torch.mean_scale:deploy_mean_scale",
    "light": "dlic.runtime.torch.light:deploy_light",
    "inter": "dlic.runtime.torch.inter:deploy_inter",
}


def deploy(name: str, config: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> DeployedModel:
    """The model `name` of a checkpoint, ready to run.

    Args:
        name: a name of `dlic.models`.
        config: of the checkpoint's manifest.
        arrays: of the checkpoint: trained weights and whole numbers.

    Raises KeyError for an unknown name; KeyError, TypeError, ValueError or RuntimeError where the three do not fit each other.
    """
    follow_limit()
    module, function = DEPLOYMENTS[name].split(":")
    # Modules are imported here, and some compute constants then. Networks draw initial weights, from the caller's generator.
    with own_state(), torch.random.fork_rng(devices=()):
        return cast(DeployedModel, getattr(import_module(module), function)(config, arrays))
