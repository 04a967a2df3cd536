"""Rolls a run back to the last good snapshot when its loss diverges."""

import logging
import math
from collections import deque
from copy import deepcopy
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any, cast

import pytorch_lightning as pl
from pytorch_lightning.callbacks import WeightAveraging

from dlic.training.callbacks.durable_checkpoints import is_finite

if TYPE_CHECKING:
    from dlic.training.module import TrainingModule

log = logging.getLogger(__name__)

REMEMBERED = 100  # losses in the median: batches of other rates and photographs may differ by a few times
EXPLODED = 20  # times the median: a loss that does not diverge stays below
SLOWER = 0.5  # factor of the learning rate after a rollback


class NonFiniteLossError(RuntimeError):
    """A run diverged again after the allowed number of rollbacks."""


@dataclass(frozen=True)
class Snapshot:
    """The complete state of training after a step."""

    step: int
    weights: dict[str, Any]  # including weight averaging's state
    optimizers: list[dict[str, Any]]


class StepBack(pl.Callback):
    """Rolls a run back to its last good snapshot, at half the learning rate, after too many useless steps. A step is useless if its
    loss or gradient is not finite (TrainingModule skips such a step and counts it), or if its loss is EXPLODED times the median of
    those before. The run goes on with other crops and noise, which depend on the number of the batch.
    """

    def __init__(self, patience: int, limit: int, every_n_steps: int = 100):
        """
        Args:
            patience: useless steps in a row before a rollback.
            limit: most rollbacks in a run; then NonFiniteLossError ends it.
            every_n_steps: steps between snapshots; memory holds one, which is as large as a checkpoint.
        """
        self.patience, self.limit, self.every_n_steps = patience, limit, every_n_steps
        self.losses: deque[float] = deque(maxlen=REMEMBERED)
        self.exploded = 0  # steps in a row
        self.taken = 0  # rollbacks so far
        self._snapshot: Snapshot | None = None

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._snapshot = None
        self._keep(trainer, pl_module)

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs, batch, batch_idx) -> None:
        """After weight averaging and before anything is saved, as Lightning calls callbacks that save last."""
        module = cast("TrainingModule", pl_module)
        self._judge(module.last_loss)
        why = {
            "a loss or gradient that is not finite": module.nonfinite_in_row,
            f"a loss {EXPLODED} times the usual": self.exploded,
        }
        worst = max(why, key=lambda kind: why[kind])
        if _anywhere(trainer, why[worst] >= self.patience):
            self._go_back(trainer, pl_module, f"{self.patience} steps in a row had {worst}")
        elif self._is_due(trainer.global_step) and not _anywhere(trainer, why[worst] > 0 or not self._is_usual()):
            self._keep(trainer, pl_module)

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Rolls back before a validation if weights are not finite: solving quantiles and drawing would end the run."""
        if self._snapshot is not None and _anywhere(trainer, not is_finite(pl_module.state_dict())):
            self._go_back(trainer, pl_module, "weights became non-finite")

    def _judge(self, loss: float) -> None:
        if not math.isfinite(loss):
            return  # counted where it was skipped
        usual = median(self.losses) if len(self.losses) == REMEMBERED else math.inf
        self.exploded = self.exploded + 1 if loss > EXPLODED * usual else 0
        if self.exploded == 0:
            self.losses.append(loss)

    def _is_due(self, step: int) -> bool:
        return self._snapshot is None or step - self._snapshot.step >= self.every_n_steps

    def _is_usual(self) -> bool:
        """Whether a loss is below twice the median: a higher one may be the start of divergence, which a snapshot must not
        contain.
        """
        return not self.losses or self.losses[-1] <= 2 * median(self.losses)

    def _keep(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        weights: dict[str, Any] = {"state_dict": pl_module.state_dict()}
        for averaging in _averaging(trainer):
            averaging.on_save_checkpoint(trainer, pl_module, weights)
        state = weights, [optimizer.state_dict() for optimizer in trainer.optimizers]
        if is_finite(state):
            self._snapshot = Snapshot(trainer.global_step, *deepcopy(state))

    def _go_back(self, trainer: pl.Trainer, pl_module: pl.LightningModule, why: str) -> None:
        if self._snapshot is None or self.taken >= self.limit:
            raise NonFiniteLossError(
                f"{why} (step {trainer.global_step}); lower the learning rate or resume from an earlier checkpoint"
            )
        self._restore(trainer, pl_module, deepcopy(self._snapshot))
        _slow_down(trainer, SLOWER)
        self.taken += 1
        self.exploded = cast("TrainingModule", pl_module).nonfinite_in_row = 0
        log.warning(
            "step %d: %s; the weights are those of step %d again, the learning rate is %g times what it was (%d of %d times)",
            trainer.global_step, why, self._snapshot.step, SLOWER, self.taken, self.limit,
        )  # fmt: skip

    def _restore(self, trainer: pl.Trainer, pl_module: pl.LightningModule, snapshot: Snapshot) -> None:
        pl_module.load_state_dict(snapshot.weights.get("current_model_state", snapshot.weights["state_dict"]))
        for averaging in _averaging(trainer):
            averaging.on_load_checkpoint(trainer, pl_module, snapshot.weights)
        for optimizer, state in zip(trainer.optimizers, snapshot.optimizers, strict=True):
            for group, now in zip(state["param_groups"], optimizer.param_groups, strict=True):
                group |= {name: now[name] for name in ("lr", "initial_lr") if name in now}  # the schedule goes on
            optimizer.load_state_dict(state)

    def state_dict(self) -> dict:
        return {"losses": list(self.losses), "exploded": self.exploded, "taken": self.taken}

    def load_state_dict(self, state_dict: dict) -> None:
        self.losses = deque(state_dict["losses"], maxlen=REMEMBERED)
        self.exploded, self.taken = state_dict["exploded"], state_dict["taken"]


def _averaging(trainer: pl.Trainer) -> list[WeightAveraging]:
    return [callback for callback in cast(Any, trainer).callbacks if isinstance(callback, WeightAveraging)]


def _anywhere(trainer: pl.Trainer, useless: bool) -> bool:
    """Whether a condition holds in any of the processes, which must roll back together."""
    return useless if trainer.world_size == 1 else trainer.strategy.reduce_boolean_decision(useless, all=False)


def _slow_down(trainer: pl.Trainer, factor: float) -> None:
    """Lowers the learning rate for the rest of the run: the current one and the schedules' base; checkpoints store both."""
    for optimizer in trainer.optimizers:
        for group in optimizer.param_groups:
            group |= {name: group[name] * factor for name in ("lr", "initial_lr") if name in group}
    for config in trainer.lr_scheduler_configs:
        if hasattr(config.scheduler, "base_lrs"):
            config.scheduler.base_lrs = [rate * factor for rate in config.scheduler.base_lrs]
