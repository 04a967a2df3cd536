"""`dlic decompress`: a .dlic or JPEG file → an image file."""

from pathlib import Path
from typing import Annotated

import typer

from dlic.cli import streams
from dlic.errors import DlicError
from dlic.images.files import MAX_PIXELS, ImageFile, image_bytes, not_held
from dlic.timing import timed


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
        picture = _part(data, max_pixels, seconds) if partial else _whole(data, model, weights, max_pixels, seconds)
        suffix = ".png" if target == streams.STANDARD else Path(target).suffix
        with timed(seconds, "image"):
            streams.write_bytes(target, image_bytes(picture.pixels, suffix, picture.metadata), force)
    for sentence in (*picture.notes, *not_held(picture.pixels, suffix, picture.metadata)):
        streams.note(sentence)
    height, width = picture.pixels.shape[:2]
    bpp = len(data) * 8 / (width * height)
    figures = {"output": target, "width": width, "height": height, "bytes": len(data), "bpp": bpp, "seconds": seconds}
    line = f"{target}: {width} × {height} from {len(data):,} bytes, {bpp:.3f} bpp, {streams.milliseconds(seconds)}"
    streams.report(figures, line, as_json, target)


def _whole(data: bytes, model: str | None, weights: Path | None, max_pixels: int, seconds: dict[str, float]) -> ImageFile:
    from dlic.api import read_described
    from dlic.codecs.recognition import describe

    return read_described(data, describe(data), weights, max_pixels, seconds, model)


def _part(data: bytes, max_pixels: int, seconds: dict[str, float]) -> ImageFile:
    """What the beginning of a wavelet file shows, and how much of the file that is."""
    from dlic.codecs.recognition import describe_beginning
    from dlic.codecs.wavelet import WaveletCodec

    described, share = describe_beginning(data)
    if described.codec != "wavelet":
        raise DlicError(f"--partial shows what there is of a wavelet file; this is a {described.codec} one")
    described.check_size(max_pixels)
    with timed(seconds, "decode"):
        image = WaveletCodec(max_pixels=max_pixels).decompress_prefix(data)
    return ImageFile(image, (f"{share:.0%} of the picture's data is there",))
