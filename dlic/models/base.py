"""Output and base class of every trainable model."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True, eq=False)
class ModelOutput:
    """One pass of a batch through a model."""

    x_hat: Tensor  # (B, 3, H, W) reconstruction, about [0, 1], neither clamped nor rounded
    bits: Tensor  # (B,) estimated bits of each image's latents
    y: Tensor  # (B, M, h, w) unquantised latent, in steps of its level
    sparsity: Tensor  # () share of zero symbols


class Model(nn.Module):
    """A transform with its entropy model; trained through `forward`, deployed through `g_a`, `g_s` and integer tables.

    Subclasses take only plain arguments (numbers, strings) and keep them in `config`, so that
    `build_model(name, config)` makes the same network again.
    """

    name: str
    zoo_name = ""  # name of the same architecture in CompressAI, if its weights have the same names
    stride: int  # images are padded to a multiple of this
    depths: tuple[str, ...] = ()  # keys of `config` that are depths: numbers of blocks that begin as the identity
    chains: tuple[tuple[str, str], ...] = ()  # key of a depth → the chain of blocks in the network
    goals: tuple[str, ...] = ()  # keys of `config` that only the loss and initial weights use
    can_freeze: bool = False  # whether the class has `freeze_encoder`
    grows_from = ""  # name of the architecture whose trained weights it can begin with as well
    solved: tuple[str, ...] = ()  # parameters that `prepare` sets
    levels: int = 1  # number of rates
    lmbdas: Tensor  # (levels,) λ of each level, for models of several rates

    g_a: nn.Module  # (B, 3, H, W) in [0, 1] → y (B, M, h, w)
    g_s: nn.Module  # inverse of g_a

    config: dict[str, Any]  # arguments of the constructor

    def forward(self, x: Tensor, level: Tensor | None = None) -> ModelOutput:
        """x (B, 3, H, W) in [0, 1], H and W multiples of `stride`; `level` (B,) for models with several rates.

        In training mode the rate sees additive noise and the decoder straight-through rounding; in evaluation both see rounding.
        """
        raise NotImplementedError

    def start_from(self, config: dict, weights: dict[str, Tensor]) -> None:
        """Copies the weights of a trained network of the same class. Its depths may be smaller, as additional blocks begin as the
        identity; its λ may differ. Raises ValueError for any other network.
        """
        trained = type(self)(**config)
        mismatched = {key for key, value in self.config.items() if key not in self.goals and trained.config[key] != value}
        unfit = mismatched - {key for key in self.depths if trained.config[key] < self.config[key]}
        if unfit:
            listed = (f"{key} is {trained.config[key]} in the weights and {self.config[key]} here" for key in sorted(unfit))
            raise ValueError(f"weights of {self.name} do not fit: {', '.join(listed)}")
        trained.load_state_dict(weights)
        self.load_state_dict(self.state_dict() | trained.state_dict())

    def grow_from(self, config: dict, weights: dict[str, Tensor]) -> None:
        """Copies the weights of a trained network of the class `grows_from`. Raises ValueError where they do not fit."""
        raise NotImplementedError

    def prepare(self) -> None:
        """Solves the parameters that gradients do not train (quantiles). Training calls it regularly, and before validation and
        export.
        """

    def likelihoods(self, symbols: Tensor) -> Tensor:
        """Probability of integer symbols (K,) in every frequency table, for export: (tables, K)."""
        raise NotImplementedError

    def freeze_encoder(self, parity: bool = False) -> None:
        """From now on trains only the decoder, on the rounded latents of files; with even groups if `parity`."""
        raise NotImplementedError


def round_ste(x: Tensor) -> Tensor:
    """Round, with the gradient of the identity."""
    return x + (torch.round(x) - x).detach()
