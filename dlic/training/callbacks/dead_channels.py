"""Dead channels of blocks: channels with zero activations, which no gradient can revive."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, cast

import pytorch_lightning as pl
import torch
from lightning_utilities.core.rank_zero import rank_zero_info
from torch import Tensor, nn

from dlic.layers.gains import LevelGain
from dlic.layers.stages import BottleneckBlock
from dlic.models.light.transforms import LevelBlocks

if TYPE_CHECKING:
    from dlic.training.module import TrainingModule

DEAD = -3.0  # below this, gelu and its gradient are under 0.005
LOST = 0.9  # share of dead channels from which on a whole block is initialised again


class Watch:
    """Records the largest activations of every block of a network while it runs."""

    def __init__(self, network: nn.Module):
        self.blocks = [block for block in network.modules() if isinstance(block, BottleneckBlock)]
        self.highest: dict[nn.Module, Tensor] = {}  # (channels,) before gelu
        self.power: dict[nn.Module, list[Tensor]] = {}  # (channels,) mean squares of the input, one a pass

    @contextmanager
    def watching(self) -> Iterator[None]:
        layers = [layer for block in self.blocks for layer in (block.squeeze, block.spatial)]
        hooks = [layer.register_forward_hook(self._see) for layer in layers]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    @torch.no_grad()
    def _see(self, layer: nn.Module, inputs: tuple[Tensor], output: Tensor) -> None:
        highest, power = output.float().amax(dim=(0, 2, 3)), inputs[0].float().square().mean(dim=(0, 2, 3))
        self.highest[layer] = torch.maximum(highest, self.highest[layer]) if layer in self.highest else highest
        self.power.setdefault(layer, []).append(power)

    def dead(self, layer: nn.Module) -> Tensor:
        """The dead channels of a layer, which never reached DEAD: bool (channels,)."""
        return self.highest[layer] < DEAD

    def scale(self, layer: nn.Module) -> Tensor:
        """Root mean square of a layer's input: (channels,)."""
        return torch.stack(self.power[layer]).mean(dim=0).sqrt().clamp_min(1e-3)

    @property
    def share(self) -> float:
        """Share of dead channels among the inputs of the blocks' last layers."""
        return torch.cat([self.dead(block.spatial) for block in self.blocks]).float().mean().item() if self.blocks else 0.0


@torch.no_grad()
def revive(network: nn.Module, watch: Watch) -> int:
    """Initialises dead channels again, with random input weights and zero output weights, so that the output of `network` stays the
    same. A block with nearly only dead channels is initialised as a whole; the contribution of its last live channels is lost.
    Frozen blocks stay as they are. Returns the number of revived channels.
    """
    by_level = [part for part in network.modules() if isinstance(part, LevelBlocks)]
    pairs = (pair for part in by_level for pair in zip(part.blocks, part.gains, strict=True))
    gains = {block: cast(LevelGain, gain) for block, gain in pairs}
    generator = torch.Generator().manual_seed(0)  # the same in every process
    revived = 0
    for block in (block for block in watch.blocks if block.last.weight.requires_grad):
        hidden, out = watch.dead(block.squeeze), watch.dead(block.spatial)
        if out.float().mean() >= LOST:
            hidden, out = torch.ones_like(hidden), torch.ones_like(out)
        scale = torch.where(hidden, 1.0, watch.scale(block.spatial))  # revived channels are about 1 after gelu
        _begin_anew(block.squeeze, hidden, watch.scale(block.squeeze), generator)
        block.spatial.weight[:, hidden] = 0
        _begin_anew(block.spatial, out, scale, generator)
        block.last.weight[:, out] = 0
        if block in gains:
            gains[block].anchors[:, out] = 0
        revived += int(out.sum())
    return revived


def _begin_anew(layer: nn.Conv2d, dead: Tensor, scale: Tensor, generator: torch.Generator) -> None:
    """Random weights with outputs of about 1, for inputs of size `scale` (channels,)."""
    weight = torch.randn(layer.weight.shape, generator=generator).to(layer.weight) / layer.weight[0].numel() ** 0.5
    layer.weight[dead] = (weight / scale[:, None, None])[dead]
    assert layer.bias is not None
    layer.bias[dead] = 0


class DeadChannels(pl.Callback):
    """Logs the share of dead channels with every validation (`val/dead_channels`), and revives them at the start of the run if
    `revive` is set.
    """

    def __init__(self, revive: bool):
        self.revive = revive
        self._watch: Watch | None = None  # of the validation that is under way
        self._watching = ExitStack()

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        module = cast("TrainingModule", pl_module)
        if not self.revive or module.batches_seen:
            return
        watch = Watch(module.network)
        with watch.watching():
            module.show_validation()
        rank_zero_info(f"{watch.share:.0%} of the blocks' channels were dead; {revive(module.network, watch)} begin anew")

    def on_validation_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._watch = Watch(cast("TrainingModule", pl_module).network)
        self._watching.enter_context(self._watch.watching())

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._watching.close()
        if self._watch is not None and self._watch.blocks:
            pl_module.log("val/dead_channels", self._watch.share, sync_dist=True)
