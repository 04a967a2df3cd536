"""`dlic export`: a training run's .ckpt → a checkpoint folder."""

from pathlib import Path
from typing import Annotated

from dlic.cli import streams
from dlic.cli.extras import require
from dlic.cli.parameters import Argument, Option
from dlic.errors import DlicError


def export(
    run: Annotated[Path, Argument("RUN.ckpt", "Checkpoint of a training run.")],
    folder: Annotated[Path, Argument("FOLDER", "Folder of the checkpoint; its name is the checkpoint's name.")],
    data: Annotated[Path | None, Option(metavar="DIR", help="Photographs for counting symbols: about 1.5 % smaller files.")] = None,
    card: Annotated[Path | None, Option(help="Markdown text for the model card: data, figures, licence.")] = None,
    force: Annotated[bool, Option("--force", help="Replace an existing checkpoint.")] = False,
    half: Annotated[bool, Option("--half", help="Store weights as float16: half the bytes, loss below 0.01 dB.")] = False,
) -> None:
    """Export a training run's .ckpt as a checkpoint that compresses: safetensors, integer tables, model card."""
    require("train", "dlic export", ["torch"])
    from dlic.training.export import export as write

    try:
        text = card.read_text(encoding="utf-8") if card else ""
    except (OSError, UnicodeDecodeError) as error:
        raise DlicError(f"{card} cannot be read: {error}") from error
    manifest = write(run, folder, data, text, force, half)
    streams.say(f"{folder}: {manifest.model}, {manifest.training.steps:,} steps, fingerprint {manifest.fingerprint.hex()[:16]}")
