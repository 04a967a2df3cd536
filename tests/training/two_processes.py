"""Runs of two processes, which Lightning starts from this one; test_processes.py holds them against runs of one.

python -m tests.training.two_processes PHOTOGRAPHS OUT
"""

import math
import sys
from pathlib import Path

import torch

from dlic.training.module import TrainingModule
from dlic.training.processes import process_rank
from tests.training.test_run import last, train

TWO = ["--trainer.devices", "2", "--trainer.strategy", "ddp", "--trainer.precision", "32-true"]
EVERY_SECOND = ["--trainer.val_check_interval", "2", "--model.schedule.name", "constant"]
FROZEN = ["--model.freeze_encoder", "true", "--trainer.max_steps", "3", "--trainer.limit_val_batches", "0"]
RESIDENT = ["--data.resident", "true", "--trainer.max_steps", "2", "--trainer.limit_val_batches", "0"]


def main(photographs: Path, out: Path) -> None:
    def run(name: str, *more: str, recipe: str = "light", code: int = 0) -> None:
        assert train(photographs, out / name, *TWO, *more, recipe=recipe) == code, name

    run("two steps", *EVERY_SECOND, "--trainer.max_steps", "2")
    run("goes on", *EVERY_SECOND, "--trainer.max_steps", "4", "--resume", str(last(out / "begun by one")))
    run("frozen", *FROZEN)
    run("resident", *RESIDENT, "--trainer.accumulate_grad_batches", "2", recipe="factorized")
    spoil({0, 2, 3})
    once = ["--model.max_nonfinite", "2", "--model.max_step_backs", "0"]
    run("bad steps", *EVERY_SECOND, "--trainer.max_steps", "5", *once, code=1)
    (out / f"{process_rank()}.done").touch()


def spoil(bad: set[int]) -> None:
    """From here on the second process, and it alone, meets a loss that is not a number in these batches."""
    step = TrainingModule.training_step

    def spoiled(self: TrainingModule, x: torch.Tensor, batch_idx: int) -> torch.Tensor | None:
        return step(self, x * math.nan if process_rank() == 1 and batch_idx in bad else x, batch_idx)

    TrainingModule.training_step = spoiled


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
