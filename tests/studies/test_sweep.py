"""Sweeps through the real command line: a grid, interruption and continuation, chains, failures, processes."""

import csv
import json
import os
import sys
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
import pytorch_lightning as pl
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from dlic.checkpoints.manifest import read_manifest
from dlic.cli.main import run
from dlic.errors import DlicError
from dlic.evaluation import anchors
from dlic.learned.codec import load_codec
from dlic.storage.locks import LOCK
from dlic.studies.child_runs import ChildRuns, last_words

TINY = [
    "--config", "configs/factorized.yaml",
    *(f"--model.network.init_args.{key}={value}" for key, value in
      {"channels": 8, "latents": 16, "fine_blocks": 1, "coarse_blocks": 1}.items()),
    "--data.crop", "64", "--data.batch_size", "2", "--data.validation_crop", "64",
    "--trainer.accelerator", "cpu", "--trainer.enable_progress_bar", "false", "--trainer.log_every_n_steps", "1",
    "--trainer.max_steps", "2", "--trainer.val_check_interval", "100",
]  # fmt: skip
STEPS = [f"--grid=model.network.init_args.initial_step={step}" for step in ("40,400",)]


class InterruptedOnce(pl.Callback):
    """Ctrl-C after three steps, where a file says so."""

    def __init__(self, file: str):
        self.file = Path(file)

    def on_train_batch_end(self, trainer: pl.Trainer, *args) -> None:
        if trainer.global_step == 3 and self.file.exists():
            self.file.unlink()
            raise KeyboardInterrupt


def sweep(photographs: Path, out: Path, *more: str, own_process: bool = False) -> int:
    data = ["--data.train_dir", str(photographs), "--data.cache_dir", str(out.parent / "decoded"), "--out", str(out)]
    return run(["sweep", *TINY, *data, *([] if own_process else ["--in-process"]), *more])


def results(out: Path) -> list[dict]:
    return json.loads((out / "results.json").read_text())


def test_a_grid_is_trained_exported_measured_and_shown(photographs, two_pictures, tmp_path, capsys):
    out = tmp_path / "out"
    grid = [*STEPS, "--grid=model.lmbda=0.01,0.05", "--evaluate", str(two_pictures)]
    assert sweep(photographs, out, *grid) == 0
    printed = capsys.readouterr().out
    rows = results(out)
    assert [row["name"] for row in rows] == [
        f"initial_step={step}+lmbda={lmbda}" for step in (40, 400) for lmbda in (0.01, 0.05)
    ]  # fmt: skip
    fine, coarse = rows[0], rows[2]
    assert fine["steps"] == 2 and fine["pixels"] == 2 * 2 * 64 * 64 and fine["seconds"] > 0
    assert fine["bpp"] > coarse["bpp"] and fine["psnr"] > coarse["psnr"] and fine["sparsity"] < coarse["sparsity"]
    assert fine["symbol_size"] > coarse["symbol_size"] and fine["encoder_macs"] > 0 and fine["parameters"] > 1000

    codec, sizes = load_codec(out / "checkpoints" / fine["name"]), []
    images = [np.array(Image.open(path)) for path in sorted(two_pictures.iterdir())]
    sizes = [8 * len(codec.compress(image)) / image[..., 0].size for image in images]
    assert fine["bpp"] == pytest.approx(sum(sizes) / 2)
    symbols = np.concatenate([codec.symbols(codec.encode(image).container).y.ravel() for image in images])
    assert fine["sparsity"] == pytest.approx((symbols == 0).mean())

    with open(out / "results.csv", newline="") as file:
        table = list(csv.DictReader(file))
    assert [float(row["bpp"]) for row in table] == [row["bpp"] for row in rows]
    assert table[0]["model.lmbda"] == "0.01" and (out / "results.md").read_text().strip() == printed.strip()
    assert "| initial_step 40 | 2 |" in printed and "JPEG 4:2:0" in printed  # of each curve, and below of each run
    assert Image.open(out / "rate_distortion.png").size[0] > 1000
    events = EventAccumulator(str(out / "tensorboard" / fine["name"]))
    events.Reload()
    assert events.Scalars("sweep/bpp")[0].value == pytest.approx(fine["bpp"])
    assert "_hparams_/session_start_info" in events.summary_metadata

    before = {path: path.stat().st_mtime_ns for path in (out / "checkpoints").rglob("*") if path.is_file()}
    assert sweep(photographs, out, *grid) == 0  # nothing is left to do
    assert results(out) == rows and capsys.readouterr().out == printed
    assert {path: path.stat().st_mtime_ns for path in before} == before

    assert sweep(photographs, out, *grid, "--data.crop", "96") == 1
    assert "with data.crop 64, not 96" in capsys.readouterr().err


def test_an_interrupted_sweep_goes_on_where_it_was(photographs, two_pictures, tmp_path, capsys):
    out, interrupt = tmp_path / "out", tmp_path / "interrupt"
    steps = ["--trainer.max_steps=4", "--trainer.val_check_interval=2", "--model.schedule.name=constant"]
    callback = [f"--trainer.callbacks+={__name__}.InterruptedOnce", f"--trainer.callbacks.file={interrupt}"]
    interrupt.touch()
    assert sweep(photographs, out, *STEPS, *steps, *callback) != 0
    assert not interrupt.exists() and not (out / "checkpoints").exists()
    capsys.readouterr()
    assert sweep(photographs, out, *STEPS, *steps, *callback) == 0
    said = capsys.readouterr().err
    assert "initial_step=40: training goes on" in said and "initial_step=400: training\n" in said
    assert [(row["steps"], row["bpp"]) for row in results(out)] == [(4, None)] * 2

    assert sweep(photographs, out, *STEPS, *steps, *callback, "--evaluate", str(two_pictures)) == 0  # what was not measured yet
    assert "training" not in capsys.readouterr().err
    assert all(row["bpp"] > 0 and row["images"] == 2 for row in results(out))


def test_a_chain_trains_one_from_the_other(photographs, tmp_path):
    chain = ["--chain=model.lmbda", "--chain-steps=1"]
    assert sweep(photographs, tmp_path / "out", "--grid=model.lmbda=0.05,0.01", *chain) == 0
    first, second = results(tmp_path / "out")
    assert (first["steps"], second["steps"], second["pixels"]) == (2, 3, 3 * 2 * 64 * 64)
    assert read_manifest(tmp_path / "out" / "checkpoints" / "lmbda=0.01").training.lmbda == 0.01


def test_a_run_that_fails_does_not_end_the_others(photographs, tmp_path, capsys):
    """Weights of 16 latents do not fit 24, and so nothing can start from those."""
    latents = "model.network.init_args.latents"
    assert sweep(photographs, tmp_path / "out", f"--grid={latents}=16,24,32", f"--chain={latents}") == 2
    said = capsys.readouterr().err
    assert "2 of 3 runs failed" in said and "do not fit" in said
    assert "latents=32: not trained, as latents=24 was not" in said
    assert [row["settings"] for row in results(tmp_path / "out")] == [{latents: "16"}]


def test_runs_are_processes_of_their_own(photographs, tmp_path):
    one = "--grid=model.network.init_args.initial_step=40"
    assert sweep(photographs, tmp_path / "out", one, "--jobs", "2", own_process=True) == 0
    assert [row["steps"] for row in results(tmp_path / "out")] == [2]
    assert "run folder: " in (tmp_path / "out" / "runs" / "initial_step=40" / "log.txt").read_text()


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        (["--grid=model.lambda=1,2"], "model.lambda"),
        (["--grid=model.lmbda=0.01,-1"], "lmbda=-1: "),
        (["--grid=model.network.init_args.stage=gdn,unet"], "stage=unet: stage must be one of"),
        ([*STEPS, "--nonsense", "1"], "nonsense"),
        ([*STEPS, "--chain", "model.l1"], "no key of --grid"),
        ([*STEPS, "--along", "model.l1"], "no key of --grid"),
        ([*STEPS, "--chain-steps", "1"], "--chain-steps is for --chain"),
        ([*STEPS, "--jobs", "2"], "--in-process"),
        ([*STEPS, "--evaluate", "nowhere"], "nowhere is not a folder"),
        ([*STEPS, "--data.train_dir", "nowhere"], "nowhere"),
        (["--kodak", "tests/photographs", *STEPS], "--kodak needs the 24 Kodak images"),
    ],
)
def test_what_cannot_be_trained_is_one_sentence_before_anything_is(bad, sentence, photographs, tmp_path, capsys):
    assert sweep(photographs, tmp_path / "out", *bad) == 1
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith("dlic: ") and sentence in said, said
    assert not (tmp_path / "out" / "runs").exists()


def test_on_kodak_published_curves_are_shown_too(photographs, two_pictures, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(anchors, "KODAK", (2, (96, 128)))
    grid = ["--grid=model.network.init_args.initial_step:model.lmbda=40:0.05,400:0.01"]
    assert sweep(photographs, tmp_path / "out", *grid, "--kodak", str(two_pictures)) == 0
    assert "| factorized | 2 |" not in capsys.readouterr().out
    along = "--along=model.network.init_args.initial_step"  # one curve of two rates, which can be said afterwards
    assert sweep(photographs, tmp_path / "out", *grid, along, "--kodak", str(two_pictures)) == 0
    assert "| factorized | 2 |" in (tmp_path / "out" / "results.md").read_text()
    assert "CompressAI factorized" in (tmp_path / "out" / "results.md").read_text()


# --- processes ----------------------------------------------------------------------------------------------------------


def test_a_folder_is_worked_on_by_one(tmp_path):
    with ChildRuns(tmp_path, 1), pytest.raises(DlicError, match="another dlic sweep works in"):
        ChildRuns(tmp_path, 1)
    with ChildRuns(tmp_path, 1):
        assert (tmp_path / LOCK).exists()


def test_what_a_process_failed_of_is_its_sentence(tmp_path):
    with ChildRuns(tmp_path, 2) as children, pytest.raises(DlicError, match=r"^none.dlic does not exist \(exit code 2; .*log.txt"):
        children.run(["info", "none.dlic"], tmp_path / "log.txt")


@pytest.mark.skipif(sys.platform == "win32", reason="has no named pipes to wait at")
def test_processes_end_with_the_sweep(tmp_path):
    os.mkfifo(tmp_path / "waits.dlic")
    failures: list[Exception] = []

    def wait() -> None:
        try:
            children.run(["info", str(tmp_path / "waits.dlic")], tmp_path / "log.txt")
        except DlicError as error:
            failures.append(error)

    with ChildRuns(tmp_path, 1) as children:
        thread = Thread(target=wait)
        thread.start()
        while not children._children:
            thread.join(0.01)
    thread.join()
    assert len(failures) == 1 and children.ended
    with pytest.raises(DlicError, match="ended before"):
        children.run(["info"], tmp_path / "log.txt")


def test_last_words():
    assert last_words(b"step 1\rstep 2\ndlic: no such file\n\nbye\n") == "no such file"
    assert last_words(b"step 1\rKilled\n\n") == "Killed"
    assert last_words(b"") == ""
