"""Pruning: finds blocks of a trained network with nearly no effect, and removes them."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn

from dlic.checkpoints.manifest import read_manifest
from dlic.errors import DlicError
from dlic.layers.stages import BottleneckBlock
from dlic.learned.pretrained import network_of
from dlic.models import build_model
from dlic.models.base import Model
from dlic.models.light.transforms import LevelBlocks
from dlic.training.export import Exported, check_free, write_checkpoint
from dlic.training.levels import spread_levels
from dlic.training.loss import RateDistortionLoss

LEVELS = 4  # number of evenly spread rates at which a block is measured
SIDE = 256  # of the crops
CARD = "{source} without {dropped}, which gave it next to nothing (`dlic prune`). Training goes on by `dlic train --from`."


@dataclass(frozen=True, eq=False)
class Block:
    """A block with its effect, averaged over photographs and rates."""

    chain: str  # for example g_s.coarse
    place: int  # there
    cost: float  # relative increase of bpp + λ · distortion if a constant replaces the block
    mean: Tensor  # (channels,) mean of its branch

    @property
    def name(self) -> str:
        return f"{self.chain}.{self.place}"


def prune(
    source: Path, folder: Path | None, crops: Sequence[Tensor], below: float, force: bool = False
) -> Iterator[tuple[Block, bool]]:
    """Every block of the checkpoint in `source`, and whether it is removed. If `folder` is given, the pruned checkpoint is written
    there.

    Args:
        crops: (3, H, W) uint8 to measure on; sides are multiples of the stride.
        below: blocks are removed if that costs less than this share of the loss; the most useful block of each chain stays.

    Raises DlicError where `folder` holds a checkpoint already, unless `force`, and for networks without chains of blocks.
    """
    if folder is not None:
        check_free(folder, force)
    network, manifest = network_of(source), read_manifest(source)
    if not network.chains:
        raise DlicError(f"{manifest.name} has no blocks that could be left out")
    blocks = effects(network, crops, manifest.training.distortion, manifest.training.lmbda)
    dropped = []
    for _, judged in groupby(blocks, attrgetter("chain")):
        chain = list(judged)
        dearest = max(chain, key=attrgetter("cost"))
        for block in chain:
            goes = block.cost < below and block is not dearest
            yield block, goes
            if goes:
                dropped.append(block)
    if folder is not None:
        names = ", ".join(block.name for block in dropped) or "nothing"
        run = Exported(without(network, dropped), manifest.training)
        write_checkpoint(run, manifest.tables, folder, CARD.format(source=manifest.name, dropped=names))


@torch.no_grad()
def effects(network: Model, crops: Sequence[Tensor], distortion: str, lmbda: float | None) -> Iterator[Block]:
    """The effect of each block, chain after chain."""
    losses = partial(_losses, network, crops, distortion, lmbda)
    blocks = [(chain, place, block) for _, chain in network.chains for place, block in enumerate(_blocks(network, chain))]
    added: dict[nn.Module, list[Tensor]] = defaultdict(list)

    def see(layer: nn.Module, inputs: tuple[Tensor], output: Tensor) -> None:
        added[layer].append(output.mean(dim=(0, 2, 3)))

    with ExitStack() as hooks:
        for _, _, block in blocks:
            hooks.enter_context(block.last.register_forward_hook(see))
        before = losses()
    for chain, place, block in blocks:
        mean = torch.stack(added[block.last]).mean(dim=0)
        with block.last.register_forward_hook(lambda layer, inputs, output, mean=mean: mean[:, None, None].expand_as(output)):
            cost = (losses() / before).log().mean().exp().item() - 1
        yield Block(chain, place, cost, mean)


def without(network: Model, dropped: Sequence[Block]) -> Model:
    """The network without these blocks; their mean contribution moves into the biases of neighbouring blocks. Each chain must keep
    a block.
    """
    smaller, config = deepcopy(network), dict(network.config)
    for key, chain in network.chains:
        blocks = _blocks(smaller, chain)
        means = {block.place: block.mean for block in dropped if block.chain == chain}
        remaining = [place for place in range(len(blocks)) if place not in means]
        if not remaining:
            raise ValueError(f"no block of {chain} would be left")
        for place, mean in means.items():
            beside = blocks[max((neighbour for neighbour in remaining if neighbour < place), default=remaining[0])]
            _bias(beside.last).add_(mean)
            if place < remaining[0]:  # it reads their contribution
                _bias(beside.squeeze).add_(beside.squeeze.weight[:, :, 0, 0] @ mean)
        part = smaller.get_submodule(chain)
        for modules in (part.blocks, part.gains) if isinstance(part, LevelBlocks) else (cast(nn.ModuleList, part),):
            for place in sorted(means, reverse=True):
                del modules[place]
        config[key] = len(remaining)
    built = build_model(network.name, config)
    built.load_state_dict(smaller.state_dict())
    return built.eval()


def _blocks(network: Model, chain: str) -> list[BottleneckBlock]:
    part = network.get_submodule(chain)
    return [cast(BottleneckBlock, block) for block in (part.blocks if isinstance(part, LevelBlocks) else part.children())]


def _bias(layer: nn.Conv2d) -> Tensor:
    assert layer.bias is not None
    return layer.bias.data


def _losses(network: Model, crops: Sequence[Tensor], distortion: str, lmbda: float | None) -> Tensor:
    """bpp + λ · distortion at each of LEVELS levels, or the one there is, over all crops."""
    loss = RateDistortionLoss(distortion)
    lmbdas = network.lmbdas if lmbda is None else torch.tensor([lmbda])

    def of(level: int) -> Tensor:
        levels = torch.tensor([level])
        batches = (crop[None].float() / 255 for crop in crops)
        return torch.stack([loss(network(x, levels), x, lmbdas[levels]).loss for x in batches]).mean()

    return torch.stack([of(level) for level in spread_levels(network.levels, LEVELS)])
