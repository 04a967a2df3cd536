"""Every recipe in configs/ runs by its name, as its first line says."""

from pathlib import Path

import pytest
import torch

from dlic.cli.main import run

CONFIGS = sorted(Path("configs").glob("*.yaml"))
SMALL = [
    "--trainer.accelerator", "cpu", "--model.compile", "false", "--trainer.max_steps", "1",
    "--data.crop", "64", "--data.batch_size", "1",
]  # fmt: skip
OF_PHOTOGRAPHS = ["--data.validation_crop", "64"]
OF_CLIPS = ["--data.chains", "1", "--data.validation_chains", "1", "--data.scenes.height", "64", "--data.scenes.width", "80"]


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.stem)
def test_every_recipe_takes_a_step(config, photographs, clips, tmp_path):
    assert config.read_text().splitlines()[0] == f"# dlic train --config {config.stem} --data.train_dir PATH"
    folders = ["--data.cache_dir", str(tmp_path / "decoded"), "--trainer.logger.init_args.save_dir", str(tmp_path)]
    data, own = (clips, OF_CLIPS) if config.stem.startswith("inter") else (photographs, OF_PHOTOGRAPHS)
    command = ["train", "--config", config.stem, "--data.train_dir", str(data), *SMALL, *own, *folders]
    assert run([*command, "--trainer.default_root_dir", str(tmp_path)]) == 0
    (last,) = tmp_path.glob(f"{config.stem}/version_0/checkpoints/last.ckpt")
    assert torch.load(last, weights_only=True)["global_step"] == 1
