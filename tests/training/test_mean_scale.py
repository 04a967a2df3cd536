"""The mean-scale hyperprior through its recipe: it learns, resumes, and becomes a checkpoint."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import dlic
from dlic.checkpoints.manifest import read_manifest
from dlic.checkpoints.weights import read_weights
from dlic.cli.main import run
from dlic.container.format import read
from dlic.errors import DlicError, UnknownCheckpointError
from dlic.learned.codec import load_codec
from dlic.models import build_model
from dlic.peers.compressai.zoo import open_codec
from dlic.training.module import TrainingModule
from dlic.training.optimization import Schedule
from tests.peers.compressai.tiny_zoo import tiny_model, tiny_weights
from tests.training.test_module import fit
from tests.training.test_run import assert_same_run, last, train


def test_a_resumed_run_is_bit_for_bit_the_uninterrupted_one(photographs, tmp_path):
    often = ["--trainer.val_check_interval", "2"]
    run_of_four = [*often, "--model.schedule.name", "constant", "--trainer.max_steps", "4"]
    assert train(photographs, tmp_path / "whole", *run_of_four, recipe="mean-scale") == 0
    half = [*run_of_four, "--trainer.max_steps", "2"]
    assert train(photographs, tmp_path / "half", *half, recipe="mean-scale") == 0
    resume = ["--resume", str(last(tmp_path / "half"))]
    assert train(photographs, tmp_path / "rest", *run_of_four, *resume, recipe="mean-scale") == 0
    assert_same_run(last(tmp_path / "whole"), last(tmp_path / "rest"), steps=4)


def test_training_lowers_the_loss(photographs, tmp_path):
    torch.manual_seed(0)
    network = build_model("mean_scale", {"channels": 16, "latents": 24})
    module = TrainingModule(network, lmbda=0.01, schedule=Schedule("constant", warmup_steps=1))
    first = fit(module, photographs, tmp_path, steps=1, val_check_interval=1).callback_metrics["val/loss"].item()
    later = fit(module, photographs, tmp_path, steps=30, val_check_interval=15).callback_metrics["val/loss"].item()
    assert later < 0.7 * first


NETWORKS = {"mean_scale": "dlic.models.mean_scale.MeanScale", "hyperprior": "dlic.models.mean_scale.ScaleHyperprior"}
ZOO = {"mean_scale": "mbt2018-mean", "hyperprior": "bmshj2018-hyperprior"}


def calibrated_weights(architecture: str, folder: Path) -> Path:
    """Those of a tiny model whose scales are as large as its latents."""
    model, path = tiny_model(architecture), folder / "zoo.pth.tar"
    with torch.no_grad():
        model.h_s[4].bias[: model.M] = 4.0
        model.h_a[4].weight *= 0.1
    torch.save({"state_dict": model.state_dict()}, path)
    return path


@pytest.fixture(scope="module", params=NETWORKS)
def exported(request, photographs, tmp_path_factory):
    """A checkpoint that a step from weights of CompressAI gave, and the file they are in."""
    out = tmp_path_factory.mktemp(request.param)
    zoo = calibrated_weights(ZOO[request.param], out)
    network = {"class_path": NETWORKS[request.param], "init_args": {"channels": 8, "latents": 12}}
    start = ["--model.network", json.dumps(network), "--from", str(zoo), "--trainer.max_steps", "1"]
    assert train(photographs, out, *start, "--model.optimizer", "{name: sgd, learning_rate: 0}", recipe="mean-scale") == 0
    assert run(["export", str(last(out)), str(out / "mine-1")]) == 0
    return out / "mine-1", zoo


def test_a_run_starts_from_weights_of_compressai(exported):
    folder, zoo = exported
    ours, theirs = read_weights(folder), torch.load(zoo, weights_only=True)["state_dict"]
    assert read_manifest(folder).model in NETWORKS
    shared = [name for name in ours if "quantiles" not in name and not name.startswith("deployed.")]
    assert len(shared) > 40 and all(np.allclose(ours[name], theirs[name].numpy(), rtol=1e-5) for name in shared)


def test_what_is_no_such_file_of_compressai_is_refused_in_one_sentence(photographs, tmp_path, capsys):
    other, damaged = tiny_weights("bmshj2018-factorized", tmp_path), tmp_path / "damaged.pth.tar"
    damaged.write_bytes(b"no weights")
    zoo = tiny_weights("mbt2018-mean", tmp_path)  # of 8 and 12 channels
    for recipe, path, said, code in [
        ("mean-scale", other, "holds no weights of mbt2018-mean", UnknownCheckpointError.exit_code),
        ("mean-scale", damaged, "holds no weights that can be read", UnknownCheckpointError.exit_code),
        ("mean-scale", zoo, "of other sizes than {'channels': 16, 'latents': 24}", DlicError.exit_code),
        ("factorized", zoo, "factorized starts from the folder of a checkpoint", DlicError.exit_code),
    ]:
        assert train(photographs, tmp_path, "--from", str(path), recipe=recipe) == code
        assert said in capsys.readouterr().err
    assert not list(tmp_path.glob("*/version_*/checkpoints/*"))


def test_the_checkpoint_compresses_like_any_other(exported, photograph, tmp_path, capsys):
    folder, _ = exported
    Image.fromarray(photograph[100:293, 200:330]).save(tmp_path / "photo.png")
    paths = [str(tmp_path / name) for name in ("photo.png", "photo.dlic", "shown.png")]
    assert run(["compress", paths[0], "-o", paths[1], "--no-verify", "--weights", str(folder)]) == 0
    assert run(["decompress", paths[1], "-o", paths[2], "--weights", str(folder)]) == 0
    shown, codec = np.array(Image.open(paths[2])), load_codec(folder)
    analysed = codec.analyse(photograph[100:293, 200:330])
    encoded = codec.encode_at(analysed, 0)
    written = read((tmp_path / "photo.dlic").read_bytes())
    assert written.stream == encoded.container.stream and codec.symbols(written).values.any()
    assert (codec.picture(encoded) == shown).all()
    assert 8 * len(encoded.data) == pytest.approx(codec.estimated_bits(encoded.data), rel=0.05)  # of half a kilobyte
    assert run(["info", paths[1]]) == 0
    (tmp_path / "shown.png").unlink()
    alone = ["--codecs", str(folder), "--metrics", "psnr", "--pictures", "none"]
    assert run(["evaluate", str(tmp_path), *alone]) == 0


def test_compressai_opens_the_exported_weights(exported, photograph):
    """… and with its own tables and coder, and padding to 64, makes nearly the same of a picture."""
    folder, _ = exported
    crop = photograph[100:228, 200:392]  # in multiples of 64
    theirs = open_codec(f"compressai:{ZOO[read_manifest(folder).model]}@{folder / 'weights.safetensors'}")
    ours = load_codec(folder)
    sizes = [len(codec.compress(crop)) for codec in (ours, theirs)]
    shown = [codec.decompress(codec.compress(crop)).astype(int) for codec in (ours, theirs)]
    assert sizes[0] == pytest.approx(sizes[1], rel=0.1)
    assert np.abs(shown[0] - shown[1]).mean() < 1
    assert dlic.decompress(ours.compress(crop), weights=folder).shape == crop.shape
