"""`dlic checkpoints`: list, download and verify trained models, and say where they lie."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

from dlic.checkpoints import local as checkpoints
from dlic.checkpoints.index import INDEX, write_index
from dlic.checkpoints.manifest import TUNES, read_manifest
from dlic.checkpoints.weights import verify as verify_checkpoint
from dlic.cli import bars, streams
from dlic.cli.group import Group
from dlic.cli.parameters import Argument, Option
from dlic.errors import DlicError, UnknownCheckpointError

NONE_HERE = "no checkpoints on this machine; dlic checkpoints download NAME fetches one"

app = Group("List, download and verify trained models.")


@dataclass(frozen=True)
class Listed:
    """One line of the list; None where model.json cannot be read."""

    name: str
    default: bool
    where: str  # shipped or downloaded
    path: str
    bytes: int
    model: str | None = None
    fingerprint: str | None = None
    tune: str | None = None
    distortion: str | None = None
    lmbda: float | None = None
    steps: int | None = None
    damage: str | None = None


@app.command("list")
def list_checkpoints(as_json: Annotated[bool, Option("--json", help="Print as JSON.")] = False) -> None:
    """Show the checkpoints on this machine."""
    listed = [_listed(folder) for folder in checkpoints.local_checkpoints()]
    if as_json:
        streams.say(json.dumps([asdict(checkpoint) for checkpoint in listed], indent=1))
    elif listed:
        _print_table(listed)
    else:
        streams.say(NONE_HERE)


@app.command()
def download(
    name: Annotated[str, Argument("NAME", "Checkpoint to download.")],
    base: Annotated[
        str | None, Option("--from", metavar="BASE", help="https:// or file:// address with index.json and NAME/.")
    ] = None,
    force: Annotated[bool, Option("--force", help="Download it even if it is present.")] = False,
) -> None:
    """Download a checkpoint and print its folder; an interrupted download continues where it stopped."""
    from dlic.checkpoints.download import download as fetch

    with bars.transfer_bar(name) as progress:
        folder = fetch(name, base, force, progress)
    streams.say(folder)


@app.command()
def verify(
    names: Annotated[list[str] | None, Argument("[NAME]...", "Default: all on this machine.")] = None,
) -> None:
    """Check every hash of checkpoints; exits with 3 where one is damaged or missing."""
    failures = []
    for name in names or [str(folder) for folder in checkpoints.local_checkpoints()]:
        try:
            verify_checkpoint(checkpoints.find(name) if names else name)
            streams.say(f"{name}: intact")
        except UnknownCheckpointError as error:
            failures.append(str(error))
    if failures:
        raise UnknownCheckpointError("; ".join(failures))


@app.command()
def path(name: Annotated[str, Argument("NAME", "Checkpoint on this machine.")]) -> None:
    """Print the folder of a checkpoint."""
    streams.say(checkpoints.find(name))


@app.command()
def index(
    folder: Annotated[Path, Argument("FOLDER", "Folder of checkpoint folders.")],
    default: Annotated[str, Option(metavar="NAME", help="Name of the default checkpoint.")],
    mirror: Annotated[list[str] | None, Option(metavar="BASE", help="Address that serves FOLDER; repeatable.")] = None,
    tune: Annotated[
        list[str] | None,
        Option(metavar="TUNE=NAME", help=f"The one that --tune {'|'.join(TUNES)} chooses; may be given again."),
    ] = None,
) -> None:
    """Write FOLDER/index.json, so that FOLDER can be served as the BASE of downloads."""
    written = write_index(folder, default, mirror or (), dict(map(_tune, tune or ())))
    streams.say(f"{folder / INDEX}: {', '.join(sorted(written.checkpoints))}; default {written.default}")


def _tune(text: str) -> tuple[str, str]:
    """'psnr=light-1' → ('psnr', 'light-1'). Raises DlicError."""
    tune, equals, name = text.partition("=")
    if not equals:
        raise DlicError(f"--tune takes TUNE=NAME, such as psnr=light-1; not {text!r}")
    return tune, name


def _listed(folder: Path) -> Listed:
    where = "shipped" if folder.parent == checkpoints.shipped_folder() else "downloaded"
    size = sum(file.stat().st_size for file in folder.iterdir() if file.is_file())
    place = (folder.name, folder.name == _default(), where, str(folder), size)
    try:
        manifest = read_manifest(folder)
    except UnknownCheckpointError as error:
        return Listed(*place, damage=str(error))
    training = manifest.training
    return Listed(
        *place,
        model=manifest.model,
        fingerprint=manifest.fingerprint.hex(),
        tune=training.tune,
        distortion=training.distortion,
        lmbda=training.lmbda,
        steps=training.steps,
    )


def _default() -> str | None:
    try:
        return checkpoints.default_name()
    except UnknownCheckpointError:
        return None


def _print_table(listed: list[Listed]) -> None:
    from rich.console import Console
    from rich.filesize import decimal
    from rich.markup import escape
    from rich.table import Table

    table = Table("name", "model", "where", "size", "tuned for", "λ", "steps", box=None, pad_edge=False)
    for entry in listed:
        name = escape(entry.name) + (" (default)" if entry.default else "")
        lmbda = "each level's" if entry.lmbda is None else entry.lmbda
        trained = ("damaged", "", "", "") if entry.damage else (entry.model, entry.tune, lmbda, entry.steps)
        model, tune, lmbda, steps = (escape(str(value)) for value in trained)
        table.add_row(name, model, entry.where, decimal(entry.bytes), tune, lmbda, steps)
    Console().print(table)
