"""Blocks of a trained network that do next to nothing, and the network without them."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from dlic.checkpoints import MANIFEST, read_manifest, read_weights
from dlic.errors import DlicError
from dlic.layers.stages import BottleneckBlock
from dlic.models import build_model
from dlic.models.base import Model, split_weights
from dlic.models.transforms import LevelBlocks
from dlic.training.export import Exported, write_checkpoint
from dlic.training.loss import RateDistortionLoss
from dlic.training.module import spread_levels

LEVELS = 4  # rates a block is judged at, evenly spread
SIDE = 256  # of the crops
CARD = "{source} without {dropped}, which gave it next to nothing (`dlic prune`). Training goes on by `dlic train --from`."


@dataclass(frozen=True)
class Block:
    """A block with what it does, averaged over photographs and rates."""

    name: str  # its chain and its place there, such as g_s.coarse.0
    cost: float  # share by which bpp + λ · distortion grows where it gives the same everywhere
    mean: Tensor  # (channels,) what it adds


def prune(
    source: Path, folder: Path | None, crops: Sequence[Tensor], below: float, force: bool = False
) -> Iterator[tuple[Block, bool]]:
    """Every block of the checkpoint in `source` and whether it goes, then `folder`, if one is named, without these.

    Args:
        crops: (3, H, W) uint8, to judge by; sides multiples of the stride.
        below: blocks go whose omission costs less than this share of the loss; the dearest of each chain stays.

    Raises DlicError where `folder` holds a checkpoint already, unless `force`, and for networks without chains of blocks.
    """
    if folder is not None and (folder / MANIFEST).exists() and not force:
        raise DlicError(f"{folder} holds a checkpoint already; --force replaces it")
    manifest = read_manifest(source)
    network = build_model(manifest.model, manifest.config)
    if not network.chains:
        raise DlicError(f"{manifest.name} has no blocks that could be left out")
    network.load_state_dict(split_weights(read_weights(source))[0])
    network.eval()
    dropped = []
    for _, chain in network.chains:
        judged = list(effects(network, chain, crops, manifest.training.distortion, manifest.training.lmbda))
        dearest = max(judged, key=lambda block: block.cost)
        for block in judged:
            goes = block.cost < below and block is not dearest
            yield block, goes
            dropped += [block] * goes
    if folder is not None:
        names = ", ".join(block.name for block in dropped) or "nothing"
        run = Exported(without(network, dropped), manifest.training)
        write_checkpoint(run, manifest.tables, folder, CARD.format(source=manifest.name, dropped=names))


@torch.no_grad()
def effects(network: Model, chain: str, crops: Sequence[Tensor], distortion: str, lmbda: float | None) -> Iterator[Block]:
    """What each block of a chain does."""
    losses = partial(_losses, network, crops, distortion, lmbda)
    for place, block in enumerate(_blocks(network.get_submodule(chain))):
        seen: list[Tensor] = []
        with _hooked(block.last, lambda layer, inputs, output, seen=seen: seen.append(output.mean(dim=(0, 2, 3)))):
            before = losses()
        mean = torch.stack(seen).mean(dim=0)
        with _hooked(block.last, lambda layer, inputs, output, mean=mean: mean[:, None, None].expand_as(output)):
            cost = (losses() / before).log().mean().exp().item() - 1
        yield Block(f"{chain}.{place}", cost, mean)


def without(network: Model, dropped: Sequence[Block]) -> Model:
    """The network without these blocks, what they add on average moved into the biases of those beside them.

    Some block of each chain must stay.
    """
    means, smaller, config = {block.name: block.mean for block in dropped}, deepcopy(network), dict(network.config)
    for key, chain in network.chains:
        part = smaller.get_submodule(chain)
        kept: BottleneckBlock | None = None
        early = torch.zeros_like(_blocks(part)[0].last.bias)  # what those before the first that stays have added
        for place, block in enumerate(_blocks(part)):
            mean = means.get(f"{chain}.{place}")
            if mean is None and kept is None:
                block.squeeze.bias.data += block.squeeze.weight[:, :, 0, 0] @ early
                block.last.bias.data += early
            if mean is None:
                kept = block
            elif kept is None:
                early = early + mean
            else:
                kept.last.bias.data += mean
        if kept is None:
            raise ValueError(f"no block of {chain} would be left")
        for place in reversed(range(len(_blocks(part)))):
            if f"{chain}.{place}" in means:
                for modules in (part.blocks, part.gains) if isinstance(part, LevelBlocks) else (part,):
                    del modules[place]
        config[key] = len(_blocks(part))
    built = build_model(network.name, config)
    built.load_state_dict(smaller.state_dict())
    return built.eval()


def _blocks(part: nn.Module) -> Sequence[BottleneckBlock]:
    return part.blocks if isinstance(part, LevelBlocks) else part


def _losses(network: Model, crops: Sequence[Tensor], distortion: str, lmbda: float | None) -> Tensor:
    """bpp + λ · distortion at each of LEVELS levels, or the one there is, over all crops."""
    loss = RateDistortionLoss(distortion)
    lmbdas = network.lmbdas if network.levels > 1 else torch.tensor([lmbda])

    def of(level: int) -> Tensor:
        chosen = torch.tensor([level])
        batches = (crop[None].float() / 255 for crop in crops)
        return torch.stack([loss(network(x, chosen), x, lmbdas[chosen]).loss for x in batches]).mean()

    return torch.stack([of(level) for level in spread_levels(network.levels, LEVELS)])


@contextmanager
def _hooked(layer: nn.Module, hook: Callable) -> Iterator[None]:
    handle = layer.register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()
