"""`dlic web`: what a site serves to show .dlic pictures."""

from pathlib import Path
from typing import Annotated

import typer

from dlic.errors import DlicError


def web(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where to write; also a package for npm.")],
    checkpoint: Annotated[
        list[str] | None,
        typer.Option("--checkpoint", metavar="NAME", help="Checkpoint of the pictures, by name or folder; may be repeated; default: --tune's."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
) -> None:
    """Write decoder, weights, a viewer to drop files on, an example page and the lines for a server's configuration."""
    from dlic.checkpoints import local as checkpoints
    from dlic.storage.files import write_whole
    from dlic.web.site import site_files

    names = checkpoint or [checkpoints.default_name()]
    files = site_files([checkpoints.folder_of(name) for name in names])
    existing = sorted(name for name in files if (folder / name).exists())
    if existing and not force:
        raise DlicError(f"{folder / existing[0]} is there already; --force replaces the {len(existing)} files that are there")
    for name, data in files.items():
        write_whole(folder / name, data)
    typer.echo(f"{folder}: {len(files)} files, {sum(map(len, files.values())):,} bytes; open {folder / 'example.html'} from a server")
