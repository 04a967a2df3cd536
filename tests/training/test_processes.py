"""Two processes learn what one does: from the same crops, to the same weights, through the real command line."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from dlic.models import MODELS, build_model
from dlic.training.export import load_run
from dlic.training.module import TrainingModule
from tests.conftest import ROOT
from tests.training.test_run import last, small, train
from tests.training.two_processes import FROZEN, RESIDENT

TRAINING = ("train/loss", "train/bpp", "train/sparsity", "train/grad_norm")
TWICE = ["--trainer.accumulate_grad_batches", "2", "--trainer.val_check_interval", "4", "--model.schedule.name", "constant"]


def one(photographs: Path, out: Path, *more: str, recipe: str = "light") -> Path:
    assert train(photographs, out, "--trainer.precision", "32-true", *more, recipe=recipe) == 0
    return out


@pytest.fixture(scope="module")
def two(photographs, tmp_path_factory) -> Path:
    """The folder of all runs of two processes."""
    out = tmp_path_factory.mktemp("two")
    one(photographs, out / "begun by one", *TWICE, "--trainer.max_steps", "2")
    command = [sys.executable, "-m", "tests.training.two_processes", str(photographs), str(out)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0 and len(list(out.glob("*.done"))) == 2, done.stderr
    (out / "said").write_text(done.stderr)
    return out


@pytest.fixture(scope="module")
def accumulated(photographs, tmp_path_factory) -> Path:
    """Four steps of one process over two batches each."""
    return one(photographs, tmp_path_factory.mktemp("accumulated"), *TWICE, "--trainer.max_steps", "4")


def stored(out: Path) -> dict:
    return torch.load(last(out), weights_only=True)


def curve(out: Path, name: str) -> list[float]:
    events = EventAccumulator(str(last(out).parent.parent))
    events.Reload()
    return [event.value for event in events.Scalars(name)]


def assert_same_end(first: Path, second: Path) -> None:
    """The same weights, averaged and raw, up to the order of sums."""
    ours, theirs = stored(first), stored(second)
    assert ours["global_step"] == theirs["global_step"] and ours["dlic"]["pixels_seen"] == theirs["dlic"]["pixels_seen"]
    for part in ("state_dict", "current_model_state"):
        for name, value in ours[part].items():
            assert torch.allclose(value.double(), theirs[part][name].double(), atol=1e-4), (part, name)


@pytest.mark.parametrize(("name", "frozen"), [*((name, False) for name in MODELS), ("light", True)])
def test_every_parameter_that_is_trained_has_a_gradient(name, frozen):
    """Processes that train together would wait for one that has none."""
    network = build_model(name, {})
    module = TrainingModule(network, 0.01 if network.levels == 1 else None, freeze_encoder=frozen)
    module.training_step(torch.rand(1, 3, 64, 64), 0).backward()
    assert [n for n, value in network.named_parameters() if value.requires_grad and value.grad is None] == []


def test_two_processes_do_what_one_does_that_accumulates_two_batches(two, accumulated):
    """The first two steps, and two that go on where one process was."""
    for name in (*TRAINING, "val/loss", "val/psnr", "val/saved_vs_jpeg"):
        ours = curve(two / "two steps", name) + curve(two / "goes on", name)
        assert ours == pytest.approx(curve(accumulated, name), rel=1e-3), name
    assert_same_end(two / "goes on", accumulated)
    assert stored(two / "goes on")["dlic"] == stored(accumulated)["dlic"]
    assert load_run(last(two / "goes on")).training == load_run(last(accumulated)).training


def test_one_process_goes_on_where_two_were(two, accumulated, photographs, tmp_path):
    one(photographs, tmp_path, *TWICE, "--trainer.max_steps", "4", "--resume", str(last(two / "two steps")))
    assert_same_end(tmp_path, accumulated)


def test_two_processes_do_what_one_does_with_twice_the_batch(two, photographs, tmp_path):
    """With the encoder frozen latents are rounded, and no noise differs."""
    one(photographs, tmp_path, *FROZEN, "--data.batch_size", "4")
    for name in TRAINING:
        assert curve(two / "frozen", name) == pytest.approx(curve(tmp_path, name), rel=1e-3), name
    assert_same_end(two / "frozen", tmp_path)


def test_resident_photographs_are_dealt_out_too(two, photographs, tmp_path):
    one(photographs, tmp_path, *RESIDENT, "--trainer.accumulate_grad_batches", "4", recipe="factorized")
    assert_same_end(two / "resident", tmp_path)


def test_a_loss_that_is_no_number_in_one_process_is_skipped_by_all(two):
    """The first step is, the second is not, and then two in a row end the run."""
    counted = stored(two / "bad steps")["dlic"]
    assert (counted["nonfinite_total"], counted["nonfinite_in_row"], counted["batches_seen"]) == (1, 0, 4)
    assert counted["pixels_seen"] == 2 * 2 * 64**2
    assert all(value.isfinite().all() for value in stored(two / "bad steps")["state_dict"].values())
    assert "dlic: 2 steps in a row had a loss or gradient that is not finite" in (two / "said").read_text()


# Two machines of one process each: what srun of SLURM does, on this one
SRUN = """#!/bin/bash
while [[ $1 == --* ]]; do shift; done
for task in 0 1; do
    SLURM_PROCID=$task SLURM_NODEID=$task SLURM_LOCALID=0 SLURM_NTASKS=2 SLURM_NODELIST=127.0.0.1 "$@" & pids+=($!)
done
wait "${pids[0]}" && wait "${pids[1]}"
"""


@pytest.mark.skipif(sys.platform == "win32", reason="SLURM runs where bash does")
def test_the_slurm_script_trains_on_two_machines(photographs, tmp_path):
    (tmp_path / "srun").write_text(SRUN)
    (tmp_path / "srun").chmod(0o755)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    slurm = {
        "MASTER_PORT": port,
        "SLURM_NNODES": "2",
        "SLURM_NTASKS_PER_NODE": "1",
        "SLURM_CPUS_PER_TASK": "1",
        "SLURM_SUBMIT_DIR": str(ROOT),
    }
    path = os.pathsep.join([str(tmp_path), str(Path(sys.executable).parent), os.environ["PATH"]])
    command = ["bash", str(ROOT / "scripts" / "slurm.sbatch"), "configs/light.yaml", str(photographs), *small(tmp_path, "light")]
    environment = os.environ | slurm | {"PATH": path, "PYTHONPATH": str(ROOT)}
    more = ["--trainer.precision", "32-true", "--trainer.max_steps", "1"]
    done = subprocess.run([*command, *more], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert stored(tmp_path)["dlic"]["pixels_seen"] == 2 * 2 * 64**2
