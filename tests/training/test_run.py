"""Training runs through the real command line: exact resume, bad steps, unknown keys, export."""

from pathlib import Path

import torch

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
