"""Every run has the usual callbacks, once each, whatever its recipe lists."""

import yaml
from pytorch_lightning.callbacks import EMAWeightAveraging, LearningRateMonitor, ModelCheckpoint, ProgressBar

from dlic.cli.main import run
from dlic.training.callbacks import KeepBest, SaveAtEnd, SaveOften, Throughput
from dlic.training.callbacks.usual import with_usual_callbacks
from tests.training.test_run import SMALL


def test_a_recipe_replaces_them_by_its_own():
    own = [EMAWeightAveraging(decay=0.5), SaveAtEnd(), ModelCheckpoint(), Throughput(every_n_steps=7)]
    callbacks = with_usual_callbacks(own, averaging=0.9, save_every=5, logs=True, bar=True)
    assert isinstance(callbacks[0], SaveAtEnd)  # before weight averaging
    assert all(callback in callbacks for callback in own)
    assert len({type(callback) for callback in callbacks}) == len(callbacks) == 10
    assert not any(isinstance(callback, KeepBest) for callback in callbacks)


def test_what_is_not_wanted_is_left_out():
    callbacks = with_usual_callbacks([], averaging=0, save_every=5, logs=False, bar=False)
    assert not any(isinstance(callback, EMAWeightAveraging | LearningRateMonitor | ProgressBar) for callback in callbacks)
    assert [callback.every_n_steps for callback in callbacks if isinstance(callback, SaveOften)] == [5]


def test_a_recipe_of_its_own_and_the_settings_that_are_kept_with_a_run(photographs, tmp_path):
    """A recipe that lists a callback by its path, and the config.yaml of its run, which makes the same run again."""
    recipe = tmp_path / "mine.yaml"
    own = [{"class_path": "dlic.training.callbacks.SaveAtEnd"}]
    network = {"class_path": "dlic.models.factorized.Factorized", "init_args": {"channels": 16, "latents": 24}}
    recipe.write_text(yaml.safe_dump({"model": {"network": network, "lmbda": 0.01}, "trainer": {"callbacks": own}}))
    given = ["--data.train_dir", str(photographs), "--data.cache_dir", str(tmp_path / "decoded"), *SMALL]
    places = ["--trainer.logger.init_args.save_dir", str(tmp_path), "--trainer.default_root_dir", str(tmp_path)]
    steps = ["--trainer.max_steps", "1", "--trainer.val_check_interval", "1"]
    assert run(["train", "--config", str(recipe), *given, *places, *steps]) == 0
    kept = tmp_path / "mine" / "version_0" / "config.yaml"
    settings = yaml.safe_load(kept.read_text())
    assert (settings["averaging"], settings["save_every"]) == (0.99, 200)
    assert settings["trainer"]["num_sanity_val_steps"] == 0 and len(settings["trainer"]["callbacks"]) == 1
    assert run(["train", "--config", str(kept)]) == 0
    assert (tmp_path / "mine" / "version_1" / "checkpoints" / "last.ckpt").is_file()
