"""Training runs through the real command line: every kind of model, exact resume, unknown keys, export."""

from itertools import count
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import dlic
from dlic.checkpoints.manifest import read_manifest
from dlic.checkpoints.weights import read_weights
from dlic.cli.main import run
from dlic.evaluation import anchors
from dlic.evaluation.comparison import compare
from dlic.learned.codec import load_codec
from dlic.learned.pretrained import network_of
from dlic.metrics.registry import psnr
from dlic.runtime.torch.whole_numbers import stored_arrays
from dlic.training.callbacks import KeepBest
from dlic.training.export import load_run
from dlic.training.kodak import MAIN, estimated_points
from dlic.training.levels import spread_levels
from dlic.training.module import TrainingModule
from tests.conftest import ROOT

NETWORKS = {
    "mean-scale": {"channels": 16, "latents": 24},
    "factorized": {"channels": 16, "latents": 24, "fine_blocks": 1, "coarse_blocks": 1},
    "light": {
        "channels": 16, "latents": 24, "hyper": 8, "hidden": 8, "fine_inner": 8, "coarse_inner": 8,
        "encoder_fine": 1, "encoder_coarse": 1, "decoder_fine": 1, "decoder_coarse": 1,
    },
}  # fmt: skip
SMALL = [
    "--data.crop", "64", "--data.batch_size", "2", "--data.validation_crop", "64",
    "--trainer.accelerator", "cpu", "--trainer.enable_progress_bar", "false", "--trainer.log_every_n_steps", "1",
]  # fmt: skip


def train(photographs: Path, out: Path, *more: str, recipe: str = "factorized") -> int:
    return run(["train", "--config", f"configs/{recipe}.yaml", "--data.train_dir", str(photographs), *small(out, recipe), *more])


def small(out: Path, recipe: str) -> list[str]:
    """Arguments of a run that is small, below `out`."""
    network = [f"--model.network.init_args.{name}={value}" for name, value in NETWORKS[recipe].items()]
    folders = [
        "--data.cache_dir", str(out / "decoded"), "--trainer.logger.init_args.save_dir", str(out),
        "--trainer.default_root_dir", str(out),
    ]  # fmt: skip
    return [*network, *SMALL, *folders]


def last(out: Path) -> Path:
    return sorted(out.glob("*/version_*/checkpoints/last.ckpt"))[-1]


def test_resumed_run_is_bit_for_bit_the_uninterrupted_one(photographs, tmp_path):
    constant = ["--model.schedule.name", "constant", "--trainer.val_check_interval", "2"]
    assert train(photographs, tmp_path / "whole", *constant, "--trainer.max_steps", "4") == 0
    assert train(photographs, tmp_path / "half", *constant, "--trainer.max_steps", "2") == 0
    resume = ["--resume", str(last(tmp_path / "half"))]
    assert train(photographs, tmp_path / "rest", *constant, "--trainer.max_steps", "4", *resume) == 0

    assert_same_run(last(tmp_path / "whole"), last(tmp_path / "rest"), steps=4)


@pytest.mark.parametrize("averaged", [True, False])
@pytest.mark.parametrize(("moment", "kept"), [("on_validation_start", 1), ("on_train_batch_start", 2)])
def test_a_run_that_ends_around_a_validation_goes_on_bit_for_bit(moment, kept, averaged, photographs, tmp_path, monkeypatch):
    """Before it has begun, and when the next step is about to."""
    honest = getattr(TrainingModule, moment)

    def four_steps(name: str, *more: str) -> int:
        saving = ["--save_every", "1", *([] if averaged else ["--averaging", "0"])]
        steps = ["--model.schedule.name", "constant", "--trainer.val_check_interval", "2", "--trainer.max_steps", "4"]
        return train(photographs, tmp_path / name, *saving, *steps, *more)

    def ending(module, *arguments):
        if module.global_step == 2:
            raise RuntimeError("it ends here")
        honest(module, *arguments)

    with monkeypatch.context() as patched, pytest.raises(RuntimeError, match="ends here"):
        patched.setattr(TrainingModule, moment, ending)
        four_steps("parts")
    assert torch.load(last(tmp_path / "parts"), weights_only=True)["global_step"] == kept
    assert four_steps("parts", "--resume", "auto") == 0 and four_steps("whole") == 0
    assert_same_run(last(tmp_path / "whole"), last(tmp_path / "parts"), steps=4)


def test_validations_that_are_no_better_are_saved_too(photographs, tmp_path, monkeypatch):
    honest = TrainingModule.on_train_batch_start

    def ending(module, *arguments):
        if module.global_step == 4:
            raise RuntimeError("it ends here")
        honest(module, *arguments)

    monkeypatch.setattr(TrainingModule, "on_train_batch_start", ending)
    monkeypatch.setattr(KeepBest, "check_monitor_top_k", lambda keeper, trainer, current: trainer.global_step < 4)
    still = ["--trainer.val_check_interval", "2", "--trainer.max_steps", "6"]
    with pytest.raises(RuntimeError, match="ends here"):
        train(photographs, tmp_path, *still)
    assert torch.load(last(tmp_path), weights_only=True)["global_step"] == 4


def assert_same_run(first: Path, second: Path, steps: int) -> None:
    whole, rest = (torch.load(path, weights_only=True) for path in (first, second))
    assert whole["global_step"] == rest["global_step"] == steps
    for part in {"state_dict", "current_model_state"} & set(whole):  # averaged and raw weights, or raw ones alone
        for name, value in whole[part].items():
            assert torch.equal(value, rest[part][name]), (part, name)
    assert whole["dlic"] == rest["dlic"] and whole["lr_schedulers"] == rest["lr_schedulers"]


def test_deterministic_runs_are_the_same_bit_for_bit(photographs, tmp_path):
    for name in ("first", "second"):
        assert train(photographs, tmp_path / name, "--trainer.max_steps", "2", "--trainer.deterministic", "true") == 0
    assert_same_run(last(tmp_path / "first"), last(tmp_path / "second"), steps=2)
    assert not torch.are_deterministic_algorithms_enabled()


@pytest.mark.parametrize(("optimizer", "resident"), [("adamw", "true"), ("soap", "false")])
def test_a_run_cut_by_the_clock_goes_on_bit_for_bit(optimizer, resident, photographs, tmp_path, monkeypatch):
    """Three calls of two steps each are one run of six, falling learning rate included."""
    ticks = count()
    monkeypatch.setattr("pytorch_lightning.callbacks.timer.time", SimpleNamespace(monotonic=lambda: next(ticks)))  # a second a look
    run_of_six = [
        "--trainer.max_steps", "6", "--model.optimizer.name", optimizer, "--data.resident", resident,
        "--model.schedule", "{name: cosine, warmup_steps: 2, hold: 0.2}",
    ]  # fmt: skip
    assert train(photographs, tmp_path / "whole", *run_of_six, recipe="light") == 0
    limit = ["--trainer.callbacks+=dlic.training.callbacks.TimePerCall", "--trainer.callbacks.duration=00:00:00:02"]
    for steps in (2, 4, 6):
        resume = ["--resume", str(last(tmp_path / "parts"))] if steps > 2 else []
        assert train(photographs, tmp_path / "parts", *run_of_six, *limit, *resume, recipe="light") == 0
        assert torch.load(last(tmp_path / "parts"), weights_only=True)["global_step"] == steps
    assert_same_run(last(tmp_path / "whole"), last(tmp_path / "parts"), steps=6)


def test_light_trains_and_is_compared_with_jpeg(photographs, tmp_path):
    every_step = ["--trainer.max_steps", "3", "--trainer.val_check_interval", "3"]
    assert train(photographs, tmp_path, *every_step, recipe="light") == 0
    events = EventAccumulator(str(last(tmp_path).parent.parent))
    events.Reload()
    assert {"train/loss", "val/loss", "val/bpp", "val/psnr", "val/saved_vs_jpeg"} <= set(events.Tags()["scalars"])
    (saved,) = events.Scalars("val/saved_vs_jpeg")
    assert -100 < saved.value < 100
    assert len(events.Images("rate_distortion/run")) == len(events.Images("val/original_and_reconstruction")) == 1


@pytest.mark.parametrize("recipe", ["factorized", "light"])  # both start within the range of the curves
def test_a_run_that_is_measured_on_kodak_is_bit_for_bit_the_one_without(recipe, photographs, tmp_path, photograph, monkeypatch):
    monkeypatch.setattr(anchors, "KODAK", (2, (96, 128)))
    kodak = tmp_path / "kodak"
    kodak.mkdir()
    for i in range(2):  # with noise, as this picture is easier than any curve of Kodak is for
        noise = np.random.default_rng(i).normal(0, 12, (96, 128, 3))
        crop = np.clip(photograph[100 * i : 100 * i + 96, 200:328] + noise, 0, 255).astype(np.uint8)
        Image.fromarray(crop).save(kodak / f"{i}.png")
    steps = ["--trainer.max_steps", "4", "--trainer.val_check_interval", "2"]
    assert train(photographs, tmp_path / "with", *steps, "--kodak", str(kodak), "--kodak.every=2", recipe=recipe) == 0
    assert train(photographs, tmp_path / "without", *steps, recipe=recipe) == 0
    assert_same_run(last(tmp_path / "with"), last(tmp_path / "without"), steps=4)

    events = EventAccumulator(str(last(tmp_path / "with").parent.parent))
    events.Reload()
    averaged = load_run(last(tmp_path / "with")).network
    averaged.prepare()
    points = estimated_points(averaged, spread_levels(averaged.levels, 6), sorted(kodak.iterdir()), torch.device("cpu"))["psnr"]
    if len(points) == 1:  # of random weights, mean-scale is below every curve
        expected = {"kodak/bpp": points[0].bpp, "kodak/psnr": points[0].score}
    else:
        expected = {"kodak/bd_rate_vs_jpeg": 100 * compare(anchors.kodak_anchors()[MAIN["jpeg"]].points, points).bd_rate}
    drawn = {tag: [(event.step, event.value) for event in events.Scalars(tag)] for tag in expected}
    assert drawn == {tag: [(4, pytest.approx(value, rel=1e-3))] for tag, value in expected.items()}  # of the averaged weights
    assert "val/psnr" in events.Tags()["scalars"] and len(events.Images("kodak/rate_distortion")) == 1


def test_kodak_that_is_none_is_refused_in_one_sentence(photographs, tmp_path, capsys):
    assert train(photographs, tmp_path, "--trainer.max_steps", "1", f"--kodak={photographs}") == 1
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("dlic: ")]
    assert said == [
        f"dlic: KodakCurve needs the 24 Kodak images of 768×512 pixels; {photographs} holds 3 images, 3 of another size"
    ]


@pytest.mark.parametrize("interval", ["2", "100"])
def test_the_steps_after_the_last_validation_are_kept(interval, photographs, tmp_path):
    assert train(photographs, tmp_path, "--trainer.max_steps", "3", "--trainer.val_check_interval", interval) == 0
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


def as_run_left(checkpoint: Path, ckpt: Path) -> Path:
    """A file as a training run leaves it, of the weights of an exported checkpoint."""
    manifest, network = read_manifest(checkpoint), network_of(checkpoint)
    state = {
        "model": manifest.model, "config": manifest.config, "lmbda": None, "distortion": "mse",
        "earlier_steps": 0, "earlier_pixels": 0, "pixels_seen": 0,
    }  # fmt: skip
    weights = {f"network.{name}": weight for name, weight in network.state_dict().items()}
    torch.save({"dlic": state, "state_dict": weights, "global_step": 0}, ckpt)
    return ckpt


def test_weights_of_half_the_size_cost_nothing(tmp_path, photograph):
    ckpt, image = as_run_left(ROOT / "checkpoints" / "light-1", tmp_path / "run.ckpt"), photograph
    codecs = []
    for name, more in (("whole", []), ("half", ["--half"])):
        assert run(["export", str(ckpt), str(tmp_path / name), *more]) == 0
        codecs.append(load_codec(tmp_path / name).with_coder(0))  # which groups parity repairs would hide what weights do
    whole, half = codecs
    for level in (0, 20, 40, 63):
        files = [codec.encode(image, level=level).data for codec in (whole, half)]
        scores = [psnr(image, codec.decompress(file)) for codec, file in zip(codecs, files, strict=True)]
        assert scores[1] == pytest.approx(scores[0], abs=0.01)
        assert len(files[1]) == pytest.approx(len(files[0]), rel=0.005)
    sizes = [(tmp_path / name / "weights.safetensors").stat().st_size for name in ("whole", "half")]
    assert sizes[1] < 0.55 * sizes[0]
    arrays = [read_weights(tmp_path / name) for name in ("whole", "half")]
    assert {str(array.dtype) for array in arrays[1].values()} == {"float16", "int16", "int32", "uint8"}
    assert "safetensors, float16" in (tmp_path / "half" / "MODEL_CARD.md").read_text()
    # the whole numbers are those of the weights as they are stored
    again = stored_arrays(network_of(tmp_path / "half"))
    assert all(np.array_equal(array, again[name]) for name, array in arrays[1].items())


def test_weights_beyond_float16_are_refused(tmp_path, capsys):
    ckpt = as_run_left(ROOT / "checkpoints" / "factorized-1", tmp_path / "run.ckpt")
    stored = torch.load(ckpt, weights_only=True)
    name = next(iter(stored["state_dict"]))
    stored["state_dict"][name] += 1e5
    torch.save(stored, ckpt)
    assert run(["export", str(ckpt), str(tmp_path / "half"), "--half"]) == 1
    assert "float16 cannot store" in capsys.readouterr().err


def test_tables_can_be_counted_on_photographs(trained, photographs, tmp_path, monkeypatch):
    monkeypatch.setenv("DLIC_CACHE", str(tmp_path))
    for name, more in (("learned", []), ("counted", ["--data", str(photographs)])):
        assert run(["export", str(last(trained)), str(tmp_path / name), *more]) == 0
    images = [np.array(Image.open(path)) for path in photographs.rglob("*.png")]
    sizes = [sum(len(dlic.compress(i, weights=tmp_path / name)) for i in images) for name in ("learned", "counted")]
    assert sizes[1] < 0.99 * sizes[0]
    weights = [read_manifest(tmp_path / name).weights_sha256 for name in ("learned", "counted")]
    assert weights[0] == weights[1]


def started(photographs: Path, out: Path, recipe: str, *more: str) -> int:
    """A run whose arguments say no more of its network than the recipe and `more` do."""
    folders = [
        "--data.train_dir", str(photographs), "--data.cache_dir", str(out / "decoded"),
        "--trainer.logger.init_args.save_dir", str(out), "--trainer.default_root_dir", str(out),
    ]  # fmt: skip
    return run(["train", "--config", recipe, *SMALL, *folders, "--trainer.max_steps", "2", *more])


@pytest.fixture(scope="module")
def exported(photographs, tmp_path_factory) -> dict[str, Path]:
    """A checkpoint of each kind of model after two steps."""
    folders = {name: tmp_path_factory.mktemp(name) for name in NETWORKS}
    for name, folder in folders.items():
        assert train(photographs, folder, "--trainer.max_steps", "2", recipe=name) == 0
        assert run(["export", str(last(folder)), str(folder / "first-1")]) == 0
    return {name: folder / "first-1" for name, folder in folders.items()}


@pytest.mark.parametrize(("kind", "recipe"), [("factorized", "configs/factorized.yaml"), ("light", "configs/light-finetune.yaml")])
def test_a_run_takes_network_and_weights_from_a_checkpoint(kind, recipe, exported, photographs, tmp_path):
    first, second = exported[kind], tmp_path / "second"
    still = ["--from", str(first), "--model.optimizer", "{name: sgd, learning_rate: 0}"]
    assert started(photographs, tmp_path, recipe, *still) == 0
    assert run(["export", str(last(tmp_path)), str(second)]) == 0
    assert read_manifest(second).training.steps == 4 and read_manifest(second).config == read_manifest(first).config
    before, after = read_weights(first), read_weights(second)
    learned = [name for name, value in before.items() if value.dtype.kind == "f" and "quantiles" not in name]
    assert all(np.allclose(before[name], after[name], rtol=1e-5) for name in learned)  # averaging them rounds


def test_a_checkpoint_to_start_from_is_found_by_name_in_a_recipe_and_may_be_grown(exported, photographs, tmp_path, monkeypatch):
    monkeypatch.setenv("DLIC_CHECKPOINTS", str(exported["light"].parent))
    recipe = tmp_path / "mine.yaml"
    recipe.write_text(Path("configs/light-finetune.yaml").read_text().replace("from: light-1", "from: first-1"))
    assert started(photographs, tmp_path, str(recipe), "--model.network.init_args.hyper_blocks=3") == 0
    config = load_run(last(tmp_path)).network.config
    assert config == read_manifest(exported["light"]).config | {"hyper_blocks": 3}


@pytest.mark.parametrize(
    ("kind", "recipe", "more", "said"),
    [
        ("factorized", "configs/light.yaml", [], "holds factorized, not light"),
        (
            "light",
            "configs/light-finetune.yaml",
            ["--model.network.init_args.latents=32"],
            "is 24 in the weights and 32 here",
        ),
        (
            "factorized",
            "configs/factorized.yaml",
            ["--model.network.init_args.stage=gdn"],
            "is dct in the weights and gdn here",
        ),
    ],
)
def test_settings_that_do_not_fit_the_checkpoint_are_refused(kind, recipe, more, said, exported, photographs, tmp_path, capsys):
    assert started(photographs, tmp_path, recipe, "--from", str(exported[kind]), *more) == 1
    assert said in capsys.readouterr().err.splitlines()[-1]


def test_a_checkpoint_to_start_from_that_is_not_there_is_named(photographs, tmp_path, capsys):
    assert started(photographs, tmp_path, "configs/light.yaml", "--from", "light-9") == 3
    assert capsys.readouterr().err.startswith("dlic: no checkpoint 'light-9' on this machine")


def test_the_encoder_is_frozen_for_a_share_of_the_run(exported, photographs, tmp_path):
    steps = ["--from", str(exported["light"]), "--trainer.max_steps", "4", "--model.freeze_encoder", "0.5"]
    assert started(photographs, tmp_path, "configs/light-finetune.yaml", *steps) == 0
    optimizer = torch.load(last(tmp_path), weights_only=True)["optimizer_states"][0]["state"]
    assert {int(state["step"]) for state in optimizer.values()} == {2, 4}


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
        ["--model.lmbda", "null"],
        ["--model.lmbda", "-1"],
        ["--model.validation_levels", "0"],
        ["--model.network.init_args.stage", "unet"],
        ["--data.crop", "70"],
        ["--trainer.precision", "16-mixed"],
        ["--trainer.accumulate_grad_batches", "3"],
        ["--resume", "nowhere.ckpt"],
        ["--data.train_dir", "nowhere"],
    ],
)
def test_unknown_keys_and_senseless_values_are_usage_errors(bad, photographs, tmp_path, capsys):
    assert train(photographs, tmp_path, "--trainer.max_steps", "1", *bad) == 1
    said = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("Seed set")]
    assert len(said) == 1 and said[0].startswith("dlic: "), said


def test_a_network_of_several_rates_refuses_an_lmbda_in_one_sentence(photographs, tmp_path, capsys):
    assert train(photographs, tmp_path, "--trainer.max_steps", "1", "--model.lmbda", "0.01", recipe="light") == 1
    said = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("Seed set")]
    assert said == ["dlic: light has 64 rates, each with a λ of its own, so lmbda must be left out"]


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


def test_a_run_leaves_arithmetic_as_it_was(photographs, tmp_path):
    assert train(photographs, tmp_path, "--trainer.max_steps", "1", "--trainer.val_check_interval", "1") == 0
    assert float(torch.tensor(1e-40) * 0.5) > 0
