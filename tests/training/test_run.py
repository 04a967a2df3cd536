"""Training runs through the real command line: exact resume, bad steps, unknown keys, export."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import dlic
from dlic.checkpoints import read_manifest
from dlic.cli.main import run

TINY = [
    "--config", "configs/factorized.yaml",
    "--model.network.init_args.channels", "16", "--model.network.init_args.latents", "24",
    "--model.network.init_args.fine_blocks", "1", "--model.network.init_args.coarse_blocks", "1",
    "--data.crop", "64", "--data.batch_size", "2", "--data.validation_crop", "64",
    "--trainer.accelerator", "cpu", "--trainer.enable_progress_bar", "false", "--trainer.log_every_n_steps", "1",
]  # fmt: skip


def train(photographs: Path, out: Path, *more: str) -> int:
    return run([
        "train", *TINY, "--data.train_dir", str(photographs), "--data.cache_dir", str(out / "decoded"),
        "--trainer.logger.init_args.save_dir", str(out), "--trainer.default_root_dir", str(out), *more,
    ])  # fmt: skip


def last(out: Path) -> Path:
    return sorted(out.glob("factorized/version_*/checkpoints/last.ckpt"))[-1]


def test_resumed_run_is_bit_for_bit_the_uninterrupted_one(photographs, tmp_path):
    constant = ["--model.schedule.name", "constant", "--trainer.val_check_interval", "2"]
    assert train(photographs, tmp_path / "whole", *constant, "--trainer.max_steps", "4") == 0
    assert train(photographs, tmp_path / "half", *constant, "--trainer.max_steps", "2") == 0
    resume = ["--resume", str(last(tmp_path / "half"))]
    assert train(photographs, tmp_path / "rest", *constant, "--trainer.max_steps", "4", *resume) == 0

    whole = torch.load(last(tmp_path / "whole"), weights_only=True)
    rest = torch.load(last(tmp_path / "rest"), weights_only=True)
    assert whole["global_step"] == rest["global_step"] == 4
    for part in ("state_dict", "current_model_state"):  # averaged and raw weights
        for name, value in whole[part].items():
            assert torch.equal(value, rest[part][name]), (part, name)
    assert whole["dlic"] == rest["dlic"]


def test_the_steps_after_the_last_validation_are_kept(photographs, tmp_path):
    assert train(photographs, tmp_path, "--trainer.max_steps", "3", "--trainer.val_check_interval", "2") == 0
    stored = torch.load(last(tmp_path), weights_only=True)
    assert stored["global_step"] == 3 and stored["dlic"]["batches_seen"] == 3
    raw, averaged = stored["current_model_state"], stored["state_dict"]
    assert any(not torch.equal(raw[name], averaged[name]) for name in raw)


@pytest.fixture(scope="module")
def trained(photographs, tmp_path_factory) -> Path:
    """The output folder of a run of three steps."""
    out = tmp_path_factory.mktemp("trained")
    assert train(photographs, out, "--trainer.max_steps", "3", "--trainer.val_check_interval", "3") == 0
    return out


def test_a_run_exports_to_a_checkpoint_that_compresses(trained, tmp_path, photograph):
    (tmp_path / "card.md").write_text("Data: six crops.")
    folder = tmp_path / "mine-1"
    assert run(["export", str(last(trained)), str(folder), "--card", str(tmp_path / "card.md")]) == 0
    manifest = read_manifest(folder)
    assert (manifest.name, manifest.training.steps, manifest.training.pixels) == ("mine-1", 3, 3 * 2 * 64 * 64)
    card = (folder / "MODEL_CARD.md").read_text()
    assert "six crops" in card and manifest.fingerprint.hex() in card
    image = np.ascontiguousarray(photograph[:50, :70])
    assert dlic.decompress(dlic.compress(image, weights=folder), weights=folder).shape == image.shape
    assert run(["export", str(last(trained)), str(folder)]) == 1  # not without --force


def test_tables_can_be_counted_on_photographs(trained, photographs, tmp_path, monkeypatch):
    monkeypatch.setenv("DLIC_CACHE", str(tmp_path))
    for name, more in (("learned", []), ("counted", ["--data", str(photographs)])):
        assert run(["export", str(last(trained)), str(tmp_path / name), *more]) == 0
    images = [np.array(Image.open(path)) for path in photographs.rglob("*.png")]
    sizes = [sum(len(dlic.compress(i, weights=tmp_path / name)) for i in images) for name in ("learned", "counted")]
    assert sizes[1] < 0.99 * sizes[0]
    weights = [read_manifest(tmp_path / name).weights_sha256 for name in ("learned", "counted")]
    assert weights[0] == weights[1]


def test_a_run_starts_from_an_exported_checkpoint(trained, photographs, tmp_path):
    assert run(["export", str(last(trained)), str(tmp_path / "first")]) == 0
    more = ["--trainer.max_steps", "2", "--trainer.val_check_interval", "2", "--model.initial_weights", str(tmp_path / "first")]
    assert train(photographs, tmp_path / "more", *more) == 0
    assert run(["export", str(last(tmp_path / "more")), str(tmp_path / "second")]) == 0
    assert read_manifest(tmp_path / "second").training.steps == 5


def test_the_resolved_config_is_kept_with_the_run(trained):
    config = (last(trained).parent.parent / "config.yaml").read_text()
    assert "channels: 16" in config and "lmbda: 0.0067" in config


@pytest.mark.parametrize(
    "bad",
    [
        ["--model.lambda", "1"],
        ["--nonsense", "1"],
        ["--model.distortion", "lpips"],
        ["--model.optimizer.name", "lion"],
        ["--model.network.init_args.stage", "unet"],
        ["--data.crop", "70"],
        ["--resume", "nowhere.ckpt"],
        ["--data.train_dir", "nowhere"],
    ],
)
def test_unknown_keys_and_senseless_values_are_usage_errors(bad, photographs, tmp_path, capsys):
    assert train(photographs, tmp_path, "--trainer.max_steps", "1", *bad) == 1
    said = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("Seed set")]
    assert len(said) == 1 and said[0].startswith("dlic: "), said


def test_what_is_no_run_is_not_exported(tmp_path, capsys):
    (tmp_path / "a.ckpt").write_bytes(b"not a checkpoint")
    torch.save({"weights": torch.zeros(1)}, tmp_path / "b.ckpt")
    for name in ("a.ckpt", "b.ckpt", "none.ckpt"):
        assert run(["export", str(tmp_path / name), str(tmp_path / "out")]) == 3
        assert capsys.readouterr().err.startswith("dlic: ")
    assert not (tmp_path / "out").exists()


def test_loading_a_run_never_unpickles(tmp_path, capsys):
    class Malicious:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "executed",))

    torch.save({"dlic": Malicious()}, tmp_path / "evil.ckpt")
    assert run(["export", str(tmp_path / "evil.ckpt"), str(tmp_path / "out")]) == 3
    assert not (tmp_path / "executed").exists()
