"""What a network costs a pixel: multiply–accumulates of the two sides, counted while it runs."""

from dataclasses import dataclass

import torch
from torch import nn

from dlic.models.base import Model

SIDE = 256  # of the image that is counted on: a multiple of every model's stride, so that nothing is spent on padding
ENCODER, DECODER = ("g_a", "h_a", "h_s"), ("g_s", "h_s")  # beginnings of the names of what each side runs; densities become tables


@dataclass(frozen=True)
class Macs:
    """Multiply–accumulates a pixel; what both sides run counts for both."""

    encoder: float
    decoder: float


@torch.no_grad()
def macs_per_pixel(network: Model) -> Macs:
    """Of the convolutions and matrix products of one pass at the middle rate, by PyTorch's counter."""
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
    """Of a module, or of what is in it where other methods of it are called than `forward`, which leaves it uncounted."""
    if name in flops:
        return flops[name]
    return sum(_spent(flops, f"{name}.{child}", part) for child, part in module.named_children())
