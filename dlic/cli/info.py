"""`dlic info`: the contents of .dlic or JPEG files, without decoding them."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from dlic.cli import streams, values
from dlic.cli.parameters import Argument, Option
from dlic.errors import DlicError, SomeFailedError

if TYPE_CHECKING:
    from dlic.formats.kind import Description


def info(
    sources: Annotated[list[str], Argument("FILE…", ".dlic or JPEG files; - reads standard input.")],
    thumbnail: Annotated[
        Path | None, Option(metavar="OUT", help="Write the file's preview to OUT; .webp gives the stored file.")
    ] = None,
    force: Annotated[bool, Option("--force", help="Overwrite OUT.")] = False,
    verbose: Annotated[bool, Option("-v", "--verbose", help="Print bits per pixel, level and chunks too.")] = False,
    as_json: Annotated[bool, Option("--json", help="Print as JSON, a line a file.")] = False,
) -> None:
    """Show the contents of .dlic or JPEG files, without decoding the pictures."""
    names = streams.sources_of(sources)
    if len(names) == 1:
        _show(names[0], thumbnail, force, verbose, as_json)
        return
    if thumbnail:
        raise DlicError("--thumbnail takes one file")
    failures = []
    for name in names:
        try:
            _show(name, None, force, verbose, as_json)
        except DlicError as error:
            failures.append(error)
            streams.say(f"{streams.shown(name)}: {streams.shown(streams.without_name(error, name))}", error=True)
    if failures:
        raise SomeFailedError.of(failures, len(names))


def _show(source: str, thumbnail: Path | None, force: bool, verbose: bool, as_json: bool) -> None:
    from dlic.container.format import VERSION
    from dlic.formats.registry import describe

    data = streams.read_bytes(source)
    described = describe(data)
    if thumbnail:
        _write_thumbnail(source, described, thumbnail, force)
    details = described.kind.details(described)
    figures: dict[str, Any] = {
        "codec": described.kind.name,
        "width": described.width,
        "height": described.height,
        "bytes": len(data),
        "bpp": len(data) * 8 / (described.width * described.height),
        **details.figures,
    }
    detail = f"{len(data):,} bytes, {figures['bpp']:.3f} bpp{details.detail}"
    if container := described.container:
        chunks = {name.decode("latin-1"): len(chunk) for name, chunk in container.chunks}
        figures = {"version": VERSION, **figures, "stream_bytes": len(container.stream), "chunks": chunks}
        detail += "".join(f", chunk {name} {size:,} bytes" for name, size in chunks.items())
    size = values.shown_size(len(data))
    if as_json:
        streams.say(json.dumps({"file": source, **figures}))
        return
    line = f"{source}: {described.file_type}, {described.width} × {described.height}, {size}, {details.sentence}"
    streams.say(streams.shown(line))
    if verbose:
        streams.say(f"  {streams.shown(detail)}")
    for row in details.drawing:
        streams.say(row)


def _write_thumbnail(source: str, described: "Description", target: Path, force: bool) -> None:
    from dlic.formats import thumbnails
    from dlic.images.files import holds_alpha, image_bytes

    webp = thumbnails.read(described.container.chunks) if described.container else None
    if webp is None:
        raise DlicError(f"{source} has no thumbnail; dlic compress --thumbnail 160 makes files that do")
    pixels = thumbnails.pixels_of(webp)  # which proves that it is one
    if not holds_alpha(target.suffix):
        pixels = thumbnails.on_white(pixels)
    streams.refuse_existing(source, str(target), force)
    streams.write_bytes(str(target), webp if target.suffix.lower() == ".webp" else image_bytes(pixels, target.suffix), force)
