"""`dlic desktop`: file managers know .dlic files and show previews of them."""

from pathlib import Path
from typing import Annotated

from dlic.cli import streams
from dlic.cli.group import Group
from dlic.cli.parameters import Argument, Option
from dlic.errors import DlicError, SomeFailedError

app = Group("Let the desktop know .dlic files: MIME type and previews.")

User = Annotated[bool, Option("--user", help="For this user, in XDG_DATA_HOME or ~/.local/share; the default.")]
Prefix = Annotated[Path | None, Option(metavar="DIR", help="For everyone, in DIR/share, as with /usr/local.")]


@app.command()
def install(user: User = False, prefix: Prefix = None) -> None:
    """Write a MIME type, a thumbnailer and an opener, and print their paths; other files are not overwritten. A double click then
    shows the picture in the desktop's own viewer.
    """
    from dlic.integrations import desktop

    data = _folder(user, prefix)
    for path in desktop.install(data):
        streams.say(f"wrote {path}")
    _update(data)
    streams.say(f"file -m {desktop.MAGIC_FILE} knows .dlic files as well")


@app.command()
def uninstall(user: User = False, prefix: Prefix = None) -> None:
    """Remove the files that install wrote, and no others."""
    from dlic.integrations import desktop

    data = _folder(user, prefix)
    removed = desktop.uninstall(data)
    for path in removed:
        streams.say(f"removed {path}")
    if removed:
        _update(data)
    else:
        streams.say(f"nothing of dlic is installed in {data}")


@app.command("open")
def open_files(files: Annotated[list[Path], Argument("FILE…", ".dlic or JPEG files.")]) -> None:
    """Show pictures in the desktop's own viewer, as a double click does after dlic desktop install."""
    from dlic.integrations.desktop import opener

    opener.show([opener.decoded(file) for file in files])


@app.command()
def previews(folder: Annotated[Path, Argument("FOLDER", "Folder of .dlic files.")]) -> None:
    """Make the thumbnails of all .dlic files below a folder at once, where file managers look for them."""
    from dlic.batch.folders import find
    from dlic.integrations.desktop import thumbnail_cache

    if not folder.is_dir():
        raise DlicError(f"{folder} is no folder")
    files = [folder / path for path, _ in find(folder, [".dlic"], folder / "\0").files]
    failures = [error for _, error in thumbnail_cache.fill(files) if error]
    for error in failures:
        streams.say(streams.shown(str(error)), error=True)
    streams.say(f"{len(files) - len(failures):,} files have thumbnails in {thumbnail_cache.cache_folder()}")
    if failures:
        raise SomeFailedError.of(failures, len(files))


def _folder(user: bool, prefix: Path | None) -> Path:
    from dlic.integrations import desktop

    if user and prefix is not None:
        raise DlicError("give one of --user and --prefix, not both")
    return desktop.data_folder(prefix)


def _update(data: Path) -> None:
    from dlic.integrations import desktop

    for failure in desktop.update_databases(data):
        streams.note(failure)
