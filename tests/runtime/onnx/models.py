"""Small networks of every architecture with random weights, as both runtimes deploy them."""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import torch
from safetensors.numpy import load, save

from dlic.models.base import Model
from dlic.models.factorized import STAGES, Factorized
from dlic.models.light import Light
from dlic.models.mean_scale import MeanScale, ScaleHyperprior
from dlic.runtime import onnx as onnx_runtime
from dlic.runtime import torch as torch_runtime
from dlic.runtime.network import DeployedModel
from dlic.runtime.torch.whole_numbers import stored_arrays
from dlic.training.export import round_to_half
from dlic.training.graphs.registry import graphs_of

WIDTHS = {"channels": 16, "latents": 24}


def light(steps: int, blocks: int = 1) -> Light:
    depths = dict.fromkeys(("encoder_fine", "encoder_coarse", "decoder_fine", "decoder_coarse"), blocks)
    inner = {"hyper": 8, "hidden": 8, "fine_inner": 8, "coarse_inner": 8}
    return Light(**WIDTHS, **inner, **depths, hyper_blocks=blocks, context_steps=steps)


MODELS: dict[str, Callable[[], Model]] = {
    "light of 2 steps": lambda: light(2),
    "light of 4 steps": lambda: light(4, blocks=2),
    "mean_scale": lambda: MeanScale(**WIDTHS),
    "hyperprior": lambda: ScaleHyperprior(**WIDTHS),
    **{f"factorized {stage}": lambda stage=stage: Factorized(stage=stage, **WIDTHS) for stage in STAGES},
    "factorized gdn on a DCT": lambda: Factorized(stage="gdn", dct_path=True, **WIDTHS),
}


def shaken(name: str) -> Model:
    """A network whose blocks are no identities; the same each time."""
    torch.manual_seed(0)
    network = MODELS[name]().eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.01)
    network.prepare()
    return network


@lru_cache
def exported(name: str, half: bool = False) -> tuple[str, dict, bytes, dict[str, bytes]]:
    """Model, configuration, weights.safetensors and graphs."""
    network = shaken(name)
    if half:
        round_to_half(network)
    arrays = stored_arrays(network)
    weights = save(
        {key: value.astype(np.float16) if half and value.dtype == np.float32 else value for key, value in arrays.items()}
    )
    return network.name, network.config, weights, graphs_of(network.name, network.config, weights)


@lru_cache
def both(name: str, half: bool = False) -> tuple[DeployedModel, DeployedModel]:
    """By ONNX Runtime and by PyTorch."""
    model, config, weights, graphs = exported(name, half)
    return onnx_runtime.deploy(model, config, weights, graphs), torch_runtime.deploy(model, config, load(weights))
