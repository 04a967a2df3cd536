"""`dlic decompress`: a .dlic or JPEG file → an image file; or every one of a folder."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from dlic.cli import folders, streams
from dlic.errors import CorruptFileError, DlicError
from dlic.folders import Done
from dlic.images.files import MAX_PIXELS, ImageFile, image_bytes, not_held
from dlic.timing import timed

ENDINGS = frozenset([".dlic", ".jpg", ".jpeg"])  # of the files of a folder that are decompressed


def decompress(
    source: Annotated[str, typer.Argument(metavar="IN", help=".dlic or JPEG file, or a folder with -r; - reads standard input.")],
    output: Annotated[
        str | None,
        typer.Option("-o", "--output", help="Image file of any kind; default: IN.png; - writes PNG. With -r a folder."),
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="Name of the checkpoint the file was made with, which compressai:… files need.")
    ] = None,
    weights: Annotated[Path | None, typer.Option(help="Folder of the checkpoint the file was made with.")] = None,
    partial: Annotated[bool, typer.Option("--partial", help="Show what there is of a truncated wavelet file.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the output.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
    max_pixels: Annotated[int, typer.Option(help="Refuse larger pictures.")] = MAX_PIXELS,
    recursive: folders.RECURSIVE = False,
    skip_existing: folders.SKIP_EXISTING = False,
    jobs: folders.JOBS = 1,
    engine: folders.ENGINE = folders.Engine.local,
    cluster: folders.CLUSTER = None,
) -> None:
    """Decompress a .dlic or JPEG file into an image file.

    With -r every such file below a folder, a/b.dlic into a/b.dlic.png below the folder of -o.
    """
    wanted = folders.Wanted(recursive, skip_existing, jobs, engine, cluster)
    work = Decompression(model, wanted.everywhere(weights), partial, force, max_pixels)
    if folders.is_folder(source, wanted, CorruptFileError):
        folders.run(source, output, folders.Task("decompressed", ENDINGS, ".png", work, force), wanted, as_json)
        return
    target = output or streams.default_output(source, lambda path: path.parent / f"{path.name}.png")
    with streams.busy(f"decompressing {source}"):
        done = work.file(source, target)
    for sentence in done.notes:
        streams.note(sentence)
    streams.report(done.figures, done.line, as_json, done.output)


@dataclass(frozen=True)
class Decompression:
    """What is done to a compressed file; with this it can be done in another process."""

    model: str | None
    weights: Path | None
    partial: bool
    force: bool
    max_pixels: int

    def outputs(self, target: Path) -> tuple[Path, ...]:
        """Every path of which one is written when `target` is asked for."""
        return (target,)

    def file(self, source: str, target: str) -> Done:
        """Decompress one file, from a path or `-`, to another. Raises DlicError."""
        streams.refuse_existing(source, target, self.force)
        seconds: dict[str, float] = {}
        data = streams.read_bytes(source)
        if self.partial:
            picture = _part(data, self.max_pixels, seconds)
        else:
            picture = _whole(data, self.model, self.weights, self.max_pixels, seconds)
        suffix = ".png" if target == streams.STANDARD else Path(target).suffix
        with timed(seconds, "image"):
            streams.write_bytes(target, image_bytes(picture.pixels, suffix, picture.metadata), self.force)
        notes = (*picture.notes, *not_held(picture.pixels, suffix, picture.metadata))
        height, width = picture.pixels.shape[:2]
        bpp = len(data) * 8 / (width * height)
        figures = {"output": target, "width": width, "height": height, "bytes": len(data), "bpp": bpp, "seconds": seconds}
        line = f"{target}: {width} × {height} from {len(data):,} bytes, {bpp:.3f} bpp, {streams.milliseconds(seconds)}"
        return Done(target, figures, line, notes)


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
