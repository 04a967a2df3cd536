"""What a run starts from: the weights of a named checkpoint."""

import argparse
from pathlib import Path

import yaml

from dlic.checkpoints import folder_of, read_manifest
from dlic.errors import DlicError
from dlic.models import MODELS


def named_start(args: list[str]) -> str | None:
    """The checkpoint that `--from` names in the arguments of a run, or `from` in one of its recipes.

    Looked up before the arguments are parsed, as the checkpoint decides what the network's settings are.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--from", dest="start")
    parser.add_argument("--config", "-c", dest="recipes", action="append", default=[])
    try:
        found, _ = parser.parse_known_args(args)
    except argparse.ArgumentError:
        return None  # an option without its value, which the run's own parser tells
    return found.start or next(filter(None, map(_start_in, reversed(found.recipes))), None)


def _start_in(recipe: str) -> str | None:
    try:
        settings = yaml.safe_load(Path(recipe).read_bytes())
    except (OSError, ValueError, yaml.YAMLError):
        return None  # as above
    return settings.get("from") if isinstance(settings, dict) else None


def network_of(start: str) -> dict:
    """The network of a checkpoint, as a recipe states it under `model.network`. Raises UnknownCheckpointError."""
    manifest = read_manifest(folder_of(start))
    if manifest.model not in MODELS:
        raise DlicError(f"{start} holds the model {manifest.model}, which is not trained here")
    return {"class_path": MODELS[manifest.model].replace(":", "."), "init_args": manifest.config}
