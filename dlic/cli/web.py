"""`dlic web`: what a site serves to show .dlic pictures."""

from pathlib import Path
from typing import Annotated

from dlic.cli import streams
from dlic.cli.parameters import Argument, Option
from dlic.errors import ExistsError


def web(
    folder: Annotated[Path, Argument("FOLDER", "Where to write; also a package for npm.")],
    checkpoint: Annotated[
        list[str] | None,
        Option(
            "--checkpoint",
            metavar="NAME",
            help="Checkpoint of the pictures, by name or folder; may be repeated; default: --tune's, and that of clips.",
        ),
    ] = None,
    force: Annotated[bool, Option("--force", help="Replace files that are there.")] = False,
) -> None:
    """Write decoder, weights, a viewer to drop files on, an example page and the lines for a server's configuration."""
    from dlic.checkpoints import local as checkpoints
    from dlic.formats.sequence import inter_of
    from dlic.storage.files import cannot_write, written_whole
    from dlic.web.site import site_files

    folders = [checkpoints.folder_of(name) for name in checkpoint or [checkpoints.default_name()]]
    if not checkpoint and (inter := inter_of(folders[0])):
        folders.append(inter)
    files = site_files(folders)
    existing = sorted(name for name in files if (folder / name).exists())
    if existing and not force:
        raise ExistsError(f"{folder / existing[0]} is there already; --force replaces the {len(existing)} files that are there")
    for path, data in ((folder / name, data) for name, data in files.items()):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise cannot_write(path.parent, error) from error
        with written_whole(path, force) as file:
            file.write(data)
    streams.say(
        f"{folder}: {len(files)} files, {sum(map(len, files.values())):,} bytes; open {folder / 'example.html'} from a server"
    )
