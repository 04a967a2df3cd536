"""`dlic info`: the contents of a .dlic or JPEG file, without decoding it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from dlic.cli import streams
from dlic.cli.parameters import Argument, Option

if TYPE_CHECKING:
    from dlic.formats.kind import Description


def info(
    source: Annotated[str, Argument("FILE", ".dlic or JPEG file; - reads standard input.")],
    thumbnail: Annotated[
        Path | None, Option(metavar="OUT", help="Write the file's preview to OUT; .webp gives the stored file.")
    ] = None,
    force: Annotated[bool, Option("--force", help="Overwrite OUT.")] = False,
    as_json: Annotated[bool, Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Show the contents of a .dlic or JPEG file, without decoding the picture."""
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
    sentence = details.sentence
    if container := described.container:
        chunks = {name.decode("latin-1"): len(chunk) for name, chunk in container.chunks}
        figures = {"version": VERSION, **figures, "stream_bytes": len(container.stream), "chunks": chunks}
        sentence += "".join(f", chunk {name} {size:,} bytes" for name, size in chunks.items())
    line = (
        f"{source}: {described.file_type}, {described.width} × {described.height}, "
        f"{len(data):,} bytes, {figures['bpp']:.3f} bpp, {sentence}"
    )
    streams.report(figures, line, as_json, "")


def _write_thumbnail(source: str, described: "Description", target: Path, force: bool) -> None:
    from dlic.errors import DlicError
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
