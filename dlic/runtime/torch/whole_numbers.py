"""The integers that parsing depends on: computed once from a trained model, and stored with its weights."""

from typing import Any

import torch
from numpy.typing import NDArray

from dlic.layers.biases import bias_of
from dlic.layers.gaussian import row_of_scale, scale_of_row
from dlic.layers.scale_rows import ROWS
from dlic.models.base import Model
from dlic.models.light import Light
from dlic.models.light.hyperprior import ScaleSynthesis
from dlic.models.mean_scale import MeanScale
from dlic.runtime.exact import FRACTION
from dlic.runtime.rows.light import LAYERS, ExactScaleSynthesis
from dlic.runtime.weights import WHOLE_NUMBERS


@torch.no_grad()
def stored_arrays(network: Model) -> dict[str, NDArray[Any]]:
    """The arrays of a checkpoint: trained weights, unchanged, and whole numbers."""
    trained = {name: value.contiguous().cpu().numpy() for name, value in network.state_dict().items()}
    return trained | {WHOLE_NUMBERS + name: value for name, value in whole_numbers_of(network).items()}


@torch.no_grad()
def whole_numbers_of(network: Model) -> dict[str, NDArray[Any]]:
    """Whole numbers by name; none for models whose rows need none."""
    if isinstance(network, Light):
        scales = exact_scales(network.h_s_scale).to_arrays()
        z_rows = row_of_scale(network.z_log_scale.all_levels().exp()).round().clamp(0, ROWS - 1)  # (levels, Z)
        return {f"h_s_scale.{name}": value for name, value in scales.items()} | {"z_rows": z_rows.to(torch.uint8).numpy()}
    if isinstance(network, MeanScale):
        between = scale_of_row(torch.arange(ROWS - 1, dtype=torch.float64) + 0.5)
        return {"row_ends": torch.round(between * 2**FRACTION).int().numpy()}
    return {}


@torch.no_grad()
def exact_scales(trained: ScaleSynthesis) -> ExactScaleSynthesis:
    """A trained h_s_scale, rounded to whole numbers."""
    first_bias = trained.first_bias.all_levels()
    levels = len(first_bias)
    biases = {
        "first": first_bias,
        "widen": bias_of(trained.widen).expand(levels, -1),
        "middle": bias_of(trained.middle).expand(levels, -1),
        "last": bias_of(trained.last) + trained.last_bias.all_levels().repeat_interleave(4, dim=1),  # the shuffle's order
    }
    weights = {name: getattr(trained, name).weight.double().numpy() for name in LAYERS}
    return ExactScaleSynthesis.from_trained(weights, {name: bias.double().numpy() for name, bias in biases.items()})
