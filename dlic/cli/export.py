"""`dlic export`: a training run's .ckpt → a checkpoint folder; a checkpoint → weights for browsers."""

from pathlib import Path
from typing import Annotated

from dlic.cli import streams
from dlic.cli.extras import require
from dlic.cli.parameters import Argument, Option
from dlic.errors import DlicError


def export(
    run: Annotated[
        Path,
        Argument("RUN.ckpt", "A training run; with --web, a checkpoint's name or folder; alone, a folder that gets its graphs."),
    ],
    folder: Annotated[Path | None, Argument("FOLDER", "Folder of the checkpoint; its name is the checkpoint's name.")] = None,
    data: Annotated[Path | None, Option(metavar="DIR", help="Photographs for counting symbols: about 1.5 % smaller files.")] = None,
    card: Annotated[Path | None, Option(help="Markdown text for the model card: data, figures, licence.")] = None,
    force: Annotated[bool, Option("--force", help="Replace an existing checkpoint.")] = False,
    half: Annotated[bool, Option("--half", help="Store weights as float16: half the bytes, loss below 0.01 dB.")] = False,
    web: Annotated[
        bool, Option("--web", help="Write a checkpoint's weights for browsers into FOLDER, named by fingerprint.")
    ] = False,
) -> None:
    """Export a training run's .ckpt as a checkpoint that compresses: safetensors, integer tables, model card, ONNX graphs."""
    if web and folder is not None:
        _export_web(str(run), folder, force)
        return
    require("train", "dlic export", ["torch", "onnx"])
    from dlic.training.export import export as write
    from dlic.training.export import write_graphs

    if folder is None:
        if web or not run.is_dir():
            raise DlicError(f"give a folder for the checkpoint; {run} alone would have to be a checkpoint's folder itself")
        manifest = write_graphs(run)
        streams.say(f"{run}: {len(manifest.graphs)} graphs, fingerprint {manifest.fingerprint.hex()[:16]}")
        return
    try:
        text = card.read_text(encoding="utf-8") if card else ""
    except (OSError, UnicodeDecodeError) as error:
        raise DlicError(f"{card} cannot be read: {error}") from error
    manifest = write(run, folder, data, text, force, half)
    streams.say(f"{folder}: {manifest.model}, {manifest.training.steps:,} steps, fingerprint {manifest.fingerprint.hex()[:16]}")


def _export_web(checkpoint: str, folder: Path, force: bool) -> None:
    from dlic.checkpoints.local import folder_of
    from dlic.checkpoints.manifest import read_manifest
    from dlic.web.weights import file_name, web_weights

    source = folder_of(checkpoint)
    target = folder / file_name(read_manifest(source))
    streams.refuse_existing(str(source), str(target), force)
    weights = web_weights(source)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DlicError(f"cannot write {folder}: {error.strerror}") from error
    streams.write_bytes(str(target), weights, force)
    streams.say(f"{target}: {len(weights):,} bytes")
