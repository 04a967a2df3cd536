"""Optimisers and learning-rate schedules a recipe chooses from."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn, optim
from torch.optim.lr_scheduler import LambdaLR, LinearLR, LRScheduler, ReduceLROnPlateau

# channels beyond which SOAP leaves a dimension as it is; a basis costs their cube. Each of a kernel's four dimensions has its own.
LARGEST_BASIS = 512


class InUnits:
    """Mix-in for optimisers: steps some weights as multiples of their own unit. Adam's step does not depend on the size of the
    gradient, so without units the weights of large inputs would change results more.
    """

    units: Sequence[tuple[nn.Parameter, Tensor]] = ()  # weights, and their units, which broadcast with them

    def step(self, closure: Callable[[], float] | None = None):
        with torch.enable_grad():
            loss = None if closure is None else closure()
        moved = [(weight, weight.grad, unit) for weight, unit in self.units if weight.grad is not None]
        for weight, gradient, unit in moved:
            weight.data.div_(unit)
            gradient.mul_(unit)
        super().step()  # type: ignore[misc]  # the optimiser's
        for weight, _, unit in moved:
            weight.data.mul_(unit)
        return loss


@dataclass(frozen=True)
class Optimizer:
    """The optimiser and its settings; an optimiser ignores settings that it does not have.

    Args:
        name: sgd, adagrad, adam, adamw or soap (Adam in the eigenbasis of Shampoo's preconditioner, arXiv:2409.11321).
        learning_rate: peak learning rate.
        betas: decay of first and second moment (adam, adamw, soap).
        momentum: Nesterov momentum (sgd).
        weight_decay: decoupled for adamw and soap, otherwise added to the gradient.
    """

    name: Literal["sgd", "adagrad", "adam", "adamw", "soap"] = "adamw"
    learning_rate: float = 1.5e-3
    betas: tuple[float, float] = (0.9, 0.95)
    momentum: float = 0.9
    weight_decay: float = 0.0

    def build(self, module: nn.Module) -> optim.Optimizer:
        common: dict[str, Any] = {"lr": self.learning_rate, "weight_decay": self.weight_decay}
        parameters = module.parameters()
        if self.name == "sgd":
            return optim.SGD(parameters, momentum=self.momentum, nesterov=self.momentum > 0, **common)
        if self.name == "adagrad":
            return optim.Adagrad(parameters, **common)
        kind: type[optim.Optimizer]
        if self.name == "soap":
            from pytorch_optimizer import SOAP  # a second to import

            kind, common = SOAP, common | {"max_precondition_dim": LARGEST_BASIS}
        else:
            kind = optim.Adam if self.name == "adam" else optim.AdamW
        optimizer = type(kind.__name__, (InUnits, kind), {})(parameters, betas=self.betas, **common)
        parts: list[Any] = [part for part in module.modules() if hasattr(part, "units")]
        optimizer.units = [pair for part in parts for pair in part.units()]
        return optimizer


@dataclass(frozen=True)
class Schedule:
    """Learning rate over the run, as a factor of the optimiser's: linear warm-up, then one of three shapes.

    Args:
        name: constant, cosine (to `floor` at the run's last step) or plateau (by the validation loss).
        warmup_steps: steps of linear rise from zero.
        hold: share of the run at full rate before the cosine falls.
        floor: smallest factor of the cosine.
        patience: validations without improvement before the plateau schedule cuts the rate.
        factor: factor of each cut.
    """

    name: Literal["constant", "cosine", "plateau"] = "cosine"
    warmup_steps: int = 100
    hold: float = 0.0
    floor: float = 0.01
    patience: int = 3
    factor: float = 0.5

    def multiplier(self, step: int, total: int) -> float:
        """Factor of the learning rate at a step of a cosine run of `total` steps."""
        warmup = min(1.0, (step + 1) / max(1, self.warmup_steps))
        progress = min(1.0, max(0.0, step / max(1, total) - self.hold) / (1 - self.hold))
        return warmup * (self.floor + (1 - self.floor) * 0.5 * (1 + math.cos(math.pi * progress)))

    def build(self, optimizer: optim.Optimizer, total: int) -> LRScheduler:
        """The schedule stepped after every optimiser step of a run of `total` steps."""
        if self.name == "cosine":
            return LambdaLR(optimizer, lambda step: self.multiplier(step, total))
        warmup = max(1, self.warmup_steps)
        return LinearLR(optimizer, start_factor=1 / warmup, total_iters=warmup - 1)

    def build_plateau(self, optimizer: optim.Optimizer) -> ReduceLROnPlateau:
        """The schedule stepped with each validation loss; it multiplies the warm-up's learning rate, so the two combine."""
        return ReduceLROnPlateau(optimizer, patience=self.patience, factor=self.factor)
