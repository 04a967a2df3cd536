"""`dlic share`: a page that anybody can open, in one file."""

from pathlib import Path
from typing import Annotated

from dlic.cli import streams
from dlic.cli.parameters import Argument, Option


def share(
    source: Annotated[str, Argument("FILE", ".dlic or JPEG file; - reads standard input.")],
    output: Annotated[str | None, Option("-o", "--output", help="The page; default: FILE.html; - is standard output.")] = None,
    weights: Annotated[Path | None, Option(help="Folder of the file's checkpoint.")] = None,
    force: Annotated[bool, Option("--force", help="Overwrite the output.")] = False,
) -> None:
    """Write a page with the picture, its decoder and its weights: one file of about 3 MB, for any browser, without a network."""
    from dlic.web.content import content_of
    from dlic.web.share import page

    target = streams.target_of(source, output, f"{source}.html")
    streams.refuse_existing(source, target, force)
    name = "picture" if source == streams.STANDARD else Path(source).name
    written = page(content_of(name, streams.read_bytes(source), weights))
    streams.write_bytes(target, written, force)
    if not streams.is_standard_output(target):
        streams.say(f"{target}: {len(written):,} bytes")
