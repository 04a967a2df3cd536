"""`dlic decompress`: a .dlic or JPEG file → an image file."""

from pathlib import Path
from typing import Annotated

import typer

from dlic.cli import streams
from dlic.images.files import MAX_PIXELS, image_bytes
from dlic.timing import timed


def decompress(
    source: Annotated[str, typer.Argument(metavar="IN", help=".dlic or JPEG file; - reads standard input.")],
    output: Annotated[
        str | None, typer.Option("-o", "--output", help="Image file of any kind; default: IN.png; - writes PNG.")
    ] = None,
    weights: Annotated[Path | None, typer.Option(help="Folder of the checkpoint the file was made with.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the output.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
    max_pixels: Annotated[int, typer.Option(help="Refuse larger pictures.")] = MAX_PIXELS,
) -> None:
    """Decompress a .dlic or JPEG file into an image file."""
    from dlic.api import decode
    from dlic.codecs.recognition import describe

    target = output or streams.default_output(source, lambda path: path.parent / f"{path.name}.png")
    streams.refuse_existing(source, target, force)
    seconds: dict[str, float] = {}
    data = streams.read_bytes(source)
    with streams.busy(f"decompressing {source}"):
        described = describe(data)
        image = decode(data, described, weights, max_pixels, seconds)
        with timed(seconds, "image"):
            written = image_bytes(image, ".png" if target == streams.STANDARD else Path(target).suffix)
            streams.write_bytes(target, written, force)
    if described.metadata:
        streams.note(f"{', '.join(described.metadata)} not kept")
    height, width = image.shape[:2]
    bpp = len(data) * 8 / (width * height)
    figures = {"output": target, "width": width, "height": height, "bytes": len(data), "bpp": bpp, "seconds": seconds}
    line = f"{target}: {width} × {height} from {len(data):,} bytes, {bpp:.3f} bpp, {streams.milliseconds(seconds)}"
    streams.report(figures, line, as_json, target)
