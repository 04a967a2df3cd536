"""What a run has saved is whole whenever it is killed or the disk fills, and it goes on from there bit for bit."""

import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
import yaml
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from dlic.cli.main import run
from dlic.errors import StorageError
from dlic.training.callbacks import durable_checkpoints as saving
from dlic.training.callbacks import keep_best
from dlic.training.callbacks.durable_checkpoints import PatientEvents, WholeFiles
from tests.conftest import ROOT
from tests.training.test_run import NETWORKS, SMALL, assert_same_run, last

resource = pytest.importorskip("resource")  # a limit to the size of files is a full disk that needs no rights


@pytest.fixture
def arguments(photographs, tmp_path):
    """Of a run of `steps` that saves at each of them, into a folder of its own."""
    network = [f"--model.network.init_args.{name}={value}" for name, value in NETWORKS["factorized"].items()]
    shared = ["--data.train_dir", str(photographs), "--data.cache_dir", str(tmp_path / "decoded"), "--model.schedule.name=constant"]

    def made(out: Path, steps: int, *more: str) -> list[str]:
        folders = ["--trainer.logger.init_args.save_dir", str(out), "--trainer.default_root_dir", str(out)]
        often = ["--trainer.max_steps", str(steps), "--trainer.val_check_interval", "3", "--save_every", "1"]
        return [
            "train",
            "--config",
            "configs/factorized.yaml",
            "--save_every",
            "1",
            *network,
            *SMALL,
            *shared,
            *folders,
            *often,
            *more,
        ]

    return made


def started(*runs: list[str], **options) -> subprocess.Popen:
    """Runs one after another, in a process of their own.

    Threads flush denormal numbers to zero if they were born when training had begun. Those of a process that has computed before
    do not, so that its last bits may be others.
    """
    calls = f"import sys; from dlic.cli.main import run; sys.exit(any([run(arguments) for arguments in {[*runs]!r}]))"
    return subprocess.Popen([sys.executable, "-c", calls], cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, **options)


def killed(arguments: list[str], folder: Path, moment: str) -> None:
    """Run, and kill -9 it while it saves, or somewhere between."""
    process = started(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    patterns = {"saving": ".*.part", "between": "last.ckpt"}
    while process.poll() is None and not (list(folder.glob("last.ckpt")) and list(folder.glob(patterns[moment]))):
        time.sleep(0 if moment == "saving" else 0.05)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


def test_a_run_killed_at_any_moment_goes_on_bit_for_bit(arguments, tmp_path):
    parts = tmp_path / "parts"
    for call, moment in enumerate(("saving", "between")):
        folder = parts / "factorized" / f"version_{call}" / "checkpoints"
        killed(arguments(parts, 1000, "--resume", "auto"), folder, moment)
        steps = [torch.load(path, weights_only=True)["global_step"] for path in folder.glob("*.ckpt")]  # each is whole
    resumed, whole = arguments(parts, max(steps) + 2, "--resume", "auto"), arguments(tmp_path / "whole", max(steps) + 2)
    both = started(resumed, whole, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    _, messages = both.communicate()
    assert both.returncode == 0, messages
    assert f"resuming {folder / 'last.ckpt'}, step {max(steps)}" in messages
    assert not list(parts.rglob(".*.part"))
    assert_same_run(last(tmp_path / "whole"), last(parts), max(steps) + 2)


def test_damaged_checkpoints_are_skipped_and_named(arguments, tmp_path, caplog, capsys):
    assert run(arguments(tmp_path, 4)) == 0
    newest, best = last(tmp_path), last(tmp_path).with_name("best.ckpt")
    data = bytearray(newest.read_bytes())
    data[len(data) // 2] ^= 1  # within a tensor: torch loads it all the same
    newest.write_bytes(data)
    call = tmp_path / "factorized" / "version_7"  # killed before it saved anything
    call.mkdir()
    (call / "config.yaml").write_text(yaml.safe_dump({"resume": str(newest)}))
    with caplog.at_level(logging.WARNING):
        assert run(arguments(tmp_path, 5, "--resume", "auto")) == 0
    assert f"skipped: {newest} is damaged" in caplog.text and f"resuming {best}, step 3" in caplog.text
    assert run(arguments(tmp_path, 5, "--resume", str(newest))) == 2
    for path in tmp_path.rglob("*.ckpt"):
        path.write_bytes(path.read_bytes()[:-1000])
    capsys.readouterr()
    assert run(arguments(tmp_path, 5, "--resume", "auto")) == 2
    assert "none of the run's checkpoints is whole" in capsys.readouterr().err


@pytest.mark.parametrize(("score", "step"), [(-1.0, 3), (1e9, 6)])
def test_the_best_of_all_calls_is_kept(arguments, tmp_path, score, step):
    """Of a first call whose validation was better, or worse, than any of the second can be."""
    assert run(arguments(tmp_path, 4)) == 0
    newest, best = last(tmp_path), last(tmp_path).with_name("best.ckpt")
    stored = torch.load(newest, weights_only=True)
    (keeper,) = (state for name, state in stored["callbacks"].items() if name.startswith("KeepBest"))
    assert keeper["best_model_path"] == str(best)
    keeper["best_model_score"] = torch.tensor(score)
    torch.save(stored, newest)
    before = best.read_bytes()
    assert run(arguments(tmp_path, 7, "--resume", "auto")) == 0
    second = last(tmp_path).with_name("best.ckpt")
    assert second != best and best.read_bytes() == before
    assert torch.load(second, weights_only=True)["global_step"] == step
    (keeper,) = (s for name, s in torch.load(last(tmp_path), weights_only=True)["callbacks"].items() if name.startswith("KeepBest"))
    assert keeper["best_model_path"] == str(second) and (keeper["best_model_score"] == score) == (score < 0)


def test_a_call_that_saved_nothing_but_the_best_of_others_is_passed_over(arguments, tmp_path, caplog):
    assert run(arguments(tmp_path, 4)) == 0
    newest, best = last(tmp_path), last(tmp_path).with_name("best.ckpt")
    call = tmp_path / "factorized" / "version_7"  # killed before it saved
    (call / "checkpoints").mkdir(parents=True)
    (call / "config.yaml").write_text(yaml.safe_dump({"resume": str(newest)}))
    (call / "checkpoints" / "best.ckpt").write_bytes(best.read_bytes())
    with caplog.at_level(logging.WARNING):
        assert run(arguments(tmp_path, 5, "--resume", "auto")) == 0
    assert f"resuming {newest}, step 4" in caplog.text


def test_a_run_goes_on_where_its_best_cannot_be_copied(arguments, tmp_path, caplog, monkeypatch):
    assert run(arguments(tmp_path, 4)) == 0
    best = last(tmp_path).with_name("best.ckpt")

    def full(source, place):
        raise StorageError(f"cannot write {place}: No space left on device")

    monkeypatch.setattr(keep_best, "_copy_on_first_process", full)
    with caplog.at_level(logging.WARNING):
        assert run(arguments(tmp_path, 5, "--resume", "auto")) == 0
    assert f"the best checkpoint so far stays in {best}: cannot write" in caplog.text


def test_a_run_of_another_network_is_not_resumed(arguments, tmp_path, capsys):
    assert run(arguments(tmp_path, 1)) == 0
    capsys.readouterr()
    assert run(arguments(tmp_path, 2, "--resume", "auto", "--model.network.init_args.latents=16")) == 1
    assert "is of another network: " in capsys.readouterr().err.splitlines()[-1]


def test_auto_without_an_earlier_call_starts_from_the_beginning(arguments, tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        assert run(arguments(tmp_path, 1, "--resume", "auto")) == 0
    assert "it starts from its beginning" in caplog.text and torch.load(last(tmp_path), weights_only=True)["global_step"] == 1


# --- no room ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def small_files():
    """Files above 100 kB cannot be written, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def stored(step: int, size: int) -> dict:
    return {"global_step": step, "state_dict": {"weight": torch.full((size,), float(step))}}


def test_a_save_that_fails_leaves_the_one_before_and_is_told(small_files, tmp_path, caplog):
    files, path = WholeFiles(patience=3), tmp_path / "deeper" / "last.ckpt"
    files.save_checkpoint(stored(1, 10), path)
    with caplog.at_level(logging.WARNING):
        for step in (2, 3):
            files.save_checkpoint(stored(step, 100_000), path)
            files.remove_checkpoint(path)  # as Lightning does once it has its successor
    assert "step 2 is not saved, what was saved before stays: cannot write" in caplog.text
    assert torch.load(path)["global_step"] == 1 and [file.name for file in path.parent.iterdir()] == ["last.ckpt"]
    with pytest.raises(StorageError, match="3 saves in a row failed"):
        files.save_checkpoint(stored(4, 100_000), path)
    files.save_checkpoint(stored(5, 10), path)
    assert torch.load(path)["global_step"] == 5 and files.failed == 0 and files.failure is None


@pytest.mark.parametrize("where", ["state_dict", "current_model_state", "optimizer_states"])
def test_what_is_not_finite_replaces_nothing(where, tmp_path, caplog):
    files, path = WholeFiles(), tmp_path / "last.ckpt"
    files.save_checkpoint(stored(1, 10), path)
    with caplog.at_level(logging.WARNING):
        files.save_checkpoint(stored(2, 10) | {where: [{"state": {0: {"exp_avg": torch.tensor([0.0, torch.nan])}}}]}, path)
    assert torch.load(path)["global_step"] == 1 and "step 2 is not saved" in caplog.text


def test_a_run_goes_on_without_saving_and_says_so_at_its_end(arguments, tmp_path, monkeypatch, caplog, capsys):
    write, saved = saving._write, []

    def fills_up(checkpoint: dict, path: Path) -> None:
        if checkpoint["global_step"] > 2:
            raise StorageError(f"cannot write {path}: No space left on device")
        saved.append(checkpoint["global_step"])
        write(checkpoint, path)

    monkeypatch.setattr(saving, "_write", fills_up)
    assert run(arguments(tmp_path, 5)) == 1
    assert "the run's last steps are not saved: cannot write" in capsys.readouterr().err.splitlines()[-1]
    assert torch.load(last(tmp_path), weights_only=True)["global_step"] == 2 and saved == [1, 2]
    assert "step 4 is not saved" in caplog.text
    assert run(arguments(tmp_path, 30, "--resume", "auto")) == 1
    assert "10 saves in a row failed" in capsys.readouterr().err.splitlines()[-1]


def test_tensorboard_leaves_out_what_finds_no_room(tmp_path, caplog, monkeypatch):
    full, write = [], EventFileWriter.add_event

    def add_event(self, event) -> None:
        if full:
            raise OSError(28, "No space left on device")
        write(self, event)

    monkeypatch.setattr(EventFileWriter, "add_event", add_event)
    events = PatientEvents(EventFileWriter(str(tmp_path)), pause=0)
    full.append(True)
    with caplog.at_level(logging.WARNING):
        events.add_event(summary("lost"))
        events.flush()
    assert caplog.text.count("TensorBoard shows nothing") == 1
    full.clear()
    events.add_event(summary("kept"))
    events.close()
    written = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"kept" in written and b"lost" not in written


def summary(tag: str):
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary

    return Event(step=1, summary=Summary(value=[Summary.Value(tag=tag, simple_value=1.0)]))
