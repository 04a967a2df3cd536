"""`dlic decompress`: a .dlic or JPEG file → an image file."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dlic.api import Wishes, read_described
from dlic.cli import streams
from dlic.errors import DlicError
from dlic.images.files import MAX_PIXELS, ImageFile, image_bytes, not_held
from dlic.progress import Progress
from dlic.rectangles import Rectangle
from dlic.timing import timed

if TYPE_CHECKING:
    from dlic.codecs.recognition import Description

NAMED = 20  # lost tiles in one note; --json has all


def decompress(
    source: Annotated[str, typer.Argument(metavar="IN", help=".dlic or JPEG file; - reads standard input.")],
    output: Annotated[
        str | None, typer.Option("-o", "--output", help="Image file of any kind; default: IN.png; - writes PNG.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="Name of the checkpoint the file was made with, which compressai:… files need.")
    ] = None,
    weights: Annotated[Path | None, typer.Option(help="Folder of the checkpoint the file was made with.")] = None,
    crop: Annotated[str | None, typer.Option(metavar="X,Y,W,H", help="Only this part, read from as few tiles as it needs.")] = None,
    partial: Annotated[
        bool, typer.Option("--partial", help="Show what there is of a truncated wavelet file, or of a damaged one in tiles.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the output.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
    max_pixels: Annotated[int, typer.Option(help="Refuse larger pictures.")] = MAX_PIXELS,
    max_memory: Annotated[
        str | None, typer.Option(metavar="BYTES", help="Memory for a learned picture, as 2G: fewer tiles of a big one at once.")
    ] = None,
) -> None:
    """Decompress a .dlic or JPEG file into an image file."""
    target = output or streams.default_output(source, lambda path: path.parent / f"{path.name}.png")
    streams.refuse_existing(source, target, force)
    seconds: dict[str, float] = {}
    data = streams.read_bytes(source)
    wishes = Wishes(weights, max_pixels, model, _crop(crop), streams.size(max_memory))
    with streams.busy(f"decompressing {source}") as progress:
        picture = (_part if partial else _whole)(data, wishes, seconds, progress)
        suffix = ".png" if target == streams.STANDARD else Path(target).suffix
        with timed(seconds, "image"):
            streams.write_bytes(target, image_bytes(picture.pixels, suffix, picture.metadata), force)
    for sentence in (*picture.notes, *not_held(picture.pixels, suffix, picture.metadata)):
        streams.note(sentence)
    height, width = picture.pixels.shape[:2]
    bpp = len(data) * 8 / (width * height)
    figures = {"output": target, "width": width, "height": height, "bytes": len(data), "bpp": bpp, "seconds": seconds}
    figures |= {"lost": [[tile.x, tile.y, tile.width, tile.height] for tile in picture.lost]}
    line = f"{target}: {width} × {height} from {len(data):,} bytes, {bpp:.3f} bpp, {streams.milliseconds(seconds)}"
    streams.report(figures, line, as_json, target)


def _whole(data: bytes, wishes: Wishes, seconds: dict[str, float], progress: Progress) -> ImageFile:
    from dlic.codecs.recognition import describe

    described = describe(data)
    _check_memory(described, wishes)
    return read_described(data, described, wishes, seconds, progress)


def _part(data: bytes, wishes: Wishes, seconds: dict[str, float], progress: Progress) -> ImageFile:
    """What a truncated or damaged file shows, and what is missing."""
    from dlic.codecs.recognition import describe_beginning
    from dlic.codecs.wavelet import WaveletCodec

    described, share = describe_beginning(data)
    if described.tiled:
        _check_memory(described, wishes)
        picture = read_described(data, described, wishes, seconds, progress, damaged=True)
        return replace(picture, notes=(*picture.notes, *_lost(picture.lost)))
    if described.codec != "wavelet":
        raise DlicError(f"--partial shows what there is of a wavelet file, or of one in tiles; this is a {described.codec} one")
    described.check_size(wishes.max_pixels)
    with timed(seconds, "decode"):
        image = WaveletCodec(max_pixels=wishes.max_pixels).decompress_prefix(data)
    return ImageFile(wishes.cropped(image), (f"{share:.0%} of the picture's data is there",))


def _check_memory(described: "Description", wishes: Wishes) -> None:
    """Refuses an image that could be decoded, but then not written."""
    part = wishes.part_of(described.width, described.height) if described.tiled else None
    size = (part.width, part.height) if part else (described.width, described.height)
    streams.check_memory(size, wishes.max_memory, streams.LEARNED_PROCESS if described.codec == "learned" else streams.PROCESS)


def _lost(tiles: Sequence[Rectangle]) -> tuple[str, ...]:
    """'1 tile is lost, and gray, at x,y,width,height: …'"""
    if not tiles:
        return ()
    some = "; ".join(map(str, tiles[:NAMED])) + (f"; and {len(tiles) - NAMED:,} more" if len(tiles) > NAMED else "")
    return (f"{len(tiles):,} {'tile is' if len(tiles) == 1 else 'tiles are'} lost, and gray, at x,y,width,height: {some}",)


def _crop(text: str | None) -> tuple[int, ...] | None:
    """'10,20,300,200' → its numbers. Raises DlicError."""
    if text is None:
        return None
    try:
        return tuple(int(number) for number in text.split(","))
    except ValueError as error:
        raise DlicError(f"{text!r} is no part of a picture; write --crop x,y,width,height in pixels") from error
