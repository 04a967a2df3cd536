"""`dlic view`: a picture in the browser of this machine."""

from pathlib import Path
from typing import Annotated

import typer

from dlic.cli import streams


def view(
    source: Annotated[str, typer.Argument(metavar="FILE", help=".dlic or JPEG file; - reads standard input.")],
    weights: Annotated[Path | None, typer.Option(help="Folder of the file's checkpoint.")] = None,
    no_open: Annotated[bool, typer.Option("--no-open", help="Print the page's address instead of opening it.")] = False,
) -> None:
    """Show a picture in the browser, until its page is closed. The page is for this machine only."""
    import webbrowser

    from dlic.web.content import content_of
    from dlic.web.server import ViewServer
    from dlic.web.site import view_files

    name = "picture" if source == streams.STANDARD else Path(source).name
    server = ViewServer(view_files(content_of(name, streams.read_bytes(source), weights)))
    if no_open or not webbrowser.open(server.address):
        typer.echo(server.address)
    server.run()
