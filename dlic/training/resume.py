"""The start of a run: weights of a checkpoint (`--from`), or the state of an earlier call (`--resume`)."""

import argparse
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytorch_lightning as pl
import torch
import yaml

from dlic.checkpoints.local import folder_of
from dlic.checkpoints.manifest import read_manifest
from dlic.errors import CorruptFileError, DlicError
from dlic.models import MODELS
from dlic.models.base import Model
from dlic.storage.files import discard_abandoned
from dlic.training.callbacks.keep_best import checkpoint_folder

log = logging.getLogger(__name__)

# --- from a trained network ---------------------------------------------------------------------------------------------


def named_start(args: Sequence[str]) -> str | None:
    """The checkpoint of `--from` in the arguments of a run, or of `from` in one of its recipes. It is read before the arguments are
    parsed, as it determines the network's settings.
    """
    start = _looked_up(args)
    return start.start or next(filter(None, map(_start_in, reversed(start.recipes))), None)


def run_name(args: Sequence[str]) -> str:
    """The name of a run and of its folder: `--name` in its arguments or `name` in a recipe, otherwise the last recipe's file name.
    Raises DlicError for a name that would lead to another folder.
    """
    looked_up = _looked_up(args)
    recipes = looked_up.recipes[::-1]
    stated = looked_up.name or next(filter(None, map(_name_in, recipes)), None)
    name = str(stated or next((Path(recipe).stem for recipe in recipes), "train"))
    if name in (".", "..") or Path(name).name != name:
        raise DlicError(f"the name of a run is that of a folder, without a path: not {name!r}")
    return name


def trains_on_clips(args: Sequence[str]) -> bool:
    """Whether a run trains the network of predicted frames, which needs clips: by its arguments, recipes, or start."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--model.network", "--model.network.class_path", dest="network")
    try:
        named = [parser.parse_known_args(args)[0].network]
    except argparse.ArgumentError:
        named = []  # as above
    networks = [network for network in (*named, *map(_network_in, reversed(recipes_in(args)))) if network]
    if not networks and (start := named_start(args)):
        networks = [(network_of(place_of(start)) or {}).get("class_path", "")]
    return bool(networks) and networks[0].rpartition(".")[2] == "Inter"


def recipes_in(args: Sequence[str]) -> list[str]:
    """The files of `--config` in the arguments of a run."""
    return _looked_up(args).recipes


def _looked_up(args: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--from", dest="start")
    parser.add_argument("--name")
    parser.add_argument("--config", "-c", dest="recipes", action="append", default=[])
    try:
        return parser.parse_known_args(args)[0]
    except argparse.ArgumentError:
        return argparse.Namespace(
            start=None, name=None, recipes=[]
        )  # an option without its value, which the run's own parser tells


def _start_in(recipe: str) -> str | None:
    return _settings(recipe).get("from")


def _name_in(recipe: str) -> str | None:
    return _settings(recipe).get("name")


def _network_in(recipe: str) -> str | None:
    """The class of a recipe's network."""
    model = _settings(recipe).get("model")
    network = model.get("network") if isinstance(model, dict) else None
    return network.get("class_path") if isinstance(network, dict) else network


def _settings(recipe: str) -> dict[str, Any]:
    try:
        settings = yaml.safe_load(Path(recipe).read_bytes())
    except (OSError, ValueError, yaml.YAMLError):
        return {}  # as above
    return settings if isinstance(settings, dict) else {}


def place_of(start: str) -> Path:
    """The folder of a checkpoint by its name or path, or a file of CompressAI's weights. Raises UnknownCheckpointError."""
    return Path(start) if Path(start).is_file() else folder_of(start)


def network_of(place: Path) -> dict | None:
    """The network of a checkpoint, in the form of a recipe's `model.network`; None for a file, which does not state it."""
    if place.is_file():
        return None
    manifest = read_manifest(place)
    if manifest.model not in MODELS:
        raise DlicError(f"{place} holds the model {manifest.model}, which is not trained here")
    return {"class_path": MODELS[manifest.model].replace(":", "."), "init_args": manifest.config}


# --- from an earlier call of the run ------------------------------------------------------------------------------------


def checkpoint_to_resume(named: str, trainer: pl.Trainer, network: Model) -> Path | None:
    """The checkpoint for `--resume`; "auto" takes the intact one with the most steps from the newest run in the recipe's folder.
    None where "auto" finds no checkpoint. Raises DlicError for one that is missing, damaged or of another network.
    """
    path = _newest(trainer) if named == "auto" else Path(named)
    if path is None:
        log.warning("no earlier call of this run has saved anything; it starts from its beginning")
        return None
    if not path.is_file():
        raise DlicError(f"{path} does not exist, so there is nothing to resume")
    stored = _read(path)
    theirs, ours = (stored["dlic"]["model"], stored["dlic"]["config"]), (network.name, network.config)
    if theirs != ours:
        raise DlicError(f"{path} is of another network: {theirs[0]} {theirs[1]} there, {ours[0]} {ours[1]} here")
    if "settings" not in stored["dlic"]:
        raise DlicError(f"{path} is of an earlier dlic; `dlic export` makes a checkpoint of it that --from takes")
    log.warning("resuming %s, step %d", path, stored["global_step"])
    return path


def _newest(trainer: pl.Trainer) -> Path | None:
    damaged, steps = [], {}
    for folder in _folders(trainer):
        discard_abandoned([folder / "last.ckpt", folder / "best.ckpt"])
        for path in sorted(folder.glob("*.ckpt"), reverse=True):  # of equal ones last.ckpt
            try:
                steps[path] = _read(path)["global_step"]
            except CorruptFileError as error:
                log.warning("skipped: %s", error)
                damaged.append(path)
        if folder / "last.ckpt" in steps:  # without it the call saved nothing, and the best checkpoint may be from an earlier call
            break
    if steps:
        return max(steps, key=lambda path: steps[path])
    if damaged:
        raise CorruptFileError(f"none of the run's checkpoints is whole ({', '.join(map(str, damaged))}), so it cannot be resumed")
    return None


def _folders(trainer: pl.Trainer) -> Iterator[Path]:
    """The checkpoint folder of a recipe's newest call, then the folder of the call that it resumed, and so on."""
    own_folder = checkpoint_folder(trainer)  # before a run begins, that of its recipe
    if own_folder is not None:
        yield own_folder
        return
    root = Path(getattr(trainer.logger, "root_dir", None) or trainer.default_root_dir)
    calls = {config.parent.name.removeprefix("version_"): config.parent for config in root.glob("version_*/config.yaml")}
    newest = max((name for name in calls if name.isdigit()), key=int, default=None)
    folder: Path | None = (root if newest is None else calls[newest]) / "checkpoints"
    visited = set()
    while folder is not None and folder not in visited:
        visited.add(folder)
        yield folder
        resumed = _resumed(folder.parent / "config.yaml")
        folder = resumed and resumed.parent


def _resumed(config: Path) -> Path | None:
    """The checkpoint that the call with this config.yaml resumed."""
    try:
        resumed = yaml.safe_load(config.read_bytes())["resume"]
    except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError):
        return None
    return Path(resumed) if resumed else None


def _read(path: Path) -> dict[str, Any]:
    """Loads a run's checkpoint. Raises CorruptFileError where it is damaged or incomplete."""
    try:
        with ZipFile(path) as archive:  # torch itself compares no sums
            damaged = archive.testzip()
        stored = torch.load(path, map_location="cpu", weights_only=True)
        if damaged is None and isinstance(stored["global_step"], int) and stored["dlic"]["model"]:
            return stored
    except Exception as error:  # a damaged file fails in many ways
        raise CorruptFileError(f"{path} is no whole checkpoint of a run: {error}") from error
    raise CorruptFileError(f"{path} is damaged: the sum of its {damaged} is another")
