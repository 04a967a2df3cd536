"""`dlic view`: a picture in the browser of this machine."""

from pathlib import Path
from typing import Annotated

from dlic.cli import streams
from dlic.cli.parameters import Argument, Option


def view(
    source: Annotated[str, Argument("FILE", ".dlic or JPEG file; - reads standard input.")],
    weights: Annotated[Path | None, Option(help="Folder of the file's checkpoint.")] = None,
    no_open: Annotated[bool, Option("--no-open", help="Print the page's address instead of opening it.")] = False,
) -> None:
    """Show a picture in the browser, until its page is closed. The page is for this machine only."""
    import webbrowser

    from dlic.web.content import content_of
    from dlic.web.server import ViewServer
    from dlic.web.site import view_files

    name = "picture" if source == streams.STANDARD else Path(source).name
    server = ViewServer(view_files(content_of(name, streams.read_bytes(source), weights)))
    if no_open or not webbrowser.open(server.address):
        streams.say(server.address)
    server.run()
