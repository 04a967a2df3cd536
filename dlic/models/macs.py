"""Multiply–accumulates a pixel of encoder and decoder, counted while a network runs."""

from dataclasses import dataclass

import torch
from torch import nn

from dlic.models.base import Model

SIDE = 256  # side of the test image: a multiple of every model's stride, so no MACs go to padding
# name prefixes of the modules of each side; densities become tables
ENCODER, DECODER = ("g_a", "h_a", "h_s", "prediction"), ("g_s", "h_s", "prediction")


@dataclass(frozen=True)
class Macs:
    """Multiply–accumulates a pixel; modules that both sides run count for both."""

    encoder: float
    decoder: float


@torch.no_grad()
def macs_per_pixel(network: Model) -> Macs:
    """Counts the convolutions and matrix products of one pass at the middle rate, with PyTorch's counter."""
    from torch.utils.flop_counter import FlopCounterMode

    was_training, device = network.training, next(network.parameters()).device
    network.eval()
    with torch.random.fork_rng([device] if device.type == "cuda" else []), FlopCounterMode(display=False, depth=9) as counter:
        network(torch.rand(1, 3, SIDE, SIDE, device=device), torch.tensor([network.levels // 2], device=device))
    network.train(was_training)
    flops = {name: sum(counts.values()) for name, counts in counter.get_flop_counts().items()}
    spent = {name: _spent(flops, f"{type(network).__name__}.{name}", part) for name, part in network.named_children()}
    encoder, decoder = (
        sum(count for name, count in spent.items() if name.startswith(side)) / 2 / SIDE**2 for side in (ENCODER, DECODER)
    )
    return Macs(encoder, decoder)


def _spent(flops: dict[str, int], name: str, module: nn.Module) -> int:
    """Count of a module; of its submodules, if methods other than `forward` are called, which the counter misses."""
    if name in flops:
        return flops[name]
    return sum(_spent(flops, f"{name}.{child}", part) for child, part in module.named_children())
