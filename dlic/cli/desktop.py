"""`dlic desktop`: file managers know .dlic files and show previews of them."""

from pathlib import Path
from typing import Annotated

import typer

from dlic.cli import streams
from dlic.errors import DlicError

app = typer.Typer(help="Let the desktop know .dlic files: MIME type and previews.", no_args_is_help=True)

User = Annotated[bool, typer.Option("--user", help="For this user, in XDG_DATA_HOME or ~/.local/share; the default.")]
Prefix = Annotated[Path | None, typer.Option(metavar="DIR", help="For everyone, in DIR/share, as with /usr/local.")]


@app.command()
def install(user: User = False, prefix: Prefix = None) -> None:
    """Write a MIME type and a thumbnailer, and print their paths; other files are not overwritten."""
    from dlic.integrations import desktop

    data = _folder(user, prefix)
    for path in desktop.install(data):
        typer.echo(f"wrote {path}")
    _update(data)
    typer.echo(f"file -m {desktop.MAGIC_FILE} knows .dlic files as well")


@app.command()
def uninstall(user: User = False, prefix: Prefix = None) -> None:
    """Remove the files that install wrote, and no others."""
    from dlic.integrations import desktop

    data = _folder(user, prefix)
    removed = desktop.uninstall(data)
    for path in removed:
        typer.echo(f"removed {path}")
    if removed:
        _update(data)
    else:
        typer.echo(f"nothing of dlic is installed in {data}")


def _folder(user: bool, prefix: Path | None) -> Path:
    from dlic.integrations import desktop

    if user and prefix is not None:
        raise DlicError("give one of --user and --prefix, not both")
    return desktop.data_folder(prefix)


def _update(data: Path) -> None:
    from dlic.integrations import desktop

    if failure := desktop.update_mime_database(data):
        streams.note(failure)
