"""`dlic decompress`: a .dlic or JPEG file → an image file."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dlic.cli import streams
from dlic.errors import DlicError
from dlic.images.files import MAX_PIXELS, image_bytes
from dlic.timing import timed

if TYPE_CHECKING:
    import numpy as np


def decompress(
    source: Annotated[str, typer.Argument(metavar="IN", help=".dlic or JPEG file; - reads standard input.")],
    output: Annotated[
        str | None, typer.Option("-o", "--output", help="Image file of any kind; default: IN.png; - writes PNG.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="Name of the checkpoint the file was made with, which compressai:… files need.")
    ] = None,
    weights: Annotated[Path | None, typer.Option(help="Folder of the checkpoint the file was made with.")] = None,
    partial: Annotated[bool, typer.Option("--partial", help="Show what there is of a truncated wavelet file.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the output.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
    max_pixels: Annotated[int, typer.Option(help="Refuse larger pictures.")] = MAX_PIXELS,
) -> None:
    """Decompress a .dlic or JPEG file into an image file."""
    target = output or streams.default_output(source, lambda path: path.parent / f"{path.name}.png")
    streams.refuse_existing(source, target, force)
    seconds: dict[str, float] = {}
    data = streams.read_bytes(source)
    with streams.busy(f"decompressing {source}"):
        image, notes = _part(data, max_pixels, seconds) if partial else _whole(data, model, weights, max_pixels, seconds)
        with timed(seconds, "image"):
            written = image_bytes(image, ".png" if target == streams.STANDARD else Path(target).suffix)
            streams.write_bytes(target, written, force)
    for sentence in notes:
        streams.note(sentence)
    height, width = image.shape[:2]
    bpp = len(data) * 8 / (width * height)
    figures = {"output": target, "width": width, "height": height, "bytes": len(data), "bpp": bpp, "seconds": seconds}
    line = f"{target}: {width} × {height} from {len(data):,} bytes, {bpp:.3f} bpp, {streams.milliseconds(seconds)}"
    streams.report(figures, line, as_json, target)


def _whole(
    data: bytes, model: str | None, weights: Path | None, max_pixels: int, seconds: dict[str, float]
) -> "tuple[np.ndarray, list[str]]":
    """The picture, and what is left behind."""
    from dlic.api import decode
    from dlic.codecs.recognition import describe

    described = describe(data)
    image = decode(data, described, weights, max_pixels, seconds, model)
    return image, [f"{', '.join(described.metadata)} not kept"] if described.metadata else []


def _part(data: bytes, max_pixels: int, seconds: dict[str, float]) -> "tuple[np.ndarray, list[str]]":
    """What the beginning of a wavelet file shows, and how much of the file that is."""
    from dlic.codecs.recognition import describe_beginning
    from dlic.codecs.wavelet import WaveletCodec

    described, share = describe_beginning(data)
    if described.codec != "wavelet":
        raise DlicError(f"--partial shows what there is of a wavelet file; this is a {described.codec} one")
    described.check_size(max_pixels)
    with timed(seconds, "decode"):
        image = WaveletCodec(max_pixels=max_pixels).decompress_prefix(data)
    return image, [f"{share:.0%} of the picture's data is there"]
