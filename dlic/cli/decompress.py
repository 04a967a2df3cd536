"""`dlic decompress`: a .dlic or JPEG file → an image file; or every one of a folder."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from dlic.batch.folders import Done
from dlic.cli import folders, streams
from dlic.cli.parameters import Argument, Option
from dlic.errors import CorruptFileError, DlicError
from dlic.formats.kind import Description
from dlic.formats.reading import Reading
from dlic.formats.registry import ENDINGS, describe, describe_beginning
from dlic.images.files import MAX_PIXELS, image_bytes, not_held
from dlic.progress import Progress, no_progress
from dlic.runtime.timing import timed


def decompress(
    source: Annotated[str, Argument("IN", ".dlic or JPEG file, or a folder with -r; - reads standard input.")],
    output: Annotated[
        str | None,
        Option("-o", "--output", help="Image file of any kind; default: IN.png; - writes PNG. With -r a folder."),
    ] = None,
    model: Annotated[str | None, Option(help="Name of the file's checkpoint; compressai:… files need it.")] = None,
    weights: Annotated[Path | None, Option(help="Folder of the file's checkpoint.")] = None,
    crop: Annotated[
        str | None,
        Option(metavar="X,Y,W,H", help="Only this part; in a picture in tiles, only its tiles are read."),
    ] = None,
    partial: Annotated[
        bool, Option("--partial", help="Show the readable part of a truncated wavelet file or a damaged file in tiles.")
    ] = False,
    force: Annotated[bool, Option("--force", help="Overwrite the output.")] = False,
    as_json: Annotated[bool, Option("--json", help="Print the figures as JSON.")] = False,
    max_pixels: Annotated[int, Option(help="Refuse larger pictures.")] = MAX_PIXELS,
    recursive: folders.RECURSIVE = False,
    skip_existing: folders.SKIP_EXISTING = False,
    jobs: folders.JOBS = 1,
    engine: folders.ENGINE = folders.Engine.local,
    cluster: folders.CLUSTER = None,
    max_memory: Annotated[
        str | None, Option(metavar="BYTES", help="Memory for a learned picture, as 2G; default: ¾ of the free memory.")
    ] = None,
) -> None:
    """Decompress a .dlic or JPEG file into an image file.

    With -r every such file below a folder, a/b.dlic into a/b.dlic.png below the folder of -o.
    """
    options = folders.Wanted(recursive, skip_existing, jobs, engine, cluster)
    reading = Reading(
        weights=weights and options.everywhere(weights),
        max_pixels=max_pixels,
        model=model,
        crop=_crop(crop),
        max_memory=streams.size(max_memory),
    )
    work = Decompression(reading, partial, force)
    if folders.is_folder(source, options, CorruptFileError):
        folders.run(source, output, folders.Task("decompressed", ENDINGS, ".png", work, force), options, as_json)
        return
    target = output or streams.default_output(source, lambda path: path.parent / f"{path.name}.png")
    with streams.busy(f"decompressing {source}") as progress:
        done = work.file(source, target, progress)
    for sentence in done.notes:
        streams.note(sentence)
    streams.report(done.figures, done.line, as_json, done.output)


@dataclass(frozen=True)
class Decompression:
    """The work on one compressed file, as it is sent to other processes."""

    reading: Reading
    partial: bool
    force: bool

    def outputs(self, target: Path) -> tuple[Path, ...]:
        """The paths of which one is written for `target`."""
        return (target,)

    def file(self, source: str, target: str, progress: Progress = no_progress) -> Done:
        """Decompress one file, from a path or `-`, to another. Raises DlicError."""
        streams.refuse_existing(source, target, self.force)
        data = streams.read_bytes(source)
        described = (describe_beginning if self.partial else describe)(data)
        _check_memory(described, self.reading)
        read = described.kind.read_partial if self.partial else described.kind.read
        result = read(described, self.reading, progress)
        picture, seconds = result.picture, dict(result.seconds)
        suffix = streams.ending(target, ".png")
        with timed(seconds, "image"):
            streams.write_bytes(target, image_bytes(picture.pixels, suffix, picture.metadata), self.force)
        notes = (*picture.notes, *not_held(picture.pixels, suffix, picture.metadata))
        height, width = picture.pixels.shape[:2]
        bpp = len(data) * 8 / (width * height)
        figures = {"output": target, "width": width, "height": height, "bytes": len(data), "bpp": bpp, "seconds": seconds}
        figures |= {"lost": [[tile.x, tile.y, tile.width, tile.height] for tile in picture.lost]}
        line = f"{target}: {width} × {height} from {len(data):,} bytes, {bpp:.3f} bpp, {streams.milliseconds(seconds)}"
        return Done(target, figures, line, notes)


def _check_memory(described: Description, reading: Reading) -> None:
    """Refuses an image that could be decoded, but then not written."""
    part = reading.part_of(described.width, described.height) if described.in_parts else None
    size = (part.width, part.height) if part else (described.width, described.height)
    streams.check_memory(size, reading.max_memory, described.kind.process_memory)


def _crop(text: str | None) -> tuple[int, ...] | None:
    """'10,20,300,200' → its numbers. Raises DlicError."""
    if text is None:
        return None
    try:
        return tuple(int(number) for number in text.split(","))
    except ValueError as error:
        raise DlicError(f"{text!r} is not a part of a picture; write --crop x,y,width,height in pixels") from error
