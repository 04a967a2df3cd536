"""`dlic desktop`: file managers know .dlic files and show previews of them."""

from pathlib import Path
from typing import Annotated

from dlic.cli import streams
from dlic.cli.group import Group
from dlic.cli.parameters import Option
from dlic.errors import DlicError

app = Group("Let the desktop know .dlic files: MIME type and previews.")

User = Annotated[bool, Option("--user", help="For this user, in XDG_DATA_HOME or ~/.local/share; the default.")]
Prefix = Annotated[Path | None, Option(metavar="DIR", help="For everyone, in DIR/share, as with /usr/local.")]


@app.command()
def install(user: User = False, prefix: Prefix = None) -> None:
    """Write a MIME type and a thumbnailer, and print their paths; other files are not overwritten."""
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


def _folder(user: bool, prefix: Path | None) -> Path:
    from dlic.integrations import desktop

    if user and prefix is not None:
        raise DlicError("give one of --user and --prefix, not both")
    return desktop.data_folder(prefix)


def _update(data: Path) -> None:
    from dlic.integrations import desktop

    if failure := desktop.update_mime_database(data):
        streams.note(failure)
