"""What every trainable model returns and what a codec asks of it."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class ModelOutput:
    """One pass of a batch through a model."""

    x_hat: Tensor  # (B, 3, H, W) reconstruction, about [0, 1], neither clamped nor rounded
    bits: Tensor  # (B,) estimated bits of each image's latents
    y: Tensor  # (B, M, h, w) unquantised latent, in steps of its level
    sparsity: Tensor  # () share of the symbols that are zero


class Model(nn.Module):
    """A transform with its entropy model; trained through `forward`, deployed through `g_a`, `g_s` and integer tables.

    Subclasses take only plain arguments (numbers, strings) and keep them in `config`, so that
    `build_model(name, config)` makes the same network again.
    """

    name: str
    zoo_name = ""  # of the same architecture in CompressAI, where it has the same names of weights
    stride: int  # images are padded to a multiple of this
    depths: tuple[str, ...] = ()  # what in `config` counts blocks that begin as the identity
    chains: tuple[tuple[str, str], ...] = ()  # those, and the part of the network where each counts blocks one after another
    goals: tuple[str, ...] = ()  # what in `config` tells only the loss and untrained weights anything
    can_freeze: bool = False  # whether it has `freeze_encoder`
    solved: tuple[str, ...] = ()  # parameters that `prepare` sets
    levels: int = 1  # rates it has
    lmbdas: Tensor  # (levels,) the λ of each, where it has more than one

    g_a: nn.Module  # (B, 3, H, W) in [0, 1] → y (B, M, h, w)
    g_s: nn.Module  # its inverse

    config: dict[str, Any]  # the arguments that made it

    def forward(self, x: Tensor, level: Tensor | None = None) -> ModelOutput:
        """x (B, 3, H, W) in [0, 1], H and W multiples of `stride`; `level` (B,) for models with several rates.

        In training mode the rate sees additive noise and the decoder straight-through rounding; in evaluation both see rounding.
        """
        raise NotImplementedError

    def start_from(self, config: dict, weights: dict[str, Tensor]) -> None:
        """Take the weights of a trained network of the same class, which may have fewer of the blocks that begin as the identity.

        What it was trained for may differ. Raises ValueError for any other network.
        """
        trained = type(self)(**config)
        other = {key for key, value in self.config.items() if key not in self.goals and trained.config[key] != value}
        unfit = other - {key for key in self.depths if trained.config[key] < self.config[key]}
        if unfit:
            listed = (f"{key} is {trained.config[key]} in the weights and {self.config[key]} here" for key in sorted(unfit))
            raise ValueError(f"weights of {self.name} do not fit: {', '.join(listed)}")
        trained.load_state_dict(weights)
        self.load_state_dict(self.state_dict() | trained.state_dict())

    def prepare(self) -> None:
        """Solve what is not learned by gradients (quantiles); called now and then, and before validation and export."""

    def likelihoods(self, symbols: Tensor) -> Tensor:
        """Probability of integer symbols (K,) in every frequency table, for export: (tables, K)."""
        raise NotImplementedError

    def freeze_encoder(self, parity: bool = False) -> None:
        """From here on train only what a decoder runs, on rounded latents, as files hold them, with even groups if `parity`."""
        raise NotImplementedError


def round_ste(x: Tensor) -> Tensor:
    """Round, with the gradient of the identity."""
    return x + (torch.round(x) - x).detach()
